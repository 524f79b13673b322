// Moments as their age or as the time left, kept up to date once a second.

import { ago, left } from "./format.js";

let ahead = 0; // ms by which the server's clock is ahead of this browser's

const exact = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
});

/** The server's clock now, in ms, as far as it was told. */
export function serverTime() {
  return Date.now() + ahead;
}

/** Notes the server's clock as a message brings it. */
export function setServerTime(at) {
  ahead = at - Date.now();
}

function refresh(time, now) {
  const moment = Date.parse(time.dateTime);
  const text = "until" in time.dataset ? left((moment - now) / 1000) : ago((now - moment) / 1000);
  if (time.textContent !== text) time.textContent = text;
}

function makeTime(iso, kind) {
  const time = document.createElement("time");
  time.dateTime = iso;
  time.dataset[kind] = "";
  time.title = exact.format(Date.parse(iso));
  refresh(time, serverTime());
  return time;
}

/** A <time> that tells how long ago a moment in ISO form was. */
export function timeElement(iso) {
  return makeTime(iso, "ago");
}

/** A <time> that tells how long it is until a moment in ISO form. */
export function untilElement(iso) {
  return makeTime(iso, "until");
}

export function keepTimesFresh() {
  setInterval(() => {
    if (document.hidden) return;
    const now = serverTime();
    for (const time of document.querySelectorAll("time[data-ago], time[data-until]"))
      refresh(time, now);
  }, 1000);
}
