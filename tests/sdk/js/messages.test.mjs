import assert from "node:assert/strict";
import { test } from "node:test";
import { app, client, waitFor } from "./harness.mjs";

const later = (options = {}) => client.publish({ url: app.url, delay: "1h", ...options });

test("a message is reported as it was published", async () => {
  const { messageId } = await later({
    url: `${app.url}/a?b=c`,
    body: "text",
    method: "PUT",
    headers: { "test-header": "test-value", "Content-Type": "text/plain" },
    retries: 2,
    callback: `${app.url}/callback?x=1`,
    failureCallback: `${app.url}/failure`,
    timeout: 30,
  });
  const message = await client.messages.get(messageId);
  assert.equal(message.messageId, messageId);
  assert.equal(message.url, `${app.url}/a?b=c`);
  assert.equal(message.body, "text");
  assert.equal(message.method, "PUT");
  assert.deepEqual(message.header, {
    "Content-Type": ["text/plain"],
    "Test-Header": ["test-value"],
  });
  assert.equal(message.maxRetries, 2);
  assert.equal(message.callback, `${app.url}/callback?x=1`);
  assert.equal(message.failureCallback, `${app.url}/failure`);
  assert.equal(message.callerIP, "127.0.0.1");
  for (const unset of ["topicName", "queueName", "scheduleId", "label", "flowControlKey"]) {
    assert.ok(!(unset in message), unset);
  }
});

test("an unknown message is not found", async () => {
  for (const act of [() => client.messages.get("msg_x"), () => client.messages.cancel("msg_x")]) {
    await assert.rejects(act, { status: 404, message: '{"error":"message msg_x not found"}' });
  }
});

test("a cancelled message says so", async () => {
  const { messageId } = await later();
  assert.deepEqual(await client.messages.cancel(messageId), { cancelled: 1 });
  await waitFor(`id:${messageId} state:canceled`);
  await assert.rejects(client.messages.cancel(messageId), { status: 404 });
});

test("delete is the old name of cancel", async () => {
  const { messageId } = await later();
  await client.messages.delete(messageId);
  await waitFor(`id:${messageId} state:canceled`);
});

test("cancelling ids counts those that could be cancelled", async () => {
  const ids = [];
  for (let n = 0; n < 4; n++) ids.push((await later()).messageId);
  assert.deepEqual(await client.messages.cancel([...ids.slice(0, 2), "msg_x"]), { cancelled: 2 });
  assert.deepEqual(await client.messages.cancel({ messageIds: ids.slice(0, 3) }), { cancelled: 1 });
  assert.deepEqual(await client.messages.cancel([]), { cancelled: 0 });
  assert.equal(await client.messages.deleteMany(ids), 1);
});

test("cancelling all takes what waits and not what is done", async () => {
  const done = await client.publish({ url: app.url });
  await waitFor(`id:${done.messageId} state:delivered`);
  for (let n = 0; n < 3; n++) await later();
  assert.deepEqual(await client.messages.cancel({ all: true }), { cancelled: 3 });
  assert.equal(await client.messages.deleteAll(), 0);
});

for (const [name, filter] of [
  ["everything", { all: true, count: 1 }],
  ["a filter", { filter: { label: "one-of-two" }, count: 1 }],
]) {
  test(`of two messages, a count of 1 cancels one: ${name}`, async () => {
    for (let n = 0; n < 2; n++) await later({ label: "one-of-two" });
    assert.deepEqual(await client.messages.cancel(filter), { cancelled: 1 });
    assert.deepEqual(await client.messages.cancel(filter), { cancelled: 1 });
    assert.deepEqual(await client.messages.cancel(filter), { cancelled: 0 });
  });
}

for (const [name, filter, expected] of [
  ["a label", () => ({ label: "red" }), ["red"]],
  ["any of two labels", () => ({ label: ["red", "blue"] }), ["red", "blue"]],
  ["a url", () => ({ url: `${app.url}/blue` }), ["blue"]],
  ["any of two urls", () => ({ url: [`${app.url}/blue`, `${app.url}/red`] }), ["red", "blue"]],
  ["a host", () => ({ host: new URL(app.url).host }), ["red", "blue", "plain"]],
  ["a path", () => ({ path: "/plain" }), ["plain"]],
  ["a flow-control key", () => ({ flowControlKey: "k" }), ["blue"]],
  ["the caller", () => ({ callerIp: "127.0.0.1" }), ["red", "blue", "plain"]],
  ["another caller", () => ({ callerIp: "10.0.0.1" }), []],
  ["two that do not meet", () => ({ label: "red", flowControlKey: "k" }), []],
  ["a time", () => ({ fromDate: Date.now() - 60_000 }), ["red", "blue", "plain"]],
  ["the future", () => ({ fromDate: new Date(Date.now() + 60_000) }), []],
  ["a queue", () => ({ queueName: "nobody" }), []],
  ["a schedule", () => ({ scheduleId: "nobody" }), []],
  ["a url group", () => ({ urlGroup: "nobody" }), []],
]) {
  test(`cancelling by ${name}`, async () => {
    await later({ url: `${app.url}/red`, label: ["red", "eu"] });
    await later({ url: `${app.url}/blue`, label: "blue", flowControl: { key: "k", rate: 1 } });
    await later({ url: `${app.url}/plain` });
    const answer = await client.messages.cancel({ filter: filter() });
    assert.deepEqual(answer, { cancelled: expected.length });
    if (expected.length === 0) return;
    const rows = await waitFor("state:canceled", expected.length);
    const paths = rows.map((row) => row.url.replace(`${app.url}/`, ""));
    assert.deepEqual(paths.sort(), [...expected].sort());
  });
}
