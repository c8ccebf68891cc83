// Every kind of step by the official SDK, each with the exact number of calls of the app.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { WorkflowNonRetryableError, WorkflowRetryAfterError } from "@upstash/workflow";
import { app, control, skip, waitFor } from "./harness.mjs";
import { calls, client, workflow } from "./workflow.mjs";

// A day passes in a fifth of a second.
beforeEach(() => control("POST", "/_dev/clock", { mode: "scaled", scale: 432_000 }));

const seconds = async () => (await control("GET", "/_dev/clock")).now / 1000;

test("sleeps last as long as they were asked for", async () => {
  const began = await seconds();
  const { url, results } = workflow("/sleep", async (context) => {
    await context.sleep("a day", "1d");
    await context.sleepUntil("a moment", began + 86_400 * 2 + 0.75);
    await context.sleepUntil("the past", 17);
    await context.run("done", () => {});
    return "slept";
  });
  await client.trigger({ url });
  assert.equal((await calls(5, "/sleep")).length, 5);
  assert.deepEqual(results, ["slept"]);
  assert.ok((await seconds()) - began >= 86_400 * 2);
});

test("sleeps in a loop and beside other steps are as many deliveries as they have ends", async () => {
  const { url, results } = workflow("/charge", async (context) => {
    for (const attempt of [1, 2, 3]) {
      if (await context.run("attempt charge", () => attempt === 3)) break;
      await context.sleep("retry sleep", 2_000);
    }
    return Promise.all([
      context.run("update", () => 10), context.run("receipt", () => "mail"), context.sleep("sleep", 5_000),
    ]);
  });
  await client.trigger({ url });
  // The start, three attempts and two sleeps between them, three plans and three results.
  assert.equal((await calls(12, "/charge")).length, 12);
  assert.deepEqual(results, [[10, "mail", undefined]]);
});

test("parallel steps are two deliveries each, and their results come in the order of the code", async () => {
  const { url, results } = workflow("/parallel", async (context) =>
    Promise.all([
      context.run("a", () => "a"),
      context.sleep("b", 1_000),
      context.run("c", () => "c"),
      context.call("d", { url: app.answers("/party", 201), method: "GET" }).then((d) => d.status),
      context.waitForEvent("e", "nobody", { timeout: "1h" }).then((e) => e.timeout),
    ]),
  );
  await client.trigger({ url });
  // The start, five plans, three results, a result of the call and its callback, a time-out.
  assert.equal((await calls(12, "/parallel")).length, 12);
  assert.deepEqual(results, [["a", undefined, "c", 201, true]]);
});

test("calls of third parties give status, headers and body, whatever these are", async () => {
  const answers = {
    "/json": { status: 200, headers: { "content-type": "application/json" }, body: '{"a":1}' },
    "/empty": { status: 300, body: "" },
    "/refused": { status: 401, headers: { "x-why": "no" }, body: "denied" },
  };
  const party = (path) => app.answers(path, answers[path]);
  const { url, results } = workflow("/call", async (context) => {
    const json = await context.call("json", {
      url: party("/json"), method: "PUT", body: JSON.stringify({ hello: "ü" }), headers: { "x-mine": "1" },
    });
    const empty = await context.call("empty", { url: party("/empty") });
    const refused = await context.call("café", { url: party("/refused"), retries: 1 });
    const nobody = await context.call("nobody", { url: "http://127.0.0.1:1/", timeout: 30 });
    return { json, empty, refused, nobody };
  });
  await client.trigger({ url, headers: { "x-secret": "s" }, retries: 0 });
  // The start, and two for each call.
  assert.equal((await calls(9, "/call")).length, 9);
  const [{ json, empty, refused, nobody }] = results;
  assert.deepEqual([json.status, json.body], [200, { a: 1 }]);
  assert.deepEqual([empty.status, empty.body], [300, ""]);
  assert.deepEqual([refused.status, refused.body, refused.header["X-Why"]], [401, "denied", ["no"]]);
  assert.deepEqual([nobody.status, nobody.body], [-1, ""]);
  const [asked] = await app.received(1, "/json");
  assert.deepEqual([asked.method, asked.text], ["PUT", '{"hello":"ü"}']);
  assert.equal(asked.headers["x-mine"], "1");
  assert.equal(asked.headers["x-secret"], undefined);
  assert.deepEqual(Object.keys(asked.headers).filter((name) => name.includes("workflow")), []);
  assert.equal((await app.received(2, "/refused")).length, 2);
});

test("an event resumes all that wait for it, with its data", async () => {
  const route = async (context) => {
    const { eventData, timeout } = await context.waitForEvent("wait", "order paid/ü", "7d");
    return { eventData, timeout };
  };
  const runs = [workflow("/one", route), workflow("/two", route)];
  await control("POST", "/_dev/clock", { mode: "real" }); // else the first wait may be over in a second
  for (const { url } of runs) await client.trigger({ url });
  await waitFor("state:delivered", 2);
  const waiters = await client.getWaiters({ eventId: "order paid/ü" });
  assert.deepEqual(waiters.map((w) => w.url).sort(), runs.map((r) => r.url).sort());
  assert.ok(waiters[0].deadline > Date.now() / 1000 + 6 * 86_400);
  const notified = await client.notify({ eventId: "order paid/ü", eventData: { paid: "ü" } });
  assert.equal(notified.length, 2);
  for (const { path, results } of runs) {
    assert.equal((await calls(2, path)).length, 2);
    assert.deepEqual(results, [{ eventData: { paid: "ü" }, timeout: false }]);
  }
  assert.deepEqual(await client.getWaiters({ eventId: "order paid/ü" }), []);
  assert.deepEqual(await client.notify({ eventId: "order paid/ü" }), []);
});

test("an event for one run is kept until that waits", async () => {
  const { url, results } = workflow("/kept", async (context) => {
    await context.sleep("first", "1h");
    const outs = [];
    for (const name of ["w1", "w2"])
      outs.push((await context.waitForEvent(name, "e", { timeout: "30d" })).eventData);
    return outs;
  });
  await control("POST", "/_dev/clock", { mode: "real" });
  const { workflowRunId } = await client.trigger({ url });
  await app.received(1, "/kept");
  for (const eventData of ["1", "2"])
    assert.deepEqual(await client.notify({ eventId: "e", eventData, workflowRunId }), []);
  await waitFor("state:delivered", 1);
  await skip();
  assert.equal((await calls(4, "/kept")).length, 4);
  assert.deepEqual(results, [[1, 2]]);
});

test("webhooks take any method, without a token, also before the run waits for them", async () => {
  const { url, results } = workflow("/webhook", async (context) => {
    const hook = await context.createWebhook("create");
    await context.run("call it", async () => {
      for (const n of [1, 2])
        await fetch(`${hook.webhookUrl}?n=${n}`, {
          method: n === 1 ? "PUT" : "GET", body: n === 1 ? "höme" : undefined, headers: { "x-n": n },
        });
    });
    const got = [];
    for (const n of [1, 2, 3]) {
      const { request, timeout } = await context.waitForWebhook(`wait ${n}`, hook, "1h");
      const text = request && new URL(request.url).search + request.headers.get("x-n");
      got.push([timeout, request?.method, text, n === 1 && (await request.text())]);
    }
    return got;
  });
  await client.trigger({ url });
  assert.equal((await calls(6, "/webhook")).length, 6);
  assert.deepEqual(results, [
    [
      [false, "PUT", "?n=11", "höme"],
      [false, "GET", "?n=22", false],
      [true, undefined, undefined, false],
    ],
  ]);
});

test("a step that fails is tried again, and its failure function is called once", async () => {
  const failures = [];
  const { url } = workflow(
    "/failing",
    async (context) => {
      await context.run("good", () => 1);
      await context.run("bad", () => {
        throw new Error("no luck");
      });
    },
    {
      failureFunction: async ({ context, failStatus, failResponse }) => {
        failures.push([failStatus, failResponse, context.requestPayload, context.headers.get("x")]);
      },
    },
  );
  await client.trigger({ url, body: "payload", retries: 2, headers: { x: "y" }, label: "l" });
  // The start, the second step's three attempts, the failure function.
  assert.equal((await calls(5, "/failing")).length, 5);
  assert.deepEqual(failures, [[500, "no luck", "payload", "y"]]);
  assert.equal((await waitFor("state:failed")).length, 1);
});

test("an error says that it is not to be tried again, or when", async () => {
  let attempt = 0;
  const { url } = workflow("/errors", async (context) => {
    await context.run("later", () => {
      if (attempt++ === 0) throw new WorkflowRetryAfterError("wait", "90s");
    });
    await context.run("never", () => {
      throw new WorkflowNonRetryableError("stop");
    });
  });
  const began = await seconds();
  await client.trigger({ url, retries: 3, retryDelay: "1000" });
  // The first step twice, the second one once, the failure function that is not there.
  assert.equal((await calls(4, "/errors")).length, 4);
  assert.ok((await seconds()) - began >= 90);
});

test("what is no workflow fails at once", async () => {
  const url = app.answers("/plain", { status: 200, body: "hello" });
  await client.trigger({ url, retries: 3 });
  // The start, and the failure callback to the same URL.
  assert.equal((await calls(2, "/plain")).length, 2);
  const [row] = await waitFor("state:failed");
  const detail = await control("GET", `/_dev/messages/${row.id}`);
  assert.match(JSON.stringify(detail), /detected a non-workflow destination for trigger\/invoke/);
});

test("a run that is cancelled goes on no more", async () => {
  const { url } = workflow("/cancelled", async (context) => {
    await context.run("one", () => 1);
    await context.cancel();
  });
  const other = workflow("/sleeper", async (context) => context.sleep("long", "30d"));
  await control("POST", "/_dev/clock", { mode: "real" });
  await client.trigger({ url });
  assert.equal((await calls(2, "/cancelled")).length, 2);
  const { workflowRunId } = await client.trigger({ url: other.url });
  await app.received(1, "/sleeper");
  assert.deepEqual(await client.cancel(workflowRunId), { cancelled: 1 });
  assert.deepEqual(await client.cancel(workflowRunId), { cancelled: 0 });
  assert.equal((await calls(1, "/sleeper")).length, 1);
});
