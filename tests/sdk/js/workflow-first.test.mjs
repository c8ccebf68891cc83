// The first version of the SDK that speaks this protocol: what later ones send, it sends in its own way.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Client, serve } from "workflow-first";
import { createWorkflow, serveMany } from "workflow-first/nextjs";
import { app, control, receiver, verify } from "./harness.mjs";
import { calls } from "./workflow.mjs";

beforeEach(() => control("POST", "/_dev/clock", { mode: "scaled", scale: 86_400 }));

const client = new Client();

test("every kind of step is called as often as by later versions", async () => {
  const results = [];
  const { handler } = serve(
    async (context) => {
      const first = await context.run("first", () => `${context.requestPayload}!`);
      await context.sleep("nap", "1d");
      const both = await Promise.all([context.run("a", () => "a"), context.run("b", () => "b")]);
      const { status } = await context.call("call", { url: app.answers("/party", 201) });
      const { timeout } = await context.waitForEvent("wait", "nobody", { timeout: "1d" });
      results.push([first, ...both, status, timeout]);
    },
    { receiver, verbose: false },
  );
  const url = app.answers("/first", (request) => handler(request));
  await client.trigger({ url, body: "payload", retries: 1, headers: { h: "v" } });
  // The start, a step, a sleep, two plans and two results, two of the call, the wait.
  const received = await calls(10, "/first");
  assert.equal(received.length, 10);
  for (const request of received) {
    assert.equal(await verify(request), true);
    assert.equal(request.headers.h, "v");
  }
  assert.deepEqual(results, [["payload!", "a", "b", 201, true]]);
});

test("runs are invoked, and a failure function is called", async () => {
  const failures = [];
  const child = createWorkflow(async (context) => context.run("one", () => `${context.requestPayload}?`));
  const parent = createWorkflow(
    async (context) => {
      const { body } = await context.invoke("child", { workflow: child, body: "pay" });
      await context.run("fails", () => { throw new Error(body); });
    },
    { failureFunction: async ({ failResponse }) => { failures.push(failResponse); } },
  );
  const { POST } = serveMany({ parent, child }, { receiver, verbose: false });
  const url = app.answers("/many/parent", (request) => POST(request));
  app.answers("/many/child", (request) => POST(request));
  await client.trigger({ url, retries: 0 });
  // The start, the result of the child, the failure function.
  assert.equal((await calls(3, "/many/parent")).length, 3);
  assert.equal((await app.received(2, "/many/child")).length, 2);
  assert.deepEqual(failures, ["pay?"]);
});
