// Runs of workflows by the official SDK: exact numbers of calls of the app, as its own CI counts them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { verify } from "./harness.mjs";
import { calls, client, workflow } from "./workflow.mjs";

test("a run of three steps is four deliveries, and the app gets what it was started with", async () => {
  const seen = [];
  const { url, results } = workflow("/path", async (context) => {
    const input = context.requestPayload;
    const first = await context.run("one", () => `processed ${input}`);
    const second = await context.run("two", () => ({ first, "ü": 1 }));
    await context.run("three", () => undefined);
    seen.push(Object.fromEntries(context.headers));
    return second;
  });
  const { workflowRunId } = await client.trigger({
    url,
    body: "höme",
    headers: { "x-own": "v" },
    retries: 1,
  });
  const received = await calls(4, "/path");
  assert.equal(received.length, 4);
  assert.deepEqual(results, [{ first: "processed höme", "ü": 1 }]);
  for (const request of received) {
    assert.equal(request.headers["upstash-workflow-runid"], workflowRunId);
    assert.equal(request.headers["upstash-workflow-sdk-version"], "1");
    assert.equal(request.headers["upstash-retried"], "0");
    assert.match(request.headers["upstash-workflow-createdat"], /^\d{13}$/);
    assert.equal(await verify(request), true);
    assert.equal(request.headers["x-own"], "v");
  }
  assert.deepEqual(
    received.map((request) => JSON.parse(request.text).length),
    [1, 2, 3, 4],
  );
  assert.deepEqual(
    Object.keys(seen[0]).filter((name) => name.startsWith("upstash-workflow")),
    [],
  );
});
