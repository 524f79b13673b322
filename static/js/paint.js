// Puts live values into the elements that name them: [data-bind] single values, [data-rows] tables.
//
// Only textContent, classes and href are ever set: what games send stays text.

import * as format from "./format.js";
import { mark } from "./marks.js";
import { timeElement, untilElement } from "./times.js";

// What the server has painted already is not painted again: it would be laid out again.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showMark(element, state, hideWord) {
  if (element.firstElementChild?.dataset.state !== state)
    element.replaceChildren(mark(state, hideWord));
}

function countWith(name) {
  return (element, value) => {
    say(element, format.count(value));
    if (name) element.classList.toggle(name, value > 0);
    element.classList.toggle("is-zero", !value);
  };
}

/** A moment to come behind a word, or nothing. */
function untilBehind(word) {
  return (element, value) => {
    if (value) element.replaceChildren(word, untilElement(value));
    else element.replaceChildren();
  };
}

function serversNote(totals) {
  if (totals.silent) return `${format.count(totals.silent)} silent`;
  if (totals.syncing) return `${format.count(totals.syncing)} resyncing`;
  return "none silent";
}

const WAYS = {
  count: (element, value) => {
    say(element, format.count(value));
  },
  rate: (element, value) => {
    say(element, format.rate(value));
  },
  megabytes: (element, value) => {
    say(element, format.megabytes(value));
  },
  share: (element, value) => {
    say(element, format.share(value));
  },
  seconds: (element, value) => {
    say(element, format.seconds(value));
  },
  plain: (element, value) => {
    say(element, String(value ?? "—"));
  },
  named: (element, value) => {
    say(element, value || "not named");
  },
  mark: (element, value) => showMark(element, value, false),
  "mark-icon": (element, value) => showMark(element, value, true),
  when: (element, value) => element.replaceChildren(timeElement(value)),
  "when-known": (element, value) => element.replaceChildren(value ? timeElement(value) : "—"),
  "when-never": (element, value) => element.replaceChildren(value ? timeElement(value) : "never"),
  until: untilBehind(""),
  "until-after": untilBehind("in "),
  "until-again": untilBehind("again in "),
  // Addresses come from connmon itself, never from what games send.
  href: (element, value) => {
    element.href = value;
  },
  action: (element, value) => {
    element.action = value;
  },
  "action-shown": (element, value) => {
    element.action = value;
    element.hidden = !value;
  },
  shown: (element, value) => {
    element.hidden = !value;
  },
  "shown-text": (element, value) => {
    say(element, value);
    element.hidden = !value;
  },
  "muted-tag": (element, value) => {
    element.title = value;
    element.hidden = !value;
  },
  answered: (element, plan) => {
    element.max = plan.servers || 1;
    element.value = plan.answered;
  },
  unlisted: (element, value) => {
    say(element, value ? `${format.count(value)} more; those with trouble come first.` : "");
  },
  "executed-by": (element, value) => {
    say(element, value ? `, executed by ${value}` : "");
  },
  "first-report": (element, value) => {
    if (value) element.replaceChildren("received ", timeElement(value));
    else say(element, "waiting for the first report…");
  },
  "known-note": (element, value) => {
    say(element, value === "silent" ? "; the figures are the last known" : "");
  },
  bad: countWith("is-bad"),
  warn: countWith("is-warn"),
  quiet: countWith(""),
  "bad-tile": (element, value) => element.classList.toggle("is-bad", value > 0),
  "servers-note": (element, value) => {
    say(element, serversNote(value));
  },
};

const painted = new WeakMap();

function setValue(element, value) {
  const known = typeof value === "object" ? JSON.stringify(value) : value;
  if (painted.has(element) && painted.get(element) === known) return;
  painted.set(element, known);
  const way = WAYS[element.dataset.as];
  if (way) way(element, value);
  else say(element, String(value ?? ""));
}

function valueAt(state, path) {
  return path.split(".").reduce((value, key) => value?.[key], state);
}

function rowElement(body, section, id) {
  const found = body.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  if (found || "knownOnly" in body.dataset) return found;
  const template = document.querySelector(`template[data-row="${section}"]`);
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.id = id;
  const link = row.querySelector("[data-link]");
  if (link) link.href = body.dataset.href.replace(/\/0\/$/, `/${id}/`);
  if ("newestFirst" in body.dataset) body.prepend(row);
  else body.append(row);
  return row;
}

// Rows keep their places: new ones come at the end, so nothing moves under a reader's eyes.
function paintRows(body, section, rows, touched) {
  const ids = [...(touched ?? rows.keys())];
  if ("newestFirst" in body.dataset) ids.reverse();
  for (const id of ids) {
    const values = rows.get(id);
    if (!values) {
      if (!("knownOnly" in body.dataset))
        body.querySelector(`tr[data-id="${CSS.escape(id)}"]`)?.remove();
      continue;
    }
    const row = rowElement(body, section, id);
    if (!row) continue;
    for (const cell of row.querySelectorAll("[data-cell]"))
      setValue(cell, values[cell.dataset.cell]);
  }
  if (touched === null && !("knownOnly" in body.dataset))
    for (const row of [...body.rows])
      if (!rows.has(row.dataset.id) && !rows.has(Number(row.dataset.id))) row.remove();
  const empty = document.querySelector(`[data-empty="${section}"]`);
  if (empty) empty.hidden = rows.size > 0;
  const filled = document.querySelector(`[data-filled="${section}"]`);
  if (filled) filled.hidden = rows.size === 0;
}

/** Paints the changed sections: `changes` maps a section to the row ids that changed, or to null for all of it. */
export function paint(root, state, changes) {
  for (const element of root.querySelectorAll("[data-bind]"))
    if (changes.has(element.dataset.bind.split(".")[0]))
      setValue(element, valueAt(state, element.dataset.bind));
  for (const body of root.querySelectorAll("[data-rows]")) {
    const section = body.dataset.rows;
    if (changes.has(section)) paintRows(body, section, state[section], changes.get(section));
  }
}
