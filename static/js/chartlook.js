// How charts look: colours from the page's own tokens, shapes, axes and units, as Chart.js wants them.

import { colour } from "./colours.js";
import {
  count,
  dayAndTime,
  exactTime,
  hourAndMinute,
  megabytes,
  monthAndDay,
  rate,
  share,
} from "./format.js";

export const OTHERS = "others";
const SHAPES = ["circle", "rect", "triangle", "rectRot", "star", "crossRot"];
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000]; // ms
const TICK_STEPS = [
  [30_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE],
  [HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR],
  [DAY, 2 * DAY, 7 * DAY, 31 * DAY],
].flat();
const MOST_TICKS = 8;

/** A value of a unit as words. */
export const UNITS = {
  count: (value) => (Number.isInteger(value) ? count(value) : rate(value)),
  per_second: (value) => (value === null ? rate(value) : `${rate(value)}/s`),
  ms_per_second: (value) => (value === null ? rate(value) : `${rate(value)} ms/s`),
  mb: megabytes,
  share,
};

/** A moment as exact as the time that a chart shows asks for. */
export function momentWord(at, span) {
  return span > 20 * HOUR ? dayAndTime(at) : exactTime(at);
}

/** Which of the six colours and shapes a line has: what is orphaned has the warning one on every chart. */
export function placeOf(id, index) {
  if (id === "orphaned") return 1;
  if (id === "stale") return 4;
  return index;
}

function lineColour(id, index) {
  return id === OTHERS ? "--series-others" : `--series-${placeOf(id, index) + 1}`;
}

function isAlone({ dataset, dataIndex }) {
  const { data } = dataset;
  return (data[dataIndex - 1]?.y ?? null) === null && (data[dataIndex + 1]?.y ?? null) === null;
}

/** Chart.js datasets of lines [id, name]; their points come later. */
export function datasets(names) {
  return [...names].map(([id, name], index) => ({
    id,
    label: name,
    data: [],
    borderWidth: 1.75,
    borderDash: id === OTHERS ? [3, 3] : [],
    pointStyle: id === OTHERS ? "circle" : SHAPES[placeOf(id, index)],
    // Only the newest point is marked, with its line's own shape; and those between gaps, which no line shows.
    pointRadius: (context) => {
      if (context.dataIndex === context.dataset.data.length - 1) return 4;
      return isAlone(context) ? 2 : 0;
    },
    pointHoverRadius: 4,
    clip: 8,
    spanGaps: false,
  }));
}

function placeTicks(axis) {
  const span = axis.max - axis.min;
  const step = TICK_STEPS.find((one) => span < MOST_TICKS * one) ?? TICK_STEPS.at(-1);
  // On the hours and days of the reader's own clock.
  const offset = new Date(axis.max).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((axis.min - offset) / step) * step + offset;
  axis.ticks = [];
  for (let at = first; at <= axis.max; at += step) axis.ticks.push({ value: at });
}

function tickWord(at) {
  if (at % MINUTE) return exactTime(at);
  const local = new Date(at);
  return local.getHours() + local.getMinutes() === 0 ? monthAndDay(at) : hourAndMinute(at);
}

/** Chart.js options for values of a unit; `spanOf()` gives the shown time in ms. */
export function options(unit, spanOf) {
  const word = UNITS[unit];
  return {
    animation: false,
    parsing: false,
    normalized: true,
    maintainAspectRatio: false,
    interaction: { mode: "nearest", axis: "x", intersect: false },
    layout: { padding: { right: 8, top: 6 } },
    scales: {
      x: {
        type: "linear",
        grid: { display: false },
        afterBuildTicks: placeTicks,
        ticks: { callback: tickWord, maxRotation: 0, autoSkip: true, autoSkipPadding: 16 },
      },
      y: {
        beginAtZero: true,
        max: unit === "share" ? 1 : undefined,
        border: { display: false },
        ticks: { maxTicksLimit: 5, precision: unit === "count" ? 0 : undefined, callback: word },
      },
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        padding: 10,
        boxPadding: 4,
        usePointStyle: true,
        borderWidth: 1,
        itemSort: (a, b) => b.parsed.y - a.parsed.y,
        callbacks: {
          title: ([item]) => (item ? momentWord(item.parsed.x, spanOf()) : ""),
          label: (item) => ` ${item.dataset.label}: ${word(item.parsed.y)}`,
        },
      },
    },
  };
}

/** Gives a chart, or what one is to be made from, the colours of the page's theme. */
export function setColours(chart) {
  const ink = colour("--ink-3");
  const font = { family: getComputedStyle(document.body).fontFamily, size: 11 };
  for (const axis of Object.values(chart.options.scales)) {
    Object.assign(axis.ticks, { color: ink, font });
    axis.border = { ...axis.border, color: colour("--line") };
  }
  chart.options.scales.y.grid = { color: colour("--grid"), tickLength: 0 };
  Object.assign(chart.options.plugins.tooltip, {
    backgroundColor: colour("--raised"),
    borderColor: colour("--line-strong"),
    titleColor: colour("--ink-2"),
    bodyColor: colour("--ink"),
    titleFont: { ...font, weight: 500 },
    bodyFont: { ...font, size: 12 },
  });
  chart.data.datasets.forEach((dataset, index) => {
    const line = colour(lineColour(dataset.id, index));
    dataset.borderColor = line;
    dataset.backgroundColor = line;
  });
}
