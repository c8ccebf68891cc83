// How runs and their steps end: results, failures, cancellations, children, each with the exact number of
// calls of the app.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { WorkflowNonRetryableError, WorkflowRetryAfterError } from "@upstash/workflow";
import { createWorkflow, serveMany } from "@upstash/workflow/nextjs";
import { app, control, gate, receiver, skip, verify, waitFor } from "./harness.mjs";
import { calls, client, rest, workflow } from "./workflow.mjs";

beforeEach(() => control("POST", "/_dev/clock", { mode: "scaled", scale: 3_600 }));

/** Workflows that can invoke each other, at `/many/<name>`; their URLs by name. */
function many(workflows, options = {}) {
  const { POST } = serveMany(workflows, { receiver, verbose: false, ...options });
  return Object.fromEntries(
    Object.keys(workflows).map((name) => [name, app.answers(`/many/${name}`, (request) => POST(request))]),
  );
}
const runOf = async (filter) => (await client.logs(filter)).runs[0];

test("what a route returns is kept as JSON text, and nothing as nothing", async () => {
  const texts = [];
  for (const [name, value] of [["object", { ü: 1 }], ["text", "t"], ["nothing", undefined]]) {
    const { url } = workflow(`/${name}`, async (context) => {
      await context.run("one", () => 1);
      return value;
    });
    const { workflowRunId } = await client.trigger({ url });
    await calls(2, `/${name}`);
    const run = await runOf({ workflowRunId });
    assert.equal(run.workflowState, "RUN_SUCCESS");
    texts.push(run.workflowRunResponse);
    assert.equal((await rest("DELETE", `/v2/workflows/runs/${workflowRunId}?cancel=false`)).status, 200);
    assert.equal((await rest("GET", `/v2/workflows/runs/${workflowRunId}`)).status, 404);
  }
  assert.deepEqual(texts, ['{"ü":1}', '"t"', undefined]);
});

test("a run that is over takes no publish, no batch and no wait", async () => {
  const { url } = workflow("/over", async (context) => context.run("one", () => 1));
  const { workflowRunId } = await client.trigger({ url });
  await calls(2, "/over");
  const headers = {
    "Upstash-Workflow-RunId": workflowRunId, "Upstash-Workflow-Init": "false", "Upstash-Workflow-Url": url,
    "Upstash-Workflow-Sdk-Version": "1",
  };
  const step = JSON.stringify({ stepId: 2, stepName: "x", stepType: "Run", out: "1", concurrent: 1 });
  const wait = { url, timeout: "1h", timeoutHeaders: { "Upstash-Workflow-RunId": [workflowRunId] }, step: JSON.parse(step) };
  const answers = [
    await rest("POST", `/v2/publish/${url}`, step, headers),
    await rest("POST", "/v2/batch", [{ destination: url, headers, body: step }]),
    await rest("POST", "/v2/wait/event", wait, headers),
  ];
  assert.deepEqual(answers.map(({ status }) => status), [400, 400, 400]);
  assert.match(answers[0].document.error, /can not append to a a cancelled workflow/);
  assert.equal((await app.received(2, "/over")).length, 2);
});

test("a context that cancels its run ends in a delivery that was answered well", async () => {
  const { url } = workflow("/cancelling", async (context) => {
    await context.run("one", () => 1);
    await context.cancel();
  });
  const { workflowRunId } = await client.trigger({ url });
  await calls(2, "/cancelling");
  assert.equal((await runOf({ workflowRunId })).workflowState, "RUN_CANCELED");
  assert.equal((await waitFor("state:delivered", 2)).length, 2);
});

test("a failure function runs once, after the last attempt", async () => {
  const failures = [];
  const { url } = workflow(
    "/failing",
    async (context) => context.run("bad", () => { throw new Error("no"); }),
    { failureFunction: async ({ failStatus, failResponse, failHeaders }) => {
      failures.push([failStatus, failResponse, typeof failHeaders]);
      return "handled";
    } },
  );
  const { workflowRunId } = await client.trigger({ url, retries: 0 });
  const received = await calls(2, "/failing");
  assert.equal(received.length, 2);
  for (const request of received) assert.equal(await verify(request), true);
  assert.deepEqual(failures, [[500, "no", "object"]]);
  const run = await runOf({ workflowRunId });
  assert.equal(run.failureFunction.state, "CALLBACK_SUCCESS");
  assert.equal((await client.dlq.list()).messages[0].dlqId, run.dlqId);
});

test("a failure URL is called instead of the app", async () => {
  const { url } = workflow("/app", async (context) => context.run("bad", () => { throw new Error("no"); }));
  const failureUrl = app.answers("/elsewhere", 200);
  await client.trigger({ url, retries: 0, failureUrl });
  assert.equal((await calls(1, "/app")).length, 1);
  const [told] = await app.received(1, "/elsewhere");
  const body = JSON.parse(told.text);
  assert.equal(body.status, 500);
  assert.equal(Buffer.from(body.body, "base64").toString().includes("no"), true);
  for (const name of ["workflowRunId", "workflowCreatedAt", "dlqId", "sourceMessageId", "maxRetries", "sourceHeader"])
    assert.ok(name in body, name);
});

test("an error that is not to be tried again fails the run at once", async () => {
  const { url } = workflow(
    "/final",
    async (context) => context.run("bad", () => { throw new WorkflowNonRetryableError("never"); }),
    { failureFunction: async () => {} },
  );
  await client.trigger({ url, retries: 3 });
  assert.equal((await calls(2, "/final")).length, 2);
});

test("an app says when to try again, and that is an attempt", async () => {
  let attempt = 0;
  const { url } = workflow("/later", async (context) => {
    await context.run("one", () => {
      if (attempt++ < 2) throw new WorkflowRetryAfterError("wait", 600);
    });
  });
  await control("POST", "/_dev/clock", { mode: "frozen" });
  const { now } = await control("GET", "/_dev/clock");
  await client.trigger({ url, retries: 3 });
  await app.received(1, "/later");
  for (const n of [2, 3]) {
    await waitFor("state:retry", 1);
    await skip();
    await app.received(n, "/later");
  }
  assert.equal((await app.received(4, "/later")).length, 4);
  const after = await control("GET", "/_dev/clock");
  assert.ok(after.now - now >= 1_200_000 && after.now - now < 1_260_000, String(after.now - now));
});

test("without a failure function the app says so, and is not asked again", async () => {
  const { url } = workflow("/none", async (context) => context.run("bad", () => { throw new Error("no"); }));
  const { workflowRunId } = await client.trigger({ url, retries: 0 });
  assert.equal((await calls(2, "/none")).length, 2);
  const { failureFunction } = await runOf({ workflowRunId });
  assert.equal(failureFunction.state, "CALLBACK_SUCCESS");
  assert.deepEqual(failureFunction.responseHeaders["Upstash-Workflow-Failure-Callback-Notfound"], ["true"]);
});

test("a route that returns before its first step is tried again, and fails its run", async () => {
  const { url } = workflow("/early", async (context) => {
    if (context.headers.get("key") !== "right") return;
    await context.run("one", () => 1);
  });
  await client.trigger({ url, headers: { key: "right" } });
  assert.equal((await calls(2, "/early")).length, 2);
  const { workflowRunId } = await client.trigger({ url, headers: { key: "wrong" }, retries: 1, retryDelay: "1000" });
  // Two attempts, and two of the failure callback, which the app refuses as well.
  await calls(4, "/early");
  const run = await runOf({ workflowRunId });
  assert.equal(run.workflowState, "RUN_FAILED");
  assert.match(run.steps.at(-1).steps[0].errors[0].body, /Failed to authenticate/);
  const [failed] = await waitFor("state:failed step:init");
  assert.match(failed.hint, /returned before its first step/);
});

test("an app that looks at its caller itself starts a run for the right one alone", async () => {
  const { url, results } = workflow(
    "/auth",
    async (context) => {
      if (context.headers.get("authentication") !== "right") return;
      await context.run("one", () => 1);
      return "done";
    },
    { receiver: undefined, env: {} },
  );
  const from = (authentication) => fetch(url, { method: "POST", headers: { authentication } });
  assert.equal((await from("wrong")).status, 400);
  assert.equal((await calls(1, "/auth")).length, 1);
  assert.equal((await from("right")).status, 200);
  assert.equal((await calls(4, "/auth")).length, 4);
  assert.deepEqual(results.filter(Boolean), ["done"]);
});

test("steps may be done at once or take their time", async () => {
  const { url, results } = workflow("/at-once", async (context) => [
    await context.run("at once", () => 1),
    await context.run("awaited", async () => 2),
    await context.run("promised", () => Promise.resolve(3)),
  ]);
  await client.trigger({ url });
  assert.equal((await calls(4, "/at-once")).length, 4);
  assert.deepEqual(results, [[1, 2, 3]]);
});

test("a call that is refused for a quota fails its run with that sentence", async () => {
  const { url } = workflow(
    "/quota",
    async (context) =>
      Promise.all([
        context.call("good", { url: app.answers("/party", 200) }),
        context.sleep("too long", "500d"),
      ]),
    { failureFunction: async () => {} },
  );
  const { workflowRunId } = await client.trigger({ url, retries: 3 });
  assert.equal((await calls(2, "/quota")).length, 2);
  const run = await runOf({ workflowRunId });
  assert.equal(run.workflowState, "RUN_FAILED");
  assert.match(JSON.stringify(run.steps.at(-1)), /quota maxDelay exceeded/);
  assert.deepEqual(run.steps.map((group) => group.type), ["sequential", "next"]);
});

test("a failing call never calls the failure function, and its result is the last attempt's", async () => {
  const { url, results } = workflow(
    "/caller",
    async (context) => {
      const { status, body } = await context.call("bad", { url: app.answers("/party", { status: 418, headers: { "content-length": 3 }, body: "tea" }), retries: 2, retryDelay: "1000" });
      return [status, body];
    },
    { failureFunction: async () => assert.fail("the failure function was called") },
  );
  await client.trigger({ url });
  const received = await calls(3, "/caller");
  assert.equal(received.length, 3);
  assert.equal((await app.received(3, "/party")).length, 3);
  assert.deepEqual(results, [[418, "tea"]]);
  const told = JSON.parse(received[1].text);
  assert.deepEqual([told.retried, told.maxRetries, told.status], [2, 2, 418]);
  const { headers } = received[1];
  assert.equal(headers["upstash-workflow-sdk-version"], undefined);
  const info = ["callback", "stepid", "stepname", "steptype", "concurrent", "contenttype"];
  for (const name of info) assert.ok(headers[`upstash-workflow-${name}`], name);
  assert.ok(Object.keys(told.header).includes("Content-Length"));
});

test("a call that nobody answers is a result with status -1", async () => {
  const { url, results } = workflow("/alone", async (context) => {
    const refused = await context.call("refused", { url: "http://127.0.0.1:1/" });
    const late = await context.call("late", { url: app.answers("/late", gate().handler), timeout: "1s" });
    return [refused, late].map(({ status, body }) => [status, body]);
  });
  await control("POST", "/_dev/clock", { mode: "real" });
  await client.trigger({ url });
  assert.equal((await calls(5, "/alone")).length, 5);
  assert.deepEqual(results, [[[-1, ""], [-1, ""]]]);
});

test("the body of a call survives whatever its bytes, and an empty one is empty", async () => {
  const { url, results } = workflow("/bytes", async (context) => {
    const text = await context.call("text", { url: app.answers("/text", { status: 200, body: "\u0000ü\n" }) });
    const empty = await context.call("empty", { url: app.answers("/empty", { status: 200, body: "" }) });
    return [text.body, empty.body];
  });
  await client.trigger({ url });
  assert.equal((await calls(5, "/bytes")).length, 5);
  // The SDK reads bytes as latin-1.
  assert.deepEqual(results, [[Buffer.from("\u0000ü\n").toString("latin1"), ""]]);
});

test("a call of another workflow starts a run of its own, whose first answer is the result", async () => {
  const other = workflow("/other", async (context) => context.run("one", () => "other's"));
  const { url, results } = workflow("/mine", async (context) => {
    const { status, body } = await context.call("it", { url: other.url, method: "POST", body: "b" });
    return [status, Object.keys(body)];
  });
  await client.trigger({ url });
  assert.equal((await calls(3, "/mine")).length, 3);
  assert.deepEqual(results, [[200, ["workflowRunId", "finishCondition"]]]);
  assert.equal((await app.received(3, "/other")).length, 3);
  assert.deepEqual(other.results, ["other's"]);
});

test("a run that is cancelled during a call is not told its end", async () => {
  const party = gate();
  const { url } = workflow("/left", async (context) => context.call("slow", { url: app.answers("/slow", party.handler) }));
  const { workflowRunId } = await client.trigger({ url });
  await app.received(1, "/slow");
  assert.deepEqual(await client.cancel({ ids: workflowRunId }), { cancelled: 1 });
  party.open();
  assert.equal((await calls(1, "/left")).length, 1);
});

test("what a run was started with holds for its later steps, not for third parties and children", async () => {
  const child = createWorkflow(async (context) => {
    const seen = [context.headers.get("h"), context.label];
    await context.run("one", () => 1);
    return seen;
  });
  const parent = createWorkflow(async (context) => {
    await context.run("one", () => 1);
    await context.call("party", { url: app.answers("/party", 200), headers: { own: "1" } });
    await context.invoke("child", { workflow: child, body: "", headers: { c: "1" } });
  });
  const { parent: url } = many({ parent, child });
  await client.trigger({ url, headers: { h: "v" }, retries: 4, retryDelay: "1000", label: "l", flowControl: { key: "k", rate: 10, period: "1s" } });
  const received = await calls(5, "/many/parent");
  assert.equal(received.length, 5);
  for (const { headers } of received) {
    assert.equal(headers.h, "v");
    assert.equal(headers["upstash-label"], "l");
  }
  const steps = received.filter(({ headers }) => headers["upstash-workflow-sdk-version"]);
  assert.deepEqual(new Set(steps.map(({ headers }) => headers["upstash-max-retries"])), new Set(["4"]));
  assert.deepEqual(new Set(steps.map(({ headers }) => headers["upstash-flow-control-key"])), new Set(["k"]));
  const [party] = await app.received(1, "/party");
  assert.deepEqual([party.headers.h, party.headers.own, party.headers["upstash-label"]], [undefined, "1", undefined]);
  const children = await app.received(2, "/many/child");
  assert.equal(children.length, 2);
  for (const { headers } of children) {
    assert.deepEqual([headers.h, headers.c, headers["upstash-label"], headers["upstash-workflow-invoke-count"]], [undefined, "1", undefined, "1"]);
  }
});

test("an invoked run gives its result, that it failed, or that it was cancelled", async () => {
  const good = createWorkflow(async (context) => context.run("one", () => `${context.requestPayload}!`));
  const bad = createWorkflow(async (context) => context.run("one", () => { throw new Error("no"); }));
  const gone = createWorkflow(async (context) => { await context.run("one", () => 1); await context.cancel(); });
  const parent = createWorkflow(async (context) => {
    const outs = [];
    for (const [name, workflow] of Object.entries({ good, bad, gone })) {
      const { body, isFailed, isCanceled } = await context.invoke(name, { workflow, body: "pay", retries: 0 });
      outs.push([body, isFailed ?? false, isCanceled ?? false]);
    }
    return outs;
  });
  const { parent: url } = many({ parent, good, bad, gone });
  const { workflowRunId } = await client.trigger({ url });
  assert.equal((await calls(4, "/many/parent")).length, 4);
  const { workflowRunResponse } = await runOf({ workflowRunId });
  assert.deepEqual(JSON.parse(workflowRunResponse), [["pay!", false, false], [null, true, false], [null, false, true]]);
  assert.equal((await app.received(2, "/many/good")).length, 2);
  // One attempt, and the failure callback.
  assert.equal((await app.received(2, "/many/bad")).length, 2);
  assert.equal((await app.received(2, "/many/gone")).length, 2);
});

test("invocations stand side by side, and inside each other", async () => {
  const leaf = createWorkflow(async (context) => context.run("one", () => `${context.requestPayload}.`));
  const middle = createWorkflow(async (context) => (await context.invoke("leaf", { workflow: leaf, body: context.requestPayload })).body);
  const parent = createWorkflow(async (context) =>
    Promise.all(["a", "b"].map(async (body) => (await context.invoke(body, { workflow: middle, body })).body)),
  );
  const { parent: url } = many({ parent, middle, leaf });
  const { workflowRunId } = await client.trigger({ url });
  // The start, two plans, two results.
  assert.equal((await calls(5, "/many/parent")).length, 5);
  assert.equal((await app.received(4, "/many/middle")).length, 4);
  const leaves = await app.received(4, "/many/leaf");
  assert.equal(leaves.length, 4);
  assert.deepEqual(new Set(leaves.map((r) => r.headers["upstash-workflow-invoke-count"])), new Set(["2"]));
  assert.equal((await runOf({ workflowRunId })).workflowRunResponse, '["a.","b."]');
});

test("a parent that failed meanwhile records the result of its child, and is not called", async () => {
  const party = gate();
  const child = createWorkflow(async (context) => context.call("slow", { url: app.answers("/slow", party.handler) }).then(() => "late"));
  const parent = createWorkflow(async (context) =>
    Promise.all([
      context.invoke("child", { workflow: child, body: "" }),
      context.run("bad", async () => {
        await app.received(1, "/slow");
        throw new WorkflowNonRetryableError("no");
      }),
    ]),
  );
  const { parent: url } = many({ parent, child });
  const { workflowRunId } = await client.trigger({ url });
  await waitFor("state:failed", 1);
  // The start, two plans, the failure callback.
  await app.received(4, "/many/parent");
  party.open();
  assert.equal((await calls(4, "/many/parent")).length, 4);
  assert.equal((await app.received(3, "/many/child")).length, 3);
  const run = await runOf({ workflowRunId });
  assert.equal(run.workflowState, "RUN_FAILED");
  const [invocation] = run.steps[1].steps;
  assert.deepEqual([invocation.state, JSON.parse(invocation.out).body], ["STEP_SUCCESS", '"late"']);
});

test("many runs are cancelled by ids, prefix, URL, label, dates, count, or all; a second time none", async () => {
  await control("POST", "/_dev/clock", { mode: "real" });
  const sleepers = ["/sleep/a", "/sleep/a/b", "/other"].map((path) => workflow(path, async (context) => context.sleep("s", "1d")));
  const start = async () => {
    const ids = [];
    for (const [n, { url }] of sleepers.entries())
      ids.push((await client.trigger({ url, label: `l${n}`, delay: "1h" })).workflowRunId);
    return ids;
  };
  const cancel = async (query, body) => (await rest("DELETE", `/v2/workflows/runs${query}`, body)).document.cancelled;
  let ids = await start();
  assert.deepEqual(await client.cancel({ ids: [ids[0], ids[1], "unknown"] }), { cancelled: 2 });
  assert.deepEqual(await client.cancel({ ids }), { cancelled: 1 });
  await start();
  assert.deepEqual(await client.cancel({ urlStartingWith: sleepers[0].url }), { cancelled: 2 });
  assert.equal(await cancel(""), 1);
  assert.equal(await cancel(""), 0);
  await start();
  const url = encodeURIComponent(sleepers[0].url);
  assert.equal(await cancel(`?workflowUrl=${url}&workflowUrlExactMatch=true`), 1);
  assert.equal(await cancel("?label=l1&label=l7"), 1);
  assert.equal(await cancel("?fromDate=0&toDate=1"), 0);
  assert.equal(await cancel("?fromDate=1&count=5"), 1);
  ids = await start();
  assert.equal(await cancel("?count=1"), 1);
  assert.equal(await cancel("", { workflowRunIds: [ids[0]] }), 1);
  assert.equal(await cancel("", { workflowUrl: [sleepers[1].url, sleepers[2].url] }), 1);
  await start();
  assert.equal(await cancel("", { workflowUrl: sleepers[2].url }), 1);
  assert.equal(await cancel("", {}), 2);
  assert.equal((await rest("DELETE", "/v2/workflows/runs?wrong=1")).status, 400);
});

test("a notify meant for one run resumes that alone; webhooks need a live run", async () => {
  await control("POST", "/_dev/clock", { mode: "real" });
  const { url, results } = workflow("/waiting", async (context) => (await context.waitForEvent("w", "event")).eventData);
  const first = await client.trigger({ url });
  await client.trigger({ url });
  await waitFor("state:delivered", 2);
  const [told] = await client.notify({ eventId: "event", eventData: "mine", workflowRunId: first.workflowRunId });
  assert.equal(told.workflowRunId, first.workflowRunId);
  await calls(3, "/waiting");
  assert.deepEqual(results, ["mine"]);
  assert.equal((await client.getWaiters({ eventId: "event" })).length, 1);
  assert.deepEqual(await client.notify({ eventId: "event", workflowRunId: first.workflowRunId }), []);
  assert.equal((await rest("POST", `/v2/workflows/hooks/defaultUser/${first.workflowRunId}/event`)).status, 404);
  await client.notify({ eventId: "event" });
  await calls(4, "/waiting");
  assert.deepEqual(results, ["mine", undefined]);
});
