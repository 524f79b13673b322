import { LineChart } from "./linechart.js";
import { start } from "./live.js";

new LineChart(document.querySelector("[data-chart]"));
start();
