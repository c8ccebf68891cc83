// Logs of runs as the official SDK reads them, compared whole.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createWorkflow, serveMany } from "@upstash/workflow/nextjs";
import { app, control, receiver, server, waitFor } from "./harness.mjs";
import { calls, client, workflow } from "./workflow.mjs";

beforeEach(() => control("POST", "/_dev/clock", { mode: "scaled", scale: 3_600 }));

const log = async (filter) => {
  const { runs, cursor } = await client.logs(filter);
  assert.equal(cursor, undefined);
  assert.equal(runs.length, 1);
  return runs[0];
};

/** Without what differs from run to run; its type is checked. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !["headers", "callHeaders", "callResponseHeaders", "failHeaders"].includes(name))
      .map(([name, found]) => {
        if (/At$|Time$|^time$|Deadline$/.test(name)) return [name, typeof found];
        if (/messageId|dlqId/.test(name)) return [name, typeof found];
        return [name, plain(found)];
      }),
  );
}

const step = (stepId, stepName, stepType, more) => ({
  stepId, stepName, stepType, concurrent: 1, callType: "step", state: "STEP_SUCCESS",
  messageId: "string", createdAt: "number", retries: 3, ...more,
});
const init = (out, more) => {
  const { stepId, ...rest } = step(0, "init", "Initial", { out, ...more });
  return { type: "sequential", steps: [rest] };
};
const alone = (...args) => ({ type: "sequential", steps: [step(...args)] });

test("a run that waits for its first delivery, before and after it is cancelled", async () => {
  const url = app.answers("/never", 500);
  await control("POST", "/_dev/clock", { mode: "real" });
  const { workflowRunId } = await client.trigger({
    url, body: "hello", retries: 0, retryDelay: "1000", delay: "1h", workflowRunId: "mine",
  });
  assert.equal(workflowRunId, "wfr_mine");
  const found = await log({ workflowRunId });
  const [first, next] = found.steps;
  assert.deepEqual(first.steps[0].headers, {
    "Content-Type": ["application/json"],
    "Upstash-Workflow-Sdk-Version": ["1"],
  });
  const shown = {
    workflowRunId, workflowUrl: url, workflowState: "RUN_STARTED", workflowRunCreatedAt: "number",
    steps: [
      init("hello", { retries: 0, retryDelay: "1000" }),
      {
        type: "next",
        steps: [{
          messageId: "string", state: "STEP_PROGRESS", retries: 0, retryDelay: "1000",
          nextDeliveryTime: "number",
        }],
      },
    ],
  };
  assert.deepEqual(plain(found), shown);
  assert.equal(next.steps[0].messageId, first.steps[0].messageId);
  assert.deepEqual(await client.cancel({ ids: workflowRunId }), { cancelled: 1 });
  delete shown.steps[1].steps[0].nextDeliveryTime;
  shown.steps[1].steps[0].state = "STEP_CANCELED";
  Object.assign(shown, { workflowState: "RUN_CANCELED", workflowRunCompletedAt: "number" });
  assert.deepEqual(plain(await log({ workflowRunId })), shown);
});

test("a run that failed, with its failure function", async () => {
  const { url } = workflow("/failing", async (context) => {
    await context.run("good", () => ({ a: 1 }));
    await context.run("bad", () => {
      throw new Error("no luck");
    });
  }, { failureFunction: async () => "handled" });
  await client.trigger({ url, body: { x: 1 }, retries: 1, retryDelay: "1000", label: ["l", "m"] });
  await calls(4, "/failing");
  const found = await log({ label: "m", state: "RUN_FAILED" });
  const error = { error: "500 Internal Server Error", status: 500, time: "number" };
  const { errors } = found.steps[2].steps[0];
  assert.equal(errors.length, 2);
  assert.equal(JSON.parse(errors[0].body).message, "no luck");
  assert.ok(errors[1].time > errors[0].time);
  const body = errors[0].body;
  assert.deepEqual(plain(found), {
    workflowRunId: found.workflowRunId, workflowUrl: url, workflowState: "RUN_FAILED",
    workflowRunCreatedAt: "number", workflowRunCompletedAt: "number", label: "l", labels: ["l", "m"],
    dlqId: "string",
    steps: [
      init('{"x":1}', { retries: 1, retryDelay: "1000" }),
      alone(1, "good", "Run", { out: '{"a":1}', retries: 1, retryDelay: "1000" }),
      {
        type: "next",
        steps: [{
          messageId: "string", state: "STEP_FAILED", retries: 1, retryDelay: "1000", stepName: "bad",
          errors: errors.map(({ body }) => ({ ...error, body })),
        }],
      },
    ],
    failureFunction: {
      messageId: "string", url, state: "CALLBACK_SUCCESS", failStatus: 500, failResponse: errors[1].body,
      dlqId: "string", maxRetries: 1, responseStatus: 200, responseBody: '{"result":"handled"}',
      responseHeaders: plain(found.failureFunction.responseHeaders),
    },
  });
  assert.ok(body.includes("no luck"));
});

test("parallel steps while they run, without a next one beside them", async () => {
  await control("POST", "/_dev/clock", { mode: "real" });
  const { url } = workflow("/parallel", async (context) =>
    Promise.all([
      context.run("a", () => "a"),
      context.sleep("b", 1_000),
      context.run("c", () => {
        throw new Error("c is broken");
      }),
      context.waitForEvent("d", "event", { timeout: "2h" }),
    ]),
  );
  await client.trigger({ url, retries: 1, retryDelay: "3600000" });
  await waitFor("state:retry", 1);
  await waitFor("state:delivered", 4);
  const found = await log({});
  assert.deepEqual(found.steps.map((group) => group.type), ["sequential", "parallel"]);
  const more = { concurrent: 4, retries: 1, retryDelay: "3600000" };
  const { errors, ...failing } = plain(found.steps[1].steps[2]);
  assert.equal(errors.length, 1);
  assert.deepEqual(
    [...plain(found.steps[1].steps).slice(0, 2), failing, plain(found.steps[1].steps[3])],
    [
      step(1, "a", "Run", { ...more, out: '"a"' }),
      step(2, "b", "SleepFor", { ...more, state: "STEP_PROGRESS", sleepFor: 1_000_000 }),
      step(3, "c", "Run", { ...more, state: "STEP_RETRY" }),
      step(4, "d", "Wait", {
        ...more, state: "STEP_PROGRESS", waitEventId: "event", waitTimeoutDuration: "7200s",
        waitTimeoutDeadline: "number", waitTimeout: false,
      }),
    ],
  );
});

test("calls, waits, invocations and sleeps tell what they were about", async () => {
  const party = app.answers("/party", { status: 201, headers: { "x-p": "1" }, body: "thanks" });
  const invoked = createWorkflow((context) => context.run("it", () => `${context.requestPayload}!`));
  const parent = createWorkflow(async (context) => {
    await context.sleep("nap", "1h");
    await context.call("get", { url: party, method: "PUT", body: "höme", headers: { "x-q": "2" } });
    const { eventData } = await context.waitForEvent("wait", "e/1", { timeout: 60 });
    const { body } = await context.invoke("inv", { workflow: invoked, body: "pay", headers: { h: "v" } });
    return [eventData ?? null, body];
  });
  const { POST } = serveMany({ parent, invoked }, { receiver, verbose: false });
  const url = app.answers("/many/parent", (request) => POST(request));
  app.answers("/many/invoked", (request) => POST(request));
  await client.trigger({ url });
  await calls(8, "/many");
  const found = await log({ workflowUrl: url });
  const other = await log({ workflowUrl: app.url + "/many/invoked" });
  assert.deepEqual(other.invoker, {
    workflowRunId: found.workflowRunId, workflowUrl: url, workflowRunCreatedAt: found.workflowRunCreatedAt,
  });
  assert.equal(found.workflowRunResponse, '[null,"pay!"]');
  const [, , call, , invocation] = found.steps.map((group) => group.steps[0]);
  assert.deepEqual(call.callHeaders["X-Q"], ["2"]);
  assert.deepEqual(call.callResponseHeaders["X-P"], ["1"]);
  assert.equal(JSON.parse(call.out).status, 201);
  assert.equal(invocation.invokedWorkflowCreatedAt, other.workflowRunCreatedAt);
  assert.deepEqual(invocation.invokedWorkflowRunHeaders.H, ["v"]);
  const { invokedWorkflowRunHeaders, ...rest } = invocation;
  assert.deepEqual(plain([...found.steps.slice(0, 4), rest]), [
    init(""),
    alone(1, "nap", "SleepFor", { sleepFor: 3_600_000 }),
    alone(2, "get", "Call", {
      callUrl: party, callMethod: "PUT", callBody: "höme", callResponseStatus: 201,
      callResponseBody: "thanks", out: call.out,
    }),
    alone(3, "wait", "Wait", {
      waitEventId: "e/1", waitTimeoutDuration: "60s", waitTimeoutDeadline: "number", waitTimeout: true,
    }),
    step(4, "inv", "Invoke", {
      invokedWorkflowRunId: other.workflowRunId, invokedWorkflowUrl: app.url + "/many/invoked",
      invokedWorkflowCreatedAt: "number", invokedWorkflowRunBody: "pay",
      out: JSON.stringify({
        body: '"pay!"', isFailed: false, isCanceled: false, workflowRunId: other.workflowRunId,
      }),
    }),
  ]);
});

test("filters, pages, shortened bodies and lines one by one", async () => {
  const { url } = workflow("/listed", async (context) => {
    await context.run("one", () => "0123456789");
    await context.waitForEvent("two", "event");
  });
  const ids = [];
  await control("POST", "/_dev/clock", { mode: "real" });
  for (const name of ["1", "2", "3"])
    ids.push((await client.trigger({ url, body: "abcdefghij", workflowRunId: name })).workflowRunId);
  await calls(6, "/listed");
  await client.cancel(ids[0]);
  const named = async (query) => {
    const { runs } = await client.logs(query);
    return runs.map((run) => run.workflowRunId);
  };
  assert.deepEqual(await named({}), [...ids].reverse());
  assert.deepEqual(await named({ state: "RUN_CANCELED" }), [ids[0]]);
  assert.deepEqual(await named({ workflowUrl: app.url }), []);
  assert.deepEqual(await named({ workflowUrl: url }), [...ids].reverse());
  const page = await client.logs({ count: 2 });
  assert.deepEqual(page.runs.map((run) => run.workflowRunId), [ids[2], ids[1]]);
  const rest = await client.logs({ count: 2, cursor: page.cursor });
  assert.deepEqual(rest.runs.map((run) => run.workflowRunId), [ids[0]]);
  assert.equal("cursor" in rest, false);
  const get = async (path) => {
    const headers = { Authorization: `Bearer ${process.env.QSTASH_TOKEN}` };
    const response = await fetch(server + path, { headers });
    return [response.status, await response.json()];
  };
  const [, { runs }] = await get(`/v2/workflows/logs?workflowRunId=${ids[1]}&trimBody=4`);
  assert.deepEqual(runs[0].steps.map((g) => g.steps[0].out), ["abcd", '"012', undefined]);
  const pair = `${ids[1]}@${runs[0].workflowRunCreatedAt}`;
  assert.equal((await get(`/v2/workflows/logs?workflowRuns=${pair}&state=RUN_FAILED`))[1].runs.length, 1);
  assert.equal((await get("/v2/workflows/logs?wrong=1"))[0], 400);
  assert.equal((await get("/v2/workflows/events?groupBy=day"))[0], 400);
  const [, { events }] = await get(`/v2/workflows/events?workflowRunId=${ids[0]}`);
  assert.deepEqual(
    events.map((event) => [event.state, event.stepInfo?.stepName]).reverse(),
    [
      ["STEP_PROGRESS", "init"], ["RUN_STARTED", undefined],
      ["ACTIVE", "init"], ["STEP_PROGRESS", "one"], ["STEP_SUCCESS", "init"],
      ["ACTIVE", "one"], ["WAITER_ADDED", "two"], ["STEP_SUCCESS", "one"],
      ["RUN_CANCELED", undefined],
    ],
  );
  const [, few] = await get("/v2/workflows/messageLogs?count=1&state=WAITER_ADDED");
  assert.equal(few.error?.includes("unknown state"), true);
  const [, first] = await get("/v2/workflows/messageLogs?count=2");
  const [, second] = await get(`/v2/workflows/messageLogs?count=1000&cursor=${first.cursor}`);
  assert.equal(first.events.length + second.events.length, 25);
  assert.equal("cursor" in second, false);
  const [, started] = await get("/v2/workflows/messageLogs?state=RUN_STARTED");
  assert.deepEqual(started.events.map((event) => event.workflowRunId), [...ids].reverse());
});

test("what is redacted is hashed in logs, and delivered as it is", async () => {
  const { url, results } = workflow("/secret", async (context) => {
    await context.run("one", () => "secret result");
    return context.requestPayload;
  });
  await client.trigger({
    url, body: "secret payload", headers: { "x-key": "secret key" }, redact: { body: true, header: ["x-key"] },
  });
  const received = await calls(2, "/secret");
  assert.equal(received[0].headers["x-key"], "secret key");
  assert.deepEqual(results, ["secret payload"]);
  const found = await log({});
  assert.equal(JSON.stringify(found).includes("secret "), false);
  assert.match(found.steps[0].steps[0].out, /^REDACTED:[0-9a-f]{64}$/);
  assert.match(found.steps[0].steps[0].headers["X-Key"][0], /^REDACTED:/);
  assert.match(found.steps[1].steps[0].out, /^REDACTED:/);
  assert.match(found.workflowRunResponse, /^REDACTED:/);
});

test("an id that ended starts a new generation, and both are in the logs", async () => {
  const { url } = workflow("/again", async (context) => context.run("one", () => 1));
  for (const count of [2, 4]) {
    await client.trigger({ url, workflowRunId: "same" });
    await calls(count, "/again");
  }
  const { runs } = await client.logs({ workflowRunId: "wfr_same" });
  assert.deepEqual(runs.map((run) => run.workflowState), ["RUN_SUCCESS", "RUN_SUCCESS"]);
  assert.ok(runs[0].workflowRunCreatedAt > runs[1].workflowRunCreatedAt);
});
