// Every way to start a run, each with the exact number of calls of the app.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { serve } from "@upstash/workflow";
import { Client as QStash } from "@upstash/qstash";
import { advance, app, control, server, skip, verify, waitFor } from "./harness.mjs";
import { calls, client, rest, workflow } from "./workflow.mjs";

beforeEach(() => control("POST", "/_dev/clock", { mode: "scaled", scale: 3_600 }));

const NOT_FOR_THE_APP =
  /^upstash-(feature-set|workflow-(init|url|calltype)|telemetry.*|forward.*|failure-callback.*|callback.*|method|delay)$/;
const state = async (workflowRunId) =>
  (await client.logs({ workflowRunId })).runs.map((run) => run.workflowState);

test("a trigger with every option starts one run with one delivery and its payload intact", async () => {
  const { url, results } = workflow("/all", async (context) => {
    const seen = [context.requestPayload, context.headers.get("h"), context.label];
    await context.run("one", () => 1);
    return seen;
  });
  const { workflowRunId } = await client.trigger({
    url, body: { ü: [1, null] }, headers: { h: "v" }, workflowRunId: "r", retries: 5, retryDelay: "1000",
    flowControl: { key: "k", parallelism: 1, rate: 2, period: "3s" }, label: ["l1", "l2"], delay: 1,
  });
  assert.equal(workflowRunId, "wfr_r");
  const [first, second] = await calls(2, "/all");
  assert.deepEqual(results, [[{ ü: [1, null] }, "v", "l1"]]);
  assert.equal(JSON.parse(first.text).length, 1);
  for (const request of [first, second]) {
    assert.equal(await verify(request), true);
    assert.match(request.headers["upstash-message-id"], /^msg_/);
    assert.equal(request.headers["upstash-label"], "l1,l2");
    assert.equal(request.headers["upstash-max-retries"], "5");
    assert.equal(request.headers["upstash-retry-delay"], "1000");
    assert.equal(request.headers["upstash-flow-control-key"], "k");
    assert.deepEqual(Object.keys(request.headers).filter((name) => NOT_FOR_THE_APP.test(name)), []);
  }
});

test("the headers that an app sees are those that its caller gave", async () => {
  const seen = [];
  const { url } = workflow("/headers", async (context) => {
    await context.run("one", () => 1);
    seen.push([...context.headers.keys()].filter((name) => !name.startsWith("upstash-")).sort());
  });
  await client.trigger({ url, headers: { "x-own": "v", authorization: "Bearer mine" } });
  await calls(2, "/headers");
  const http = ["accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"];
  assert.deepEqual(seen[0].filter((name) => !http.includes(name)), ["authorization", "x-own"]);
});

test("a delayed start is listed, cancelled, or delivered now", async () => {
  await control("POST", "/_dev/clock", { mode: "real" });
  const { url, results } = workflow("/delayed", async (context) => context.run("one", () => 1));
  const first = await client.trigger({ url, delay: "1d" });
  const second = await client.trigger({ url, delay: "1d" });
  assert.deepEqual(await state(first.workflowRunId), ["RUN_STARTED"]);
  assert.deepEqual(await client.cancel({ ids: first.workflowRunId }), { cancelled: 1 });
  const [run] = (await client.logs({ workflowRunId: second.workflowRunId })).runs;
  const { messageId } = run.steps.at(-1).steps[0];
  await rest("POST", `/v2/messages/${messageId}/retry`);
  assert.equal((await calls(2, "/delayed")).length, 2);
  assert.deepEqual(results, [1]);
});

test("a trigger of many workflows starts as many runs, their answers in order", async () => {
  const one = workflow("/one", async (context) => context.run("s", () => "one"));
  const two = workflow("/two", async (context) => context.run("s", () => "two"));
  const answers = await client.trigger([{ url: one.url, workflowRunId: "a" }, { url: two.url, workflowRunId: "b" }]);
  assert.deepEqual(answers.map((answer) => answer.workflowRunId), ["wfr_a", "wfr_b"]);
  assert.equal((await calls(2, "/one")).length, 2);
  assert.equal((await calls(2, "/two")).length, 2);
  assert.deepEqual([one.results, two.results], [["one"], ["two"]]);
});

test("a live id that is started again is one run and one delivery", async () => {
  await control("POST", "/_dev/clock", { mode: "real" });
  const { url } = workflow("/twice", async (context) => context.sleep("s", "1d"));
  const item = (id) => [{
    destination: url, body: "x",
    headers: { "upstash-workflow-init": "true", "upstash-workflow-runid": id, "upstash-workflow-url": url,
      "upstash-feature-set": "LazyFetch,InitialBody,WF_DetectTrigger,WF_TriggerOnConfig",
      "upstash-workflow-sdk-version": "1", "upstash-forward-upstash-workflow-sdk-version": "1" },
  }];
  const [first] = (await rest("POST", "/v2/batch", item("mine"))).document;
  const [again] = (await rest("POST", "/v2/batch", item("mine"))).document;
  assert.deepEqual(again, { ...first, deduplicated: true });
  await waitFor("state:delivered", 1);
  assert.equal((await app.received(1, "/twice")).length, 1);
});

test("a call of an app that asks for no signature starts a run without its HTTP headers", async () => {
  const results = [];
  const { handler } = serve(
    async (context) => {
      const seen = [context.requestPayload, context.headers.get("x-own"), context.headers.get("host")];
      await context.run("one", () => 1);
      results.push(seen);
    },
    { receiver: undefined, verbose: false, env: { ...process.env, QSTASH_CURRENT_SIGNING_KEY: "", QSTASH_NEXT_SIGNING_KEY: "" } },
  );
  const url = app.answers("/direct", (request) => handler(request));
  const answer = await fetch(url, { method: "POST", body: "payload", headers: { "x-own": "v" } });
  assert.equal(answer.status, 200);
  assert.equal((await calls(3, "/direct")).length, 3);
  assert.deepEqual(results, [["payload", "v", new URL(url).host]]);
  const [, delivered] = await app.received(3, "/direct");
  assert.deepEqual(JSON.parse(delivered.text).length, 1);
});

test("a plain publish and a schedule to the workflow's URL start runs", async () => {
  const { url, results } = workflow("/plain", async (context) => {
    const seen = context.requestPayload;
    return context.run("one", () => seen);
  });
  const qstash = new QStash({ retry: false });
  await qstash.publish({ url, body: "published", headers: { "content-type": "text/plain" } });
  // The message itself, with which the app starts its run; the start; the step.
  assert.equal((await calls(3, "/plain")).length, 3);
  await qstash.schedules.create({ destination: url, cron: "0 0 1 1 *", body: "scheduled", scheduleId: "s" });
  await control("POST", "/_dev/clock", { mode: "frozen" });
  await skip();
  assert.equal((await app.received(6, "/plain")).length, 6);
  await advance(0);
  assert.deepEqual(results, ["published", "scheduled"]);
  await qstash.schedules.delete("s");
});

test("the REST trigger starts a run, with an id or without", async () => {
  const { url, results } = workflow("/trigger", async (context) => {
    const seen = [context.requestPayload, context.headers.get("h")];
    await context.run("one", () => 1);
    return seen;
  });
  const named = await rest("POST", `/v2/trigger/${url}`, "payload", {
    "Upstash-Workflow-RunId": "own id", "Upstash-Forward-H": "v",
  });
  assert.equal(named.status, 200);
  assert.equal(named.document.workflowRunId, "own id");
  assert.equal(typeof named.document.workflowCreatedAt, "number");
  const other = await rest("POST", `/v2/trigger/${url}`, "payload");
  assert.match(other.document.workflowRunId, /^wfr_/);
  assert.equal((await calls(4, "/trigger")).length, 4);
  assert.deepEqual(results.toSorted(), [["payload", null], ["payload", "v"]]); // either may end first
});

test("the REST trigger's failure callback calls the failure function with the caller's headers", async () => {
  const failures = [];
  const { url } = workflow(
    "/failing",
    async (context) => context.run("bad", () => { throw new Error("no"); }),
    { failureFunction: async ({ context }) => { failures.push([context.headers.get("h"), context.requestPayload]); } },
  );
  await rest("POST", `/v2/trigger/${url}`, "payload", {
    "Upstash-Failure-Callback": url, "Upstash-Forward-H": "v", "Upstash-Retries": "0",
  });
  assert.equal((await calls(2, "/failing")).length, 2);
  assert.deepEqual(failures, [["v", "payload"]]);
});

test("the REST batch trigger answers 201 with one element for each item", async () => {
  await control("POST", "/_dev/clock", { mode: "real" });
  const { url } = workflow("/batch", async (context) => context.sleep("s", "1d"));
  const item = (id, body) => ({ destination: url, headers: { "Upstash-Workflow-RunId": id }, body });
  const { status, document } = await rest("POST", "/v2/batch/trigger", [item("a", "1"), item("b"), item("a")]);
  assert.equal(status, 201);
  assert.deepEqual(document.map((one) => [one.workflowRunId, one.deduplicated]), [["a", false], ["b", false], ["a", true]]);
  assert.equal(document[2].workflowCreatedAt, document[0].workflowCreatedAt);
  await waitFor("state:delivered", 2);
  assert.equal((await app.received(2, "/batch")).length, 2);
});

test("an SDK that takes over an unknown start runs it once, with the retries of the trigger", async () => {
  const { url, results } = workflow("/unknown", async (context) => {
    for (const name of ["1", "2", "3"]) await context.run(name, () => name);
    return context.requestPayload;
  });
  await rest("POST", `/v2/trigger/${url}`, "payload", {
    "Upstash-Workflow-Unknown-Sdk": "true", "Upstash-Retries": "4", "Upstash-Forward-H": "v",
  });
  // The first start, the SDK's own, three steps.
  const received = await calls(5, "/unknown");
  assert.equal(received.length, 5);
  assert.deepEqual(results, ["payload"]);
  for (const request of received) {
    assert.equal(request.headers["upstash-max-retries"], "4");
    assert.equal(request.headers.h, "v");
  }
  assert.equal(received[0].headers["upstash-workflow-unknown-sdk"], "true");
  assert.deepEqual(received.slice(1).map((r) => r.headers["upstash-workflow-unknown-sdk"]), Array(4).fill(undefined));
});

test("a start that reaches no workflow fails with one error that has the answer", async () => {
  const url = app.answers("/page", { status: 200, body: "<html>" });
  const { workflowRunId } = await client.trigger({ url, retries: 3 });
  await calls(2, "/page");
  const [run] = (await client.logs({ workflowRunId })).runs;
  assert.equal(run.workflowState, "RUN_FAILED");
  const [{ errors, state: step }] = run.steps.at(-1).steps;
  assert.equal(step, "STEP_FAILED");
  assert.deepEqual(errors.map(({ error, body, status }) => [error, body, status]), [[
    "detected a non-workflow destination for trigger/invoke. make sure you are sending the request to the correct endpoint",
    "<html>", 200,
  ]]);
});

test("the REST trigger of an SDK that does not name itself fails with its own sentence", async () => {
  const url = app.answers("/old", { status: 200, headers: { "Upstash-Workflow-Sdk-Version": "1" } });
  const { document } = await rest("POST", `/v2/trigger/${url}`, "");
  assert.equal((await calls(1, "/old")).length, 1);
  const [run] = (await client.logs(document)).runs;
  assert.equal(
    run.steps.at(-1).steps[0].errors[0].error,
    "trigger rest api is only usable with sdk versions after v1.0.0 major version",
  );
});

test("an answer other than 2xx from no workflow is tried again as usual", async () => {
  const url = app.answers("/missing", 404);
  await client.trigger({ url, retries: 2, retryDelay: "1000" });
  // Three attempts; the failure callback to the same URL three times.
  assert.equal((await calls(6, "/missing")).length, 6);
});

test("workflow messages are not enqueued, scheduled, or sent to a URL group", async () => {
  const { url } = workflow("/refused", async () => {});
  const init = { "Upstash-Workflow-Init": "true", "Upstash-Workflow-RunId": "r", "Upstash-Workflow-Url": url };
  const refused = async (path, more = {}) => {
    const { status, document } = await rest("POST", path, "", { ...init, ...more });
    assert.equal(status, 400);
    return document.error;
  };
  assert.match(await refused(`/v2/enqueue/q/${url}`), /cannot be enqueued/);
  assert.match(await refused(`/v2/schedules/${url}`, { "Upstash-Cron": "* * * * *" }), /Upstash-Cron/);
  await rest("POST", "/v2/topics/g/endpoints", { endpoints: [{ url }] });
  assert.match(await refused("/v2/publish/g"), /URL group/);
  assert.deepEqual((await client.logs()).runs, []);
});

test("runs of one user are unknown to another", async () => {
  const { url } = workflow("/mine", async (context) => context.waitForEvent("w", "event"));
  await control("POST", "/_dev/clock", { mode: "real" });
  const { workflowRunId } = await client.trigger({ url });
  await waitFor("state:delivered", 1);
  const other = Buffer.from('{"UserID":"testUser1","Password":"testPassword"}').toString("base64");
  const ask = (method, path) => rest(method, path, undefined, { Authorization: `Bearer ${other}` });
  assert.deepEqual((await ask("GET", `/v2/workflows/logs?workflowRunId=${workflowRunId}`)).document, { runs: [] });
  assert.deepEqual((await ask("POST", "/v2/notify/event")).document, []);
  assert.deepEqual((await ask("GET", "/v2/waiters/event")).document, []);
  assert.equal((await ask("GET", `/v2/workflows/runs/${workflowRunId}`)).status, 404);
  assert.equal((await ask("DELETE", `/v2/workflows/runs/${workflowRunId}?cancel=true`)).status, 404);
  const hook = await fetch(`${server}/v2/workflows/hooks/testUser1/${workflowRunId}/event`, { method: "POST" });
  assert.equal(hook.status, 404);
  assert.deepEqual(await state(workflowRunId), ["RUN_STARTED"]);
});
