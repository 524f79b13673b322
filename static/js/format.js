// How values look. dashboard/templatetags/connmon.py does the same on the server; one file of cases tests both.

const NONE = "—";
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

export function count(value) {
  return value === null || value === undefined ? NONE : whole.format(value);
}

export function rate(value) {
  if (value === null || value === undefined) return NONE;
  return value > 0 && value < 100 ? tenths.format(value) : whole.format(value);
}

export function megabytes(value) {
  if (value === null || value === undefined) return NONE;
  return value >= 1024 ? `${tenths.format(value / 1024)} GB` : `${whole.format(value)} MB`;
}

export function share(value) {
  if (value === null || value === undefined) return NONE;
  return `${Math.floor(value * 100 + 1e-9)} %`;
}

export function seconds(value) {
  if (value === null || value === undefined) return NONE;
  return `${(Math.round(value * 10) / 10 + 0).toFixed(1)} s`;
}

export function ago(seconds) {
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${whole.format(Math.floor(seconds / 86_400))} d ago`;
}

/** Time that is left: `7 s`, `12:05 min`, `3:20 h`; `now` when none is. */
export function left(seconds) {
  const whole = Math.ceil(seconds);
  if (whole <= 0) return "now";
  if (whole < 60) return `${whole} s`;
  const [large, small] = whole < 3600 ? [whole, 1] : [whole / 60, 60];
  const rest = String(Math.floor(whole / small) % 60).padStart(2, "0");
  return `${Math.floor(large / 60)}:${rest} ${small === 1 ? "min" : "h"}`;
}

/** How old data is, on the badge: `3 s`, `2 min`. */
export function age(seconds) {
  return seconds < 60 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min`;
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});
const exactClock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});

export function hourAndMinute(milliseconds) {
  return clock.format(milliseconds);
}

export function exactTime(milliseconds) {
  return exactClock.format(milliseconds);
}

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function monthAndDay(milliseconds) {
  return day.format(milliseconds);
}

/** `23 Nov 09:05` */
export function dayAndTime(milliseconds) {
  return `${day.format(milliseconds)} ${clock.format(milliseconds)}`;
}
