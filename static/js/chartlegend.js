// A chart's legend: one button a line, with its shape and newest value; pressed, the line is seen alone.

import { OTHERS, placeOf, UNITS } from "./chartlook.js";

const SVG = "http://www.w3.org/2000/svg";
const SWATCHES = [
  "M2 6h18M14.5 6a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0",
  "M2 6h18M8 3h6v6H8z",
  "M2 6h18M11 2l4 7H7z",
  "M2 6h18M11 2l4 4-4 4-4-4z",
  "M2 6h18M11 1.5v9M7 3.8l8 4.4M7 8.2l8-4.4",
  "M2 6h18M7.5 2.5l7 7M7.5 9.5l7-7",
];

function swatch(id, index) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 22 12");
  svg.setAttribute("class", `swatch swatch-${id === OTHERS ? "others" : index + 1}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", id === OTHERS ? "M2 6h4m3 0h4m3 0h4" : SWATCHES[index]);
  svg.append(path);
  return svg;
}

export class Legend {
  /** `onPress(id)` is called when a line's button is pressed. */
  constructor(element, onPress) {
    this.element = element;
    this.onPress = onPress;
    this.buttons = new Map();
  }

  draw(names) {
    this.buttons = new Map(
      [...names].map(([id, name], index) => [id, this.button(id, name, index)]),
    );
    this.element.replaceChildren(...this.buttons.values());
  }

  button(id, name, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.series = id;
    const label = document.createElement("bdi");
    label.className = "legend-name";
    label.textContent = name;
    label.title = name;
    const value = document.createElement("span");
    value.className = "legend-value";
    button.append(swatch(id, placeOf(id, index)), label, value);
    button.addEventListener("click", () => this.onPress(id));
    return button;
  }

  setValue(id, value, unit) {
    const shown = this.buttons.get(id).lastElementChild;
    const word = UNITS[unit](value);
    if (shown.textContent !== word) shown.textContent = word;
  }

  mark(alone, isShown) {
    for (const [id, button] of this.buttons) {
      button.setAttribute("aria-pressed", String(alone === id));
      button.classList.toggle("is-dimmed", !isShown(id));
    }
  }
}
