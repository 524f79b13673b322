// The live line chart: history from the server, tip from the socket, a legend that isolates, a table of the numbers.

import { count, exactTime, hourAndMinute } from "./format.js";
import { History, SPAN } from "./history.js";

const SHAPES = ["circle", "rect", "triangle", "rectRot", "star", "crossRot"];
const SWATCHES = [
  "M2 6h18M14.5 6a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0",
  "M2 6h18M8 3h6v6H8z",
  "M2 6h18M11 2l4 7H7z",
  "M2 6h18M11 2l4 4-4 4-4-4z",
  "M2 6h18M11 1.5v9M7 3.8l8 4.4M7 8.2l8-4.4",
  "M2 6h18M7.5 2.5l7 7M7.5 9.5l7-7",
];
const TEN_MINUTES = 600_000;
const TWO_MINUTES = 120_000;
const TICK_STEPS = [30_000, TWO_MINUTES, TEN_MINUTES]; // ms
const FLATTENS = 3; // times the largest line: the line of all others is then left out at first
const RELOAD = 300_000; // ms
const RELOAD_AT_GAP = 30_000; // ms
const OTHERS = "others";

// A canvas takes no CSS variables: an element takes the colour and is asked for it.
function colour(name) {
  const probe = document.createElement("span");
  probe.className = "visually-hidden";
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function seriesColour(id, index) {
  if (id === "orphaned") return "--series-2";
  return id === OTHERS ? "--series-others" : `--series-${index + 1}`;
}

function swatch(id, index) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 22 12");
  svg.setAttribute("class", `swatch swatch-${id === OTHERS ? "others" : index + 1}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", id === OTHERS ? "M2 6h4m3 0h4m3 0h4" : SWATCHES[index]);
  svg.append(path);
  return svg;
}

export class LineChart {
  /** `onHistory()` is called when history was loaded and drawn. */
  constructor(section, onHistory = () => {}) {
    this.section = section;
    this.onHistory = onHistory;
    this.history = null;
    this.alone = null;
    this.leftOut = null;
    this.view = "plot";
    for (const button of section.querySelectorAll("[data-view]"))
      button.addEventListener("click", () => this.setView(button.dataset.view));
    section.querySelector("[data-chart-retry]").addEventListener("click", () => this.load());
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.paintColours());
    new MutationObserver(() => this.paintColours()).observe(document.documentElement, {
      attributeFilter: ["data-theme"],
    });
    this.load();
  }

  part(name) {
    return this.section.querySelector(`[data-${name}]`);
  }

  show(part) {
    for (const name of ["chart-loading", "chart-empty", "chart-error"])
      this.part(name).hidden = name !== part;
    this.part("plot").hidden = part !== "plot" || this.view !== "plot";
    this.part("numbers").hidden = part !== "plot" || this.view !== "numbers";
  }

  async load() {
    if (!this.history) this.show("chart-loading");
    this.loadedAt = performance.now();
    try {
      const answer = await fetch(this.section.dataset.chart);
      if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
      this.history = new History(await answer.json());
    } catch (error) {
      this.part("chart-reason").textContent = error.message;
      if (!this.history) this.show("chart-error");
      return;
    }
    if (this.history.isEmpty || this.history.names.size === 0) {
      this.show("chart-empty");
      // The first sample is on its way; ask again when it should be there.
      setTimeout(() => this.load(), 5_000);
      return;
    }
    this.leftOut = this.othersFlatten() ? OTHERS : null;
    const others = this.leftOut ? "; all others are off the scale" : "";
    this.part("chart-meta").textContent =
      `last hour, a point every ${this.history.step / 1000} s${others}`;
    this.show("plot");
    this.draw();
    this.onHistory();
  }

  /** Whether the line of all others would press the single ones to the ground. */
  othersFlatten() {
    const newest = (id) => this.history.columns.get(id)?.at(-1) ?? 0;
    const single = [...this.history.names.keys()].filter((id) => id !== OTHERS);
    return newest(OTHERS) > FLATTENS * Math.max(...single.map(newest));
  }

  isShown(id) {
    return this.alone === null ? id !== this.leftOut : id === this.alone;
  }

  /** New values; `newest(id)` gives a column's newest one. */
  tip(at, newest) {
    if (!this.history || this.history.isEmpty) return;
    this.reloadIfOld(at);
    const isNew = this.history.tip(at, newest);
    if (!this.chart) return;
    this.refresh();
    if (isNew && this.view === "numbers") this.fillNumbers();
  }

  /** After a silence the samples in between are on the server; and now and then others are the largest services. */
  reloadIfOld(at) {
    const age = performance.now() - this.loadedAt;
    const hasGap = at - this.history.at.at(-1) > 4 * this.history.step;
    if (age > RELOAD || (hasGap && age > RELOAD_AT_GAP)) this.load();
  }

  draw() {
    this.chart?.destroy();
    this.drawLegend();
    this.chart = new window.Chart(this.part("canvas"), {
      type: "line",
      data: { datasets: this.datasets() },
      options: this.options(),
    });
    this.paintColours();
    this.refresh();
    if (this.view === "numbers") this.fillNumbers();
  }

  datasets() {
    return [...this.history.names].map(([id, name], index) => ({
      id,
      label: name,
      data: [],
      borderWidth: 1.75,
      borderDash: id === OTHERS ? [3, 3] : [],
      pointStyle: id === OTHERS ? "circle" : SHAPES[index],
      // Only the newest point is marked, with its line's own shape.
      pointRadius: (context) => (context.dataIndex === context.dataset.data.length - 1 ? 4 : 0),
      pointHoverRadius: 4,
      clip: 8,
      spanGaps: false,
    }));
  }

  options() {
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
          afterBuildTicks: (axis) => {
            axis.ticks = [];
            const span = axis.max - axis.min;
            const step = TICK_STEPS.find((step) => span < 10 * step) ?? TEN_MINUTES;
            const first = Math.ceil(axis.min / step) * step;
            for (let at = first; at <= axis.max; at += step) axis.ticks.push({ value: at });
          },
          ticks: {
            callback: (at) => (at % 60_000 ? exactTime(at) : hourAndMinute(at)),
            maxRotation: 0,
            autoSkip: true,
            autoSkipPadding: 16,
          },
        },
        y: {
          beginAtZero: true,
          border: { display: false },
          ticks: { maxTicksLimit: 5, precision: 0, callback: count },
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
            title: ([item]) => (item ? exactTime(item.parsed.x) : ""),
            label: (item) => ` ${item.dataset.label}: ${count(item.parsed.y)}`,
          },
        },
      },
    };
  }

  paintColours() {
    if (!this.chart) return;
    const { options, data } = this.chart;
    const ink = colour("--ink-3");
    const font = { family: getComputedStyle(document.body).fontFamily, size: 11 };
    for (const axis of Object.values(options.scales)) {
      Object.assign(axis.ticks, { color: ink, font });
      axis.border = { ...axis.border, color: colour("--line") };
    }
    options.scales.y.grid = { color: colour("--grid"), tickLength: 0 };
    Object.assign(options.plugins.tooltip, {
      backgroundColor: colour("--raised"),
      borderColor: colour("--line-strong"),
      titleColor: colour("--ink-2"),
      bodyColor: colour("--ink"),
      titleFont: { ...font, weight: 500 },
      bodyFont: { ...font, size: 12 },
    });
    data.datasets.forEach((dataset, index) => {
      const line = colour(seriesColour(dataset.id, index));
      dataset.borderColor = line;
      dataset.backgroundColor = line;
    });
    this.chart.update("none");
  }

  refresh() {
    const { at } = this.history;
    for (const dataset of this.chart.data.datasets) {
      dataset.data = this.history.points(dataset.id);
      dataset.hidden = !this.isShown(dataset.id);
      const value = this.history.columns.get(dataset.id).at(-1);
      const shown = this.part("legend").querySelector(
        `[data-series="${CSS.escape(dataset.id)}"] .legend-value`,
      );
      if (shown.textContent !== count(value)) shown.textContent = count(value);
    }
    const { x } = this.chart.options.scales;
    x.max = at.at(-1);
    x.min = Math.max(at.at(-1) - SPAN, Math.min(at[0], at.at(-1) - TWO_MINUTES));
    this.chart.update("none");
  }

  drawLegend() {
    const buttons = [...this.history.names].map(([id, name], index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.series = id;
      const label = document.createElement("bdi");
      label.className = "legend-name";
      label.textContent = name;
      label.title = name;
      const value = document.createElement("span");
      value.className = "legend-value";
      const place = id === "orphaned" ? 1 : index;
      button.append(swatch(id, place), label, value);
      button.addEventListener("click", () => this.isolate(id));
      return button;
    });
    this.part("legend").replaceChildren(...buttons);
    this.markAlone();
  }

  isolate(id) {
    this.alone = this.alone === id ? null : id;
    this.markAlone();
    this.refresh();
  }

  markAlone() {
    for (const button of this.part("legend").children) {
      const id = button.dataset.series;
      button.setAttribute("aria-pressed", String(this.alone === id));
      button.classList.toggle("is-dimmed", !this.isShown(id));
    }
  }

  setView(view) {
    this.view = view;
    for (const button of this.section.querySelectorAll("[data-view]"))
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    if (!this.chart) return;
    this.show("plot");
    if (view === "numbers") this.fillNumbers();
    else this.refresh();
  }

  fillNumbers() {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const name of ["Time", ...this.history.names.values()]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      if (head.cells.length > 0) cell.className = "number";
      head.append(cell);
    }
    const body = table.createTBody();
    for (let index = this.history.at.length - 1; index >= 0; index -= 1) {
      const row = body.insertRow();
      row.insertCell().textContent = exactTime(this.history.at[index]);
      for (const id of this.history.names.keys()) {
        const cell = row.insertCell();
        cell.className = "number";
        cell.textContent = count(this.history.columns.get(id)[index]);
      }
    }
    this.part("numbers").replaceChildren(table);
  }
}
