// One plan as it goes on: what is shown follows its state, and the hold counts down.

import { onLive, start } from "./live.js";
import { serverTime } from "./times.js";

const hold = document.querySelector("[data-hold]");
let until = null; // of the hold, in ms

/** Elements that belong to some states only. What is listed but empty stays hidden. */
function showFor(state, name) {
  for (const element of document.querySelectorAll("[data-when]"))
    element.hidden = !element.dataset.when.split(" ").includes(name) || isIdle(element, state);
}

// An aborted plan may never have had orders.
function isIdle(element, state) {
  return element.matches("section") && state.plan.state === "aborted" && state.plan.servers === 0;
}

function drain() {
  if (until === null) return;
  hold.value = Math.max(0, (until - serverTime()) / 1000);
  requestAnimationFrame(drain);
}

onLive((state, changes) => {
  if (!changes.has("plan")) return;
  const { plan } = state;
  showFor(state, plan.state);
  const wasIdle = until === null;
  until = plan.state === "held" ? Date.parse(plan.until) : null;
  if (wasIdle && until !== null) {
    hold.max = Math.max(10, (until - serverTime()) / 1000);
    drain();
  }
});
start();
