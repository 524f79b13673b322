import { start } from "./live.js";
import { SwapTable } from "./swap.js";

new SwapTable(document.querySelector("[data-swap-url]"), ["newest"]);
start();
