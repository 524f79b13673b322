import { LineChart } from "./linechart.js";
import { start } from "./live.js";
import { SwapTable } from "./swap.js";

new LineChart(document.querySelector("[data-chart]"));
new SwapTable(document.querySelector("[data-swap-url]"), ["pools"]);
start();
