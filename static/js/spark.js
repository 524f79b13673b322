// The small lines in tiles.

const WIDTH = 100;
const HEIGHT = 30;
const PAD = 3;

/** Draws values (null = unknown) into the two paths of an svg[data-spark]. */
export function drawSpark(svg, values) {
  const [area, line] = svg.querySelectorAll("path");
  const known = values.filter((value) => value !== null);
  if (known.length < 2) {
    line.removeAttribute("d");
    area.removeAttribute("d");
    return;
  }
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  const x = (index) => (index / (values.length - 1)) * WIDTH;
  // A line that never changes lies on the ground, not in the middle of nowhere.
  const y = (value) => HEIGHT - PAD - (span ? (value - low) / span : 0) * (HEIGHT - 2 * PAD);
  let path = "";
  let isDrawing = false;
  values.forEach((value, index) => {
    if (value === null) return;
    path += `${isDrawing ? "L" : "M"}${x(index).toFixed(2)} ${y(value).toFixed(2)}`;
    isDrawing = true;
  });
  line.setAttribute("d", path);
  const first = values.findIndex((value) => value !== null);
  const last = values.findLastIndex((value) => value !== null);
  area.setAttribute("d", `${path}L${x(last)} ${HEIGHT}L${x(first)} ${HEIGHT}Z`);
}
