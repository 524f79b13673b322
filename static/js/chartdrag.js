// A drag over a chart's plot shows the time between its ends. Fingers scroll; they have the buttons.

import { setBounds } from "./range.js";

const LEAST_DRAG = 8; // px; less is a click

export class Drag {
  /** `read()` gives the Chart.js chart on the canvas, or null. */
  constructor(canvas, read) {
    this.read = read;
    this.selection = null; // [left, right] in px, while the pointer moves
    this.from = null;
    canvas.addEventListener("pointerdown", (event) => this.begin(canvas, event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => this.end());
    canvas.addEventListener("pointercancel", () => this.forget());
  }

  begin(canvas, event) {
    if (event.pointerType === "touch" || event.button !== 0 || !this.read()) return;
    this.from = event.offsetX;
    canvas.setPointerCapture(event.pointerId);
  }

  move(event) {
    const chart = this.read();
    if (this.from === null || !chart) return;
    const { left, right } = chart.chartArea;
    const ends = [this.from, event.offsetX].sort((a, b) => a - b);
    this.selection = ends.map((at) => Math.min(Math.max(at, left), right));
    chart.draw();
  }

  end() {
    const chosen = this.selection;
    const chart = this.read();
    this.forget();
    if (!chosen || !chart) return;
    if (chosen[1] - chosen[0] >= LEAST_DRAG)
      setBounds(...chosen.map((at) => chart.scales.x.getValueForPixel(at)));
    else chart.draw();
  }

  forget() {
    this.from = null;
    this.selection = null;
  }
}
