// Runs that failed: the DLQ, resume, restart, and the failure function once more.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { app, control, skip } from "./harness.mjs";
import { calls, client, rest, workflow } from "./workflow.mjs";

beforeEach(() => control("POST", "/_dev/clock", { mode: "scaled", scale: 3_600 }));

/** A workflow of five steps whose third one fails as long as `broken.now`; `ran` are its steps. */
function fragile(path, broken, options) {
  const ran = [];
  const step = (name) => () => {
    ran.push(name);
    if (name === "3" && broken.now) throw new Error("broken");
    return name;
  };
  const made = workflow(
    path,
    async (context) => {
      const outs = [context.requestPayload];
      for (const name of ["1", "2", "3", "4", "5"]) outs.push(await context.run(name, step(name)));
      return outs;
    },
    options,
  );
  return { ...made, ran };
}

const entries = async () => (await client.dlq.list()).messages;

test("a failed run is resumed from its failed step, with other settings", async () => {
  const broken = { now: true };
  const { url, ran, results } = fragile("/resumed", broken);
  const { workflowRunId } = await client.trigger({
    url, body: "payload", retries: 0, label: "l", headers: { x: "y" },
  });
  assert.equal((await calls(4, "/resumed")).length, 4); // the last is its failure callback
  const [entry] = await entries();
  assert.equal(entry.workflowRunId, workflowRunId);
  assert.equal(entry.workflowUrl, url);
  assert.equal(entry.responseStatus, 500);
  assert.match(entry.responseBody, /broken/);
  assert.equal(entry.label, "l");
  assert.equal(entry.failureCallbackInfo.state, "CALLBACK_SUCCESS");
  assert.deepEqual((await client.dlq.list({ filter: { workflowRunId } })).messages, [entry]);
  assert.deepEqual((await client.dlq.list({ filter: { label: "m" } })).messages, []);
  broken.now = false;
  const resumed = await client.dlq.resume({ dlqId: entry.dlqId, retries: 2 });
  assert.notEqual(resumed.workflowRunId, workflowRunId);
  assert.equal(typeof resumed.workflowCreatedAt, "number");
  const received = await calls(8, "/resumed");
  assert.equal(received.length, 8);
  assert.deepEqual(results, [["payload", "1", "2", "3", "4", "5"]]);
  assert.deepEqual(ran, ["1", "2", "3", "3", "4", "5"]);
  for (const request of received.slice(4)) {
    assert.equal(request.headers["upstash-workflow-runid"], resumed.workflowRunId);
    assert.equal(request.headers["upstash-max-retries"], "2");
    assert.equal(request.headers.x, "y");
  }
  assert.deepEqual(await entries(), []);
});

test("a failed run is started again with its payload", async () => {
  const broken = { now: true };
  const { url, ran, results } = fragile("/restarted", broken);
  await client.trigger({ url, body: "payload", retries: 0 });
  await calls(4, "/restarted");
  broken.now = false;
  const [{ dlqId }] = await entries();
  const { workflowRuns } = await client.dlq.restart([dlqId]);
  assert.equal(workflowRuns.length, 1);
  assert.equal((await calls(10, "/restarted")).length, 10);
  assert.deepEqual(results, [["payload", "1", "2", "3", "4", "5"]]);
  assert.deepEqual(ran, ["1", "2", "3", "1", "2", "3", "4", "5"]);
});

test("in a parallel group only branches without a result run again", async () => {
  const broken = { now: true };
  const ran = [];
  const { url, results } = workflow("/group", async (context) => {
    const branch = (name, fails) =>
      context.run(name, () => {
        ran.push(name);
        if (fails && broken.now) throw new Error("broken");
        return name;
      });
    return Promise.all([
      branch("a", false),
      branch("b", true),
      context.sleep("c", "5d"),
      context.call("d", { url: app.answers("/party", 200) }).then((d) => d.status),
    ]);
  });
  await control("POST", "/_dev/clock", { mode: "real" });
  await client.trigger({ url, retries: 3, retryDelay: "60000" });
  // The start, three plans, two results, one callback: the others end before this one fails for good.
  await app.received(7, "/group");
  // Three retries, the failure callback.
  for (let retry = 0; retry < 3; retry++) await skip();
  await calls(11, "/group");
  broken.now = false;
  await client.dlq.resume({ all: true });
  await app.received(13, "/group");
  await skip();
  assert.equal((await calls(15, "/group")).length, 15);
  assert.deepEqual(results, [["a", "b", undefined, 200]]);
  assert.deepEqual(ran, ["a", "b", "b", "b", "b", "b"]);
});

test("many runs are resumed by a filter, and deleted by ids", async () => {
  const broken = { now: true };
  const { url, results } = fragile("/many", broken);
  for (const label of ["good", "good", "bad"]) await client.trigger({ url, label, retries: 0 });
  await calls(12, "/many");
  broken.now = false;
  assert.equal((await client.dlq.resume({ filter: { label: "good" } })).workflowRuns.length, 2);
  await calls(20, "/many");
  assert.equal(results.length, 2);
  const [left] = await entries();
  assert.equal(left.label, "bad");
  assert.equal((await client.dlq.delete([left.dlqId, "nobody"])).deleted, 1);
  assert.equal((await client.dlq.delete([left.dlqId])).deleted, 0);
  await assert.rejects(client.dlq.retryFailureFunction({ dlqId: left.dlqId }), { status: 404 });
});

test("many runs are started again by a filter, fifty at a time, as far as a cursor", async () => {
  const broken = { now: true };
  const { url, results } = workflow("/crowd", async (context) =>
    context.run("one", () => {
      if (broken.now) throw new Error("broken");
      return context.requestPayload;
    }),
  );
  await client.trigger(
    Array.from({ length: 52 }, (_, number) => ({ url, body: String(number), retries: 0, label: "crowd" })),
  );
  await calls(104, "/crowd"); // each with its failure callback
  broken.now = false;
  const restart = async (query) =>
    (await rest("POST", `/v2/workflows/dlq/restart?label=crowd&${query}`)).document;
  const first = await restart("count=1");
  assert.equal(first.workflowRuns.length, 1);
  const second = await restart(`count=100&cursor=${first.cursor}`);
  assert.equal(second.workflowRuns.length, 50);
  const third = await restart(`count=100&cursor=${second.cursor}`);
  assert.equal(third.workflowRuns.length, 1);
  assert.equal(third.cursor, undefined);
  await calls(104 + 52 * 2, "/crowd");
  assert.equal(new Set(results).size, 52);
  assert.deepEqual(await entries(), []);
});

test("a failure function that failed is called again", async () => {
  const broken = { now: true };
  const { url } = fragile("/function", { now: true }, {
    failureFunction: async () => {
      if (broken.now) throw new Error("so is this");
    },
  });
  await client.trigger({ url, retries: 0 });
  await calls(4, "/function");
  const [{ dlqId, failureCallbackInfo }] = await entries();
  assert.equal(failureCallbackInfo.state, "CALLBACK_FAIL");
  assert.equal(failureCallbackInfo.responseStatus, 500);
  assert.equal((await client.dlq.list({ filter: { failureFunctionState: "CALLBACK_FAIL" } })).messages.length, 1);
  broken.now = false;
  await client.dlq.retryFailureFunction({ dlqId });
  await calls(5, "/function");
  const [{ failureCallbackInfo: after }] = await entries();
  assert.equal(after.state, "CALLBACK_SUCCESS");
  await assert.rejects(client.dlq.retryFailureFunction({ dlqId }), { status: 400 });
});
