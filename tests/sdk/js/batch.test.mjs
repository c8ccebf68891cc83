import assert from "node:assert/strict";
import { test } from "node:test";
import { app, client, control, waitFor } from "./harness.mjs";

test("a batch is answered in its order", async () => {
  const answers = await client.batch([
    { url: `${app.url}/a`, body: "1", headers: { "X-N": "1" }, retries: 1 },
    { url: `${app.url}/b`, body: "2", method: "PUT", label: "second" },
    { url: `${app.url}/c`, delay: "1h" },
    { url: `${app.url}/d`, deduplicationId: "once" },
    { url: `${app.url}/e`, deduplicationId: "once" },
  ]);
  assert.equal(answers.length, 5);
  assert.equal(new Set(answers.map((a) => a.messageId)).size, 4);
  assert.equal(answers[4].messageId, answers[3].messageId);
  assert.equal(answers[4].deduplicated, true);
  const got = Object.fromEntries((await app.received(3)).map((r) => [r.path, r]));
  assert.deepEqual(Object.keys(got).sort(), ["/a", "/b", "/d"]);
  assert.equal(got["/a"].headers["x-n"], "1");
  assert.equal(got["/a"].headers["upstash-max-retries"], "1");
  assert.equal(got["/a"].headers["upstash-message-id"], answers[0].messageId);
  assert.deepEqual([got["/b"].method, got["/b"].text], ["PUT", "2"]);
  assert.equal((await client.messages.get(answers[1].messageId)).label, "second");
});

test("batchJSON serialises every body", async () => {
  await client.batchJSON([
    { url: `${app.url}/a`, body: { n: 1 } },
    { url: `${app.url}/b`, body: [2], headers: { "X-N": "2" } },
    { url: `${app.url}/c` },
  ]);
  const got = (await app.received(3)).sort((a, b) => (a.path < b.path ? -1 : 1));
  assert.deepEqual(
    got.map((r) => r.text),
    ['{"n":1}', "[2]", ""],
  );
  assert.deepEqual(
    got.map((r) => r.headers["content-type"]),
    Array(3).fill("application/json"),
  );
  assert.equal(got[1].headers["x-n"], "2");
});

test("an item that is refused does not keep the others from being sent", async () => {
  const answers = await client.batch([
    { url: "example.com/x" },
    { url: app.url, body: "sent" },
    { urlGroup: "nobody" },
  ]);
  assert.match(answers[0].error, /invalid scheme/);
  assert.match(answers[2].error, /topic nobody not found/);
  await waitFor(`id:${answers[1].messageId} state:delivered`);
});

test("a batch in which every item is refused is refused", async () => {
  await assert.rejects(client.batch([{ url: "example.com/x" }, { urlGroup: "nobody" }]), (error) => {
    const answers = JSON.parse(error.message);
    return error.status === 400 && answers.length === 2 && answers.every((a) => a.error);
  });
});

test("one item over a quota refuses the whole batch", async () => {
  const items = [{ url: app.url }, { url: app.url, retries: 1_000_000 }];
  await assert.rejects(client.batch(items), { status: 412 });
  assert.equal((await control("GET", "/_dev/messages")).total, 0);
});

test("an empty batch is an empty answer", async () => {
  assert.deepEqual(await client.batch([]), []);
});
