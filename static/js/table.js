// Search and sort of a table that is wholly in the page; both are kept in the address.

import { setIcon } from "./marks.js";

function cellValue(row, key, isNumber) {
  const text = row.querySelector(`[data-cell="${key}"]`).textContent;
  if (!isNumber) return text.toLowerCase();
  const number = Number.parseFloat(text.replaceAll(",", ""));
  return Number.isNaN(number) ? -1 : number;
}

export class LiveTable {
  constructor(section) {
    this.section = section;
    this.body = section.querySelector("tbody");
    this.search = section.querySelector("[data-search]");
    this.shown = section.querySelector("[data-shown]");
    const asked = new URLSearchParams(location.search);
    this.search.value = asked.get("q") ?? "";
    this.search.addEventListener("input", () => {
      this.filter();
      this.remember();
    });
    section.querySelector("[data-clear]").addEventListener("click", () => {
      this.search.value = "";
      this.filter();
      this.remember();
    });
    section.querySelector("thead").addEventListener("click", (event) => this.onHead(event));
    this.sort = asked.get("sort") ?? section.dataset.defaultSort;
    if (asked.has("sort")) this.order();
    this.filter();
  }

  onHead(event) {
    const link = event.target.closest("[data-sort]");
    if (!link) return;
    event.preventDefault();
    const key = link.dataset.sort;
    const first = "number" in link.dataset ? `-${key}` : key;
    const second = "number" in link.dataset ? key : `-${key}`;
    this.sort = this.sort === first ? second : first;
    this.order();
    this.remember();
  }

  /** Only on demand: while values change, rows stay where they are. */
  order() {
    const isDown = this.sort.startsWith("-");
    const key = isDown ? this.sort.slice(1) : this.sort;
    const link = this.section.querySelector(`[data-sort="${CSS.escape(key)}"]`);
    if (!link) return;
    const isNumber = "number" in link.dataset;
    const keyed = [...this.body.rows].map((row) => [cellValue(row, key, isNumber), row]);
    keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (isDown ? -1 : 1));
    this.body.append(...keyed.map(([, row]) => row));
    for (const head of this.section.querySelectorAll("[data-column]")) {
      const isChosen = head.dataset.column === key;
      if (isChosen) head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      const icon = isDown ? "arrow-down" : "arrow-up";
      setIcon(head, isChosen ? icon : "chevrons-up-down");
    }
  }

  filter() {
    const wanted = this.search.value.trim().toLowerCase();
    let matching = 0;
    for (const row of this.body.rows) {
      row.hidden = !cellValue(row, "name", false).includes(wanted);
      if (!row.hidden) matching += 1;
    }
    const all = this.body.rows.length;
    this.shown.textContent = matching === all ? `${all}` : `${matching} of ${all}`;
    this.section.querySelector("[data-unmatched]").hidden = matching > 0 || all === 0;
  }

  remember() {
    const asked = new URLSearchParams(location.search);
    const wanted = this.search.value.trim();
    if (wanted) asked.set("q", wanted);
    else asked.delete("q");
    if (this.sort === this.section.dataset.defaultSort) asked.delete("sort");
    else asked.set("sort", this.sort);
    history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
  }
}
