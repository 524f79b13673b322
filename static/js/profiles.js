import { LineChart } from "./linechart.js";
import { onRange } from "./range.js";

new LineChart(document.querySelector("[data-chart]"));
// Everything on the page is of the chosen time.
onRange(() => location.reload());
