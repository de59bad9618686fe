// The form that calls a method of all clients.

import { byId, element, setText } from "./dom.js";
import { onSubmit } from "./forms.js";
import { count, visible } from "./text.js";

export function prepareBroadcast(api) {
  const report = byId("broadcast-report");
  onSubmit(byId("broadcast"), byId("broadcast-error"), async () => {
    const body = { method: byId("broadcast-method").value.trim(), args: args() };
    const button = byId("broadcast-send");
    setText(button, "Waiting for answers…");
    report.replaceChildren();
    try {
      report.replaceChildren(...shown(await api.send("POST", "/api/broadcast", body)));
    } finally {
      setText(button, "Broadcast");
    }
  });
}

function args() {
  const text = byId("broadcast-args").value.trim();
  let value = null;
  try {
    value = JSON.parse(text || "[]");
  } catch {
    // It is no array either.
  }
  if (!Array.isArray(value)) throw new Error('the arguments must be a JSON array, such as ["hello", 5]');
  return value;
}

function shown(report) {
  const results = [
    ["Answered", report.answered],
    ["Failed", report.failed_count],
    ["Gone", report.gone],
    ["Too slow", report.dropped],
  ];
  const pairs = results.map(([name, number]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, count(number))),
  );
  const nodes = [element("dl", { class: "counts" }, ...pairs)];
  if (report.failed.length) {
    const first = report.failed.length < report.failed_count ? `The first ${report.failed.length} failures` : "Failures";
    const failures = report.failed.map(({ session, why }) =>
      element("li", {}, `session ${session}: ${visible(why)}`),
    );
    nodes.push(element("p", {}, `${first}:`), element("ul", { class: "failures" }, ...failures));
  }
  return nodes;
}
