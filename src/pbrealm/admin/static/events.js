// The events of the server, for as long as the page is open.

import { ApiError } from "./api.js";

const SILENCE = 40_000; // the server sends something every 15 seconds
const [FIRST_WAIT, LONGEST_WAIT] = [1000, 15_000];

// Call received(name, data) with each event.  The first of each connection is "hello".
export async function follow(api, received, lost) {
  let wait = FIRST_WAIT;
  for (;;) {
    try {
      await read(api, (name, data) => {
        wait = FIRST_WAIT;
        received(name, data);
      });
      lost("the server has closed the connection");
    } catch (error) {
      lost(reason(error));
    }
    await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random() / 2)));
    wait = Math.min(2 * wait, LONGEST_WAIT);
  }
}

function reason(error) {
  if (error.name === "AbortError") return "the server has fallen silent";
  return error instanceof ApiError ? error.message : "the connection to the server is lost";
}

async function read(api, received) {
  const aborting = new AbortController();
  let silence;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => aborting.abort(), SILENCE);
  };
  try {
    const reader = (await api.stream("/api/events", aborting.signal)).getReader();
    const parser = new EventParser(received);
    for (;;) {
      heard();
      const { done, value } = await reader.read();
      if (done) return;
      parser.take(value);
    }
  } finally {
    clearTimeout(silence);
  }
}

// EventSource can't send a token, so this reads the format itself, as far as the server uses it.
class EventParser {
  #received;
  #rest = "";

  constructor(received) {
    this.#received = received;
  }

  take(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop();
    for (const block of blocks) this.#parse(block);
  }

  #parse(block) {
    const fields = new Map();
    for (const line of block.split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
    }
    if (fields.has("event")) this.#received(fields.get("event"), JSON.parse(fields.get("data")));
  }
}
