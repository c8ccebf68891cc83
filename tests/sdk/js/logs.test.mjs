import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { app, base64, client, waitFor } from "./harness.mjs";

let ids;

beforeEach(async () => {
  const published = {
    ok: await client.publish({ url: `${app.url}/ok`, label: ["red", "eu"], body: "text" }),
    failed: await client.publish({
      url: app.answers("/broken", { status: 404, body: "no", headers: { "x-why": "gone" } }),
      retries: 0,
      label: "blue",
      flowControl: { key: "k", parallelism: 1 },
    }),
    delayed: await client.publish({ url: `${app.url}/later`, delay: "1h" }),
  };
  await waitFor("state:delivered|failed", 2);
  ids = Object.fromEntries(Object.entries(published).map(([name, p]) => [name, p.messageId]));
});

const statesOf = async (messageId) =>
  (await client.logs({ filter: { messageId } })).logs.map((log) => log.state).reverse();

test("the events of a message tell its story", async () => {
  assert.deepEqual(await statesOf(ids.ok), ["CREATED", "ACTIVE", "DELIVERED"]);
  assert.deepEqual(await statesOf(ids.failed), ["CREATED", "ACTIVE", "ERROR", "FAILED"]);
  assert.deepEqual(await statesOf(ids.delayed), ["CREATED"]);
});

test("an event holds the message, an error the answer", async () => {
  const { logs } = await client.logs({ filter: { messageId: ids.ok } });
  for (const log of logs) {
    assert.equal(log.url, `${app.url}/ok`);
    assert.equal(base64(log.body), "text");
    assert.equal(log.method, "POST");
    assert.equal(log.maxRetries, 3);
    assert.deepEqual([log.label, log.labels], ["red", ["red", "eu"]]);
    assert.equal(typeof log.time, "number");
  }
  const errors = await client.logs({ filter: { messageId: ids.failed, state: "ERROR" } });
  assert.equal(errors.logs.length, 1);
  const [error] = errors.logs;
  assert.equal(error.responseStatus, 404);
  assert.equal(base64(error.responseBody), "no");
  assert.deepEqual(error.responseHeaders["X-Why"], ["gone"]);
  assert.equal(error.flowControlKey, "k");
  assert.equal(error.parallelism, 1);
  assert.ok(error.error);
});

test("logs are listed by every filter", async () => {
  for (const [name, request, expected] of [
    ["nothing", {}, { ok: 3, failed: 4, delayed: 1 }],
    ["ids", { messageIds: [ids.ok, ids.delayed] }, { ok: 3, delayed: 1 }],
    ["an id", { filter: { messageId: ids.ok } }, { ok: 3 }],
    ["a state", { filter: { state: "DELIVERED" } }, { ok: 1 }],
    ["in progress", { filter: { state: "IN_PROGRESS" } }, { ok: 1, failed: 2 }],
    ["a url", { filter: { url: `${app.url}/broken` } }, { failed: 4 }],
    ["a host", { filter: { host: new URL(app.url).host, state: "ACTIVE" } }, { ok: 1, failed: 1 }],
    ["a path", { filter: { path: "/later" } }, { delayed: 1 }],
    ["a second label", { filter: { label: "eu" } }, { ok: 3 }],
    ["any of two labels", { filter: { label: ["eu", "blue"] } }, { ok: 3, failed: 4 }],
    ["a flow-control key", { filter: { flowControlKey: "k" } }, { failed: 4 }],
    ["the caller", { filter: { callerIp: "127.0.0.1", state: "CREATED" } }, { ok: 1, failed: 1, delayed: 1 }],
    ["the past", { filter: { toDate: 1 } }, {}],
    ["a time", { filter: { fromDate: Date.now() - 60_000, state: "CREATED" } }, { ok: 1, failed: 1, delayed: 1 }],
    ["a queue", { filter: { queueName: "nobody" } }, {}],
    ["a schedule", { filter: { scheduleId: "nobody" } }, {}],
    ["a url group", { filter: { urlGroup: "nobody" } }, {}],
  ]) {
    const { logs, cursor } = await client.logs(request);
    const counts = {};
    for (const { messageId } of logs) {
      const [found] = Object.entries(ids).find(([, id]) => id === messageId);
      counts[found] = (counts[found] ?? 0) + 1;
    }
    assert.deepEqual(counts, expected, name);
    assert.equal(cursor, undefined, name);
  }
});

test("pages of any size hold every event once", async () => {
  const everything = (await client.logs()).logs;
  assert.equal(everything.length, 8);
  for (const count of [1, 3, 8]) {
    const found = [];
    let cursor;
    do {
      const page = await client.logs({ count, cursor });
      assert.ok(page.logs.length <= count);
      found.push(...page.logs);
      cursor = page.cursor;
    } while (cursor);
    assert.deepEqual(found, everything);
  }
});

test("events is the old name of logs", async () => {
  const { events } = await client.events();
  assert.equal(events.length, 8);
});
