import { History } from "./history.js";
import { LineChart } from "./linechart.js";
import { latest, onLive, onLiveCalmly, start } from "./live.js";
import { drawSpark } from "./spark.js";
import { LiveTable } from "./table.js";

const HOUR = 3_600_000; // ms

const table = new LiveTable(document.querySelector("[data-table]"));
const tiles = document.querySelector("[data-sparks]");
let sparks = null;
const chart = new LineChart(document.querySelector("[data-chart]"), () => {
  const now = latest();
  if (now) chart.tip(now.at, (id) => newest(now.state, id));
});

async function loadSparks() {
  const answer = await fetch(tiles.dataset.sparks);
  if (!answer.ok) return; // the figures beside them say what counts
  const { at, resolution, sparks: columns } = await answer.json();
  sparks = new History({ at, step: resolution, columns, span: HOUR });
  drawSparks();
}

function drawSparks() {
  for (const svg of tiles.querySelectorAll("[data-spark]"))
    drawSpark(svg, sparks.columns.get(svg.dataset.spark) ?? []);
}

/** A line's newest value: a figure of the game, a service's live connections, or those of all others. */
function newest(state, id) {
  if (chart.preset !== "services") return state.totals[id === "servers" ? "reporting" : id];
  if (id !== "others") return state.services.get(Number(id))?.live ?? 0;
  let drawn = 0;
  for (const name of chart.names.keys())
    if (name !== "others") drawn += state.services.get(Number(name))?.live ?? 0;
  return state.totals.live - drawn;
}

onLiveCalmly((state, at) => {
  chart.tip(at, (id) => newest(state, id));
  if (!sparks || sparks.isEmpty) return;
  sparks.tip(at, (id) => state.totals[id]);
  drawSparks();
});
onLive((_, changes) => {
  if (changes.has("services")) table.filter();
});
loadSparks();
start();
