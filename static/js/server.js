import { LineChart } from "./linechart.js";
import { latest, onLiveCalmly, start } from "./live.js";
import { SwapTable } from "./swap.js";

const chart = new LineChart(document.querySelector("[data-chart]"), () => {
  const now = latest();
  if (now) show(now.state, now.at);
});

function show(state, at) {
  chart.tip(at, (id) => state.totals[id] ?? state.server[id]);
}

onLiveCalmly(show);
new SwapTable(document.querySelector("[data-swap-url]"), ["totals"]);
start();
