// The time that charts show: kept in the address, chosen in the picker, by zooming, or by `t` and the arrow keys.

import { dayAndTime } from "./format.js";
import { onPause, pause } from "./live.js";

const LEAST = 300_000; // ms; the server draws nothing shorter
const MOST = 366 * 86_400_000; // ms
const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }; // ms
const START = { from: "now-1h", to: "now" };

const picker = document.querySelector("[data-range]");
const listeners = [];

/** Calls `listener()` when another time is to be shown. */
export function onRange(listener) {
  listeners.push(listener);
}

/** {from, to} as the address names them. */
export function shownRange() {
  const asked = new URLSearchParams(location.search);
  return { from: asked.get("from") ?? START.from, to: asked.get("to") ?? START.to };
}

function isLive({ from, to }) {
  return to === "now" && from.startsWith("now");
}

/** The words of a range for people. */
function rangeWord(range) {
  if (!isLive(range)) return bounds(range).map(dayAndTime).join(" to ");
  const link = picker.querySelector(`[data-range-from="${CSS.escape(range.from)}"]`);
  return link ? link.textContent : `Last ${range.from.replace("now-", "")}`;
}

function moment(text) {
  const relative = /^now(?:-(\d+)([smhd]))?$/.exec(text);
  if (!relative) return Date.parse(text);
  return Date.now() - (relative[1] ? Number(relative[1]) * UNITS[relative[2]] : 0);
}

function bounds({ from, to }) {
  const [since, until] = [moment(from), moment(to)];
  // What the server cannot read either is its default.
  return until - since >= LEAST ? [since, until] : [Date.now() - UNITS.h, Date.now()];
}

/** Shows another time; the address keeps it. */
export function setRange(range) {
  const asked = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(range)) asked.set(name, value);
  history.pushState(null, "", `?${asked}`);
  follow();
}

/** Shows the time between two moments in ms, wide enough to be drawn. */
export function setBounds(since, until) {
  const middle = (since + until) / 2;
  const half = Math.min(Math.max(until - since, LEAST), MOST) / 2;
  const iso = (at) => `${new Date(at).toISOString().slice(0, 19)}Z`;
  setRange({ from: iso(middle - half), to: iso(middle + half) });
}

/** Makes the shown time longer or shorter; one that goes on with time still does. */
function zoom(factor) {
  const range = shownRange();
  const [since, until] = bounds(range);
  const length = Math.min(Math.max((until - since) * factor, LEAST), MOST);
  if (isLive(range)) setRange({ from: `now-${Math.round(length / UNITS.m)}m`, to: "now" });
  else setBounds((since + until) / 2 - length / 2, (since + until) / 2 + length / 2);
}

/** Goes half the shown time to and fro; past now there is nothing. */
function shift(direction) {
  const [since, until] = bounds(shownRange());
  const length = until - since;
  const end = Math.min(until + (direction * length) / 2, Date.now());
  setBounds(end - length, end);
}

const STEPS = {
  in: () => zoom(0.5),
  out: () => zoom(2),
  earlier: () => shift(-1),
  later: () => shift(1),
};

function follow() {
  show();
  // A fixed time stops the page; otherwise its figures would move while its chart does not.
  if (!isLive(shownRange())) pause();
  for (const listener of listeners) listener();
}

function show() {
  const range = shownRange();
  picker.querySelector("[data-range-word]").textContent = rangeWord(range);
  for (const link of picker.querySelectorAll("[data-range-from]"))
    if (isLive(range) && link.dataset.rangeFrom === range.from)
      link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  const form = picker.querySelector("form");
  const [since, until] = bounds(range);
  form.elements.from.value = localInput(since);
  form.elements.to.value = localInput(until);
}

/** A moment as an <input type="datetime-local"> wants it. */
function localInput(at) {
  const shifted = at - new Date(at).getTimezoneOffset() * UNITS.m;
  return new Date(shifted).toISOString().slice(0, 16);
}

function onForm(event) {
  event.preventDefault();
  const form = event.target;
  const [since, until] = [form.elements.from, form.elements.to].map((field) =>
    Date.parse(field.value),
  );
  const tooShort = !(until - since >= LEAST);
  form.elements.to.setCustomValidity(
    tooShort ? "The end lies five minutes after the start, or more." : "",
  );
  if (!form.reportValidity()) return;
  picker.open = false;
  setBounds(since, until);
}

function onClick(event) {
  const link = event.target.closest("[data-range-from]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  picker.open = false;
  picker.querySelector("summary").focus();
  setRange({ from: link.dataset.rangeFrom, to: "now" });
}

function start() {
  picker.addEventListener("click", onClick);
  const form = picker.querySelector("form");
  form.addEventListener("submit", onForm);
  form.addEventListener("input", () => form.elements.to.setCustomValidity(""));
  for (const button of document.querySelectorAll("[data-zoom]"))
    button.addEventListener("click", () => STEPS[button.dataset.zoom]());
  addEventListener("popstate", follow);
  // Going on means going on with time.
  onPause((paused) => {
    if (!paused && !isLive(shownRange())) setRange(START);
  });
  show();
  if (!isLive(shownRange())) pause();
}

if (picker) start();
