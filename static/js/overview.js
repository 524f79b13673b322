import { LineChart } from "./linechart.js";
import { latest, onLive, start } from "./live.js";
import { drawSpark } from "./spark.js";
import { LiveTable } from "./table.js";

const table = new LiveTable(document.querySelector("[data-table]"));
const chart = new LineChart(document.querySelector("[data-chart]"), () => {
  const now = latest();
  if (now) show(now.state, now.at);
  drawSparks();
});

function drawSparks() {
  const { history } = chart;
  for (const svg of document.querySelectorAll("[data-spark]"))
    drawSpark(svg, history.columns.get(`spark:${svg.dataset.spark}`) ?? []);
}

/** A column's newest value: a service's live connections, all others', or a tile's figure. */
function newest(state, id) {
  if (id.startsWith("spark:")) return state.totals[id.slice("spark:".length)];
  if (id !== "others") return state.services.get(Number(id))?.live ?? 0;
  let drawn = 0;
  for (const name of chart.history.names.keys())
    if (name !== "others") drawn += state.services.get(Number(name))?.live ?? 0;
  return state.totals.live - drawn;
}

function show(state, at) {
  chart.tip(at, (id) => newest(state, id));
  if (chart.history) drawSparks();
}

onLive((state, changes, at) => {
  show(state, at);
  if (changes.has("services")) table.filter();
});
start();
