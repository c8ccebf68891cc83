import assert from "node:assert/strict";
import { test } from "node:test";
import { app, client, waitFor } from "./harness.mjs";

const add = (endpoints) => client.urlGroups.addEndpoints({ name: "letters", endpoints });

const two = () =>
  add([{ url: `${app.url}/a`, name: "first" }, { url: `${app.url}/b` }]);

const endpoints = async () =>
  (await client.urlGroups.get("letters")).endpoints.map((e) => [
    e.name,
    e.url.replace(app.url, ""),
  ]);

test("a group is created, changed, listed and deleted", async () => {
  await two();
  assert.deepEqual(await endpoints(), [
    ["first", "/a"],
    [undefined, "/b"],
  ]);
  await add([{ url: `${app.url}/c`, name: "first" }, { url: `${app.url}/d` }]);
  assert.deepEqual(await endpoints(), [
    ["first", "/c"],
    [undefined, "/b"],
    [undefined, "/d"],
  ]);
  const [group, ...more] = await client.urlGroups.list();
  assert.equal(group.name, "letters");
  assert.ok(group.createdAt <= group.updatedAt);
  assert.deepEqual(more, []);
  await client.urlGroups.delete("letters");
  await client.urlGroups.delete("letters");
  assert.deepEqual(await client.urlGroups.list(), []);
  await assert.rejects(client.urlGroups.get("letters"), { status: 404 });
});

test("endpoints are removed by name or url and the last takes the group", async () => {
  await two();
  const remove = (endpoints) => client.urlGroups.removeEndpoints({ name: "letters", endpoints });
  await remove([{ name: "first" }]);
  assert.deepEqual(await endpoints(), [[undefined, "/b"]]);
  await remove([{ url: `${app.url}/b` }]);
  assert.deepEqual(await client.urlGroups.list(), []);
});

test("topics is the old name of URL groups", async () => {
  await client.topics.addEndpoints({ name: "old", endpoints: [{ url: app.url }] });
  const answers = await client.publishJSON({ topic: "old", body: 1 });
  assert.equal(answers.length, 1);
  await app.one();
});

test("every endpoint gets a message of its own", async () => {
  await two();
  const answers = await client.publishJSON({ urlGroup: "letters", body: { a: 1 } });
  assert.deepEqual(
    answers.map((a) => a.url),
    [`${app.url}/a`, `${app.url}/b`],
  );
  const got = await app.received(2);
  for (const { messageId, url } of answers) {
    const one = got.find((r) => r.url === url);
    assert.equal(one.headers["upstash-message-id"], messageId);
    assert.equal(one.headers["upstash-topic-name"], "letters");
    assert.deepEqual(JSON.parse(one.text), { a: 1 });
  }
  const message = await client.messages.get(answers[0].messageId);
  assert.deepEqual([message.urlGroup, message.endpointName], ["letters", "first"]);
});

test("messages of a group are found by it", async () => {
  await two();
  app.answers("/b", 500);
  await client.publish({ urlGroup: "letters", retries: 0 });
  await client.publish({ urlGroup: "letters", delay: "1h" });
  await waitFor("group:letters state:delivered|failed", 2);
  const filter = { urlGroup: "letters" };
  const { logs } = await client.logs({ filter });
  assert.equal(logs.length, 3 + 4 + 2);
  assert.ok(logs.every((log) => log.urlGroup === "letters"));
  const { messages } = await client.dlq.listMessages({ filter });
  assert.deepEqual(
    messages.map((m) => [m.url, m.urlGroup]),
    [[`${app.url}/b`, "letters"]],
  );
  assert.deepEqual(await client.messages.cancel({ filter }), { cancelled: 2 });
});

test("a batch and a queue take groups", async () => {
  await two();
  const [group, single] = await client.batch([{ urlGroup: "letters" }, { url: `${app.url}/c` }]);
  assert.equal(group.length, 2);
  assert.ok(single.messageId);
  const queued = await client.queue({ queueName: "mail" }).enqueue({ urlGroup: "letters" });
  assert.equal(queued.length, 2);
  await app.received(5);
});

test("deduplication is by endpoint", async () => {
  await two();
  const publish = () => client.publish({ urlGroup: "letters", deduplicationId: "7" });
  const first = await publish();
  await add([{ url: `${app.url}/c` }]);
  const second = await publish();
  assert.deepEqual(
    second.map((a) => Boolean(a.deduplicated)),
    [true, true, false],
  );
  assert.equal(second[0].messageId, first[0].messageId);
});
