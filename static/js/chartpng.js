// A chart as a picture to pass on: with its title, its time and its legend.

import { UNITS } from "./chartlook.js";
import { colour } from "./colours.js";

const [PAD, TITLE, META, ROW, COLUMN] = [16, 22, 18, 18, 220]; // px

function texts(context, { title, meta }) {
  const family = getComputedStyle(document.body).fontFamily;
  context.textBaseline = "top";
  context.fillStyle = colour("--ink");
  context.font = `600 15px ${family}`;
  context.fillText(title, PAD, PAD);
  context.fillStyle = colour("--ink-3");
  context.font = `12px ${family}`;
  context.fillText(meta, PAD, PAD + TITLE);
}

function legend(context, lines, { top, columns, unit }) {
  lines.forEach(({ label, colour: line, value }, index) => {
    const x = PAD + (index % columns) * COLUMN;
    const y = top + Math.floor(index / columns) * ROW;
    context.fillStyle = line;
    context.fillRect(x, y + 5, 14, 4);
    context.fillStyle = colour("--ink");
    context.fillText(`${label}  ${UNITS[unit](value)}`, x + 20, y, COLUMN - 28);
  });
}

/** Downloads `canvas` with `title`, `meta` and `lines` ({label, colour, value}) around it. */
export function downloadPng({ canvas, title, meta, lines, unit }) {
  const scale = canvas.width / canvas.clientWidth;
  const [width, height] = [canvas.clientWidth + 2 * PAD, canvas.clientHeight];
  const columns = Math.max(1, Math.floor(canvas.clientWidth / COLUMN));
  const top = PAD + TITLE + META;
  const picture = document.createElement("canvas");
  picture.width = width * scale;
  picture.height = (top + height + PAD + Math.ceil(lines.length / columns) * ROW + PAD) * scale;
  const context = picture.getContext("2d");
  context.scale(scale, scale);
  context.fillStyle = colour("--surface");
  context.fillRect(0, 0, picture.width, picture.height);
  texts(context, { title, meta });
  context.drawImage(canvas, PAD, top, canvas.clientWidth, canvas.clientHeight);
  legend(context, lines, { top: top + height + PAD, columns, unit });
  picture.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}
