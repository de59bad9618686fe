// Whether the server serves, and the form that drains it.

import { byId, setText } from "./dom.js";
import { onSubmit, open } from "./forms.js";
import { count, counted } from "./text.js";

const WORDS = { serving: "serving", draining: "draining", drained: "drained" };
const ASK_EVERY = 500;

export class Drain {
  #api;
  #sessions;
  #timer;

  constructor(api, sessions) {
    this.#api = api;
    this.#sessions = sessions;
    const dialog = byId("drain-dialog");
    onSubmit(byId("drain"), byId("drain-error"), () => {
      const who = sessions.size === 1 ? "the only client" : `all ${count(sessions.size)} clients`;
      const seconds = byId("drain-seconds").valueAsNumber;
      setText(
        byId("drain-what"),
        `Nobody is let in any more, ${who} must leave within ${counted(seconds, "second")}, and ` +
          "the server stops then. This can’t be undone.",
      );
      open(dialog);
    });
    onSubmit(dialog.querySelector("form"), byId("drain-dialog-error"), async () => {
      const text = byId("drain-text").value.trim();
      const seconds = byId("drain-seconds").valueAsNumber;
      this.show(await api.send("POST", "/api/drain", { seconds, ...(text && { text }) }));
      dialog.close();
    });
  }

  async load() {
    this.show(await this.#api.get("/api/drain"));
  }

  show({ state, total, left }) {
    this.showState(state);
    const serving = state === "serving";
    byId("drain").hidden = !serving;
    byId("drain-progress").hidden = serving;
    if (serving) return;
    const done = total - left;
    byId("drain-bar").max = Math.max(1, total);
    byId("drain-bar").value = state === "drained" && !total ? 1 : done;
    const words = `${count(done)} of ${counted(total, "client")} have left.`;
    setText(byId("drain-text-left"), state === "drained" ? `${words} The server is drained.` : words);
    clearTimeout(this.#timer);
    if (state === "draining") this.#timer = setTimeout(() => this.#ask(), ASK_EVERY);
  }

  showState(state) {
    const node = byId("state");
    setText(node, WORDS[state] ?? state);
    node.dataset.state = state;
  }

  #ask() {
    this.load().catch(() => {}); // the events tell of a lost connection
  }
}
