import { onLive, start } from "./live.js";

// What is shown was read once; only the roll-out follows.
const newer = document.querySelector("[data-newer]");
onLive((state) => {
  newer.hidden = String(state.rollout.revision) === newer.dataset.newer;
});
start();
