// What every page has: theme, help, keys, menus, copying, times.

import { setIcon } from "./marks.js";
import { keepTimesFresh } from "./times.js";

const THEMES = ["system", "light", "dark"];
const THEME_ICONS = { system: "monitor", light: "sun", dark: "moon" };
const YEAR = 31_536_000;

function currentTheme() {
  return document.documentElement.dataset.theme ?? "system";
}

function showTheme(button) {
  const theme = currentTheme();
  button.querySelector("span").textContent = `Theme: ${theme}`;
  setIcon(button, THEME_ICONS[theme]);
}

// A cookie, so that the server renders the page in its theme and nothing flashes.
function chooseNextTheme(button) {
  const next = THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length];
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  const age = next === "system" ? 0 : YEAR;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser yet
  document.cookie = `theme=${next}; path=/; max-age=${age}; samesite=lax`;
  showTheme(button);
}

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "?") document.getElementById("help")?.showModal();
  else if (event.key === "p") document.querySelector("[data-pause]")?.click();
  else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (!search) return;
    search.focus();
    search.select();
    event.preventDefault();
  }
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("span");
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    label.textContent = "Copied";
    setIcon(button, "check");
  } catch {
    // No clipboard without HTTPS: mark the text, so that one key press copies it.
    getSelection().selectAllChildren(source);
    label.textContent = "Press Ctrl+C";
  }
  setTimeout(() => {
    label.textContent = before;
    setIcon(button, "copy");
  }, 2000);
}

function closePopups(except) {
  for (const popup of document.querySelectorAll("details[data-popup][open]"))
    if (!popup.contains(except)) popup.open = false;
}

function onClick(event) {
  closePopups(event.target);
  const button = event.target.closest("button");
  if (!button) return;
  if ("themeButton" in button.dataset) chooseNextTheme(button);
  if ("help" in button.dataset) document.getElementById("help").showModal();
  if ("closePopup" in button.dataset) button.closest("details").open = false;
  if (button.dataset.copy) copy(button);
  if ("menu" in button.dataset) {
    const body = document.getElementById("side-body");
    const open = body.classList.toggle("is-open");
    button.setAttribute("aria-expanded", String(open));
  }
}

document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closePopups(null);
});
const themeButton = document.querySelector("[data-theme-button]");
if (themeButton) showTheme(themeButton);
keepTimesFresh();
