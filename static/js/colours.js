// The page's colours for canvases, which take no CSS variables: elements take them, and are asked what they are.

const SERIES = [1, 2, 3, 4, 5, 6, "others"].map((name) => `--series-${name}`);
const TOKENS = [
  ...["--ink", "--ink-2", "--ink-3", "--line", "--line-strong", "--grid", "--surface", "--raised"],
  ...["--accent", "--bad", "--warn", "--quiet", ...SERIES],
];
const listeners = [];
let known = null;

/** A token's colour in the theme that is shown. All are asked for at once: each asking costs a style pass. */
export function colour(name) {
  known ??= ask();
  return known.get(name);
}

function ask() {
  const probes = document.createElement("div");
  probes.className = "visually-hidden";
  for (const name of TOKENS) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    probes.append(probe);
  }
  document.body.append(probes);
  const found = TOKENS.map((name, place) => [name, getComputedStyle(probes.children[place]).color]);
  probes.remove();
  return new Map(found);
}

/** Calls `listener()` when another theme is shown. */
export function onTheme(listener) {
  listeners.push(listener);
}

function change() {
  known = null;
  for (const listener of listeners) listener();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", change);
new MutationObserver(change).observe(document.documentElement, { attributeFilter: ["data-theme"] });
