// The detail: of a message page by page, and of a thing. Whatever explains something is a sentence of the
// server.

import { bodyView } from "./body.js";
import {
  ago, clock, clockTime, countdown, counting, dateTime, facts, h, headers, inked, part, plain, quoted, safe,
  section, size, state, statusRole, to, took, waiting,
} from "./dom.js";

export const PAGES = {
  Overview: overview, Request: request, Response: response, Attempts: attempts, Signature: signature, Tree: tree,
};

function overview({ detail, words }) {
  const row = detail.row;
  const answered = detail.attempts.findLast((attempt) => attempt.response);
  return [
    headline(row, words),
    advice(detail),
    line(row.method, row.url),
    facts(detail.facts.map(({ name, pieces }) => [name, pieces.map(piece)])),
    answered && section("Last answer", answerBody(detail, answered)),
    heard(detail.attempts.at(-1), 20),
    detail.events.length > 0 && section("Events", h("ol.events", detail.events.map((event) => happened(event, words)))),
  ];
}

// What the app printed meanwhile, the last lines; says if that is not certain.
function heard(attempt, most = Infinity) {
  const { lines = [], others = 0, left_out: before = 0 } = attempt?.heard ?? {};
  if (!lines.length) return null;
  const left = before + Math.max(0, lines.length - most);
  const more = others === 1 ? "1 more delivery was" : `${others} more deliveries were`;
  return section("The app printed",
    others > 0 && h("p.muted", `(${more} under way: some of it may be theirs)`),
    left > 0 && h("p.muted", `(${left} lines before these)`),
    h("pre.output", lines.slice(-most).map(plain).join("\n")));
}

const line = (method, url) => h("p.line", h("b", method), " ", h("span.url", url));

function headline(row, words) {
  return h("p.headline", state(words, row.state),
    row.status && inked(statusRole(row.status), row.status),
    row.duration_ms !== null && h("span.muted", `in ${took(row.duration_ms)}`),
    row.try > 0 && h("span.muted", `try ${row.try} of ${row.tries}`));
}

function advice(detail) {
  const { row, waits } = detail;
  const said = (mark, role, text) => text && h("p", { class: role }, `${mark} ${text}`);
  return [
    row.error && !row.error.startsWith(String(row.status)) && said("✗", "error", row.error),
    said("!", "warning hint", detail.hint ?? row.hint),
    said("◷", "accent", waits),
    (detail.lints.length ? detail.lints : row.lints).map((lint) => said("~", "accent", lint)),
  ];
}

// A value of the server's: text, what it leads to, and moments, which are told in the reader's time.
function piece({ text, to: place, past, due }) {
  if (past) return [dateTime(past), "  ", counting(() => ago(past))];
  if (due) return [counting(() => countdown(due)), `  (${clockTime(due)})`];
  if (!place) return text;
  const href = { messages: to.message, runs: to.run }[place]?.(text) ?? to.filter(quoted(place, text));
  return h("a", { href }, text);
}

function happened(event, words) {
  return h("li", h("time.muted", dateTime(event.time).slice(11)), " ", state(words, event.state, "events"),
    event.status && !event.error?.startsWith(event.status) && inked(statusRole(event.status), ` ${event.status}`),
    event.error && ` ${event.error}`,
    event.next_at && h("span.muted", ` next ${clockTime(event.next_at)}`));
}

function request({ detail }) {
  const asked = detail.request;
  return [
    line(asked.method, asked.url),
    headers(asked.headers),
    Object.entries(asked.decoded).map(([name, body]) => section(`${name}, decoded`, bodyView(body, ""))),
    section("Body", bodyView(asked.body, typeOf(asked), `${pathOf(detail)}/body`)),
  ];
}

const pathOf = (detail) => `/_dev/messages/${part(detail.row.id)}`;
const typeOf = ({ headers: all }) => all.find(([name]) => name.toLowerCase() === "content-type")?.[1];

function answerBody(detail, attempt) {
  const got = attempt.response;
  return bodyView(got.body, typeOf(got), `${pathOf(detail)}/attempts/${attempt.number}/body`);
}

function answer(detail, attempt) {
  const got = attempt.response;
  if (!got && attempt.failure) return [h("p.error", `✗ ${attempt.failure.reason}`), h("p", attempt.failure.detail)];
  if (!got) return h("p.primary", "▶ waiting for the answer");
  return [
    h("p",
      h("span.muted", `HTTP/${got.http_version} `),
      h("b", inked(statusRole(got.status), got.status)),
      h("span.muted", ` in ${took(attempt.total_ms)}`)),
    headers(got.headers),
    section("Body", answerBody(detail, attempt)),
  ];
}

function response(shown) {
  const last = shown.detail.attempts.at(-1);
  if (last) return answer(shown.detail, last);
  const { row, waits } = shown.detail;
  return [h("p.muted", "Not tried yet."), waits && h("p.accent", waits),
    !waits && row.due_at !== null && h("p", "Due ", counting(() => countdown(row.due_at)))];
}

function attempts(shown) {
  const { detail } = shown;
  if (!detail.attempts.length) return response(shown);
  return detail.attempts.toReversed().map((attempt, place) => {
    const { response: got, failure } = attempt;
    return h("details.attempt", { open: place === 0 },
      h("summary", `Attempt ${attempt.number} of ${detail.row.tries} `,
        got ? inked(statusRole(got.status), got.status) : inked("error", failure?.reason),
        h("span.muted", ` ${dateTime(attempt.started_at)}`)),
      phases(attempt),
      section("Sent", h("p.url", `to ${attempt.target}`), headers(attempt.request.headers)),
      section("Received", answer(detail, attempt)),
      heard(attempt));
  });
}

// Connecting, waiting for the first byte, receiving: each as long as its share of the whole.
function phases({ connected_ms: connected, first_byte_ms: first, total_ms: total, response: got }) {
  const ends = [["connect", connected], ["first byte", first], [got ? "body" : "no answer", total]];
  const line = (name, bar, ms) => h("li", h("span", name), bar, h("span.ms", took(ms)));
  let before = 0;
  const lines = ends.filter(([, at]) => at !== null).map(([name, at]) => {
    const bar = h("span", { class: `bar ${name.replace(" ", "-")}` });
    bar.style.marginLeft = `${(100 * before) / (total || 1)}%`;
    bar.style.width = `max(2px, ${(100 * (at - before)) / (total || 1)}%)`;
    const made = line(name, h("span.track", bar), Math.max(0, at - before));
    before = at;
    return made;
  });
  return h("ul.phases", lines, line("in all", h("span"), total));
}

const CLAIMS = { iat: "issued", nbf: "not before", exp: "expires" };

function signature({ detail }) {
  const signed = detail.signature;
  if (!signed) return h("p.muted", "No signature yet: it is made anew for every attempt.");
  const claim = ([name, value]) => {
    if (CLAIMS[name] && value > 0) return [name, `${value}  ${CLAIMS[name]} ${dateTime(value * 1000)}`];
    return [name, typeof value === "string" ? value : JSON.stringify(value)];
  };
  return [
    h("p", signed.valid ? h("span.success", "✓ would verify") : h("span.error", "✗ would fail"),
      h("span.muted", `  signed with the ${signed.key} key`)),
    signed.problems.map((problem) => h("p.error", `! ${problem}`)),
    section("Claims", facts(Object.entries(signed.claims).map(claim))),
    section("Header", facts(Object.entries(signed.header).map(claim))),
    section("Token", h("p.token", signed.token)),
  ];
}

function tree({ detail, words }) {
  const { parent, children, siblings } = detail.links;
  const branch = (row, here) => h("li", { class: here ? "here" : "" }, state(words, row.state), " ",
    inked(statusRole(row.status), row.status ?? "–"), row.kind === "publish" ? " " : ` ${row.kind} `,
    h("span.url", row.url), " ", here ? h("b", row.id) : h("a", { href: to.message(row.id) }, row.id));
  const branches = (rows) => rows.map((row) => branch(row));
  const own = h("ul", branch(detail.row, true), children.length > 0 && h("li.inner", h("ul", branches(children))));
  return [
    h("div.tree", parent ? h("ul", branch(parent), h("li.inner", own)) : own),
    siblings.length > 0 && section("Sent together", h("ul.tree", branches(siblings))),
    !parent && !children.length && !siblings.length && h("p.muted", "No callbacks, replays or siblings."),
  ];
}

// A schedule, queue, group or key: when it fires, and its fields as QStash names them.

export function thingPage(view, thing) {
  if (view.newestLast) return h("pre.output", plain(thing.text));
  const { next_times: times = [], endpoints = [], ...rest } = thing;
  const isEmpty = (value) => value === null || (typeof value === "object" && !Object.keys(value).length);
  const told = Object.entries(rest).filter(([, value]) => !isEmpty(value));
  // QStash has some in two spellings: they are the same words.
  const fields = new Map(told.map(([name, value]) => [spaced(name), field(name, value)]));
  const time = (at) => h("li", dateTime(at).slice(0, 19), " ", h("span.accent", counting(() => countdown(at))));
  const endpoint = ({ url, name }) => h("li", h("span.url", url), name && ` ${name}`);
  return [
    view.filter && h("p", h("a", { href: to.filter(quoted(view.filter, view.keyOf(thing))) }, "its messages")),
    times.length > 0 && section("Next ten times", h("ol", times.map(time))),
    facts([...fields]),
    endpoints.length > 0 && section("Endpoints", h("ul", endpoints.map(endpoint))),
  ];
}

const spaced = (name) => name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();

function field(name, value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (name === "ratePeriodStart") return value ? dateTime(value * 1000) : "–";
  if (typeof value === "number" && /(At|Time|Start)$/.test(name)) return dateTime(value).slice(0, 19);
  return typeof value === "object" ? JSON.stringify(value) : value;
}

// A workflow run: what it waits for, its steps on a time line, what went in and what came out.

const STEP_FACTS = [
  ["callUrl", "calls"], ["callMethod", "method"], ["callResponseStatus", "answer"], ["waitEventId", "event"],
  ["invokedWorkflowRunId", "invoked run"],
];

export function runPage(found, words) {
  const { row, failure, children } = found;
  const lasted = () => took((row.completed_at ?? clock.now()) - row.created_at);
  const toRun = (id) => id && h("a", { href: to.run(id) }, id);
  const toMessage = (id) => h("a", { href: to.message(id) }, id);
  const child = (run) => h("li", state(words, run.state, "runs"), " ", toRun(run.id));
  return [
    h("p.headline",
      state(words, row.state, "runs"),
      `${row.steps} step${row.steps === 1 ? "" : "s"}`,
      h("span.muted", counting(lasted))),
    h("p.url", row.url),
    row.notices.map((notice) => h("p.warning", `! ${notice}`)),
    row.waits.length > 0 && section("Waits for", h("ul", row.waits.map(waitFor))),
    Object.values(found.hooks).map((url) => h("p", "webhook ", h("span.url", url))),
    section("Steps", timeline(found, words)),
    found.pending.map((pending) => errors(pending)),
    failure && section("Failure function", h("p", toMessage(failure.messageId), ` ${failure.state}`), errors(failure)),
    found.response && section("Result", text(found.response)),
    section("Payload", text(found.payload)),
    children.length > 0 && section("Invoked runs", h("ul", children.map(child))),
    facts([
      ["id", row.id],
      ["started", dateTime(row.created_at)],
      ["ended", row.completed_at && dateTime(row.completed_at)],
      ["labels", row.labels.join(", ")],
      ["flow control", row.flow_key],
      ["invoked by", toRun(row.parent)],
      ["resumed as", toRun(row.successor)],
      ["DLQ entry", row.dlq_id],
      ["messages", h("a", { href: to.filter(quoted("run", row.id)) }, "all its messages")],
    ]),
  ];
}

const text = (content) => bodyView({ size: new Blob([content]).size, text: content, truncated: false }, "");

function waitFor(wait) {
  const step = wait.name && wait.kind !== "step" && ` · step ${wait.name}`;
  return h("li.accent", "◷ ", counting(() => waiting(wait)), step, wait.why && h("p.warning", `! ${wait.why}`));
}

function timeline({ row, steps }, words) {
  const end = Math.max(row.completed_at ?? clock.now(), row.created_at + 1);
  const share = (at) => (100 * (at - row.created_at)) / (end - row.created_at);
  return h("ol.phases.steps", steps.map((step) => {
    const { log, message } = step;
    const until = step.ended_at ?? end;
    const bar = h("span.bar");
    bar.style.marginLeft = `${Math.min(98, share(step.began_at))}%`;
    bar.style.width = `max(2px, ${share(until) - share(step.began_at)}%)`;
    const kind = ["Run", "Initial"].includes(step.type) ? [] : [step.type];
    const told = STEP_FACTS.filter(([key]) => log[key]).map(([key, word]) => `${word} ${log[key]}`);
    return h("li", { class: step.parallel && "parallel" },
      h("span.name", state(words, step.state, "steps"), " ",
        message ? h("a", { href: to.message(message) }, step.name) : step.name),
      h("span.track", bar),
      h("span.ms", took(until - step.began_at)),
      h("span.more", [...kind, ...told].join(" · "), step.type !== "Initial" && values(log)),
      errors(log));
  }));
}

function values(log) {
  const all = [["in", log.callBody], ["out", log.out], ["answer", log.callResponseBody]];
  const told = all.filter(([, value]) => !["", "null", null, undefined].includes(value));
  return told.map(([word, value]) => h("span.inout", `${word} ${short(value)}`));
}

function short(value) {
  return safe(typeof value === "string" ? value : JSON.stringify(value)).replace(/\s+/g, " ").slice(0, 200);
}

function errors(log) {
  return (log.errors ?? []).map(({ time, error, body }) =>
    h("p.error", `✗ ${clockTime(Number(time))} ${error ?? ""} ${body ? short(body) : ""}`));
}
