// Megabytes wherever a workflow can have them, each with the exact number of calls of the app.

import assert from "node:assert/strict";
import { test } from "node:test";
import { app } from "./harness.mjs";
import { calls, client, rest, workflow } from "./workflow.mjs";

const SIZE = 3_100_000; // with more than three megabytes in it the app fetches the list of steps
const large = "a".repeat(SIZE);
const isLarge = (text) => text?.length === SIZE;
const part = "a".repeat(SIZE / 3);

test("an initial body of 3.1 MB is there in every step, which the app fetches", async () => {
  const { url, results } = workflow("/initial", async (context) => {
    for (const name of ["1", "2", "3"]) await context.run(name, () => name);
    return isLarge(context.requestPayload);
  });
  await client.trigger({ url, body: large });
  const received = await calls(4, "/initial");
  assert.equal(received.length, 4);
  assert.deepEqual(results, [true]);
  assert.deepEqual(received.map((request) => request.body.length), [0, 0, 0, 0]);
});

test("results of 5 MiB are there in the next step", async () => {
  const most = "a".repeat(5 * 1024 * 1024); // as a request twice in base64, ten megabytes
  const { url, results } = workflow("/result", async (context) => {
    const result = await context.run("1", () => most);
    await context.run("2", () => 2);
    return result.length === most.length;
  });
  await client.trigger({ url });
  const received = await calls(3, "/result");
  assert.equal(received.length, 3);
  assert.deepEqual(received.map((request) => request.body.length > 0), [true, false, false]);
  assert.deepEqual(results, [true]);
});

test("parallel results of a megabyte each come together", async () => {
  const { url, results } = workflow("/parallel", async (context) => {
    const outs = await Promise.all(["1", "2", "3"].map((name) => context.run(name, () => name + part)));
    await context.run("4", () => 4);
    await context.run("5", () => 5);
    return outs.every((out) => out.length === part.length + 1);
  });
  await client.trigger({ url });
  assert.equal((await calls(9, "/parallel")).length, 9);
  assert.deepEqual(results, [true]);
});

test("a call's body and answer of 3.1 MB go to and fro", async () => {
  const { url, results } = workflow("/call", async (context) => {
    const { body } = await context.call("1", {
      url: app.answers("/party", (request) => new Response(request.body)), method: "POST", body: large,
    });
    await context.run("2", () => 2);
    return isLarge(body);
  });
  await client.trigger({ url });
  const received = await calls(4, "/call");
  assert.equal(received.length, 4);
  assert.deepEqual(results, [true]);
  // Never without its body, whatever its size: the SDK fetches a list for steps alone.
  assert.ok(received[1].body.length > SIZE);
});

test("an error of 3.1 MB reaches the failure function, the DLQ and the log whole", async () => {
  const failures = [];
  const { url } = workflow(
    "/error",
    async (context) => {
      await context.run("1", () => large);
      await context.run("2", () => { throw new Error(large); });
    },
    { failureFunction: async ({ failResponse }) => { failures.push(isLarge(failResponse)); } },
  );
  const { workflowRunId } = await client.trigger({ url, retries: 0 });
  assert.equal((await calls(3, "/error")).length, 3);
  assert.deepEqual(failures, [true]);
  const { messages } = (await rest("GET", "/v2/workflows/dlq")).document;
  assert.ok(messages[0].responseBody.length > SIZE);
  const { runs } = (await rest("GET", `/v2/workflows/logs?workflowRunId=${workflowRunId}`)).document;
  assert.ok(runs[0].failureFunction.failResponse.length > SIZE);
  const trimmed = (await rest("GET", `/v2/workflows/logs?workflowRunId=${workflowRunId}&trimBody=10`)).document;
  assert.equal(trimmed.runs[0].failureFunction.failResponse.length, 10);
});
