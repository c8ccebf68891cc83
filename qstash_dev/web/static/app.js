// The page: what is chosen, what is shown, and what keys and clicks do. The address tells all of that, so
// that a link leads everybody to the same place.

import { byKey, makeActions } from "./actions.js";
import { PAGES } from "./detail.js";
import { askText, isAsking, onAsk, say } from "./dialogs.js";
import { $, clock, counting, countdown, fill, h, put, safe, span, zone } from "./dom.js";
import { Feed } from "./feed.js";
import { List } from "./list.js";
import { runPage } from "./run.js";
import { get, onToken, part, Refused, watch } from "./server.js";
import { makeViews, thingPage } from "./views.js";

const FRAME_MS = 200;
const FETCH_MS = 500;
const MOST = 5000; // lines of a log
const TYPING_MS = 200;
const HIDDEN_MS = 30000; // a browser has few connections to a server: tabs in the back give theirs away

const app = {
  words: null, feed: new Feed(), server: null, counts: null, revisions: {}, views: [], view: null,
  items: [], held: null, filter: "", chosen: null, detail: null, tab: "Overview", reveal: false, marks: new Set(),
  get row() {
    return this.view.live ? (this.feed.rows.get(this.chosen) ?? this.detail?.row) : this.item?.row;
  },
  get item() {
    return this.view.live ? undefined : this.items.find((item) => this.view.keyOf(item) === this.chosen);
  },
  get messageId() {
    if (!this.chosen) return null;
    return this.view.live ? this.chosen : this.item && this.view.message?.(this.item);
  },
  run, guarded, follow, mark, markAll, unmark, toggleFilter, turn, back, toggleReveal, outdate,
  can: (id) => Boolean(actions[id]) || app.views.some((view) => id === view.command && (view.isThere?.() ?? !view.isThere)),
  progress: (text) => ($("count").textContent = text || counted()),
  dropped(id) {
    this.feed.drop(id);
    this.marks.delete(id);
    changed();
  },
};

let actions, keys, list, watching, listening, outdated = true;

async function start() {
  onAsk(pressEarlyKeys);
  onToken((why) => askText(why, "Token", "password"));
  const { slug, filter } = place();
  listen(slug === "messages" ? filter : ""); // asks at once, beside the words
  app.words = await get("/_dev/words");
  app.views = makeViews(app);
  actions = makeActions(app);
  keys = byKey(app.words);
  list = new List($("rows"), { cursor: clicked, touch: touched, end: loadMore });
  drawTools();
  window.addEventListener("hashchange", read);
  document.addEventListener("keydown", pressed);
  document.addEventListener("visibilitychange", seen);
  $("filter").addEventListener("input", typed);
  $("narrow").addEventListener("submit", (event) => (event.preventDefault(), typed.now(), $("rows").focus()));
  $("follow").addEventListener("click", follow);
  read();
  setInterval(() => !document.hidden && list.draw(), 1000);
}

// The address: #/VIEW/ID?filter=...

function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [slug, id] = path.split("/").map(decoded);
  return { slug: slug || "messages", id: id || null, filter: new URLSearchParams(query).get("filter") ?? "" };
}

function read() {
  const { slug, id, filter } = place();
  const view = app.views.find((one) => one.slug === slug) ?? app.views[0];
  if (view !== app.view || filter !== app.filter) show(view, filter);
  choose(id, { hold: id !== null });
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function address({ view = app.view, id = app.chosen, filter = app.filter } = {}) {
  const path = view.live && !id ? "" : view.slug + (id ? `/${part(id)}` : "");
  return `#/${path}${filter ? `?filter=${part(filter)}` : ""}`;
}

function go(place) {
  history.pushState(null, "", place);
  read();
}

function write() {
  if (location.hash !== address()) history.replaceState(null, "", address());
}

function show(view, filter) {
  Object.assign(app, { view, filter, items: [], held: null, chosen: null, detail: null });
  app.marks.clear();
  outdated = true;
  $("filter").value = filter;
  $("filter").placeholder = view.live ? "state:failed dest:/api code:5xx …" : "what a row contains";
  complain("");
  app.feed.resume();
  list.show({
    name: view.name, columns: view.columns, at: (index) => (view.live ? app.feed.at(index) : shown()[index]),
    count: () => (view.live ? app.feed.length : shown().length), marked: (item) => app.marks.has(view.keyOf(item)),
    chosen: () => (view.live ? app.feed.indexOf(app.chosen) : shown().findIndex((item) => view.keyOf(item) === app.chosen)),
  });
  drawViews();
  if (view.live && filter !== listening) listen(filter);
  changed();
}

function shown() {
  const items = app.held ?? app.items;
  const wanted = app.filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return items;
  const holds = (text, word) => (word[0] === "-" ? !holds(text, word.slice(1)) : word.split("|").some((one) => text.includes(one)));
  return items.filter((item) => wanted.every((word) => holds(JSON.stringify(item).toLowerCase(), word)));
}

// What the server says

async function listen(filter) {
  watching?.abort();
  const { signal } = (watching = new AbortController());
  listening = filter;
  try {
    for await (const { snapshot, tick, lost, online } of watch(listening, signal)) {
      if (signal.aborted) return;
      if (lost) trouble(`${lost} Trying again …`);
      if (online || snapshot) trouble("");
      if (snapshot) app.feed.load(snapshot), (outdated = true);
      if (tick) heard(tick);
      if (snapshot || tick) present(snapshot ?? tick);
      if (snapshot) reveal();
    }
  } catch (error) {
    if (!signal.aborted) complain(error.message);
  }
}

function reveal() {
  const index = app.view?.live ? app.feed.indexOf(app.chosen) : -1;
  if (index >= 0) list.reveal(index);
}

function heard(tick) {
  app.feed.apply(tick);
  if (!app.view) return;
  const news = app.view.news?.(tick) ?? [];
  if (news.length) app.items = app.view.newestLast ? [...app.items, ...news].slice(-MOST) : [...news, ...app.items].slice(0, MOST);
  if (!app.view.live && app.view.outdated(tick)) outdated = true;
  for (const id of tick.removed) app.marks.delete(id);
  const touched = tick.rows.some((row) => [row.id, row.parent].includes(app.messageId) || (app.view.slug === "runs" && row.run === app.chosen));
  if (touched || tick.removed.includes(app.chosen)) loadDetail();
}

function present({ server, counts, resources, now }) {
  if (server.notice.number > (app.server?.notice.number ?? server.notice.number)) say(server.notice.text, { error: true });
  Object.assign(app, { server, counts, revisions: resources });
  clock.hear(now, server.clock);
  changed();
}

// At once: it is what a person did that changed it.
function outdate() {
  if (!app.view.live) fetchItems();
  loadDetail();
}

const fetches = { begun: 0, shown: 0 };

async function fetchItems() {
  const [view, mine] = [app.view, ++fetches.begun];
  outdated = false;
  const items = await guarded(view.fetch);
  if (!items || view !== app.view || mine < fetches.shown) return; // a later one may be there already
  [app.items, fetches.shown] = [items, mine];
  if (app.held) app.held = items;
  if (app.chosen) loadDetail();
  changed();
}

let loading = null;

async function loadMore() {
  const cursor = app.feed.cursor;
  if (!app.view.live || !cursor || loading === cursor) return;
  loading = cursor;
  const page = await guarded(() => get(`/_dev/messages?limit=2000&cursor=${part(cursor)}&filter=${part(app.filter)}`));
  if (page && cursor === app.feed.cursor) app.feed.extend(page);
  loading = null;
  changed();
}

function seen() {
  clearTimeout(seen.timer);
  if (document.hidden) seen.timer = setTimeout(sleep, HIDDEN_MS);
  else if (seen.asleep) (seen.asleep = clearInterval(seen.asleep)), listen(listening);
}

function sleep() {
  watching?.abort();
  const look = async () => present(await get("/_dev/snapshot?limit=1").catch(() => app));
  seen.asleep = setInterval(look, HIDDEN_MS);
}

// What is on the screen

// At once after a time of rest, else at most so often.
function seldom(ms, act) {
  let timer, last = -ms;
  const now = () => {
    [timer, last] = [null, performance.now()];
    act();
  };
  return () => (timer ??= setTimeout(now, last + ms - performance.now()));
}

const changed = seldom(FRAME_MS, frame);
const refresh = seldom(FETCH_MS, fetchItems);

function frame() {
  if (!app.server || !app.view) return;
  if (!app.view.live && outdated) refresh();
  drawTitle();
  if (document.hidden) return;
  drawStatus();
  drawCounts();
  drawList();
}

function drawTools() {
  const button = (id, text) => h("button", { onclick: () => run(id), title: app.words.commands.find((one) => one.id === id).help, "data-command": id }, text);
  fill($("tools"), button("message.send", "Send"), button("server.pause", "Pause"), button("server.clock", "Clock"), button("server.skip", "Skip"),
    button("server.faults", "Faults"), button("list.clear", "Clear"), button("undo", "Undo"), button("help", "?"));
}

function drawViews() {
  fill($("views"), app.views.map((view) => h("a", { href: `#/${view.live ? "" : view.slug}`, "aria-current": view === app.view && "page" }, h("kbd", {}, view.key), ` ${view.name} `, h("span", { class: "note", "data-note": view.name }))));
  drawCounts();
}

const counted = () => {
  if (!app.view.live) return `${shown().length}`;
  return app.filter ? `${app.feed.total} of ${app.counts?.messages ?? ""}` : `${app.feed.total}`;
};

function drawCounts() {
  if (!app.counts) return;
  for (const view of app.views) {
    const note = document.querySelector(`[data-note="${view.name}"]`);
    note.parentElement.hidden = view.isThere && !view.isThere();
    setText(note, view.count ? view.count(app.counts) : "");
  }
  setText($("count"), counted());
}

function setText(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

function drawStatus() {
  const { server, counts } = app;
  const { mode, scale, offset_ms: offset } = server.clock;
  const unreal = mode !== "real" || offset !== 0;
  const time = (mode === "scaled" ? `${scale}x` : mode) + (offset ? ` ${offset > 0 ? "+" : "-"}${span(Math.abs(offset))}` : "");
  const up = { true: ["● up", "success"], false: ["○ down", "error"], null: ["◌ unknown", "muted"] }[server.app.up];
  const ended = server.app.process?.state !== "running" && server.app.process;
  const bit = (name, text, role) => h("span", {}, h("span", { class: "muted" }, `${name} `), h("span", { class: role }, text));
  const failed = (name, count, filter) => h("a", { href: `#/?filter=${filter}` }, bit(name, count, count ? "error" : ""));
  const made = [
    h("span", {}, server.url.replace("http://", "")), server.paused && h("strong", {}, "‖ PAUSED"), server.warning && h("strong", {}, `! ${server.warning}`),
    bit("app", `${server.app.url.replace(/^https?:\/\/(localhost|127\.0\.0\.1)?/, "")} ${up[0]}`, up[1]),
    ended && h("strong", {}, `✗ ${ended.why ?? ended.state}`), bit("clock", time, unreal ? "warning" : ""),
    server.tunnel.state !== "off" && bit("tunnel", server.tunnel.url ?? server.tunnel.state, server.tunnel.state === "online" ? "success" : "warning"),
    server.tunnel.refused > 0 && bit("refused", server.tunnel.refused, "warning"),
    failed("held", counts.held, "state:held"), failed("failed", counts.failed, "state:failed"), server.faults > 0 && bit("faults", server.faults, "warning"),
    server.auto_replay !== "off" && bit("auto-replay", server.auto_replay, "accent"), bit("zone", zone, ""),
  ].filter(Boolean);
  const text = made.map((one) => one.textContent).join();
  if ($("status").dataset.text === text) return;
  $("status").dataset.text = text;
  fill($("status"), made);
  document.body.classList.toggle("alarming", unreal || server.faults > 0 || counts.held > 0 || server.paused);
  setText(document.querySelector('[data-command="server.pause"]'), server.paused ? "Resume" : "Pause");
}

function drawTitle() {
  const { failed } = app.counts;
  const title = `${failed ? `(${failed} failed) ` : ""}qstash-dev :${app.server.port} (local)`;
  if (document.title === title) return;
  document.title = title;
  const badge = failed ? '<circle cx="24" cy="8" r="8" fill="#d33"/>' : "";
  const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#00a56a"/><path d="M8 9h16M8 16h11M8 23h6" stroke="#fff" stroke-width="3.5"/>${badge}</svg>`;
  document.querySelector('link[rel="icon"]').href = `data:image/svg+xml,${encodeURIComponent(icon)}`;
}

function drawList() {
  const { feed, view } = app;
  const unseen = view.live ? feed.unseen : 0;
  const follows = view.live ? feed.follow : !app.held;
  $("follow").hidden = !(view.live || view.news);
  $("follow").setAttribute("aria-pressed", follows);
  setText($("follow"), unseen ? `↑ ${unseen} new` : "Follow");
  const nothing = !(view.live ? feed.length : shown().length);
  if (nothing && $("empty").dataset.for !== view.name + app.filter) fill($("empty"), emptyWords());
  $("empty").dataset.for = nothing ? view.name + app.filter : "";
  $("empty").hidden = !nothing;
  $("rows").classList.toggle("nothing", nothing);
  if (follows && view.newestLast) list.reveal(shown().length - 1);
  else if (view.live && feed.follow) list.top();
  list.draw();
  drawMarks();
}

function emptyWords() {
  if (app.filter) return [h("p", {}, `Nothing matches ${app.filter}`), h("p", { class: "muted" }, "Escape clears the filter.")];
  if (!app.view.live) return h("p", { class: "muted" }, app.view.isThere?.() === null ? app.view.absent : app.view.empty);
  return [h("p", { class: "warning" }, "◌ waiting for the first publish …"), h("pre", { tabindex: 0, class: "quick" }, app.words.quick_start), h("button", { onclick: () => run("message.copy") }, "Copy")];
}

function drawMarks() {
  const count = app.marks.size;
  $("marked").hidden = !count;
  const ids = app.view.live ? ["message.replay", "message.run", "message.cancel", "message.arm", "message.delete", ...(count === 2 ? ["message.diff"] : []), "message.unmark"] : ["message.replay", "message.delete", "message.unmark"];
  if ($("marked").dataset.count !== String(count)) fill($("marked"), h("span", {}, `${count} marked `), buttons(ids));
  $("marked").dataset.count = count;
}

const buttons = (ids) => ids.map((id) => {
  const { hint, help, keys: key } = app.words.commands.find((one) => one.id === id);
  const word = id === "message.replay" && { runs: "Resume", dlq: "Retry" }[app.view.slug];
  return h("button", { onclick: () => run(id), title: `${help} (${key})`, "data-command": id }, word || hint);
});

// The detail

let request = 0;

async function loadDetail() {
  const [mine, id] = [++request, app.messageId];
  if (!app.chosen) return drawDetail(null);
  if (!id && app.view.slug !== "runs") return drawDetail(app.item ?? null);
  const path = id ? `/_dev/messages/${part(id)}${app.reveal ? "?reveal=1" : ""}` : `/_dev/workflows/${part(app.chosen)}`;
  try {
    const detail = await get(path);
    if (mine === request) drawDetail(detail);
  } catch (error) {
    if (mine === request) drawDetail(null, error.message);
  }
}

function drawDetail(detail, sorry) {
  const pane = $("detail");
  const same = pane.dataset.for === `${app.view.slug}/${app.chosen}/${app.tab}`;
  pane.hidden = !app.chosen;
  document.body.classList.toggle("reading", Boolean(app.chosen));
  const before = app.detail;
  app.detail = detail;
  if (!app.chosen || (same && detail && JSON.stringify(detail) === JSON.stringify(before))) return;
  const [top, open] = [pane.querySelector(".page")?.scrollTop ?? 0, pane.contains(document.activeElement)];
  pane.dataset.for = `${app.view.slug}/${app.chosen}/${app.tab}`;
  const page = h("div", { class: "page", tabindex: 0, role: "region", "aria-label": "What is known of it" }, sorry ? h("p", { class: "error" }, sorry) : detail ? pageOf(detail) : "");
  fill(pane, h("header", {}, h("button", { class: "back", onclick: back, "aria-label": "Back to the list" }, "←"), h("h2", {}, app.chosen), h("div", { class: "verbs", role: "toolbar", "aria-label": "What can be done" }, detail && buttons(verbs(detail)))),
    detail?.row && !detail.steps && tabs(), page);
  if (same) page.scrollTop = top;
  if (same && open) page.focus();
}

function pageOf(detail) {
  if (detail.steps) return runPage(detail, app.words);
  return app.messageId ? PAGES[app.tab]({ detail, words: app.words }) : thingPage(app.view, detail);
}

function verbs(detail) {
  if (detail.steps) {
    if (detail.row.state !== "RUN_STARTED") return ["message.replay", "run.restart", "message.copy"];
    return ["message.run", "run.notify", "message.cancel", "message.copy"];
  }
  if (!app.messageId) return app.view.verbs ?? [];
  const finished = ["delivered", "failed", "canceled"].includes(detail.row.state);
  const acting = finished ? ["message.replay", "message.edit", "message.delete"] : detail.row.state === "active" ? ["message.cancel"] : ["message.run", "message.cancel", "message.edit"];
  const compared = detail.row.kind === "replay" || detail.attempts.length > 1 ? ["message.diff"] : [];
  return [...acting, ...compared, "message.arm", "message.copy", "message.fixture", "server.faults", "detail.reveal"];
}

function tabs() {
  return h("div", { role: "tablist", "aria-label": "Pages" }, Object.keys(PAGES).map((name) =>
    h("button", { role: "tab", "aria-selected": String(name === app.tab), tabindex: name === app.tab ? 0 : -1, onclick: () => turnTo(name) }, name)));
}

function turnTo(name) {
  app.tab = name;
  if (app.detail) drawDetail(app.detail);
  $("detail").querySelector('[aria-selected="true"]')?.focus();
}

function turn(by) {
  const names = Object.keys(PAGES);
  turnTo(names[(names.indexOf(app.tab) + by + names.length) % names.length]);
}

function toggleReveal() {
  app.reveal = !app.reveal;
  loadDetail();
}

// What the person does

async function guarded(act) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error);
    say(error.message, { error: true });
    return undefined;
  }
}

// Keys that are pressed while an action is about to ask something are for what it asks.
const early = { actions: 0, keys: [] };

async function run(id) {
  const view = app.views.find((one) => one.command === id);
  if (view) return go(address({ view, id: null, filter: "" }));
  early.actions++;
  await guarded(actions[id]);
  early.actions--;
  return pressEarlyKeys();
}

function pressEarlyKeys() {
  for (const key of early.keys.splice(0)) document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}

function choose(id, { hold = true } = {}) {
  if (hold) halt();
  const other = id !== app.chosen;
  app.chosen = id;
  write();
  if (other) {
    app.detail = null;
    loadDetail();
  }
  changed();
}

function halt() {
  if (app.view.live) app.feed.hold();
  else if (app.view.news) app.held ??= app.items;
}

function clicked(index, event) {
  const item = app.view.live ? app.feed.at(index) : shown()[index];
  if (!item) return;
  choose(app.view.keyOf(item));
  if (event.ctrlKey || event.metaKey) mark();
}

function touched(top) {
  if (top <= 0 && app.view.live && !app.feed.follow && !app.chosen) return follow();
  halt();
  changed();
}

function follow() {
  app.feed.resume();
  app.held = null;
  if (!app.view.newestLast) list.top();
  changed();
}

function move(by) {
  const count = app.view.live ? app.feed.length : shown().length;
  if (!count) return;
  halt();
  const at = app.view.live ? app.feed.indexOf(app.chosen) : shown().findIndex((item) => app.view.keyOf(item) === app.chosen);
  const index = Math.max(0, Math.min(count - 1, at < 0 ? (by > 0 ? Math.min(by - 1, count - 1) : 0) : at + by));
  const item = app.view.live ? app.feed.at(index) : shown()[index];
  app.chosen = app.view.keyOf(item);
  list.reveal(index);
  write();
  clearTimeout(move.timer);
  move.timer = setTimeout(loadDetail, 60);
  changed();
}

function mark() {
  if (!app.chosen || !(app.view.live || app.view.slug === "dlq")) return;
  if (!app.marks.delete(app.chosen)) app.marks.add(app.chosen);
  move(1);
}

function markAll() {
  const listed = app.view.live ? app.feed.order : app.view.slug === "dlq" ? shown() : [];
  const all = app.marks.size === listed.length;
  app.marks.clear();
  if (!all) for (const item of listed) app.marks.add(app.view.keyOf(item));
  changed();
}

function toggleFilter(text) {
  const view = app.views.find((one) => one.live);
  go(address({ view, id: null, filter: app.view.live && app.filter === text ? "" : text }));
}

function unmark() {
  app.marks.clear();
  changed();
}

function back() {
  if (app.chosen) choose(null, { hold: false });
  else if (app.filter) go(address({ filter: "" }));
  $("rows").focus();
}

function pressed(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || isAsking()) return;
  if (target.matches("input, textarea, select")) return void (key === "Escape" && target.id === "filter" && (target.value ? ((target.value = ""), typed.now()) : $("rows").focus()));
  if (early.actions) return void (event.preventDefault(), early.keys.push(key));
  const reading = $("detail").contains(target) || target.matches("button, a, summary");
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: list.page, PageUp: -list.page };
  const step = { j: 1, k: -1, End: 1e9, Home: -1e9 }[key] ?? (reading ? undefined : steps[key]);
  if (target.role === "tab" && (key === "ArrowLeft" || key === "ArrowRight")) turn(key === "ArrowLeft" ? -1 : 1);
  else if (step) move(step);
  else if (key === "g") follow();
  else if (key === "G") move(1e9);
  else if (key === "Enter" && target === $("rows")) $("detail").querySelector(".page")?.focus();
  else if (!keys.has(key) || (reading && (key === " " || key === "Enter"))) return;
  else if (app.can(keys.get(key))) run(keys.get(key));
  event.preventDefault();
}

function typed() {
  complete();
  clearTimeout(typed.timer);
  typed.timer = setTimeout(typed.now, TYPING_MS);
}

typed.now = () => {
  clearTimeout(typed.timer);
  const filter = $("filter").value.trim();
  if (filter === app.filter) return;
  history.replaceState(null, "", address({ id: null, filter }));
  const kept = $("filter").value;
  show(app.view, filter);
  $("filter").value = kept;
};

// What the word under way could become, each as the whole line: so a datalist wants it.
function complete() {
  const [, before, word] = $("filter").value.match(/^(.*\s|)(\S*)$/s);
  const [, minus, key, , value] = word.match(/^(-?)([^:]*)(:(.*))?$/s);
  const known = app.words.filter.keys;
  const seenValues = { queue: (row) => row.queue, label: (row) => row.labels, group: (row) => row.topic, run: (row) => row.run, dest: (row) => row.url };
  const last = value?.split("|").at(-1);
  const offered = value === undefined ? Object.keys(known).map((name) => `${name}:`) : known[key]?.length ? known[key] : seenValues[key] ? [...new Set(app.feed.order.slice(-500).flatMap(seenValues[key]))].filter(Boolean) : [];
  const start = value === undefined ? before + minus : before + minus + word.slice(minus.length, word.length - last.length);
  const fits = offered.filter((text) => text.startsWith(value === undefined ? key : last)).slice(0, 20);
  fill($("completions"), app.view.live ? fits.map((text) => h("option", { value: start + (/[\s"|]/.test(text) ? JSON.stringify(text) : text) })) : []);
}

function complain(text) {
  fill($("complaint"), text);
}

function trouble(text) {
  $("trouble").hidden = !text;
  fill($("trouble"), text);
}

start().catch((error) => trouble(error.message));
