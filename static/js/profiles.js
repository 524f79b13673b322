import { onRange } from "./range.js";

// Everything on the page is of the chosen time.
onRange(() => location.reload());
