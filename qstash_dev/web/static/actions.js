// What a person can do, by the ids of the terminal UI's commands. Each asks the server, and says how it
// went; what is shown changes when the server tells of it.

import { save } from "./body.js";
import { askText, confirm, menu, messageForm, read, say } from "./dialogs.js";
import { $, clock, duration, h, keysOf, part } from "./dom.js";
import { ask, bytes, get, publish, Refused, textOf } from "./server.js";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const drafts = new Map();
let undoable = [];

const filled = (text, values, how = String) => text.replace(/\{(\w+)\}/g, (_, name) => how(values[name] ?? ""));
const message = (id, rest = "") => `/_dev/messages/${part(selected(id, "a message"))}${rest}`;

function selected(one, what) {
  if (!one) throw new Refused(0, `Select ${what} first.`);
  return one;
}

export function makeActions(app) {
  const { orders, instead } = app.words;

  // What an order is about: the marked, else the chosen, of this view or its message; else the server.
  function meant(id) {
    const { slug } = app.view;
    const keys = app.view.many && app.marks.size ? [...app.marks] : app.chosen ? [app.chosen] : [];
    const isOfView = orders[slug]?.[id] && (keys.length || slug === "runs" || !orders.server[id]);
    if (isOfView) return [orders[slug], keys.map(app.subject)];
    if (orders.server[id]) return [orders.server, [app.server]];
    const message = { id: app.messageId, ...(app.feed.find(app.messageId) ?? app.about?.row) };
    return [orders.messages, app.messageId ? [message] : []];
  }

  function order(id) {
    const [table, subjects] = meant(id);
    if (!table[id]) return undefined;
    selected(subjects.length, table === orders.messages ? "a message" : "a row");
    const [fields, values, other] = instead[id] ?? [];
    const isOther = subjects.every((subject) => fields?.some((field) => values.includes(subject[field])));
    return give(table[isOther ? other : id], subjects);
  }

  // Asked about before, and told of with what was refused. What can be undone is offered to be.
  async function give(order, subjects) {
    const { method, path, json = {}, ask: askOne, ask_many: askMany, told, told_many: toldMany } = order;
    const [{ url, id } = {}] = subjects;
    const many = { name: app.below(url ?? id ?? ""), ...subjects[0], count: subjects.length };
    const question = many.count > 1 ? askMany : askOne;
    if (!many.count || (question && !(await confirm(filled(question, many))))) return;
    const [answers, refused, gone, place] = [[], [], [], app.source.indexOf(app.chosen)];
    for (const subject of subjects) {
      try {
        answers.push(await ask(method, filled(path, subject, part), method === "POST" ? json : undefined));
        if (method === "DELETE" && app.view.live) gone.push(subject.id);
      } catch (error) {
        if (!(error instanceof Refused) || many.count === 1) throw error;
        refused.push(error.message);
      }
      const soFar = many.count > 20 && filled(toldMany, { ...many, done: answers.length });
      if (soFar) app.progress(soFar.replace(/\.$/, " so far …"));
    }
    app.progress("");
    app.dropped(gone, place);
    if (!app.view.live) {
      app.marks.clear();
      app.outdate();
    }
    const text = filled(many.count > 1 ? toldMany : told, { ...many, ...answers[0], done: answers.length });
    tell(refused.length ? `${text} ${refused[0]}` : text, answers);
  }

  function tell(text, answers) {
    const orders = answers.map((answer) => answer.undo).filter(Boolean);
    const undo = () => app.guarded(() => takeBack(done));
    const done = { orders, close: say(text, { undo: orders.length ? undo : undefined }) };
    if (orders.length) undoable.push(done);
  }

  async function takeBack(done) {
    undoable = undoable.filter((one) => one !== done);
    done.close();
    say((await ask("POST", "/_dev/undo", { ids: done.orders })).told);
    app.outdate();
  }

  function keep(name, draft) {
    if (draft) drafts.set(name, draft), say("Kept as a draft: the next time it is there again.");
  }

  async function turn(change) {
    const before = clock.now();
    const { mode, offset_ms: offset, now } = await ask("POST", "/_dev/clock", change);
    const isNow = `Clock: ${mode}, ${duration(Math.abs(offset))} from real time.`;
    say(change.skip ? `Skipped ${duration(Math.max(0, now - before))} ahead.` : isNow);
  }

  const actions = {
    ...Object.fromEntries(Object.values(orders).flatMap(Object.keys).map((id) => [id, () => order(id)])),
    back: app.back,
    filter: () => $("filter").focus(),
    "filter.trouble": () => app.toggleFilter(app.words.filter.trouble),
    follow: app.follow,
    "message.mark": app.mark,
    "message.mark_all": app.markAll,
    "message.unmark": app.unmark,
    "detail.previous": () => app.turn(-1),
    "detail.next": () => app.turn(1),
    "detail.reveal": app.toggleReveal,
    "pane.zoom": () => document.body.classList.toggle("zoomed"),
    palette: () => actions.help(),

    "run.restart"() {
      const isElsewhere = !["runs", "app"].includes(app.view.slug);
      const { process, may_restart: mayRestart } = app.server.app;
      if (isElsewhere && process && !mayRestart)
        throw new Refused(0, "The app runs. R restarts it in view 9, a workflow run in view 8.");
      return order("run.restart");
    },

    async "message.edit"() {
      const id = app.messageId;
      const detail = await get(message(id, "?reveal=1"));
      const { method, url, headers } = detail.request;
      const lines = headers.map(([name, value]) => `${name}: ${value}`).join("\n");
      // A text field has line feeds alone: what has other ends of lines would be changed by it.
      const text = textOf(await bytes(message(id, "/body")));
      const before = { method, url, headers: lines, body: /[\r\0]/.test(text) ? null : text };
      const send = async (after) => {
        const changes = Object.fromEntries(Object.entries(after).filter(([name, value]) => value !== before[name]));
        const made = await ask("POST", message(id, "/replay"), changes);
        drafts.delete(id);
        say(`Replayed as ${made.id}.`);
      };
      keep(id, await messageForm(`Edit and replay ${id}`, drafts.get(id) ?? before, send, METHODS));
    },

    async "message.send"() {
      const fresh = { method: "POST", url: "/api/", headers: "Content-Type: application/json", body: "{}" };
      const go = async (draft) => {
        const item = await ask("POST", "/_dev/written", draft);
        const [answer] = await publish(item, app.server.env.QSTASH_TOKEN);
        const made = [answer].flat().map((one) => one.messageId ?? one.scheduleId ?? "?");
        drafts.delete("send");
        say(`Published ${made.join(", ")}.`);
        app.follow();
      };
      const fromFile = (file) => ask("POST", "/_dev/fixtures/read", undefined, { body: file });
      keep("send", await messageForm("Send a message", drafts.get("send") ?? fresh, go, METHODS, fromFile));
    },

    async "list.clear"() {
      const which = app.filter ? `that match ${app.filter}` : "in the list";
      if (!(await confirm(`Delete all finished messages ${which}?`))) return;
      const answer = await ask("DELETE", `/_dev/messages${app.filter ? `?filter=${part(app.filter)}` : ""}`);
      tell(`Deleted ${answer.deleted} messages.`, [answer]);
    },

    async "message.copy"() {
      const ofRun = app.view.slug === "runs" && app.chosen && `/_dev/workflows/${part(app.id)}/copies`;
      const path = ofRun || (app.messageId && message(app.messageId, "/copies?reveal=1"));
      const found = path ? await get(path) : [{ key: "e", name: "environment", text: app.words.quick_start }];
      const chosen = await menu("Copy", found.map((one) => [one.key, one.name, one]));
      if (!chosen) return;
      const { clipboard } = navigator; // a browser gives it to pages of this machine, or with HTTPS
      if (!clipboard) return void read(`Copy the ${chosen.name}`, h("pre.quick", chosen.text));
      await clipboard.writeText(chosen.text);
      say(`Copied the ${chosen.name}.`);
    },

    async "server.clock"() {
      const change = await menu("Clock", app.words.clock.map(({ key, text, order: change }) => [key, text, change]));
      if (change) await turn(change);
    },

    async "server.skip"() {
      if (app.server.clock.next_event_at === null && !app.server.paused)
        throw new Refused(0, "Nothing is due: there is no next event to skip to.");
      return turn({ skip: true });
    },

    async "server.faults"() {
      const url = app.row?.url ?? "";
      const choices = await get(`/_dev/faults/choices?url=${part(url)}`);
      if (!choices.length) throw new Refused(0, "Select a message: faults are for its destination.");
      const chosen = await menu(`Faults ${url}`, choices.map((one) => [one.key, one.text, one.order]));
      if (chosen) await give(chosen, [{}]);
    },

    async "run.notify"() {
      const events = selected(app.row?.waits, "a run").map((wait) => wait.event).filter(Boolean);
      if (!events.length) throw new Refused(0, "The run waits for no event.");
      const choices = events.map((name, place) => [String(place + 1), name, name]);
      const event = events.length === 1 ? events[0] : await menu("Notify", choices);
      const body = event && (await askText(`Notify ${event}`, "Data; empty is no data"));
      if (body === null || !event) return undefined;
      await ask("POST", `/_dev/workflows/${part(app.id)}/notify`, { event, body });
      return say(`Notified ${event}.`);
    },

    // All that can be done, by name and key, searched while one types; what is chosen is done.
    async help() {
      const known = app.words.commands.filter(({ id }) => app.can(id));
      const keys = (names) => keysOf(names).join(" ").trim() || "space";
      const choices = known.map((command) => [keys(command.keys), command.help, command.id]);
      const after = [
        h("p", "Move: ↑ ↓ j k, page up and down, g newest, G last; enter into the detail, escape back."),
        h("h3", "Filter"),
        app.words.filter.help.map((text) => h("p.mono", text)),
      ];
      const id = await menu("Keys and commands", choices, { search: true, after });
      if (id) await app.run(id);
    },

    // Two that are marked, the older first; else what the server compares with it.
    async "message.diff"() {
      const byAge = (one, other) => app.feed.indexOf(other) - app.feed.indexOf(one);
      const two = app.view.live && app.marks.size === 2 ? [...app.marks].sort(byAge) : ["", app.messageId];
      const parts = await get(message(two[1], `/diff?old=${part(two[0])}`));
      const told = ({ text, role }) => h("span", { class: role }, `${text}\n`);
      const difference = (found) =>
        found.length ? h("pre.diff", found.map(told)) : h("p.muted", "the same");
      await read("What differs", parts.map((one) => [h("h3", one.title), difference(one.lines)]));
    },

    async "message.fixture"() {
      const file = await get(message(app.messageId, "/fixture"));
      save(file.name, file.text, "application/json");
      say(`Saved as ${file.name}, without secrets; s can send it.`);
    },

    undo() {
      if (!undoable.length) throw new Refused(0, "Nothing to undo: nothing was deleted or canceled here.");
      return takeBack(undoable.at(-1));
    },
  };
  return actions;
}
