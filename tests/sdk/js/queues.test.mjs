import assert from "node:assert/strict";
import { test } from "node:test";
import { app, client, gate, waitFor } from "./harness.mjs";

const queue = client.queue({ queueName: "mail" });

test("a queue is created, changed, listed and deleted", async () => {
  await queue.upsert({ parallelism: 3 });
  const created = await queue.get();
  assert.deepEqual(
    { ...created, createdAt: 0, updatedAt: 0 },
    { name: "mail", parallelism: 3, paused: false, lag: 0, createdAt: 0, updatedAt: 0 },
  );
  await queue.upsert({ parallelism: 2, paused: true });
  const changed = await queue.get();
  assert.deepEqual([changed.parallelism, changed.paused], [2, true]);
  assert.equal(changed.createdAt, created.createdAt);
  assert.deepEqual(
    (await queue.list()).map((q) => q.name),
    ["mail"],
  );
  await queue.delete();
  await queue.delete();
  assert.deepEqual(await queue.list(), []);
  await assert.rejects(queue.get(), { status: 404 });
});

test("enqueueing creates the queue and reports the message in it", async () => {
  const { messageId } = await queue.enqueueJSON({
    url: `${app.url}/task`,
    body: { a: 1 },
    headers: { "X-A": "1" },
    method: "PUT",
    retries: 2,
    callback: `${app.url}/callback`,
    label: "invoice",
  });
  const got = await app.one("/task");
  assert.deepEqual(JSON.parse(got.text), { a: 1 });
  assert.equal(got.method, "PUT");
  assert.equal(got.headers["x-a"], "1");
  assert.equal(got.headers["upstash-max-retries"], "2");
  const told = JSON.parse((await app.one("/callback")).text);
  assert.equal(told.sourceMessageId, messageId);
  assert.equal((await client.messages.get(messageId)).queueName, "mail");
  const { parallelism, paused } = await queue.get();
  assert.deepEqual([parallelism, paused], [1, false]);
  const { logs } = await client.logs({ filter: { queueName: "mail", messageId } });
  assert.equal(logs.length, 3);
});

test("messages are delivered in order, one after the other", async () => {
  const first = gate();
  app.answers("/0", first.handler);
  for (let n = 0; n < 5; n++) await queue.enqueue({ url: `${app.url}/${n}`, body: `${n}` });
  await waitFor("state:queued", 4);
  assert.deepEqual(
    (await app.received()).map((r) => r.path),
    ["/0"],
  );
  assert.equal((await queue.get()).lag, 5);
  first.open();
  const got = await app.received(5);
  assert.deepEqual(
    got.map((r) => r.text),
    ["0", "1", "2", "3", "4"],
  );
});

test("the line waits for retries and callbacks of its head", async () => {
  const callback = gate();
  await queue.enqueue({
    url: app.answers("/first", 500, 200),
    retryDelay: "1",
    callback: app.answers("/callback", 200, callback.handler),
  });
  const { messageId } = await queue.enqueue({ url: `${app.url}/second` });
  await app.received(2, "/callback");
  await waitFor(`id:${messageId} state:queued`);
  assert.equal(app.requests.filter((r) => r.path === "/first").length, 2);
  assert.ok(!app.requests.some((r) => r.path === "/second"));
  callback.open();
  await app.one("/second");
});

test("so many are under way as the queue allows", async () => {
  const open = gate();
  await queue.upsert({ parallelism: 2 });
  for (let n = 0; n < 4; n++) await queue.enqueue({ url: app.answers(`/${n}`, open.handler) });
  await app.received(2);
  await waitFor("state:queued", 2);
  assert.equal(app.requests.length, 2);
  open.open();
  await app.received(4);
});

test("a paused queue collects and goes on with the oldest", async () => {
  await queue.upsert({ paused: true });
  for (let n = 0; n < 3; n++) await queue.enqueue({ url: `${app.url}/${n}` });
  await client.publish({ url: `${app.url}/beside` });
  await app.one("/beside");
  assert.deepEqual([(await queue.get()).lag, app.requests.length], [3, 1]);
  await queue.resume();
  const got = await app.received(4);
  assert.deepEqual(
    got.map((r) => r.path),
    ["/beside", "/0", "/1", "/2"],
  );
  await queue.pause();
  assert.equal((await queue.get()).paused, true);
});

test("a batch can name a queue for an item", async () => {
  await queue.upsert({ paused: true });
  const answers = await client.batchJSON([
    { url: app.url, queueName: "mail", body: 1 },
    { url: app.url, body: 2 },
  ]);
  assert.equal((await app.one()).text, "2");
  assert.equal((await client.messages.get(answers[0].messageId)).queueName, "mail");
  assert.deepEqual(await client.messages.cancel({ filter: { queueName: "mail" } }), {
    cancelled: 1,
  });
});
