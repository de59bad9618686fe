// The page of the administration.

import { Api } from "./api.js";
import { prepareBroadcast } from "./broadcast.js";
import { byId, setText, throttled } from "./dom.js";
import { Drain } from "./drain.js";
import { Ends } from "./ends.js";
import { follow } from "./events.js";
import { askToken, makeClosable } from "./forms.js";
import { showPlots } from "./plots.js";
import { SessionView } from "./session-view.js";
import { Sessions } from "./sessions.js";
import { count, sentence, visible } from "./text.js";

const RELOAD_EVERY = 60_000;
const RATES_EVERY = 10_000;
const MINUTE = 60_000;
const NEWS_FOR = 15_000;

const api = new Api(askToken);
const sessions = new Sessions();
const view = new SessionView(api, sessions, tell);
const ends = new Ends(api);
const drain = new Drain(api, sessions);
let logins = []; // when there were any, in the last minute
let loginRate = null; // what the server has counted

const showCounts = throttled(() => {
  const since = performance.now() - MINUTE;
  logins = logins.filter((when) => when > since);
  setText(byId("count-sessions"), count(sessions.size));
  setText(byId("count-away"), count(sessions.away));
  setText(byId("count-avatars"), count(sessions.avatars));
  setText(byId("count-logins"), count(loginRate ?? logins.length));
  document.title = `${count(sessions.size)} – pbrealm ${location.host}`;
}, 250);

let forget;

// Tell what has been done, for a while.
function tell(text) {
  setText(byId("news"), text);
  clearTimeout(forget);
  forget = setTimeout(() => setText(byId("news"), ""), NEWS_FOR);
}

function fail(error) {
  setText(byId("error"), sentence(error.message));
}

let loading = null;

// Load all that the page shows, once at a time.
function load() {
  loading ??= Promise.all([
    sessions.load(() => api.list("/api/sessions", "sessions")).then(showSessions),
    ends.load(),
    drain.load(),
    loadRates(),
  ])
    .then(() => setText(byId("error"), ""), fail)
    .finally(() => (loading = null));
  return loading;
}

function showSessions() {
  view.render();
  showCounts();
}

async function loadRates() {
  const rates = await api.get("/api/rates");
  // The server has yet to count.
  if (rates.times.length === 0) return;
  loginRate = showPlots(byId("plots"), rates);
  byId("rates").hidden = false;
  showCounts();
}

function received(name, data) {
  if (name === "hello") load();
  if (name === "drain") drain.show(data);
  if (name === "login") logins.push(performance.now());
  if (name === "end" || name === "refusal") ends.take(name, data);
  if (sessions.take(name, data)) showSessions();
}

function lost(why) {
  drain.showState("not connected");
  setText(byId("error"), sentence(`${why}; this page shows what was known before`));
}

setText(byId("server"), visible(location.host));
makeClosable();
prepareBroadcast(api);
follow(api, received, lost);
setInterval(showCounts, 1000);
setInterval(() => document.hidden || load(), RELOAD_EVERY);
document.addEventListener("visibilitychange", () => document.hidden || load());
setInterval(() => document.hidden || loadRates().catch(() => {}), RATES_EVERY);
