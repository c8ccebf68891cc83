import assert from "node:assert/strict";
import { test } from "node:test";
import { app, client, waitFor } from "./harness.mjs";

async function fail(path, options = {}, answer = 500) {
  const url = app.answers(path, answer);
  const { messageId } = await client.publish({ url, retries: 0, ...options });
  await waitFor(`id:${messageId} state:failed`);
  return messageId;
}

const paths = async () =>
  (await client.dlq.listMessages()).messages.map((m) => m.url.replace(app.url, ""));

test("a dead letter holds the message and the last answer", async () => {
  const answer = { status: 503, body: "overloaded", headers: { "x-why": "busy" } };
  const options = {
    body: "text",
    method: "PUT",
    headers: { "X-A": "1" },
    label: ["invoice", "eu"],
    flowControl: { key: "k", rate: 5 },
  };
  const messageId = await fail("/broken", options, answer);
  const { messages, cursor } = await client.dlq.listMessages();
  assert.equal(cursor, undefined);
  assert.equal(messages.length, 1);
  const [letter] = messages;
  assert.equal(letter.messageId, messageId);
  assert.equal(letter.body, "text");
  assert.equal(letter.method, "PUT");
  assert.deepEqual(letter.header["X-A"], ["1"]);
  assert.equal(letter.responseStatus, 503);
  assert.equal(letter.responseBody, "overloaded");
  assert.deepEqual(letter.responseHeader["X-Why"], ["busy"]);
  assert.deepEqual(letter.labels, ["invoice", "eu"]);
  assert.equal(letter.ratePerSecond, 5);
  assert.equal(letter.maxRetries, 0);
});

test("one letter, many or all can be deleted", async () => {
  for (const path of ["/a", "/b", "/c", "/d", "/e"]) await fail(path);
  const ids = (await client.dlq.listMessages()).messages.map((m) => m.dlqId);
  assert.deepEqual(await client.dlq.delete(ids[0]), { deleted: 1 });
  await assert.rejects(client.dlq.delete(ids[0]), { status: 404 });
  assert.equal((await client.dlq.delete([ids[1], "nobody"])).deleted, 1);
  assert.equal((await client.dlq.delete({ dlqIds: [ids[2]] })).deleted, 1);
  assert.deepEqual(await client.dlq.delete([]), { deleted: 0 });
  assert.deepEqual(await paths(), ["/d", "/e"]);
  assert.equal((await client.dlq.delete({ all: true })).deleted, 2);
  assert.deepEqual(await paths(), []);
});

test("all are deleted page by page", async () => {
  for (const path of ["/a", "/b", "/c"]) await fail(path);
  let deleted = 0;
  let cursor;
  do {
    const answer = await client.dlq.delete({ all: true, count: 2, cursor });
    deleted += answer.deleted;
    cursor = answer.cursor;
  } while (cursor);
  assert.equal(deleted, 3);
});

test("a retried letter is delivered as a new message and leaves the queue", async () => {
  const messageId = await fail("/a", { body: "text", headers: { "X-A": "1" } }, 500);
  app.answers("/a", 200);
  const [{ dlqId }] = (await client.dlq.listMessages()).messages;
  const { responses, cursor } = await client.dlq.retry(dlqId);
  assert.equal(cursor, undefined);
  assert.equal(responses.length, 1);
  assert.notEqual(responses[0].messageId, messageId);
  await waitFor(`id:${responses[0].messageId} state:delivered`);
  const [, again] = await app.received(2);
  assert.equal(again.text, "text");
  assert.equal(again.headers["x-a"], "1");
  assert.equal(again.headers["upstash-retried"], "0");
  assert.equal(again.headers["upstash-message-id"], responses[0].messageId);
  assert.deepEqual(await paths(), []);
});

test("letters are retried by ids, by filter and all", async () => {
  for (const path of ["/a", "/b", "/c", "/d"]) await fail(path, { label: `label${path.slice(1)}` });
  const ids = (await client.dlq.listMessages()).messages.map((m) => m.dlqId);
  for (const path of ["/a", "/b", "/c", "/d"]) app.answers(path, 200);
  assert.equal((await client.dlq.retry([ids[0]])).responses.length, 1);
  assert.equal((await client.dlq.retry({ filter: { label: "labelb" } })).responses.length, 1);
  assert.equal((await client.dlq.retry({ dlqIds: ["nobody"] })).responses.length, 0);
  assert.deepEqual(await paths(), ["/c", "/d"]);
  assert.equal((await client.dlq.retry({ all: true })).responses.length, 2);
  assert.deepEqual(await paths(), []);
  await waitFor("state:delivered", 4);
});

test("letters are listed by every filter, and by ids", async () => {
  await fail("/a", { label: ["red", "eu"] }, 500);
  await fail("/b", { label: "blue", flowControl: { key: "k", parallelism: 1 } }, 404);
  for (const [name, options, expected] of [
    ["nothing", {}, ["/a", "/b"]],
    ["a url", { filter: { url: `${app.url}/b` } }, ["/b"]],
    ["a status", { filter: { responseStatus: 404 } }, ["/b"]],
    ["a label", { filter: { label: "red" } }, ["/a"]],
    ["any of two labels", { filter: { label: ["red", "blue"] } }, ["/a", "/b"]],
    ["a flow-control key", { filter: { flowControlKey: "k" } }, ["/b"]],
    ["a time", { filter: { fromDate: Date.now() - 60_000 } }, ["/a", "/b"]],
    ["the past", { filter: { toDate: new Date(1) } }, []],
    ["the caller", { filter: { callerIp: "127.0.0.1" } }, ["/a", "/b"]],
    ["a queue", { filter: { queueName: "nobody" } }, []],
    ["a schedule", { filter: { scheduleId: "nobody" } }, []],
    ["a url group", { filter: { urlGroup: "nobody" } }, []],
  ]) {
    const { messages } = await client.dlq.listMessages(options);
    assert.deepEqual(messages.map((m) => m.url.replace(app.url, "")), expected, name);
    const { messages: chosen } = await client.dlq.listMessages({
      dlqIds: messages.length > 0 ? messages.map((m) => m.dlqId) : ["nobody"],
    });
    assert.equal(chosen.length, expected.length, name);
  }
});

for (const act of ["delete", "retry"]) {
  test(`a filter that is not known to ${act} is refused`, async () => {
    await fail("/a");
    const request = client.dlq[act]({ filter: { labeel: "red" } });
    await assert.rejects(request, (error) => error.status === 400 && /labeel/.test(error.message));
    assert.deepEqual(await paths(), ["/a"]);
  });
}
