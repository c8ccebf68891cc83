// What each view lists: where it comes from, its columns, when it is outdated, and which page it has.
// Names, keys and the words for an empty list are the server's, and so is what there is to read.

import {
  ago, clock, clockTime, colour, countdown, duration, look, plain, statusRole, moment,
} from "./dom.js";
import { get } from "./server.js";

// A cell is a text with its role: `cell` gives both, `text` has one role for all.
const column = (name, head, cell) => ({ name, head, cell });
const text = (name, head, read, role = "") => column(name, head, (item) => [read(item) ?? "–", role]);
const number = (head, read) => text("number", head, read);
const name = (head, read, role) => text("name", head, read, role);
const time = (read) => text("time", "TIME", (item) => clockTime(read(item)), "muted");
const code = (read) => column("code", "CODE", (item) => [read(item) ?? "–", statusRole(read(item))]);

const isPaused = (thing) => thing.isPaused ?? thing.paused;
const on = column("state", "STATE", (thing) => (isPaused(thing) ? ["‖ paused", "warning"] : ["▶ on", "success"]));
const withMessages = (tick) => tick.events.length > 0 || tick.rows.length > 0 || tick.removed.length > 0;

const local = (url) => url.replace(/^http:\/\/(127\.0\.0\.1|\[::1\])(?=[:/])/, "http://localhost");

// An address of the app without what all of them begin with.
export function below(url, app) {
  const own = local(app);
  return own && local(url).startsWith(`${own}/`) ? local(url).slice(own.length) : url;
}

// The columns of messages, which other views have, too.
function columns(app) {
  const { below } = app;
  const state = column("state", "STATE", (item) => look(app.words, item.state));
  const destination = (row) => {
    const [kind, healed] = [app.words.kinds[row.kind], app.feed.healed.has(row.id)];
    const again = row.replays || healed ? ` ⟲${row.replays || ""}${healed ? "✓" : ""}` : "";
    return [`${kind ? `${kind} ` : ""}${below(row.url)}${again}${row.armed ? " ⚑" : ""}`, ""];
  };
  const why = (row) => {
    const [told, lane] = [row.hint || row.error, row.queue ?? row.flow_key];
    if (row.state === "failed" && told) return [told, "error"];
    if (["retry", "held"].includes(row.state) && told) return [told, "warning"];
    if (row.state === "queued") return [`${lane ? `${lane}: ` : ""}${app.words.turn}`, "muted"];
    return row.lints.length ? [row.lints[0], "accent"] : [row.step ? `step ${row.step}` : "", "muted"];
  };
  const next = ({ state: now, due_at: due }) =>
    now === "active" || now === "queued" || due === null ? ["–", "muted"] : [countdown(due), "accent"];
  const tries = (row) => [row.try === 0 ? "–" : row.state === "delivered" ? row.try : `${row.try}/${row.tries}`, ""];
  return { state, destination, why, next, tries };
}

// Starts in this period, of how many; the server tells the whole second in which the period began.
function rate({ rateCount: count, rateMax: most, ratePeriod: period = 1, ratePeriodStart: start = 0 }) {
  const isOver = clock.now() >= 1000 * (start + period + 1);
  return most ? `${isOver ? 0 : count}/${most} in ${duration(1000 * period)}` : "–";
}

// The newest run of an id is meant by it, in links, too; older ones of the same id by their time as well.
function keyed(runs) {
  const ids = new Set();
  return runs.map((run) => {
    const key = ids.has(run.id) ? `${run.id}/${run.created_at}` : run.id;
    ids.add(run.id);
    return { ...run, key };
  });
}

const mark = (app, by) =>
  column("mark", "", (item) => (app.marks.has(item[by]) ? ["☑", "primary"] : ["☐", "muted"]));

// `by` names what tells one item from the others, and counts those that come as `news`. The server calls the
// things of the view as its `slug` does, or its `noun`; `list` is where they are in its answer. It is asked for
// the newest `most`.
export function makeViews(app) {
  const { below } = app;
  const { state, destination, why, next, tries } = columns(app);
  const views = {
    Messages: {
      slug: "messages", live: true, many: true, by: "id", message: (row) => row.id,
      columns: [
        time((row) => row.created_at),
        state,
        code((row) => row.status),
        column("try", "TRY", tries),
        text("ms", "MS", (row) => (row.duration_ms === null ? "–" : Math.round(row.duration_ms)), "muted"),
        column("next", "NEXT", next),
        text("method", "METH", (row) => row.method, "muted"),
        column("destination", "DESTINATION", destination),
        column("why", "WHY", why),
      ],
    },
    Schedules: {
      slug: "schedules", by: "scheduleId",
      outdated: withMessages,
      columns: [
        on,
        text("next", "NEXT", (thing) => countdown(thing.nextScheduleTime ?? thing.next_times?.[0]), "accent"),
        text("last", "LAST", (thing) => (thing.lastScheduleTime ? ago(thing.lastScheduleTime) : "never"), "muted"),
        text("cron", "CRON", ({ cron }) => cron.replace(/^CRON_TZ=(\S+)\s+(.*)/, "$2  $1"), "accent"),
        text("destination", "DESTINATION", (thing) => below(thing.destination)),
        name("ID", (thing) => thing.scheduleId, "muted"),
      ],
    },
    Queues: {
      slug: "queues", by: "name",
      outdated: withMessages,
      columns: [
        on,
        number("LAG", (thing) => thing.lag),
        number("ACTIVE", (thing) => thing.active),
        number("LIMIT", (thing) => thing.parallelism),
        name("QUEUE", (thing) => thing.name),
      ],
    },
    Groups: {
      slug: "groups", by: "name",
      columns: [
        name("GROUP", (thing) => thing.name),
        number("SIZE", (thing) => thing.endpoints.length),
        text("destination", "ENDPOINTS", (thing) => thing.endpoints.map((one) => below(one.url)).join(", ")),
      ],
    },
    DLQ: {
      slug: "dlq", many: true, by: "dlq_id", message: (entry) => entry.row.id,
      list: "entries", most: 2000,
      outdated: (tick) => tick.counts.dlq !== app.counts.dlq || tick.rows.some((row) => row.dlq_id),
      columns: [
        time((entry) => entry.time),
        code((entry) => entry.row.status),
        column("try", "TRY", (entry) => tries(entry.row)),
        column("destination", "DESTINATION", (entry) => destination(entry.row)),
        column("why", "ERROR", (entry) => why(entry.row)),
      ],
    },
    Logs: {
      slug: "logs", by: "seq", message: (event) => event.id,
      list: "events", most: 2000,
      news: (tick) => tick.events,
      columns: [
        time((event) => event.time),
        column("event", "EVENT", (event) => look(app.words, event.state)),
        code((event) => event.status),
        text("destination", "DESTINATION", (event) => below(event.url)),
        text("why", "ERROR", (event) => event.error ?? "", "error"),
      ],
    },
    Flow: {
      slug: "flow", by: "flowControlKey",
      list: "keys",
      outdated: withMessages,
      columns: [
        on,
        number("WAIT", (thing) => thing.waitListSize),
        number("ACTIVE", (thing) => `${thing.parallelismCount}/${thing.parallelismMax ?? "∞"}`),
        text("rate", "RATE", rate),
        name("KEY", (thing) => thing.flowControlKey),
      ],
    },
    Workflows: {
      slug: "runs", noun: "workflows", by: "key", told: keyed,
      list: "runs", most: 1000,
      columns: [
        time((run) => run.created_at),
        state,
        text("ms", "TOOK", (run) => duration((run.completed_at ?? clock.now()) - run.created_at), "muted"),
        number("STEPS", (run) => run.steps),
        text("destination", "WORKFLOW", (run) => below(run.url)),
        column("why", "NOW", ({ told }) => [moment(told.text ?? "", told.at), told.role ?? ""]),
        name("ID", (run) => run.id, "muted"),
      ],
    },
    App: {
      slug: "app", by: "number", isThere: () => app.server?.app.process, newestLast: true,
      about: (line) => ({ parts: line ? [{ output: [line.text] }] : [], verbs: [], pages: [] }),
      verbs: ["run.restart"],
      list: "lines", most: 5000,
      news: (tick) => tick.printed,
      columns: [
        time((line) => line.time),
        column("output", "OUTPUT", (line) => [plain(line.text), colour(line.text)]),
      ],
    },
  };
  return app.words.views.map((words) => completed(app, { ...words, ...views[words.name] }));
}

function completed(app, view) {
  const { by, slug, noun = slug, list = noun, most = Infinity, news, outdated } = view;
  const { told = (rows) => rows, isThere = () => true } = view;
  const path = `/_dev/${noun}${most < Infinity ? `?limit=${most}` : ""}`;
  const isRenewed = (tick) => tick.resources[noun] !== app.revisions[noun];
  return Object.assign(view, {
    command: `view.${view.name.toLowerCase()}`,
    keyOf: (item) => String(item[by]),
    seq: news && by,
    columns: view.many ? [mark(app, by), ...view.columns] : view.columns,
    most, noun, isThere,
    fetch: async () => told((await get(path))[list]),
    outdated: (tick) => Boolean(outdated?.(tick) || isRenewed(tick)),
  });
}
