import { replaceAddress } from "./address.js";
import { start } from "./live.js";

replaceAddress();

for (const button of document.querySelectorAll("[data-snippet]"))
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-snippet]"))
      other.setAttribute("aria-pressed", String(other === button));
    for (const body of document.querySelectorAll("[data-snippet-body]"))
      body.hidden = body.dataset.snippetBody !== button.dataset.snippet;
  });

start();
