// Rules between the server and the SDK: order, duplicates, configurations of steps, old generations.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { serve } from "@upstash/workflow";
import { app, control, gate, receiver, skip, waitFor } from "./harness.mjs";
import { calls, client, rest, workflow } from "./workflow.mjs";

beforeEach(() => control("POST", "/_dev/clock", { mode: "scaled", scale: 3_600 }));

const part = (workflowRunId, url, more = {}) => ({
  "upstash-workflow-init": "false", "upstash-workflow-runid": workflowRunId, "upstash-workflow-url": url,
  "upstash-workflow-sdk-version": "1", "upstash-forward-upstash-workflow-sdk-version": "1",
  "upstash-feature-set": "LazyFetch,InitialBody,WF_TriggerOnConfig", ...more,
});
const step = (stepId, out, more = {}) =>
  JSON.stringify({ stepId, stepName: `s${stepId}`, stepType: "Run", out, concurrent: 1, ...more });

/** A workflow whose test plays the app: every delivery is answered as by an SDK. */
const played = (path) =>
  app.answers(path, { status: 200, headers: { "Upstash-Workflow-Sdk-Version": "1", "Upstash-workflow-sdk": "v1.3.3" } });

test("in a hundred runs no step reaches the app before the answer to the one that submitted it", async () => {
  const underWay = new Map();
  const overlaps = [];
  const { handler } = serve(
    async (context) => {
      await context.run("1", async () => 1);
      await context.sleep("nap", 1);
      await context.run("2", () => 2);
    },
    { receiver, verbose: false },
  );
  const url = app.answers("/order", async (request) => {
    const id = request.headers.get("upstash-workflow-runid");
    if (underWay.get(id)) overlaps.push(id);
    underWay.set(id, true);
    const response = await handler(request);
    underWay.set(id, false);
    return response;
  });
  for (const tens of Array(10).keys()) {
    await client.trigger(Array.from({ length: 10 }, (_, n) => ({ url, workflowRunId: `${tens}${n}` })));
    assert.equal((await calls(40 * (tens + 1), "/order")).length, 40 * (tens + 1));
  }
  assert.deepEqual(overlaps, []);
  const { runs } = await client.logs({ state: "RUN_STARTED" });
  assert.deepEqual(runs, []);
});

test("a long branch of parallel steps does not hold its siblings back", async () => {
  const [short, other] = [gate(), gate()];
  const { url } = workflow("/siblings", async (context) => {
    await Promise.all([
      context.run("long", () => Promise.all([short.handler(), other.handler()]).then(() => "both came")),
      context.run("short", short.open),
      context.run("other", other.open),
    ]);
  });
  await client.trigger({ url });
  assert.equal((await calls(7, "/siblings")).length, 7);
});

test("a step that is submitted twice is delivered twice, and the run goes on once", async () => {
  const { url, results } = workflow("/twice", async (context) => {
    const one = await context.run("s1", () => 1);
    await context.sleep("nap", "1h");
    return one;
  });
  await control("POST", "/_dev/clock", { mode: "real" });
  const { workflowRunId } = await client.trigger({ url });
  await app.received(2, "/twice");
  await waitFor("state:delayed");
  const again = { destination: url, headers: part(workflowRunId, url), body: step(1, "1") };
  await rest("POST", "/v2/batch", [again]);
  const received = await app.received(3, "/twice");
  assert.equal(received.length, 3);
  await waitFor("state:delivered", 3);
  await skip();
  assert.equal((await calls(4, "/twice")).length, 4);
  assert.deepEqual(results, [1]);
});

test("the configuration of a step is delivered, echoed, hidden, and never twice in a row", async () => {
  // A duplicate is one for ten minutes: the sixth part of a second at the speed of the others.
  await control("POST", "/_dev/clock", { mode: "real" });
  const url = played("/configured");
  await rest("POST", "/v2/batch", [
    { destination: url, headers: { ...part("wfr_c", url), "upstash-workflow-init": "true", "upstash-retries": "2" }, body: "x" },
  ]);
  await app.received(1, "/configured");
  const config = (targetStep, retries) =>
    rest("POST", `/v2/publish/${url}`, JSON.stringify({ targetStep, invokeCount: 0 }), {
      ...part("wfr_c", url), "upstash-workflow-calltype": "stepConfig", "upstash-feature-set": "WF_StepConfig",
      "upstash-content-based-deduplication": "true", "upstash-retries": `${retries}`,
      "upstash-retry-delay": "2000", "upstash-flow-control-key": "k", "upstash-flow-control-value": "parallelism=1, rate=2, period=3s",
    });
  const first = await config(1, 5);
  assert.equal(first.status, 200);
  assert.equal((await config(1, 5)).document.deduplicated, true);
  assert.equal((await config(2, 4)).status, 400);
  const [, delivered] = await app.received(2, "/configured");
  const headers = Object.fromEntries(Object.entries(delivered.headers).filter(([name]) => name.startsWith("upstash-")));
  assert.equal(headers["upstash-workflow-step-config"], "true");
  assert.equal(headers["upstash-max-retries"], "5");
  assert.equal(headers["upstash-retry-delay"], "2000");
  assert.equal(headers["upstash-flow-control-key"], "k");
  assert.equal(headers["upstash-flow-control-value"], "parallelism=1,rate=2,period=3");
  assert.equal(headers["upstash-workflow-sdk-version"], "1");
  assert.equal(JSON.parse(delivered.text).length, 2);
  await rest("POST", "/v2/batch", [{ destination: url, headers: part("wfr_c", url), body: step(1, "1") }]);
  const [, , next] = await app.received(3, "/configured");
  assert.equal(next.headers["upstash-max-retries"], "2");
  const [run] = (await client.logs({ workflowRunId: "wfr_c" })).runs;
  assert.deepEqual(run.steps.flatMap((g) => g.steps.map((s) => s.stepName)).filter(Boolean), ["init", "s1"]);
});

test("a step of an older generation is refused", async () => {
  const url = played("/generations");
  const start = async () =>
    (await rest("POST", `/v2/trigger/${url}`, "x", { "Upstash-Workflow-RunId": "wfr_g" })).document;
  const old = await start();
  await app.received(1, "/generations");
  await client.cancel({ ids: "wfr_g" });
  const current = await start();
  await app.received(2, "/generations");
  const submit = (createdAt) =>
    rest("POST", "/v2/batch", [
      { destination: url, headers: part("wfr_g", url, { "upstash-workflow-createdat": `${createdAt}` }), body: step(1, "1") },
    ]);
  assert.equal((await submit(old.workflowCreatedAt)).status, 400);
  assert.equal((await submit(current.workflowCreatedAt)).status, 200);
  assert.equal((await submit("NaN")).status, 200);
});

test("a call of the failure function that is under way is cancelled, and stays so", async () => {
  await control("POST", "/_dev/clock", { mode: "real" });
  const { url } = workflow(
    "/failing",
    async (context) => context.run("bad", () => { throw new Error("no"); }),
    { failureFunction: async () => { throw new Error("so is this"); } },
  );
  await client.trigger({ url, retries: 0, failureUrl: url });
  await rest("GET", "/v2/workflows/dlq");
  await waitFor("state:failed");
  const { messages } = (await rest("GET", "/v2/workflows/dlq")).document;
  const [{ dlqId }] = messages;
  const cancelled = await rest("DELETE", `/v2/workflows/dlq/callback/${dlqId}`);
  assert.ok([200, 400].includes(cancelled.status));
  const { failureCallbackInfo } = (await rest("GET", `/v2/workflows/dlq/${dlqId}`)).document;
  assert.ok(["CALLBACK_CANCELED", "CALLBACK_FAIL"].includes(failureCallbackInfo.state), failureCallbackInfo.state);
  assert.equal((await rest("POST", "/v2/workflows/dlq/callback/unknown")).status, 404);
});

test("an entry of the DLQ is found by filters, read and deleted, and an unknown filter is refused", async () => {
  const { url } = workflow("/dead", async (context) => context.run("bad", () => { throw new Error("no"); }));
  const { workflowRunId } = await client.trigger({ url, retries: 0, label: ["l", "m"], flowControl: { key: "k", rate: 5 } });
  await calls(2, "/dead");
  const list = async (query) => (await rest("GET", `/v2/workflows/dlq?${query}`)).document.messages;
  const [entry] = await list("");
  for (const query of [
    `workflowRunId=${workflowRunId}`, `workflowUrl=${encodeURIComponent(url)}`, "label=m", "flowControlKey=k",
    "responseStatus=500", `workflowCreatedAt=${entry.workflowCreatedAt}`, "failureFunctionState=CALLBACK_SUCCESS",
    "failureCallbackState=CALLBACK_SUCCESS", "fromDate=1", `dlqIds=${entry.dlqId},other`,
  ])
    assert.deepEqual(await list(query), [entry], query);
  for (const query of ["workflowRunId=other", "label=n", "responseStatus=404", "toDate=1"])
    assert.deepEqual(await list(query), [], query);
  assert.equal((await rest("GET", "/v2/workflows/dlq?unknown=1")).status, 400);
  assert.deepEqual((await rest("GET", `/v2/workflows/dlq/${entry.dlqId}`)).document, entry);
  assert.deepEqual((await rest("GET", "/v2/dlq?source=workflow")).document.messages.map((m) => m.dlqId), [entry.dlqId]);
  assert.equal((await rest("DELETE", `/v2/workflows/dlq/${entry.dlqId}`)).status, 200);
  assert.equal((await rest("DELETE", `/v2/workflows/dlq/${entry.dlqId}`)).status, 404);
  const [run] = (await client.logs({ workflowRunId })).runs;
  assert.equal(run.workflowState, "RUN_FAILED");
});
