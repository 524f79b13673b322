import { start } from "./live.js";

// A reload must not make another key: the address becomes the page's own.
const shown = document.querySelector("[data-replace-address]");
if (shown) history.replaceState(null, "", shown.dataset.replaceAddress);

for (const button of document.querySelectorAll("[data-snippet]"))
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-snippet]"))
      other.setAttribute("aria-pressed", String(other === button));
    for (const body of document.querySelectorAll("[data-snippet-body]"))
      body.hidden = body.dataset.snippetBody !== button.dataset.snippet;
  });

start();
