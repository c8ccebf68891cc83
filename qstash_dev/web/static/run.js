// A workflow run: what it waits for, its steps on a time line, what went in and what came out.

import { bodyView } from "./body.js";
import { clock, clockTime, counting, dateTime, h, safe, took } from "./dom.js";
import { facts, quoted, section, state, to, waiting } from "./parts.js";

const STEP_FACTS = [["callUrl", "calls"], ["callMethod", "method"], ["callResponseStatus", "answer"], ["waitEventId", "event"], ["invokedWorkflowRunId", "invoked run"]];

export function runPage(found, words) {
  const { row } = found;
  const took_ = () => took((row.completed_at ?? clock.now()) - row.created_at);
  return [
    h("p", { class: "headline" }, state(words, row.state, "runs"), `${row.steps} step${row.steps === 1 ? "" : "s"}`, h("span", { class: "muted" }, counting(took_))),
    h("p", { class: "url" }, row.url),
    row.notices.map((notice) => h("p", { class: "warning" }, `! ${notice}`)),
    row.waits.length > 0 && section("Waits for", h("ul", {}, row.waits.map((wait) => h("li", { class: "accent" }, "◷ ", counting(() => waiting(wait)), wait.name && wait.kind !== "step" && ` · step ${wait.name}`, wait.why && h("p", { class: "warning" }, `! ${wait.why}`))))),
    Object.values(found.hooks).map((url) => h("p", {}, "webhook ", h("span", { class: "url" }, url))),
    section("Steps", timeline(found, words)),
    found.pending.map((pending) => errors(pending)),
    found.failure && section("Failure function", h("p", {}, h("a", { href: to.message(found.failure.messageId) }, found.failure.messageId), ` ${found.failure.state}`), errors(found.failure)),
    found.response && section("Result", text(found.response)),
    section("Payload", text(found.payload)),
    found.children.length > 0 && section("Invoked runs", h("ul", {}, found.children.map((run) => h("li", {}, state(words, run.state, "runs"), " ", h("a", { href: to.run(run.id) }, run.id))))),
    facts([
      ["id", row.id], ["started", dateTime(row.created_at)], ["ended", row.completed_at && dateTime(row.completed_at)], ["labels", row.labels.join(", ")],
      ["flow control", row.flow_key], ["invoked by", row.parent && h("a", { href: to.run(row.parent) }, row.parent)],
      ["resumed as", row.successor && h("a", { href: to.run(row.successor) }, row.successor)], ["DLQ entry", row.dlq_id],
      ["messages", h("a", { href: to.filter(quoted("run", row.id)) }, "all its messages")],
    ]),
  ];
}

const text = (content) => bodyView({ size: new Blob([content]).size, text: content, truncated: false }, "");

function timeline({ row, steps }, words) {
  const end = Math.max(row.completed_at ?? clock.now(), row.created_at + 1);
  const share = (at) => (100 * (at - row.created_at)) / (end - row.created_at);
  return h("ol", { class: "phases steps" }, steps.map((step) => {
    const until = step.ended_at ?? end;
    const bar = h("span", { class: "bar" });
    bar.style.marginLeft = `${Math.min(98, share(step.began_at))}%`;
    bar.style.width = `max(2px, ${share(until) - share(step.began_at)}%)`;
    const { log } = step;
    const told = STEP_FACTS.filter(([key]) => log[key]).map(([key, word]) => `${word} ${log[key]}`);
    const body = [["in", log.callBody], ["out", log.out], ["answer", log.callResponseBody]].filter(([, value]) => step.type !== "Initial" && !["", "null", null, undefined].includes(value));
    return h("li", { class: step.parallel ? "parallel" : "" },
      h("span", { class: "name" }, state(words, step.state, "steps"), " ", step.message ? h("a", { href: to.message(step.message) }, step.name) : step.name),
      h("span", { class: "track" }, bar), h("span", { class: "ms" }, took(until - step.began_at)),
      h("span", { class: "more" }, [!["Run", "Initial"].includes(step.type) && step.type, ...told].filter(Boolean).join(" · "), body.map(([word, value]) => h("span", { class: "inout" }, `${word} ${short(value)}`))),
      errors(log));
  }));
}

const short = (value) => safe(typeof value === "string" ? value : JSON.stringify(value)).replace(/\s+/g, " ").slice(0, 200);

const errors = (log) => (log.errors ?? []).map((error) => h("p", { class: "error" }, `✗ ${clockTime(Number(error.time))} ${error.error ?? ""} ${error.body ? short(error.body) : ""}`));
