// What the page knows of the sessions: a full list now and then, and each event in between.

import { shortened } from "./text.js";

export class Sessions {
  #rows = new Map();
  #avatars = new Map();
  #changes = null; // what has happened since the list that is being loaded was asked for
  away = 0;

  get size() {
    return this.#rows.size;
  }

  get avatars() {
    return this.#avatars.size;
  }

  rows() {
    return this.#rows.values();
  }

  get(id) {
    return this.#rows.get(id);
  }

  // Load the full list.  It takes several requests, so events that come meanwhile count more.
  async load(list) {
    const changes = (this.#changes = new Map());
    let rows;
    try {
      rows = await list();
    } finally {
      if (this.#changes === changes) this.#changes = null;
    }
    const kept = [...changes].map(([id, ended]) => !ended && this.#rows.get(id)).filter(Boolean);
    this.#rows = new Map();
    this.#avatars = new Map();
    this.away = 0;
    for (const row of rows) if (!changes.has(row.id)) this.#put(known(row));
    for (const row of kept) this.#put(row);
  }

  // Take an event; returns whether it has changed anything.
  take(name, data) {
    const id = data.session;
    const row = this.#rows.get(id);
    if (name === "login") {
      this.#replace(row, known({ ...data, id, since: data.time, seconds: 0, away: false, waiting_bytes: 0 }));
    } else if (name === "end") {
      this.#remove(row);
    } else if ((name === "away" || name === "return") && row) {
      const { peer } = data;
      this.#replace(row, known({ ...row, peer, seconds: age(row), away: name === "away" }));
    } else {
      return false;
    }
    this.#changes?.set(id, name === "end");
    return true;
  }

  #replace(old, row) {
    this.#remove(old);
    this.#put(row);
  }

  #put(row) {
    this.#rows.set(row.id, row);
    this.#avatars.set(row.name, (this.#avatars.get(row.name) ?? 0) + 1);
    if (row.away) this.away += 1;
  }

  #remove(row) {
    if (row === undefined) return;
    this.#rows.delete(row.id);
    const others = this.#avatars.get(row.name) - 1;
    if (others) this.#avatars.set(row.name, others);
    else this.#avatars.delete(row.name);
    if (row.away) this.away -= 1;
  }
}

// A row of the server, with what the page shows and searches.  The clocks of server and browser
// may differ.
function known(row) {
  const name = shortened(row.avatar_id);
  return {
    id: row.id,
    avatar_id: row.avatar_id,
    name,
    lowered: name.toLowerCase(),
    peer: row.peer,
    away: row.away,
    waiting_bytes: row.waiting_bytes,
    since: row.since,
    began: performance.now() - row.seconds * 1000,
  };
}

export function age(row) {
  return (performance.now() - row.began) / 1000;
}
