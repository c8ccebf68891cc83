// What each view lists: where it comes from, its columns, when it is outdated, and which page it has.
// Names, keys and the words for an empty list are the server's.

import { ago, clock, clockTime, colour, countdown, plain, span, took } from "./dom.js";
import { look, statusRole, waiting } from "./parts.js";
import { get } from "./server.js";

const column = (name, head, cell) => ({ name, head, cell });
const paused = (thing) => Boolean(thing.isPaused ?? thing.paused);
const mark = (app, keyOf) => column("mark", "☐", (item) => (app.marks.has(keyOf(item)) ? ["☑", "primary"] : ["☐", "muted"]));
const on = column("state", "STATE", (thing) => (paused(thing) ? ["‖ paused", "warning"] : ["▶ on", "success"]));
const text = (name, head, read, role = "") => column(name, head, (item) => [read(item) ?? "–", role]);
const withMessages = (tick) => tick.events.length > 0 || tick.rows.length > 0 || tick.removed.length > 0;
const renewed = (noun) => (tick, app) => tick.resources[noun] !== app.revisions[noun];

function columns(app) {
  const local = (url) => url.replace(/^http:\/\/(127\.0\.0\.1|\[::1\])(?=[:/])/, "http://localhost");
  const below = (url) => {
    const own = local(app.server?.app.url ?? "");
    return own && local(url).startsWith(`${own}/`) ? local(url).slice(own.length) : url;
  };
  const shown = (kind, name) => {
    const { symbol, word, role } = look(app.words, kind, name);
    return [`${symbol} ${word}`, role];
  };
  const status = (code) => [code ?? "–", statusRole(code)];
  const destination = (row) => {
    const kind = app.words.kinds[row.kind];
    const again = row.replays || app.feed.healed.has(row.id) ? ` ⟲${row.replays || ""}${app.feed.healed.has(row.id) ? "✓" : ""}` : "";
    return [`${kind ? `${kind} ` : ""}${below(row.url)}${again}${row.armed ? " ⚑" : ""}`, ""];
  };
  const why = (row) => {
    if (["failed", "retry", "held"].includes(row.state) && (row.hint || row.error)) return [row.hint || row.error, row.state === "failed" ? "error" : "warning"];
    if (row.state === "queued") return [`${row.queue ?? row.flow_key ? `${row.queue ?? row.flow_key}: ` : ""}${app.words.turn}`, "muted"];
    return [row.lints[0] ?? "", "accent"];
  };
  const next = (row) => (["active", "queued"].includes(row.state) || row.due_at === null ? ["–", "muted"] : [countdown(row.due_at), "accent"]);
  const tries = (row) => [row.try === 0 ? "–" : row.state === "delivered" ? row.try : `${row.try}/${row.tries}`, ""];
  return { below, shown, status, destination, why, next, tries };
}

export function makeViews(app) {
  const { below, shown, status, destination, why, next, tries } = columns(app);
  const views = {
    Messages: {
      slug: "messages", live: true, many: true, keyOf: (row) => row.id, message: (row) => row.id, count: (counts) => counts.messages,
      columns: [
        mark(app, (row) => row.id),
        column("time", "TIME", (row) => [clockTime(row.created_at), "muted"]), column("state", "STATE", (row) => shown("states", row.state)),
        column("code", "CODE", (row) => status(row.status)), column("try", "TRY", tries),
        column("ms", "MS", (row) => [row.duration_ms === null ? "–" : Math.round(row.duration_ms), "muted"]), column("next", "NEXT", next),
        column("method", "METH", (row) => [row.method, "muted"]), column("destination", "DESTINATION", destination), column("why", "WHY", why),
      ],
    },
    Schedules: {
      slug: "schedules", noun: "schedules", word: "schedule", keyOf: (thing) => thing.scheduleId, count: (counts) => counts.schedules, filter: "schedule",
      outdated: withMessages, verbs: ["message.run", "server.pause", "message.delete"],
      columns: [
        on, column("next", "NEXT", (thing) => [countdown(thing.nextScheduleTime ?? thing.next_times?.[0]), "accent"]),
        column("last", "LAST", (thing) => [thing.lastScheduleTime ? ago(thing.lastScheduleTime) : "never", "muted"]), text("cron", "CRON", (thing) => thing.cron, "accent"),
        text("destination", "DESTINATION", (thing) => below(thing.destination)), text("name", "ID", (thing) => thing.scheduleId, "muted"),
      ],
    },
    Queues: {
      slug: "queues", noun: "queues", word: "queue", keyOf: (thing) => thing.name, count: (counts) => counts.queues, filter: "queue",
      outdated: withMessages, verbs: ["server.pause", "message.delete"],
      columns: [on, text("number", "LAG", (thing) => thing.lag), text("number", "ACTIVE", (thing) => thing.active), text("number", "LIMIT", (thing) => thing.parallelism), text("name", "QUEUE", (thing) => thing.name)],
    },
    Groups: {
      slug: "groups", noun: "groups", word: "group", keyOf: (thing) => thing.name, count: (counts) => counts.groups, filter: "group", verbs: ["message.delete"],
      columns: [text("name", "GROUP", (thing) => thing.name), text("number", "SIZE", (thing) => thing.endpoints.length), text("destination", "ENDPOINTS", (thing) => thing.endpoints.map((one) => below(one.url)).join(", "))],
    },
    DLQ: {
      slug: "dlq", many: true, keyOf: (entry) => entry.dlq_id, message: (entry) => entry.row.id, count: (counts) => counts.dlq,
      fetch: async () => (await get("/_dev/dlq?limit=2000")).entries,
      outdated: (tick, app) => tick.counts.dlq !== app.counts.dlq || tick.rows.some((row) => row.dlq_id),
      columns: [
        mark(app, (entry) => entry.dlq_id),
        column("time", "TIME", (entry) => [clockTime(entry.time), "muted"]), column("code", "CODE", (entry) => status(entry.row.status)), column("try", "TRY", (entry) => tries(entry.row)),
        column("destination", "DESTINATION", (entry) => destination(entry.row)), column("why", "ERROR", (entry) => why(entry.row)),
      ],
    },
    Logs: {
      slug: "logs", keyOf: (event) => String(event.seq), message: (event) => event.id,
      fetch: async () => (await get("/_dev/logs?limit=2000")).events.reverse(), news: (tick) => tick.events.toReversed(),
      columns: [
        column("time", "TIME", (event) => [clockTime(event.time), "muted"]), column("state", "EVENT", (event) => shown("events", event.state)), column("code", "CODE", (event) => status(event.status)),
        text("destination", "DESTINATION", (event) => below(event.url)), text("why", "ERROR", (event) => event.error ?? "", "error"),
      ],
    },
    Flow: {
      slug: "flow", noun: "flow", word: "flow-control key", keyOf: (thing) => thing.flowControlKey, count: (counts) => counts.flow,
      fetch: async () => (await get("/_dev/flow")).keys, outdated: withMessages, verbs: ["server.pause", "message.delete"],
      columns: [
        on, text("number", "WAIT", (thing) => thing.waitListSize), text("number", "ACTIVE", (thing) => `${thing.parallelismCount}/${thing.parallelismMax ?? "∞"}`),
        text("rate", "RATE", (thing) => (thing.rateMax ? `${thing.rateCount}/${thing.rateMax} in ${span(1000 * (thing.ratePeriod ?? 1))}` : "–")), text("name", "KEY", (thing) => thing.flowControlKey),
      ],
    },
    Workflows: {
      slug: "runs", noun: "workflows", keyOf: (run) => run.id, fetch: async () => (await get("/_dev/workflows?limit=1000")).runs,
      columns: [
        column("time", "TIME", (run) => [clockTime(run.created_at), "muted"]), column("state", "STATE", (run) => shown("runs", run.state)),
        text("ms", "TOOK", (run) => took((run.completed_at ?? clock.now()) - run.created_at), "muted"), text("number", "STEPS", (run) => run.steps),
        text("destination", "WORKFLOW", (run) => below(run.url)), column("why", "NOW", (run) => (run.waits[0]?.why ? [run.waits[0].why, "warning"] : [waiting(run.waits[0]), "accent"])), text("name", "ID", (run) => run.id, "muted"),
      ],
    },
    App: {
      slug: "app", keyOf: (line) => String(line.number), isThere: () => app.server?.app.process, newestLast: true, verbs: ["run.restart"],
      fetch: async () => (await get("/_dev/app?limit=5000")).lines, news: (tick) => tick.printed,
      columns: [column("time", "TIME", (line) => [clockTime(line.time), "muted"]), column("output", "OUTPUT", (line) => [plain(line.text), colour(line.text)])],
    },
  };
  return app.words.views.map((words) => {
    const view = { ...words, ...views[words.name], command: `view.${words.name.toLowerCase()}` };
    view.fetch ??= async () => (await get(`/_dev/${view.noun}`))[view.noun];
    const changed = view.outdated;
    view.outdated = (tick) => Boolean(changed?.(tick, app) || (view.noun && renewed(view.noun)(tick, app)));
    return view;
  });
}
