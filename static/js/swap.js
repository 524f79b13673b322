// A table that the server searches, sorts and pages: fetched in place, its question kept in the address.
//
// Without this module its form and links work as ordinary ones. It is fetched anew when live values show that it has
// changed, but never under a pointer, a focus or a selection: then it says that newer rows wait.

import { isPaused, onLive, repaint } from "./live.js";

const TYPING_PAUSE = 250; // ms
const CURSORS = ["after", "before", "page"]; // another question begins on its first page
const REFRESH_PAUSE = 5_000; // ms between two refreshes, plus up to a second of jitter

export class SwapTable {
  constructor(section, triggers) {
    this.section = section;
    this.form = section.querySelector("[data-swap-form]");
    this.target = section.querySelector("[data-swap-target]");
    this.refreshedAt = performance.now();
    this.isWaiting = false;
    this.request = null;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    this.form.addEventListener("change", () => this.ask());
    this.form.addEventListener("input", (event) => {
      if (event.target.type !== "search") return;
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.ask(), TYPING_PAUSE);
    });
    section.addEventListener("click", (event) => this.onClick(event));
    addEventListener("popstate", () => this.load(location.search));
    // A browser may put old words back into the fields of a page it restores.
    this.fill(location.search);
    onLive((_, changes) => {
      if (triggers.some((name) => changes.has(name))) this.isWaiting = true;
    });
    setInterval(() => this.refresh(), 1000);
  }

  onClick(event) {
    const link = event.target.closest("a[data-swap]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.go(new URL(link.href).search);
  }

  /** Loads what the form asks for. */
  ask() {
    clearTimeout(this.typing);
    const asked = new URLSearchParams(location.search);
    for (const name of [...this.fieldNames(), ...CURSORS]) asked.delete(name);
    for (const [name, value] of new FormData(this.form)) if (value) asked.set(name, value);
    const search = asked.size ? `?${asked}` : "";
    if (search !== location.search) this.go(search);
  }

  fieldNames() {
    return [...this.form.elements].map((field) => field.name).filter(Boolean);
  }

  go(search) {
    history.pushState(null, "", search || location.pathname);
    this.load(search);
  }

  load(search) {
    this.target.classList.add("is-loading");
    this.target.setAttribute("aria-busy", "true");
    return this.renew(search);
  }

  async renew(search) {
    this.request?.abort();
    this.request = new AbortController();
    try {
      const answer = await fetch(this.section.dataset.swapUrl + search, {
        signal: this.request.signal,
      });
      // Logged out, or no member any more: the page itself says what to do.
      if (answer.redirected || answer.status === 404) location.reload();
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      this.replace(await answer.text());
      this.fill(search);
      this.done();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.done();
      this.say(`Not loaded: ${error.message}. `, "Try again");
    }
  }

  /** The answer is a fragment of the server's own templates, escaped there; scripts in it would not run. */
  replace(html) {
    const part = new DOMParser()
      .parseFromString(html, "text/html")
      .querySelector("[data-swap-part]");
    this.target.replaceChildren(document.adoptNode(part));
    repaint();
  }

  done() {
    this.target.classList.remove("is-loading");
    this.target.removeAttribute("aria-busy");
    this.refreshedAt = performance.now() + Math.random() * 1000;
    this.isWaiting = false;
  }

  fill(search) {
    const asked = new URLSearchParams(search);
    for (const field of this.form.elements)
      if (field.name && field !== document.activeElement)
        field.value = asked.get(field.name) ?? field.dataset.default ?? "";
  }

  refresh() {
    if (!this.isWaiting || document.hidden) return;
    if (performance.now() - this.refreshedAt < REFRESH_PAUSE) return;
    if (isPaused() || this.isRead()) this.say("Newer rows wait. ", "Show them");
    // Nobody asked for this one, so nothing greys.
    else this.renew(location.search);
  }

  isRead() {
    const selection = getSelection();
    return (
      this.target.matches(":hover") ||
      this.target.contains(document.activeElement) ||
      (!selection.isCollapsed && this.target.contains(selection.anchorNode))
    );
  }

  say(text, action) {
    const news = this.target.querySelector("[data-swap-news]");
    if (!news.hidden && news.firstChild?.data === text) return;
    const button = document.createElement("button");
    button.className = "button";
    button.type = "button";
    button.textContent = action;
    button.addEventListener("click", () => this.load(location.search));
    news.replaceChildren(text, button);
    news.hidden = false;
  }
}
