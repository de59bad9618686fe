// The last ends of sessions, and refusals of logins.

import { byId, element, isolated, setText, throttled } from "./dom.js";
import { addressColumn, PagedTable, textColumn } from "./table.js";
import { count, duration, moment, shortened, visible } from "./text.js";

const MOST = 1000;
const REFUSALS = "refused logins";

export class Ends {
  #api;
  #rows = []; // newest first
  #number = 0;
  #meanwhile = null; // events since the list that is being loaded was asked for
  #table;
  #render = throttled(() => this.#show(), 250);

  constructor(api) {
    this.#api = api;
    this.#table = new PagedTable(byId("end-table"), {
      caption: "Last ends of sessions, and refused logins",
      key: (row) => row.number,
      sort: "-ended-at",
      columns: [
        { id: "avatar", label: "Avatar id", value: (row) => row.name, fill: fillName },
        addressColumn,
        textColumn("ended-at", "Time", (row) => row.number, (row) => moment(row.time)),
        textColumn("lasted", "After", (row) => row.seconds ?? -1, lasted),
        textColumn("why", "Why", (row) => row.why, (row) => row.why),
      ],
    });
    for (const id of ["filter-reason", "filter-end"]) {
      byId(id).addEventListener("input", () => {
        this.#table.rewind();
        this.#show();
      });
    }
    byId("end-filters").addEventListener("submit", (event) => event.preventDefault());
  }

  async load() {
    const meanwhile = (this.#meanwhile = []);
    const listed = await this.#api.list("/api/ends", "ends", MOST);
    if (this.#meanwhile !== meanwhile) return;
    this.#meanwhile = null;
    this.#rows = [];
    // The list may have events that have come meanwhile, too.
    const there = new Set(listed.map(identity));
    for (const end of listed.reverse()) this.#add(end);
    for (const end of meanwhile) if (!there.has(identity(end))) this.#add(end);
    this.#render();
  }

  take(name, data) {
    const end = { event: name, seconds: null, session: null, ...data };
    this.#meanwhile?.push(end);
    this.#add(end);
    this.#render();
  }

  #add(end) {
    this.#number += 1;
    const name = shortened(end.avatar_id);
    const why = visible(end.why);
    this.#rows.unshift({
      number: this.#number,
      name,
      peer: end.peer,
      lowered: `${name}\n${end.peer}`.toLowerCase(),
      time: new Date(end.time),
      seconds: end.seconds,
      group: end.event === "refusal" ? REFUSALS : why,
      why: end.event === "refusal" ? `refused: ${why}` : why,
    });
    if (this.#rows.length > MOST) this.#rows.pop();
  }

  #show() {
    this.#showReasons();
    const group = byId("filter-reason").value;
    const part = byId("filter-end").value.trim().toLowerCase();
    const rows = this.#rows.filter(
      (row) => (!group || row.group === group) && row.lowered.includes(part),
    );
    this.#table.show(rows, this.#rows.length, "Nobody has left yet.");
  }

  // The reasons that there are, each with how many there are of it.
  #showReasons() {
    const counts = new Map();
    for (const { group } of this.#rows) counts.set(group, (counts.get(group) ?? 0) + 1);
    const select = byId("filter-reason");
    const chosen = select.value;
    if (chosen && !counts.has(chosen)) counts.set(chosen, 0);
    const options = new Map([...select.options].map((option) => [option.value, option]));
    setText(options.get(""), `All (${count(this.#rows.length)})`);
    for (const [group, number] of [...counts].sort()) {
      const option = options.get(group) ?? element("option", { value: group });
      setText(option, `${group} (${count(number)})`);
      if (!options.has(group)) select.append(option);
    }
    for (const [group, option] of options) if (group && !counts.has(group)) option.remove();
  }
}

function fillName(cell, row) {
  if (!cell.firstChild) cell.append(isolated(row.name));
}

function lasted(row) {
  return row.seconds === null ? "–" : duration(row.seconds);
}

// Long avatar ids are cut in the list, and in events they aren't.
function identity({ event, time, avatar_id, peer, session }) {
  return JSON.stringify([event, time, shortened(avatar_id), peer, session]);
}
