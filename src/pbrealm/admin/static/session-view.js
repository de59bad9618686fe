// The table of sessions, the details of one, and the form that kicks it.

import { byId, element, isolated, setText, throttled } from "./dom.js";
import { onSubmit, open } from "./forms.js";
import { age } from "./sessions.js";
import { addressColumn, PagedTable, textColumn } from "./table.js";
import { bytes, count, counted, duration, moment, sentence, visible } from "./text.js";

const DETAILS_EVERY = 2000;

export class SessionView {
  #api;
  #sessions;
  #tell;
  #table;
  #chosen = null; // the session of the dialogs
  #timer;
  render = throttled(() => this.#show(), 250);

  // tell(text) shows what has been done.
  constructor(api, sessions, tell) {
    this.#api = api;
    this.#sessions = sessions;
    this.#tell = tell;
    this.#table = new PagedTable(byId("session-table"), {
      caption: "Sessions",
      key: (row) => row.id,
      sort: "session",
      columns: [
        {
          id: "avatar",
          label: "Avatar id",
          value: (row) => row.name,
          fill: (cell, row) => this.#fillName(cell, row),
        },
        addressColumn,
        textColumn("age", "Age", (row) => -Date.parse(row.since), (row) => duration(age(row))),
        textColumn("away", "State", (row) => Number(row.away), (row) => state(row)),
        textColumn("waiting", "Waiting", (row) => row.waiting_bytes, (row) => waiting(row)),
        textColumn("session", "Session", (row) => row.id, (row) => String(row.id)),
        { id: "kick", label: "Kick", fill: (cell, row) => this.#fillKick(cell, row) },
      ],
    });
    for (const id of ["filter-avatar", "filter-peer"]) {
      byId(id).addEventListener("input", () => {
        this.#table.rewind();
        this.#show();
      });
    }
    byId("session-filters").addEventListener("submit", (event) => event.preventDefault());
    setInterval(() => document.hidden || this.#table.refresh(), 1000);
    this.#prepareDialogs();
  }

  #show() {
    const name = byId("filter-avatar").value.trim().toLowerCase();
    const peer = byId("filter-peer").value.trim();
    const rows = [...this.#sessions.rows()].filter(
      (row) => row.lowered.includes(name) && row.peer.startsWith(peer),
    );
    this.#table.show(rows, this.#sessions.size, "Nobody is logged in.");
  }

  #fillName(cell, row) {
    if (!cell.firstChild) {
      const button = element("button", { type: "button", class: "link", title: "Details" });
      button.append(isolated(row.name));
      button.addEventListener("click", () => this.#openDetails(row.id));
      cell.append(button);
    }
    setText(cell.querySelector("bdi"), row.name);
    cell.classList.toggle("is-away", row.away);
  }

  #fillKick(cell, row) {
    if (cell.firstChild) return;
    const unseen = element("span", { class: "unseen" }, " ", isolated(row.name));
    const button = element("button", { type: "button" }, "Kick", unseen);
    button.addEventListener("click", () => this.#openKick(row.id));
    cell.append(button);
  }

  #prepareDialogs() {
    const [details, kick] = [byId("details-dialog"), byId("kick-dialog")];
    byId("details-kick").addEventListener("click", () => {
      details.close();
      this.#openKick(this.#chosen.id);
    });
    details.addEventListener("close", () => clearTimeout(this.#timer));
    for (const dialog of [details, kick]) {
      dialog.addEventListener("close", () => this.#table.restoreFocus());
    }
    onSubmit(kick.querySelector("form"), byId("kick-error"), () => this.#kick());
  }

  #choose(id) {
    this.#chosen = this.#sessions.get(id) ?? null;
    return this.#chosen !== null;
  }

  #openKick(id) {
    if (!this.#choose(id)) return;
    const { name, peer } = this.#chosen;
    byId("kick-who").replaceChildren(isolated(name), ` from ${peer}, session ${id}`);
    open(byId("kick-dialog"));
  }

  async #kick() {
    const { id, name } = this.#chosen;
    const text = byId("kick-text").value.trim();
    const reconnect = byId("kick-reconnect").checked;
    try {
      await this.#api.send("DELETE", `/api/sessions/${id}`, { ...(text && { text }), reconnect });
      this.#tell(`${name} was kicked.`);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#tell(`${name} had left already.`);
    }
    if (this.#sessions.take("end", { session: id })) this.#show();
    byId("kick-dialog").close();
  }

  #openDetails(id) {
    if (!this.#choose(id)) return;
    byId("details-title").replaceChildren(isolated(this.#chosen.name));
    byId("details-list").replaceChildren();
    byId("details-kick").disabled = false;
    open(byId("details-dialog"));
    this.#loadDetails(id);
  }

  async #loadDetails(id) {
    const dialog = byId("details-dialog");
    const current = () => dialog.open && this.#chosen.id === id;
    try {
      const session = await this.#api.get(`/api/sessions/${id}`);
      if (!current()) return;
      showDetails(session);
      this.#timer = setTimeout(() => this.#loadDetails(id), DETAILS_EVERY);
    } catch (error) {
      if (!current()) return;
      byId("details-kick").disabled = error.status === 404;
      const gone = error.status === 404 ? "this session has ended" : error.message;
      setText(byId("details-error"), sentence(gone));
    }
  }
}

function showDetails(session) {
  const { stats } = session;
  const lines = [
    ["Session", String(session.id)],
    ["Address", session.peer],
    ["Since", `${moment(new Date(session.since))}, ${duration(session.seconds)}`],
    ["State", session.away ? "away" : "connected"],
    ["Waiting to be sent", bytes(session.waiting_bytes)],
  ];
  if (stats === null) {
    lines.push(["Connection", "nothing is known of it"]);
  } else {
    const oldest = stats.oldest_unanswered_seconds;
    const silent = stats.silent_seconds;
    lines.push(
      ["Received", `${bytes(stats.bytes_received)} in ${counted(stats.calls_received, "call")}`],
      ["Sent", `${bytes(stats.bytes_sent)} in ${counted(stats.calls_sent, "call")}`],
      ["Unanswered", count(stats.unanswered) + (oldest === null ? "" : `, the oldest for ${duration(oldest)}`)],
      ["Last sign of life", silent === null ? "not known" : `${duration(silent)} ago`],
    );
  }
  const pairs = lines.map(([name, text]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, visible(text))),
  );
  byId("details-list").replaceChildren(...pairs);
}

function state(row) {
  return row.away ? "away" : "connected";
}

function waiting(row) {
  return bytes(row.waiting_bytes);
}
