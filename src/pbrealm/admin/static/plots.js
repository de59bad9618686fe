// Small plots of the last hour.

import { element, svg } from "./dom.js";
import { count } from "./text.js";

const [WIDTH, HEIGHT, TOP] = [240, 56, 4];
const [MINUTE, HOUR] = [60, 3600];

// Show what /api/rates tells, which has less than an hour at first; returns the logins of the last
// minute.
export function showPlots(container, rates) {
  const perMinute = Math.max(1, Math.round(MINUTE / rates.step));
  const ends = Object.values(rates.ends);
  const allEnds = rates.logins.map((_, index) =>
    ends.reduce((sum, values) => sum + values[index], 0),
  );
  const logins = minutes(rates.logins, perMinute);
  container.replaceChildren(
    linePlot("Sessions", rates.sessions, HOUR / rates.step),
    barPlot("Logins", logins),
    barPlot("Refusals", minutes(rates.refusals, perMinute)),
    barPlot("Ends", minutes(allEnds, perMinute)),
  );
  return logins.at(-1);
}

// Sums of each minute, the last of which ends now.
function minutes(values, perMinute) {
  const sums = [];
  for (let end = values.length; end > 0; end -= perMinute) {
    const some = values.slice(Math.max(0, end - perMinute), end);
    sums.unshift(some.reduce((sum, value) => sum + value, 0));
  }
  return sums;
}

function linePlot(name, values, places) {
  const most = Math.max(1, ...values);
  const step = WIDTH / (places - 1);
  const first = places - values.length;
  const points = values.map(
    (value, index) => `${((first + index) * step).toFixed(1)},${height(value, most)}`,
  );
  const line = svg("polyline", { points: points.join(" "), class: "line" });
  return figure(name, values, "now", line);
}

function barPlot(name, values) {
  const most = Math.max(1, ...values);
  const places = HOUR / MINUTE;
  const step = WIDTH / places;
  const first = places - values.length;
  const width = (step * 0.75).toFixed(1);
  const bars = values.map((value, index) => {
    const x = ((first + index) * step).toFixed(1);
    return value ? `M${x},${HEIGHT}V${height(value, most)}h${width}V${HEIGHT}z` : "";
  });
  return figure(name, values, "last minute", svg("path", { d: bars.join(""), class: "bars" }));
}

function height(value, most) {
  return (HEIGHT - ((HEIGHT - TOP) * value) / most).toFixed(1);
}

function figure(name, values, when, shape) {
  const last = count(values.at(-1));
  const most = count(Math.max(...values));
  const words = `${name} over the last hour: ${when} ${last}, at most ${most}`;
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT + 1}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": words,
    },
    svg("path", { d: `M0,${HEIGHT + 0.5}H${WIDTH}`, class: "axis" }),
    shape,
  );
  const caption = element(
    "figcaption",
    {},
    element("span", { class: "plot-name" }, name),
    element("span", {}, `${when} `, element("b", {}, last), `, at most ${most}`),
  );
  return element("figure", {}, caption, picture);
}
