// Moments as their age, kept up to date once a second.

import { ago } from "./format.js";

const exact = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
});

function refresh(time, now) {
  const text = ago((now - Date.parse(time.dateTime)) / 1000);
  if (time.textContent !== text) time.textContent = text;
}

/** A <time> for a moment in ISO form. */
export function timeElement(iso) {
  const time = document.createElement("time");
  time.dateTime = iso;
  time.dataset.ago = "";
  time.title = exact.format(Date.parse(iso));
  refresh(time, Date.now());
  return time;
}

export function keepTimesFresh() {
  setInterval(() => {
    if (document.hidden) return;
    const now = Date.now();
    for (const time of document.querySelectorAll("time[data-ago]")) refresh(time, now);
  }, 1000);
}
