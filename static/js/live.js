// The live page: keeps a copy of its state, the badge, and the pause.
//
// A message brings the whole state or what changed: sections by name; a section that is a list of rows changes by
// {rows, gone}, of rows what is different and the id. What is shown is painted at most once a frame, and not at all while paused.

import { age } from "./format.js";
import { setIcon } from "./marks.js";
import { paint } from "./paint.js";
import { setServerTime } from "./times.js";
import { connect } from "./transport.js";

const STALE_AFTER = 12_000; // ms without a message; the server sends one every 5 s at least
const LIVES = {
  connecting: ["refresh-cw", "Connecting"],
  live: ["radio", "Live"],
  polling: ["refresh-cw", "Polling"],
  paused: ["pause", "Paused"],
  reconnecting: ["refresh-cw", "Reconnecting"],
  stale: ["clock-alert", "Stale"],
  ended: ["ban", "Ended"],
};
const TITLES = { polling: "Asked for every few seconds, without a live socket" };
const FINAL = {
  4401: "Logged out: log in again",
  4403: "Not a member any more",
  4404: "This page's subject is gone",
};

const CALM = 1000; // ms between two paintings of what nobody reads more often: lines

const state = {}; // section -> value, or Map of rows by id
const listeners = [];
const calmListeners = [];
const pauseListeners = [];
const badge = document.querySelector("[data-badge]");
const pauseButton = document.querySelector("[data-pause]");
let changes = new Map(); // section -> Set of row ids, or null for all of it
let painting = false;
let calmAt = -CALM; // when the calm listeners were called
let calmTimer = 0;
let paused = false;
let connected = false;
let finalWord = "";
let receivedAt = null; // of the data shown
let transport = null;

/** Calls `listener(state, changes, at)` after each painting; `at` is the server's time in ms. */
export function onLive(listener) {
  listeners.push(listener);
}

/** The same, but once a second at most: for what costs much to draw. The last values are always drawn. */
export function onLiveCalmly(listener) {
  calmListeners.push(listener);
}

/** Calls `listener(paused)` when the page was paused or goes on. */
export function onPause(listener) {
  pauseListeners.push(listener);
}

/** Stops the page, if it is a live one. */
export function pause() {
  if (pauseButton && !paused) setPaused(true);
}

export function isPaused() {
  return paused;
}

/** Paints everything again, after elements came into the page; nothing has changed, so nobody is told. */
export function repaint() {
  paint(document, state, new Map(Object.keys(state).map((section) => [section, null])));
}

/** {state, at} as last received, or null before the first message. */
export function latest() {
  return at === 0 ? null : { state, at };
}

let at = 0;

function receive(message) {
  if (message.whole) {
    for (const [name, section] of Object.entries(message.data)) {
      state[name] = Array.isArray(section) ? new Map(section.map((row) => [row.id, row])) : section;
      changes.set(name, null);
    }
  } else {
    for (const [name, section] of Object.entries(message.data)) applyChange(name, section);
  }
  at = message.at;
  setServerTime(at);
  if (!paused) receivedAt = performance.now();
  schedule();
  showBadge();
}

function applyChange(name, section) {
  if (!(state[name] instanceof Map)) {
    state[name] = section;
    changes.set(name, null);
    return;
  }
  const touched = changes.get(name) === null ? null : new Set(changes.get(name));
  for (const row of section.rows) {
    state[name].set(row.id, { ...state[name].get(row.id), ...row });
    touched?.add(row.id);
  }
  for (const id of section.gone) {
    state[name].delete(id);
    touched?.add(id);
  }
  changes.set(name, touched);
}

function schedule() {
  if (painting || paused) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    if (paused) return;
    const painted = changes;
    changes = new Map();
    paint(document, state, painted);
    for (const listener of listeners) listener(state, painted, at);
    paintCalmly();
  });
}

function paintCalmly() {
  if (calmListeners.length === 0) return;
  clearTimeout(calmTimer);
  const wait = calmAt + CALM - performance.now();
  if (wait > 0) {
    calmTimer = setTimeout(schedule, wait);
    return;
  }
  calmAt = performance.now();
  for (const listener of calmListeners) listener(state, at);
}

function waitingChanges() {
  let sum = 0;
  for (const touched of changes.values()) sum += touched ? touched.size : 1;
  return sum;
}

function currentLife() {
  if (finalWord) return "ended";
  if (paused) return "paused";
  if (!connected) return receivedAt === null ? "connecting" : "reconnecting";
  if (receivedAt === null) return "connecting";
  if (performance.now() - receivedAt > STALE_AFTER) return "stale";
  return transport.poll.running ? "polling" : "live";
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showBadge() {
  const life = currentLife();
  const [icon, word] = LIVES[life];
  if (badge.dataset.life !== life) {
    badge.dataset.life = life;
    setIcon(badge, icon);
    badge.title = TITLES[life] ?? "";
    setText(document.querySelector("[data-badge-said]"), finalWord || word);
  }
  const waiting = paused ? waitingChanges() : 0;
  const shown = waiting ? `${word} · ${waiting} change${waiting === 1 ? "" : "s"} waiting` : word;
  setText(badge.querySelector("[data-badge-word]"), finalWord || shown);
  const seconds = (performance.now() - receivedAt) / 1000;
  setText(badge.querySelector("[data-badge-age]"), receivedAt === null ? "" : age(seconds));
  document.body.classList.toggle(
    "is-stale",
    ["stale", "reconnecting", "ended"].includes(life) && receivedAt !== null,
  );
}

function setPaused(value) {
  paused = value;
  pauseButton.setAttribute("aria-pressed", String(paused));
  pauseButton.title = paused ? "Resume (p)" : "Pause (p)";
  setIcon(pauseButton, paused ? "play" : "pause");
  if (!paused) {
    receivedAt = connected ? performance.now() : receivedAt;
    schedule();
  }
  showBadge();
  for (const listener of pauseListeners) listener(paused);
}

/** Connects, if the page wants it. */
export function start() {
  pauseButton.addEventListener("click", () => setPaused(!paused));
  setInterval(showBadge, 1000);
  transport = connect({
    message(message) {
      connected = true;
      receive(message);
    },
    fresh() {
      connected = true;
      if (!paused) receivedAt = performance.now();
      showBadge();
    },
    lost() {
      connected = false;
      showBadge();
    },
    ended(code) {
      connected = false;
      finalWord = FINAL[code];
      showBadge();
    },
  });
}
