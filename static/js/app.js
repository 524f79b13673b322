// What every page has: theme, help, keys, menus, copying, times.

import { offerColumns } from "./columns.js";
import { setIcon } from "./marks.js";
import { openSearch, startSearch } from "./search.js";
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

function findInTable(event) {
  const search = document.querySelector("[data-search]");
  if (!search) return;
  search.focus();
  search.select();
  event.preventDefault();
}

/** Goes to the link of the next row or the one before, through all tables of the page. */
function moveRow(direction) {
  const rows = [...document.querySelectorAll("main tbody tr")].filter(
    (row) => row.offsetParent !== null && row.querySelector("a[href]"),
  );
  const current = rows.indexOf(document.activeElement.closest("tr"));
  const next = current === -1 && direction < 0 ? rows.length - 1 : current + direction;
  rows[next]?.querySelector("a[href]").focus();
}

function openRange() {
  const picker = document.querySelector("[data-range]");
  if (!picker) return;
  picker.open = true;
  (picker.querySelector('[aria-current="true"]') ?? picker.querySelector("a")).focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "?") document.getElementById("help")?.showModal();
  else if (event.key === "p") document.querySelector("[data-pause]")?.click();
  else if (event.key === "t") openRange();
  else if (event.key === "/") openSearch(event);
  else if (event.key === "f") findInTable(event);
  else if (event.key === "j") moveRow(1);
  else if (event.key === "k") moveRow(-1);
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

/** A link shows what the page shows: its time and its chart. */
function shareWhatIsShown(link) {
  const target = new URL(link.href);
  const shown = new URLSearchParams(location.search);
  for (const name of ["from", "to", "chart"])
    if (shown.has(name)) target.searchParams.set(name, shown.get(name));
  link.href = target;
}

function onClick(event) {
  closePopups(event.target);
  const share = event.target.closest("a[data-share]");
  if (share) shareWhatIsShown(share);
  const button = event.target.closest("button");
  if (!button) return;
  if ("themeButton" in button.dataset) chooseNextTheme(button);
  if ("openSearch" in button.dataset) openSearch(event);
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
offerColumns();
startSearch();
keepTimesFresh();
