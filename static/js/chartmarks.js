// What happened while a chart's lines ran: deploys and the like as lines, alerts as hatched lanes, and both as a list.

import { momentWord } from "./chartlook.js";
import { colour } from "./colours.js";

const MOST_LISTED = 8;
const SEVERITIES = { critical: "--bad", warning: "--warn", info: "--quiet" };
const LANE = 7; // px; each severity has a lane at the foot of the plot, below the lines
const HATCH = 5; // px between two strokes of a lane

function lane(context, bottom, left, right, tint) {
  const width = Math.max(right - left, 2);
  context.save();
  context.beginPath();
  context.rect(left, bottom - LANE, width, LANE);
  context.clip();
  context.fillStyle = tint;
  context.globalAlpha = 0.14;
  context.fillRect(left, bottom - LANE, width, LANE);
  context.globalAlpha = 0.6;
  context.strokeStyle = tint;
  context.beginPath();
  for (let x = left - LANE; x < right; x += HATCH) {
    context.moveTo(x, bottom);
    context.lineTo(x + LANE, bottom - LANE);
  }
  context.stroke();
  context.globalAlpha = 1;
  context.fillRect(left, bottom - LANE, 2, LANE);
  context.restore();
}

function flag(context, area, x, ink) {
  context.save();
  context.strokeStyle = ink;
  context.fillStyle = ink;
  context.setLineDash([4, 3]);
  context.beginPath();
  context.moveTo(x, area.top);
  context.lineTo(x, area.bottom);
  context.stroke();
  context.beginPath();
  context.moveTo(x, area.top);
  context.lineTo(x + 8, area.top + 4);
  context.lineTo(x, area.top + 8);
  context.fill();
  context.restore();
}

/** A Chart.js plugin that draws them; `read()` gives {marks, alerts, selection} or null. */
export function marksPlugin(read) {
  return {
    id: "marks",
    beforeDatasetsDraw({ ctx, chartArea, scales }) {
      const { x } = scales;
      const place = (at) => x.getPixelForValue(Math.min(Math.max(at, x.min), x.max));
      const alerts = (read()?.alerts ?? []).filter(
        ({ since, until }) => since <= x.max && (until ?? x.max) >= x.min,
      );
      const severities = Object.keys(SEVERITIES).filter((one) =>
        alerts.some(({ severity }) => severity === one),
      );
      for (const { since, until, severity } of alerts) {
        const bottom = chartArea.bottom - severities.indexOf(severity) * (LANE + 1);
        lane(ctx, bottom, place(since), place(until ?? x.max), colour(SEVERITIES[severity]));
      }
    },
    afterDatasetsDraw({ ctx, chartArea, scales }) {
      const { x } = scales;
      const found = read();
      for (const { at } of found?.marks ?? [])
        if (at >= x.min && at <= x.max)
          flag(ctx, chartArea, x.getPixelForValue(at), colour("--ink-2"));
      if (!found?.selection) return;
      const [left, right] = found.selection;
      ctx.save();
      ctx.globalAlpha = 0.2;
      ctx.fillStyle = colour("--accent");
      ctx.fillRect(left, chartArea.top, right - left, chartArea.bottom - chartArea.top);
      ctx.restore();
    },
  };
}

function item(text, time, href) {
  const entry = document.createElement("li");
  const word = document.createElement(href ? "a" : "span");
  if (href) word.href = href;
  word.textContent = text;
  const when = document.createElement("span");
  when.className = "meta";
  when.textContent = time;
  entry.append(word, " ", when);
  return entry;
}

/** Lists deploys, alerts and the rest below the chart, the newest first. */
export function listEvents(element, { marks, alerts, alerts_url: href, since, until }) {
  const word = (at) => momentWord(at, until - since);
  const found = [
    ...marks.map(({ at, text }) => [at, item(text, word(at))]),
    ...alerts.map(({ since, until, severity, text }) => [
      since,
      item(
        `Alert (${severity}): ${text}`,
        `${word(since)} to ${until ? word(until) : "now"}`,
        href,
      ),
    ]),
  ].sort(([a], [b]) => b - a);
  const shown = found.slice(0, MOST_LISTED).map(([, entry]) => entry);
  if (found.length > shown.length) shown.push(item(`${found.length - shown.length} more`, ""));
  element.replaceChildren(...shown);
  element.hidden = found.length === 0;
}
