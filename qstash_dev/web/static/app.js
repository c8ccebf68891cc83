// The page: what is chosen, what is shown, and what keys and clicks do. The address tells all of that, so
// that a link leads everybody to the same place.

import { $, clock, fill, h, keysOf, part, renew, seldom } from "./dom.js";
import { buttons, counted, drawAround, drawHead, drawTitle } from "./head.js";
import { Items, List } from "./list.js";
import { get, onToken, Refused, watch } from "./server.js";
import { below, makeViews } from "./views.js";

const TOOLS = [
  ...["message.send", "server.pause", "server.clock", "server.skip", "server.faults"],
  ...["list.clear", "undo", "help"],
];
const FRAME_MS = 200;
// After so many ticks of so many events each, and no touch between them, nobody reads them one by one, and
// whoever publishes needs the processor: from then on frames are drawn more seldom, and who is away looks at the
// newest once in a while. Each look holds up publishes for some milliseconds, with one a second a hundredth of
// them. As in the terminal UI it takes half a second.
const [UNREAD, MANY, UNREAD_MS, AWAY_MS] = [5, 10, 500, 2000];
const FETCH_MS = 500;
const TYPING_MS = 200;
const REST_MS = 300;
const HIDDEN_MS = 30000; // a browser has few connections to a server: tabs in the back give theirs away

const app = {
  feed: new Items({ live: true, seq: "seq", keyOf: (row) => row.id }),
  words: null, seq: 0, server: null, status: null, counts: null, revisions: {},
  views: [], view: null, source: null, filter: "", chosen: null, about: null, page: "Overview", reveal: false,
  marks: new Set(),
  // What is chosen: the row of its message or run, or the thing itself.
  get row() {
    const found = this.chosen && subject(this.chosen);
    return found?.row ?? found;
  },
  get item() {
    return this.source.find(this.chosen);
  },
  get id() {
    return this.item?.id ?? this.chosen;
  },
  get messageId() {
    if (!this.chosen) return null;
    return this.view.live ? this.chosen : this.item && this.view.message?.(this.item);
  },
  run, subject, guarded, follow, mark, markAll, unmark, toggleFilter, back, toggleReveal, outdate, loadDetail,
  below: (url) => below(url, app.server?.app.url ?? ""),
  turn: (by) => pane.turn(by),
  buttons: (ids) => buttons(app, ids),
  can: (id) => !actions || Boolean(actions[id]) || app.views.some((view) => id === view.command && view.isThere()),
  progress: (text) => ($("count").textContent = text || counted(app)),
  dropped(keys, place) {
    this.feed.drop(keys);
    for (const key of keys) this.marks.delete(key);
    if (keys.includes(this.chosen)) chooseAt(place);
    changed();
  },
};

// What is known of what has a key: that at least.
function subject(key) {
  return app.source.find(key) ?? ((key === app.chosen && app.about?.row) || { [app.view.by]: key });
}

let actions, pane, keys, list, watching, listening, outdated = true;

// What a list needs not: it is fetched when the first is there, or with the first row or order.
async function loadRest() {
  const [{ makeActions }, { makePane }] = await Promise.all([import("./actions.js"), import("./detail.js")]);
  actions ??= makeActions(app);
  pane ??= makePane(app);
}

async function start() {
  setTimeout(uncover, REST_MS); // who waits for longer sees that there is something to wait for
  onToken(async (why) => (await import("./dialogs.js")).askText(why, "Token", "password"));
  const { slug, filter } = place();
  listen(slug === "messages" ? filter : ""); // asks at once, beside the words
  app.words = await get("/_dev/words");
  app.views = makeViews(app);
  keys = new Map(app.words.commands.flatMap(({ id, keys: names }) => keysOf(names).map((name) => [name, id])));
  list = new List($("rows"), { cursor: clicked, mark: boxed, touch: touched, end: loadMore });
  fill($("tools"), app.buttons(TOOLS));
  window.addEventListener("hashchange", read);
  for (const touch of ["keydown", "pointerdown", "wheel"]) {
    document.addEventListener(touch, attended, { capture: true, passive: true });
  }
  document.addEventListener("keydown", pressed);
  document.addEventListener("asked", pressEarlyKeys);
  document.addEventListener("visibilitychange", seen);
  $("filter").addEventListener("input", typed);
  $("narrow").addEventListener("submit", (event) => (event.preventDefault(), narrow(), $("rows").focus()));
  $("follow").addEventListener("click", follow);
  read();
  setInterval(() => !document.hidden && !reader.isAway && list.draw(), 1000);
  setTimeout(() => loadRest().then(changed, () => {}), REST_MS);
}

const uncover = () => document.body.removeAttribute("aria-busy");

// The address: #/VIEW/ID?filter=...

function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  // As in a query, where what is no escape stays as it is.
  const [slug, id] = path.split("/").map((text) => new URLSearchParams(`id=${text}`).get("id"));
  return { slug: slug || "messages", id: id || null, filter: new URLSearchParams(query).get("filter") ?? "" };
}

function read() {
  const { slug, id, filter } = place();
  const view = app.views.find((one) => one.slug === slug) ?? app.views[0];
  const isOther = view !== app.view || filter !== app.filter;
  if (isOther) show(view, filter);
  choose(id, isOther);
}

function address({ view = app.view, id = app.chosen, filter = app.filter } = {}) {
  const path = view.live && !id ? "" : view.slug + (id ? `/${part(id)}` : "");
  return `#/${path}${filter ? `?filter=${part(filter)}` : ""}`;
}

function go(place, how = "pushState") {
  history[how](null, "", place);
  read();
}

function write() {
  if ((location.hash || "#/") !== address()) history.replaceState(null, "", address());
}

function show(view, filter) {
  const source = view.live ? app.feed : new Items(view, filter);
  Object.assign(app, { view, filter, source, chosen: null, about: null });
  app.marks.clear();
  fetches.asked.clear();
  outdated = true;
  if ($("filter").value.trim() !== filter) $("filter").value = filter;
  $("filter").placeholder = view.live ? "state:failed dest:/api code:5xx …" : "what a row contains";
  complain("");
  app.source.resume();
  list.show({
    name: view.name, columns: view.columns, at: (index) => app.source.at(index), count: () => app.source.length,
    marked: (item) => app.marks.has(view.keyOf(item)), chosen: () => app.source.indexOf(app.chosen),
  });
  if (view.live && filter !== listening) listen(filter);
  if (app.server) draw.now();
}

// What the server says

async function listen(filter) {
  watching?.abort();
  const { signal } = (watching = new AbortController());
  listening = filter;
  try {
    for await (const { snapshot, tick, lost, online } of watch(listening, signal, reader)) {
      await ready;
      if (signal.aborted) return;
      if (lost) trouble(`${lost} Trying again …`);
      if (online || snapshot) trouble("");
      if (snapshot) app.feed.load(snapshot), (outdated = true);
      if (snapshot?.seq < app.seq + UNREAD * MANY) unread = 0;
      app.seq = (snapshot ?? tick ?? app).seq;
      if (tick) heard(tick);
      if (snapshot || tick) present(snapshot ?? tick);
      if (snapshot) draw.now();
      if (snapshot && app.view.live) list.reveal(app.feed.indexOf(app.chosen));
    }
  } catch (error) {
    if (!signal.aborted) complain(error.message);
  }
}

const complain = (text) => fill($("complaint"), text);
const trouble = (text) => renew($("trouble"), text);
const say = (...said) =>
  import("./dialogs.js").then(({ say }) => say(...said), (error) => trouble(error.message));

function heard(tick) {
  app.feed.apply(tick);
  unread = tick.events.length < MANY ? 0 : unread + 1;
  const news = app.view.news?.(tick) ?? [];
  app.source.add(news);
  for (const meanwhile of fetches.asked) meanwhile.push(...news);
  if (!app.view.live && app.view.outdated(tick)) outdated = true;
  for (const id of tick.removed) app.marks.delete(id);
  const ofRun = (row) => app.view.slug === "runs" && row.run === app.id;
  const isTouched = (row) => [row.id, row.parent].includes(app.messageId) || ofRun(row);
  if (!app.chosen) return;
  if (tick.rows.some(isTouched) || tick.removed.includes(app.chosen)) loadDetail();
}

function present({ server, status, counts, resources, now }) {
  const heardOf = app.server?.notice.number ?? server.notice.number;
  if (server.notice.number > heardOf) say(server.notice.text, { error: !server.notice.good });
  const isMoved = app.server && JSON.stringify(app.server.app) !== JSON.stringify(server.app);
  Object.assign(app, { server, status, counts, revisions: resources });
  clock.hear(now, server.clock);
  if (isMoved && app.messageId) loadDetail(); // what is held tells what it waits for
  changed();
}

// At once: it is what a person did that changed it.
function outdate() {
  if (app.view.live) loadDetail();
  else fetchItems();
}

// Of each one under way, what came since it was asked for: the answer may be older.
const fetches = { begun: 0, shown: 0, asked: new Set() };

async function fetchItems() {
  const [view, mine, meanwhile] = [app.view, ++fetches.begun, []];
  outdated = false;
  fetches.asked.add(meanwhile);
  const items = await guarded(view.fetch);
  fetches.asked.delete(meanwhile);
  if (!items || view !== app.view || mine < fetches.shown) return; // a later one may be there already
  fetches.shown = mine;
  const place = app.source.indexOf(app.chosen);
  app.source.load({ rows: items });
  app.source.add(meanwhile);
  if (place >= 0 && !app.item) chooseAt(place);
  else if (app.chosen) loadDetail();
  changed();
}

let loading = null;

async function loadMore() {
  const cursor = app.feed.cursor;
  if (!app.view.live || !cursor || loading === cursor) return;
  loading = cursor;
  const path = `/_dev/messages?limit=2000&cursor=${part(cursor)}&filter=${part(app.filter)}`;
  const page = await guarded(() => get(path));
  if (page && cursor === app.feed.cursor) app.feed.extend(page);
  loading = null;
  changed();
}

function seen() {
  clearTimeout(seen.timer);
  if (document.hidden) seen.timer = setTimeout(sleep, HIDDEN_MS);
  else if (seen.asleep) (seen.asleep = clearInterval(seen.asleep)), listen(listening);
  else changed();
}

function sleep() {
  watching?.abort();
  const look = async () => present(await get("/_dev/snapshot?limit=1").catch(() => app));
  seen.asleep = setInterval(look, HIDDEN_MS);
}

// What is on the screen

let unread = 0;
const draw = seldom(() => (unread < UNREAD ? FRAME_MS : UNREAD_MS), frame);
const changed = () => app.server && draw(); // else the first would be one that shows nothing
const refresh = seldom(() => FETCH_MS, fetchItems);

// Who has chosen, marked or scrolled to something has not all replaced by what is new.
const reader = {
  comes: () => {},
  get isAway() {
    return unread >= UNREAD && app.view.live && app.feed.follow && !app.chosen && !app.marks.size;
  },
  // Whether they were before it was time to look.
  isBack() {
    return new Promise((tell) => (setTimeout(tell, AWAY_MS, false), (this.comes = () => tell(true))));
  },
};

// Somebody is there: what they do is drawn as soon as it is done.
function attended() {
  if (unread >= UNREAD) setTimeout(draw.now);
  unread = 0;
  reader.comes();
}

function frame() {
  const { source, view } = app;
  if (!view.live && outdated) refresh();
  if (pane) drawTitle(app); // which the first list need not wait for
  uncover();
  if (document.hidden) return;
  drawHead(app);
  drawAround(app);
  if (source.follow && view.newestLast) list.reveal(source.length - 1);
  else if (source.follow && view.live) list.scrollTo(0);
  list.draw();
}

// The detail

let request = 0;

async function loadDetail() {
  const [mine, id] = [++request, app.messageId];
  const isOlder = app.view.told && app.chosen?.includes("/"); // of the runs of its id
  const isUnknown = (app.view.message && !id) || (isOlder && !app.item); // not fetched yet, or gone
  if (!app.chosen || isUnknown) return void ($("detail").hidden = true);
  const of = id ? `messages/${part(id)}` : `${app.view.noun}/${part(app.id)}`;
  const { user = "", created_at = "" } = app.item ?? {};
  const how = new URLSearchParams({ page: app.page, reveal: Number(app.reveal), user, created_at });
  try {
    const asked = app.view.about?.(app.item) ?? get(`/_dev/about/${of}?${how}`);
    const [about] = await Promise.all([asked, actions || loadRest()]);
    if (mine === request) pane.draw(about, `/_dev/${of}`);
  } catch (error) {
    if (mine !== request) return;
    if (pane) pane.draw(null, "", error.message);
    else say(error.message, { error: true });
  }
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
  await guarded(() => loadRest().then(() => actions[id]?.()));
  early.actions--;
  return pressEarlyKeys();
}

function pressEarlyKeys() {
  for (const key of early.keys.splice(0)) {
    const field = document.activeElement;
    if (key === "Enter" && field.matches("button")) field.click();
    else if (key.length > 1 || !field.matches("input, textarea")) {
      field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    } else {
      field.setRangeText(key, field.selectionStart, field.selectionEnd, "end");
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
  }
}

// In another list the same id is of something else.
function choose(id, isOtherList = false) {
  if (id !== null) app.source.hold();
  const isOther = isOtherList || id !== app.chosen;
  app.chosen = id;
  write();
  if (isOther) {
    app.about = null;
    loadDetail();
  }
  changed();
}

// What stands now where the chosen one did, that is gone.
function chooseAt(place) {
  const next = app.source.at(Math.min(place, app.source.length - 1));
  choose(next ? app.view.keyOf(next) : null);
}

function clicked(item, event) {
  choose(app.view.keyOf(item));
  if (event.ctrlKey || event.metaKey) mark();
}

function touched(top) {
  if (top <= 0 && app.view.live && !app.feed.follow && !app.chosen) return follow();
  app.source.hold();
  changed();
}

function follow() {
  app.source.resume();
  if (!app.view.newestLast) list.scrollTo(0);
  changed();
}

function move(by) {
  const count = app.source.length;
  if (!count) return;
  app.source.hold();
  const at = app.source.indexOf(app.chosen);
  const from = at >= 0 ? at : app.view.newestLast ? count : -1; // beside the newest
  const index = Math.max(0, Math.min(count - 1, from + by));
  app.chosen = app.view.keyOf(app.source.at(index));
  list.reveal(index);
  write();
  clearTimeout(move.timer);
  move.timer = setTimeout(loadDetail, 60);
  changed();
}

function mark() {
  if (!app.chosen || !app.view.many) return;
  toggleMark(app.chosen);
  move(1);
}

function toggleMark(key) {
  app.source.hold();
  if (!app.marks.delete(key)) app.marks.add(key);
  changed();
}

// The box before a row, for those who have no space bar; the one above them is for all.
const boxed = (item) => (item ? toggleMark(app.view.keyOf(item)) : markAll());

function markAll() {
  const listed = app.view.many ? app.source.order : [];
  const all = app.marks.size === listed.length;
  app.marks.clear();
  if (!all) for (const item of listed) app.marks.add(app.view.keyOf(item));
  changed();
}

function toggleFilter(text) {
  const isOn = app.view.live && app.filter === text;
  go(address({ view: app.views[0], id: null, filter: isOn ? "" : text }));
}

function unmark() {
  app.marks.clear();
  changed();
}

function back() {
  if (app.chosen) choose(null);
  else if (app.filter) go(address({ filter: "" }));
  $("rows").focus();
}

function pressed(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const isLeft = target.closest("dialog"); // closed, and yet to be removed
  if (target.matches("input, textarea, select") && !isLeft) {
    if (key === "Escape" && target.id === "filter") leaveFilter(target);
    return;
  }
  if (early.actions) return void (event.preventDefault(), early.keys.push(key));
  const reading = $("detail").contains(target) || target.matches("button, a, summary");
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: list.page, PageUp: -list.page };
  const step = { j: 1, k: -1, End: 1e9, Home: -1e9 }[key] ?? (reading ? undefined : steps[key]);
  if (target.role === "tab" && (key === "ArrowLeft" || key === "ArrowRight")) app.turn(key === "ArrowLeft" ? -1 : 1);
  else if (step) move(step);
  else if (key === "g") follow();
  else if (key === "G") move(1e9);
  else if (key === "Enter" && target === $("rows")) $("detail").querySelector(".page")?.focus();
  else if (!keys.has(key) || (reading && (key === " " || key === "Enter"))) return;
  else if (app.can(keys.get(key))) run(keys.get(key));
  event.preventDefault();
}

function leaveFilter(field) {
  if (!field.value) return $("rows").focus();
  field.value = "";
  return narrow();
}

async function typed() {
  clearTimeout(typed.timer);
  typed.timer = setTimeout(narrow, TYPING_MS);
  const text = $("filter").value;
  const lines = app.view.live ? await get(`/_dev/completions?filter=${part(text)}`).catch(() => []) : [];
  if (text === $("filter").value) fill($("completions"), lines.map((value) => h("option", { value })));
}

function narrow() {
  clearTimeout(typed.timer);
  const filter = $("filter").value.trim();
  if (filter !== app.filter) go(address({ id: null, filter }), "replaceState");
}

const ready = start();
ready.catch((error) => trouble(error.message));
