import { SwapTable } from "./swap.js";

new SwapTable(document.querySelector("[data-swap-url]"), []);
