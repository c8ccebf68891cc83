// What a person can do, by the ids of the terminal UI's commands. Each asks the server, and says how it
// went; what is shown changes when the server tells of it.

import { save } from "./body.js";
import { askText, confirm, menu, messageForm, read, say } from "./dialogs.js";
import { $, h, keysOf, part, quoted, span } from "./dom.js";
import { ask, bytes, get, publish, Refused } from "./server.js";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const drafts = new Map();
let undoable = [];

const message = (id, rest = "") => `/_dev/messages/${part(id)}${rest}`;

export function makeActions(app) {
  const targets = () => (app.view.live && app.marks.size ? [...app.marks] : app.messageId ? [app.messageId] : []);

  // One order for each: asked about when there are many, and told of with what was refused. What can be
  // undone is offered to be.
  async function each(ids, { question, order, told }) {
    if (question && ids.length > 1 && !(await confirm(`${question.replace("#", ids.length)}?`))) return;
    const [answers, refused] = [[], []];
    for (const id of ids) {
      try {
        answers.push(await order(id));
      } catch (error) {
        if (!(error instanceof Refused) || ids.length === 1) throw error;
        refused.push(error.message);
      }
      if (ids.length > 20) app.progress(`${answers.length + refused.length} of ${ids.length}`);
    }
    app.progress("");
    const many = ids.length === 1 ? "" : ` ${answers.length} of ${ids.length} messages.`;
    const what = typeof told === "string" ? told : told(answers);
    tell(what + many + (refused.length ? ` ${refused[0]}` : ""), answers);
  }

  function tell(text, answers) {
    const orders = answers.map((answer) => answer.undo).filter(Boolean);
    if (orders.length) undoable.push(orders);
    say(text, { undo: orders.length ? () => takeBack(orders) : undefined });
  }

  async function takeBack(orders) {
    undoable = undoable.filter((one) => one !== orders);
    const { restored, things } = await app.guarded(() => ask("POST", "/_dev/undo", { ids: orders }));
    const back = restored || !things.length ? [`${restored} message${restored === 1 ? "" : "s"}`] : [];
    say(`Restored ${[...things, ...back].join(" and ")}.`);
    app.outdate();
  }

  async function replay() {
    if (app.view.slug === "runs") return resume();
    if (app.view.slug === "dlq") {
      const told = (made) => (made.length === 1 ? `Retried as ${made[0].id}.` : "Retried.");
      return dead({ order: (id) => ask("POST", `/_dev/dlq/${part(id)}/retry`), told });
    }
    const ids = targets();
    if (ids.length > 1) {
      const { replayed, failed } = await ask("POST", "/_dev/replay", { ids });
      const why = failed.length ? ` ${failed[0].error}` : "";
      return say(`Replayed ${replayed.length} of ${ids.length} messages.${why}`);
    }
    if (!ids.length) return undefined;
    const { id } = await ask("POST", message(ids[0], "/replay"), {});
    return say(`Replayed as ${id}.`);
  }

  async function dead(verb) {
    await each(app.marks.size ? [...app.marks] : app.chosen ? [app.chosen] : [], verb);
    app.marks.clear();
    app.outdate();
  }

  async function edit() {
    const id = app.messageId;
    const detail = await get(message(id, "?reveal=1"));
    const asked = detail.request;
    const before = { method: asked.method, url: asked.url, headers: lines(asked.headers), body: await bodyText(id) };
    const send = async (after) => {
      const changes = {};
      for (const name of ["url", "method"]) if (after[name] !== before[name]) changes[name] = after[name];
      if (after.headers !== before.headers) changes.headers = pairs(after.headers);
      if (after.body !== null && after.body !== before.body) changes.body = after.body;
      const made = await ask("POST", message(id, "/replay"), changes);
      drafts.delete(id);
      say(`Replayed as ${made.id}.`);
    };
    keep(id, await messageForm(`Edit and replay ${id}`, drafts.get(id) ?? before, send, METHODS));
  }

  async function bodyText(id) {
    try {
      // A text field has line feeds alone: what has other ends of lines would be changed by it.
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await bytes(message(id, "/body")));
      return /[\r\0]/.test(text) ? null : text;
    } catch (error) {
      if (error instanceof Refused) throw error;
      return null;
    }
  }

  function keep(name, draft) {
    if (draft) drafts.set(name, draft), say("Kept as a draft: the next time it is there again.");
  }

  async function send() {
    const base = app.server.app.url;
    const fresh = { method: "POST", url: "/api/", headers: "Content-Type: application/json", body: "{}" };
    const go = async (draft) => {
      const headers = {};
      for (const [given, value] of pairs(draft.headers)) {
        const name = /^(upstash-|content-type)/i.test(given) ? given : `Upstash-Forward-${given}`;
        headers[name] = name in headers ? [headers[name], value].flat() : value;
      }
      const queue = Object.entries(headers).find(([name]) => name.toLowerCase() === "upstash-queue-name");
      if (queue) delete headers[queue[0]];
      const before = { "/": base, ":": "http://localhost" }[draft.url[0]] ?? "";
      headers["Upstash-Method"] = draft.method;
      const item = { destination: before + draft.url, headers, body: draft.body, queue: queue?.[1] };
      const [answer] = await publish(item, app.server.env.QSTASH_TOKEN);
      const made = [answer].flat().map((one) => one.messageId ?? one.scheduleId ?? "?");
      drafts.delete("send");
      say(`Published ${made.join(", ")}.`);
      app.follow();
    };
    const fromFile = async (file) => {
      const { headers, ...rest } = await ask("POST", "/_dev/fixtures/read", undefined, { body: file });
      return { ...rest, headers: lines(headers) };
    };
    keep("send", await messageForm("Send a message", drafts.get("send") ?? fresh, go, METHODS, fromFile));
  }

  async function runNow() {
    if (app.view.slug === "runs") return order("run", "It goes on now.");
    if (app.view.slug !== "schedules")
      return each(targets(), { order: (id) => ask("POST", message(id, "/run")), told: "Trying now." });
    const { ids } = await ask("POST", resource("/run"));
    return say(`Fired: ${ids.join(", ")}.`);
  }

  async function cancel() {
    if (app.view.slug !== "runs") {
      const order = (id) => ask("POST", message(id, "/cancel"));
      return each(targets(), { question: "Cancel # messages", order, told: "Canceled." });
    }
    return (await confirm(`Cancel the run ${app.chosen}?`)) && order("cancel", "Canceled.");
  }

  async function remove() {
    if (app.view.slug === "dlq") {
      const order = (id) => ask("DELETE", `/_dev/dlq/${part(id)}`);
      return dead({ question: "Delete # entries of the DLQ", order, told: "Deleted from the DLQ." });
    }
    if (app.view.noun) {
      if (!(await confirm(`Delete ${app.view.word} ${app.chosen}?`))) return undefined;
      tell("Deleted.", [await ask("DELETE", resource())]);
      return app.outdate();
    }
    const order = async (id) => {
      const answer = await ask("DELETE", message(id));
      app.dropped(id);
      return answer;
    };
    return each(targets(), { question: "Delete # messages", order, told: "Deleted." });
  }

  async function clear() {
    const which = app.filter ? `that match ${app.filter}` : "in the list";
    if (!(await confirm(`Delete all finished messages ${which}?`))) return;
    const answer = await ask("DELETE", `/_dev/messages${app.filter ? `?filter=${part(app.filter)}` : ""}`);
    tell(`Deleted ${answer.deleted} messages.`, [answer]);
  }

  async function arm() {
    const ids = targets();
    const armed = !ids.every((id) => (app.feed.rows.get(id) ?? app.about?.row)?.armed);
    const told = armed ? "Replayed at the next save of the app's source." : "Disarmed.";
    await each(ids, { order: (id) => ask("POST", message(id, armed ? "/arm" : "/disarm")), told });
    app.outdate();
  }

  async function copy() {
    const ofRun = async () => {
      const { payload, response } = await get(`/_dev/workflows/${part(app.chosen)}`);
      return [
        { key: "i", name: "run id", text: app.chosen },
        { key: "p", name: "payload", text: payload },
        { key: "r", name: "result", text: response },
      ].filter(({ text }) => text !== null);
    };
    const environment = [{ key: "e", name: "environment", text: app.words.quick_start }];
    const ofMessage = () => get(message(app.messageId, "/copies?reveal=1"));
    const isRun = app.view.slug === "runs" && app.chosen;
    const found = isRun ? await ofRun() : app.messageId ? await ofMessage() : environment;
    const chosen = await menu("Copy", found.map((one) => [one.key, one.name, one]));
    if (!chosen) return;
    await navigator.clipboard.writeText(chosen.text);
    say(`Copied the ${chosen.name}.`);
  }

  async function pause() {
    if (app.item && app.view.pauses) {
      const verb = app.item.isPaused ?? app.item.paused ? "resume" : "pause";
      await ask("POST", resource(`/${verb}`));
      app.outdate();
      return say(`${verb === "pause" ? "Paused" : "Resumed"} ${app.view.word} ${app.chosen}.`);
    }
    const { paused } = await ask("POST", app.server.paused ? "/_dev/resume" : "/_dev/pause");
    return say(paused ? "All deliveries are paused; p resumes." : "Deliveries go on.");
  }

  async function turn(change) {
    const { mode, offset_ms: offset } = await ask("POST", "/_dev/clock", change);
    say(`Clock: ${mode}, ${span(Math.abs(offset))} from real time.`);
  }

  async function setClock() {
    const change = await menu("Clock", app.words.clock.map(({ key, text, order: change }) => [key, text, change]));
    if (change) await turn(change);
  }

  async function skip() {
    if (app.server.clock.next_event_at === null && !app.server.paused)
      throw new Refused(0, "Nothing is due: there is no next event to skip to.");
    return turn({ skip: true });
  }

  async function faults() {
    const { faults: rules } = await get("/_dev/faults");
    const url = app.row?.url.split("?")[0];
    const made = ({ key, text, order: fault }) => [key, text, { ...fault, filter: quoted("dest", url) }];
    const choices = url ? app.words.faults.map(made) : [];
    if (rules.length) choices.push(["c", `clear all ${rules.length} faults`, "all"]);
    rules.slice(0, 6).forEach(({ id, kind, status, filter, hits }, place) => {
      const text = `remove: ${kind} ${status ?? ""} for ${filter || "everything"} (${hits} times)`;
      choices.push(["xyzuvw"[place], text, id]);
    });
    if (!choices.length) throw new Refused(0, "Select a message: faults are for its destination.");
    const chosen = await menu(`Faults ${url ?? ""}`, choices);
    if (!chosen) return undefined;
    if (typeof chosen === "object") {
      await ask("POST", "/_dev/faults", chosen);
      return say("The fault is active; f ends it.");
    }
    await ask("DELETE", `/_dev/faults${chosen === "all" ? "" : `/${part(chosen)}`}`);
    return say("The fault is gone.");
  }

  const resource = (rest = "") =>
    `/_dev/${app.view.noun}/${part(app.chosen)}${rest}?user=${part(app.item?.user ?? "")}`;
  const run = (rest) => `/_dev/workflows/${part(app.chosen)}/${rest}?created_at=${app.about?.row.created_at ?? ""}`;

  async function order(verb, told) {
    const { id } = await ask("POST", run(verb), {});
    app.outdate();
    say(told ?? `${verb === "resume" ? "Resumed" : "Restarted"} as ${id}.`);
  }

  async function resume() {
    const { state } = app.about.row;
    if (state === "RUN_STARTED") throw new Refused(0, "The run is live; n ends what it waits for, X cancels it.");
    return state === "RUN_FAILED" ? order("resume") : restart();
  }

  async function restart() {
    if (app.view.slug !== "app")
      return (await confirm(`Start ${app.chosen} once more from the start?`)) && order("restart");
    await ask("POST", "/_dev/app/restart");
    return say("The app is started again.");
  }

  async function notify() {
    const events = app.about.row.waits.map((wait) => wait.event).filter(Boolean);
    if (!events.length) throw new Refused(0, "The run waits for no event.");
    const choices = events.map((name, place) => [String(place + 1), name, name]);
    const event = events.length === 1 ? events[0] : await menu("Notify", choices);
    const body = event && (await askText(`Notify ${event}`, "Data; empty is no data"));
    if (body === null || !event) return undefined;
    await ask("POST", run("notify"), { event, body });
    return say(`Notified ${event}.`);
  }

  // All that can be done, by name and key, searched while one types; what is chosen is done.
  async function help() {
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
  }

  // Two that are marked, the older first; else what the server compares with it.
  async function diff() {
    const byAge = (one, other) => app.feed.indexOf(other) - app.feed.indexOf(one);
    const two = app.view.live && app.marks.size === 2 ? [...app.marks].sort(byAge) : ["", app.messageId];
    const parts = await get(message(two[1], `/diff?old=${part(two[0])}`));
    const told = ({ text, role }) => h("span", { class: role }, `${text}\n`);
    const difference = (found) =>
      found.length ? h("pre.diff", found.map(told)) : h("p.muted", "the same");
    await read("What differs", parts.map((one) => [h("h3", one.title), difference(one.lines)]));
  }

  async function saveFixture() {
    const file = await get(message(app.messageId, "/fixture"));
    save(file.name, file.text, "application/json");
    say(`Saved as ${file.name}, without secrets; s can send it.`);
  }

  function undo() {
    if (!undoable.length) throw new Refused(0, "There is nothing to undo.");
    return takeBack(undoable.at(-1));
  }

  return {
    "message.replay": replay, "message.edit": edit, "message.run": runNow, "message.cancel": cancel,
    "message.send": send, "message.copy": copy, "message.arm": arm, "message.delete": remove,
    "message.diff": diff, "message.fixture": saveFixture, "list.clear": clear, undo,
    "message.mark": app.mark, "message.mark_all": app.markAll, "message.unmark": app.unmark,
    "filter.trouble": () => app.toggleFilter(app.words.filter.trouble), filter: () => $("filter").focus(),
    "run.restart": restart, "run.notify": notify, follow: app.follow,
    "server.pause": pause, "server.clock": setClock, "server.skip": skip, "server.faults": faults,
    "detail.previous": () => app.turn(-1), "detail.next": () => app.turn(1), "detail.reveal": app.toggleReveal,
    "pane.zoom": () => document.body.classList.toggle("zoomed"), help, palette: help, back: app.back,
  };
}

const lines = (headers) => headers.map(([name, value]) => `${name}: ${value}`).join("\n");

function pairs(text) {
  return text.split(/\r?\n/).filter((line) => line.trim()).map((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`A header is "Name: value", not "${line.trim()}".`);
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
}
