// The line chart: history from the server over the time that the address names, its tip from the socket.

import { Drag } from "./chartdrag.js";
import { Legend } from "./chartlegend.js";
import { datasets, OTHERS, options, setColours } from "./chartlook.js";
import { listEvents, marksPlugin } from "./chartmarks.js";
import { downloadPng } from "./chartpng.js";
import { numbersTable } from "./charttable.js";
import { onTheme } from "./colours.js";
import { History } from "./history.js";
import { isPaused } from "./live.js";
import { onRange, shownRange } from "./range.js";

const HOUR = 3_600_000; // ms
const TWO_MINUTES = 120_000;
const FLATTENS = 3; // times the largest line: the line of all others is then left out at first
const RELOAD = 300_000; // ms
const RELOAD_AT_GAP = 30_000; // ms
const RELOAD_AT_LEAST = 10_000; // ms
const EMPTY_AGAIN = 5_000; // ms until the first sample may be there
const NEAR = "200px"; // from the edge of what is seen

let chartLibrary = null;

/** Chart.js, which is fetched and run when the first chart is to be drawn. */
function library(address) {
  chartLibrary ??= import(address).catch((error) => {
    chartLibrary = null;
    throw error;
  });
  return chartLibrary;
}

export class LineChart {
  /** `onHistory()` is called when history was loaded, before it is drawn. */
  constructor(section, onHistory = () => {}) {
    this.section = section;
    this.onHistory = onHistory;
    this.history = null;
    this.alone = null;
    this.leftOut = null;
    this.chart = null;
    this.view = "plot";
    this.legend = new Legend(this.part("legend"), (id) => this.isolate(id));
    this.choice = section.querySelector("[data-chart-choice]");
    this.isSeen = false;
    this.listen();
    this.watchSight();
  }

  /** What nobody sees yet is neither fetched nor drawn. */
  watchSight() {
    const observer = new IntersectionObserver(
      (entries) => {
        this.isSeen = entries.at(-1).isIntersecting;
        if (!this.isSeen) return;
        if (this.loadedAt === undefined) this.load();
        else if (this.chart) this.refresh();
      },
      { rootMargin: NEAR },
    );
    observer.observe(this.section);
  }

  listen() {
    for (const button of this.section.querySelectorAll("[data-view]"))
      button.addEventListener("click", () => this.setView(button.dataset.view));
    this.part("chart-retry").addEventListener("click", () => this.load());
    this.part("chart-png").addEventListener("click", () => this.download());
    this.choice.addEventListener("change", () => this.choose());
    onTheme(() => this.paintColours());
    this.drag = new Drag(this.part("canvas"), () => this.chart);
    onRange(() => this.load());
    setInterval(() => this.reloadIfOld(Date.now()), 1000);
  }

  part(name) {
    return this.section.querySelector(`[data-${name}]`);
  }

  show(part) {
    for (const name of ["chart-loading", "chart-empty", "chart-none", "chart-error"])
      this.part(name).hidden = name !== part;
    this.part("plot").hidden = part !== "plot" || this.view !== "plot";
    this.part("numbers").hidden = part !== "plot" || this.view !== "numbers";
    this.part("chart-png").disabled = part !== "plot" || this.view !== "plot";
  }

  choose() {
    const asked = new URLSearchParams(location.search);
    asked.set("chart", this.choice.value);
    history.replaceState(null, "", `?${asked}`);
    this.alone = null;
    this.load();
  }

  async load() {
    if (!this.history) this.show("chart-loading");
    this.loadedAt = performance.now();
    this.request?.abort();
    this.request = new AbortController();
    const chart = this.choice.value;
    const asked = new URLSearchParams({ ...shownRange(), chart });
    try {
      const wanted = fetch(`${this.section.dataset.chart}?${asked}`, {
        signal: this.request.signal,
      });
      const [answer] = await Promise.all([wanted, library(this.section.dataset.chartLibrary)]);
      if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
      this.take(chart, await answer.json());
    } catch (error) {
      if (error.name === "AbortError") return;
      this.part("chart-reason").textContent = error.message;
      if (!this.history) this.show("chart-error");
    }
  }

  take(preset, data) {
    this.preset = preset;
    this.data = data;
    this.names = new Map(data.series.map(({ id, name }) => [id, name]));
    this.history = new History({
      at: data.at,
      step: data.step,
      columns: Object.fromEntries(data.series.map(({ id, values }) => [id, values])),
      span: data.until - data.since,
    });
    listEvents(this.part("chart-events"), data);
    if (this.history.isEmpty) {
      this.part("chart-meta").textContent = "";
      this.show(data.live ? "chart-empty" : "chart-none");
      // The first sample is on its way; ask again when it should be there.
      if (data.live) this.again = setTimeout(() => this.load(), EMPTY_AGAIN);
      return;
    }
    clearTimeout(this.again);
    this.leftOut = this.othersFlatten() ? OTHERS : null;
    this.part("chart-meta").textContent = this.meta();
    this.show("plot");
    this.draw();
  }

  /** What is drawn: every how many seconds there is a point, and from what. */
  meta() {
    const { step, resolution } = this.data;
    const word = (seconds) =>
      seconds < 60
        ? `${seconds} s`
        : seconds < 3600
          ? `${seconds / 60} min`
          : `${seconds / 3600} h`;
    const of = step === resolution ? "" : ` (means of ${word(resolution)})`;
    const others = this.leftOut ? "; all others are off the scale" : "";
    return `a point every ${word(step)}${of}${others}`;
  }

  /** Whether the line of all others would press the single ones to the ground. */
  othersFlatten() {
    const newest = (id) => this.history.last(id) ?? 0;
    const single = [...this.names.keys()].filter((id) => id !== OTHERS);
    return newest(OTHERS) > FLATTENS * Math.max(...single.map(newest));
  }

  isShown(id) {
    return this.alone === null ? id !== this.leftOut : id === this.alone;
  }

  /** New values; `newest(id)` gives a line's newest one. */
  tip(at, newest) {
    if (!this.history || this.history.isEmpty || !this.data.tips) return;
    const isNew = this.history.tip(at, newest);
    if (!this.chart || !this.isSeen) return;
    this.refresh();
    if (isNew && this.view === "numbers") this.fillNumbers();
  }

  /** Where live values move the tip, samples in between are fetched now and then; elsewhere at each step. */
  reloadIfOld(now) {
    if (!this.data?.live || this.history.isEmpty || document.hidden || isPaused()) return;
    const age = performance.now() - this.loadedAt;
    const { step, tips } = this.data;
    const hasGap = now - this.history.at.at(-1) > 4000 * step;
    const due = tips ? RELOAD : Math.max(step * 1000, RELOAD_AT_LEAST);
    if (!this.isSeen) return;
    if (age > due || (hasGap && age > RELOAD_AT_GAP)) this.load();
  }

  draw() {
    this.chart?.destroy();
    this.chart = null;
    this.onHistory();
    this.legend.draw(this.names);
    this.legend.mark(this.alone, (id) => this.isShown(id));
    // Complete before the chart is made, so that it is drawn once.
    const wanted = {
      type: "line",
      data: { datasets: datasets(this.names) },
      options: options(this.data.unit, () => this.data.until - this.data.since),
      plugins: [marksPlugin(() => ({ ...this.data, selection: this.drag.selection }))],
    };
    setColours(wanted);
    this.fill(wanted);
    this.chart = new window.Chart(this.part("canvas"), wanted);
    if (this.view === "numbers") this.fillNumbers();
  }

  /** Gives a chart, or what one is to be made from, the history as it is now. */
  fill(chart) {
    for (const dataset of chart.data.datasets) {
      dataset.data = this.history.points(dataset.id);
      dataset.hidden = !this.isShown(dataset.id);
      this.legend.setValue(dataset.id, this.history.last(dataset.id), this.data.unit);
    }
    [chart.options.scales.x.min, chart.options.scales.x.max] = this.bounds();
  }

  refresh() {
    this.fill(this.chart);
    this.chart.update("none");
  }

  paintColours() {
    if (!this.chart) return;
    setColours(this.chart);
    this.chart.update("none");
  }

  /** The shown time; a young game's first hour begins where its history does. */
  bounds() {
    const { since, until, live } = this.data;
    if (!live) return [since, until];
    const { at, span } = this.history;
    const end = Math.max(until, at.at(-1));
    if (span > HOUR) return [end - span, end];
    return [Math.max(end - span, Math.min(at[0], end - TWO_MINUTES)), end];
  }

  isolate(id) {
    this.alone = this.alone === id ? null : id;
    this.legend.mark(this.alone, (one) => this.isShown(one));
    this.refresh();
  }

  setView(view) {
    this.view = view;
    for (const button of this.section.querySelectorAll("[data-view]"))
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    if (!this.chart || this.history.isEmpty) return;
    this.show("plot");
    if (view === "numbers") this.fillNumbers();
    else this.refresh();
  }

  fillNumbers() {
    this.part("numbers").replaceChildren(numbersTable(this.names, this.history, this.data));
  }

  download() {
    const range = document.querySelector("[data-range-word]").textContent;
    downloadPng({
      canvas: this.part("canvas"),
      title: `${this.section.dataset.of} · ${this.choice.selectedOptions[0].textContent}`,
      meta: `${range}, ${this.meta()}`,
      unit: this.data.unit,
      lines: this.chart.data.datasets
        .filter((dataset) => !dataset.hidden)
        .map(({ id, label, borderColor }) => ({
          label,
          colour: borderColor,
          value: this.history.last(id),
        })),
    });
  }
}
