// A part of the page that the server takes longer for: fetched when the page stands, and now and then while it is looked
// at.

import { isPaused } from "./live.js";

const EVERY = 60_000; // ms

/** The answer is a fragment of the server's own templates, escaped there; scripts in it would not run. */
async function load(element) {
  try {
    const answer = await fetch(element.dataset.fragment);
    if (!answer.ok || answer.redirected) throw new Error(`the server answered ${answer.status}`);
    const part = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    element.replaceChildren(...document.adoptNode(part).childNodes);
  } catch (error) {
    const said = element.querySelector("[data-fragment-said] p");
    if (said) said.textContent = `Not loaded: ${error.message}. It is tried again in a minute.`;
  }
}

function isRead(element) {
  return element.matches(":hover") || element.contains(document.activeElement);
}

/** Loads every [data-fragment] of the page. */
export function loadFragments() {
  for (const element of document.querySelectorAll("[data-fragment]")) {
    load(element);
    setInterval(() => {
      if (!document.hidden && !isPaused() && !isRead(element)) load(element);
    }, EVERY);
  }
}
