import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, app, client, gate, waitFor } from "./harness.mjs";

const flow = client.flowControl;

async function publish(path, limits, handler = 200) {
  const url = app.answers(path, handler);
  return (await client.publish({ url, flowControl: { key: "k", ...limits } })).messageId;
}

const arrived = async (count) => (await app.received(count)).map((r) => r.path);

test("a key exists after its first message", async () => {
  await assert.rejects(flow.get("k"), { status: 404 });
  await publish("/", { parallelism: 3, rate: 5, period: "1m" });
  await waitFor("state:delivered");
  const { ratePeriodStart, ...info } = await flow.get("k");
  assert.equal(typeof ratePeriodStart, "number");
  assert.deepEqual(info, {
    flowControlKey: "k",
    waitListSize: 0,
    parallelismMax: 3,
    parallelismCount: 0,
    rateMax: 5,
    rateCount: 1,
    ratePeriod: 60,
    isPaused: false,
    isPinnedParallelism: false,
    isPinnedRate: false,
  });
});

for (const key of ["a/b", "a/b/pause", "a%25b"]) {
  test(`the key ${key} is found as it was published`, async () => {
    await publish("/", { key, parallelism: 3 });
    assert.equal((await flow.get(key)).flowControlKey, key);
    await flow.pause(key);
    assert.equal((await flow.get(key)).isPaused, true);
    await flow.pin(key, { parallelism: 4 });
    assert.equal((await flow.get(key)).parallelismMax, 4);
    await flow.resume(key);
    await waitFor("state:delivered");
  });
}

test("no more than the parallelism are under way", async () => {
  const open = gate();
  for (let n = 0; n < 4; n++) await publish(`/${n}`, { parallelism: 2 }, open.handler);
  await app.received(2);
  await waitFor("state:queued", 2);
  const info = await flow.get("k");
  assert.deepEqual([info.parallelismCount, info.waitListSize], [2, 2]);
  assert.equal(app.requests.length, 2);
  open.open();
  await app.received(4);
});

test("no more than the rate start in a period", async () => {
  for (let n = 0; n < 5; n++) await publish(`/${n}`, { rate: 2, period: "1h" });
  await waitFor("state:queued", 3);
  await waitFor("state:delivered", 2);
  const info = await flow.get("k");
  assert.deepEqual([info.rateCount, info.waitListSize], [2, 3]);
  await advance(3600);
  await waitFor("state:delivered", 4);
  await flow.resetRate("k");
  assert.deepEqual(await arrived(5), ["/0", "/1", "/2", "/3", "/4"]);
});

test("a paused key collects until it is resumed", async () => {
  await flow.pause("k");
  for (let n = 0; n < 3; n++) await publish(`/${n}`, { parallelism: 1 });
  await waitFor("state:queued", 3);
  assert.equal((await flow.get("k")).isPaused, true);
  assert.deepEqual(app.requests, []);
  await flow.resume("k");
  assert.deepEqual(await arrived(3), ["/0", "/1", "/2"]);
});

test("resetting the rate of a paused key leaves it at zero", async () => {
  const open = gate();
  await publish("/slow", { rate: 5, period: "1h" }, open.handler);
  await app.one();
  await flow.pause("k");
  assert.equal((await flow.get("k")).rateCount, 1);
  await flow.resetRate("k");
  assert.equal((await flow.get("k")).rateCount, 0);
  open.open();
  await waitFor("state:delivered");
  assert.equal((await flow.get("k")).rateCount, 0);
});

test("a pin holds against what messages carry", async () => {
  await flow.pin("k", { parallelism: 2, rate: 3, period: 60 });
  await publish("/", { parallelism: 9, rate: 9 });
  let info = await flow.get("k");
  assert.deepEqual([info.parallelismMax, info.rateMax, info.ratePeriod], [2, 3, 60]);
  assert.deepEqual([info.isPinnedParallelism, info.isPinnedRate], [true, true]);
  await flow.unpin("k", { parallelism: true });
  info = await flow.get("k");
  assert.deepEqual([info.isPinnedParallelism, info.isPinnedRate], [false, true]);
  await assert.rejects(flow.pin("k", {}), { status: 400 });
});

test("the global parallelism counts what is under way", async () => {
  const open = gate();
  await client.publish({ url: app.answers("/slow", open.handler) });
  await app.one();
  const info = await flow.getGlobalParallelism();
  assert.equal(info.parallelismCount, 1);
  assert.ok(info.parallelismMax > 1);
  open.open();
});
