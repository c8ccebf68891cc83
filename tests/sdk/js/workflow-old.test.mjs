// The older workflow inside @upstash/qstash: it publishes every step, and knows no features.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Client } from "@upstash/qstash";
import { serve } from "@upstash/qstash/workflow";
import { app, control, receiver, verify } from "./harness.mjs";
import { calls, rest } from "./workflow.mjs";

beforeEach(() => control("POST", "/_dev/clock", { mode: "scaled", scale: 86_400 }));

const qstash = new Client({ retry: false });

function workflow(path, route, options = {}) {
  const results = [];
  const served = serve(
    async (context) => { results.push(await route(context)); },
    { qstashClient: qstash, receiver, verbose: false, ...options },
  );
  const handler = typeof served === "function" ? served : served.handler;
  return { url: app.answers(path, (request) => handler(request)), results };
}

test("steps, sleeps, calls and parallel steps", async () => {
  const { url, results } = workflow("/all", async (context) => {
    const first = await context.run("one", () => `${context.requestPayload}!`);
    await context.sleep("nap", 86_400);
    const party = await context.call("call", app.answers("/party", { status: 200, body: '{"a":1}' }), "POST", { b: 2 });
    const both = await Promise.all([context.run("a", () => "a"), context.run("b", () => "b")]);
    return [first, party.status ?? party, both];
  });
  await qstash.publish({ url, body: "payload" });
  // The message, the start, a step, a sleep, two for the call, two plans, two results.
  const received = await calls(10, "/all");
  assert.equal(received.length, 10);
  for (const request of received) assert.equal(await verify(request), true);
  assert.equal(results.length, 1);
  assert.deepEqual(results[0][0], "payload!");
  assert.deepEqual(results[0][2], ["a", "b"]);
  const [party] = await app.received(1, "/party");
  assert.equal(party.text, '{"b":2}');
});

test("a failure function is called once", async () => {
  const failures = [];
  const { url } = workflow(
    "/failing",
    async (context) => context.run("bad", () => { throw new Error("no luck"); }),
    { retries: 0, failureFunction: async (...args) => { failures.push(args.length); } },
  );
  await qstash.publish({ url, body: "payload", retries: 0 });
  assert.equal((await calls(3, "/failing")).length, 3);
  assert.equal(failures.length, 1);
});

test("runs are cancelled by the body of a request, and listed by the old name of logs", async () => {
  await control("POST", "/_dev/clock", { mode: "real" });
  const { url } = workflow("/asleep", async (context) => context.sleep("long", 86_400));
  await qstash.publish({ url, body: "payload" });
  await app.received(2, "/asleep");
  const { events } = (await rest("GET", "/v2/workflows/messageLogs")).document;
  const { workflowRunId } = events[0];
  assert.deepEqual((await rest("DELETE", "/v2/workflows/runs", { workflowRunIds: [workflowRunId] })).document, { cancelled: 1 });
  assert.equal((await calls(2, "/asleep")).length, 2);
});
