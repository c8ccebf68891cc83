// Time stands still and moves when a test says so.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { advance, app, base64, client, control, skip } from "./harness.mjs";

const DAY = 86_400;
const DAILY = "0 0 * * *";

beforeEach(() => control("POST", "/_dev/clock", { mode: "frozen" }));

test("a schedule is reported as it was created", async () => {
  const { scheduleId } = await client.schedules.create({
    destination: `${app.url}/a?b=c`,
    cron: " 0 8 * * 1 ",
    body: JSON.stringify({ a: 1 }),
    method: "PUT",
    headers: { "test-header": "test-value" },
    callback: `${app.url}/callback`,
    failureCallback: `${app.url}/failure`,
    retries: 2,
    retryDelay: "1000",
    delay: "1m",
    timeout: 30,
    queueName: "mail",
    flowControl: { key: "k", parallelism: 3, rate: 4, period: 2 },
    label: ["weekly", "eu"],
    scheduleId: "my-schedule.1",
  });
  assert.equal(scheduleId, "my-schedule.1");
  const schedule = await client.schedules.get(scheduleId);
  const { createdAt, nextScheduleTime, ...rest } = schedule;
  assert.equal(typeof createdAt, "number");
  const next = new Date(nextScheduleTime);
  assert.deepEqual([next.getUTCDay(), next.getUTCHours(), next.getUTCMinutes()], [1, 8, 0]);
  assert.deepEqual(rest, {
    scheduleId: "my-schedule.1",
    destination: `${app.url}/a?b=c`,
    cron: "0 8 * * 1",
    body: '{"a":1}',
    method: "PUT",
    header: { "Content-Type": ["application/json"], "Test-Header": ["test-value"] },
    callback: `${app.url}/callback`,
    failureCallback: `${app.url}/failure`,
    retries: 2,
    retryDelayExpression: "1000",
    delay: 60,
    timeout: 30,
    queueName: "mail",
    flowControlKey: "k",
    parallelism: 3,
    rate: 4,
    ratePerSecond: 4,
    period: 2,
    label: "weekly",
    labels: ["weekly", "eu"],
    isPaused: false,
    callerIP: "127.0.0.1",
    callerIp: "127.0.0.1",
  });
  assert.deepEqual(await client.schedules.list(), [schedule]);
});

test("creating with the same id replaces it whole", async () => {
  const create = (options) =>
    client.schedules.create({ destination: app.url, scheduleId: "weekly", ...options });
  await create({ cron: DAILY, body: "old", label: "old" });
  await create({ cron: "CRON_TZ=America/New_York 5 * * * *" });
  const [schedule, ...more] = await client.schedules.list();
  assert.deepEqual(more, []);
  assert.equal(schedule.cron, "CRON_TZ=America/New_York 5 * * * *");
  assert.ok(!("body" in schedule) && !("label" in schedule));
});

for (const options of [
  { cron: "61 * * * *" },
  { cron: "* * * *" },
  { cron: DAILY, scheduleId: "a b" },
  { cron: DAILY, destination: "example.com/x" },
]) {
  test(`${JSON.stringify(options)} is refused`, async () => {
    const request = client.schedules.create({ destination: app.url, ...options });
    await assert.rejects(request, { status: 400 });
    assert.deepEqual(await client.schedules.list(), []);
  });
}

test("a deleted schedule is gone", async () => {
  const { scheduleId } = await client.schedules.create({ destination: app.url, cron: DAILY });
  await client.schedules.delete(scheduleId);
  await assert.rejects(client.schedules.get(scheduleId), { status: 404 });
  await advance(2 * DAY);
  assert.deepEqual(app.requests, []);
});

test("a schedule fires at its times", async () => {
  const { scheduleId } = await client.schedules.create({
    destination: app.url,
    cron: DAILY,
    body: "text",
    headers: { "X-A": "1" },
    callback: `${app.url}/callback`,
  });
  const planned = (await client.schedules.get(scheduleId)).nextScheduleTime;
  await advance(2 * DAY);
  const got = (await app.received(4)).filter((r) => r.path === "/");
  assert.equal(got.length, 2);
  for (const one of got) {
    assert.deepEqual([one.text, one.headers["x-a"]], ["text", "1"]);
    assert.equal(one.headers["upstash-schedule-id"], scheduleId);
  }
  const schedule = await client.schedules.get(scheduleId);
  assert.equal(schedule.lastScheduleTime, planned + DAY * 1000);
  assert.equal(schedule.nextScheduleTime, planned + 2 * DAY * 1000);
  assert.deepEqual(schedule.lastScheduleStates, {
    [got[1].headers["upstash-message-id"]]: "SUCCESS",
  });
  const told = JSON.parse((await app.one("/callback")).text);
  assert.equal(told.scheduleId, scheduleId);
  assert.equal(base64(told.sourceBody), "text");
  const { logs } = await client.logs({ filter: { scheduleId } });
  assert.equal(logs.length, 6);
});

test("a paused schedule skips its times", async () => {
  const { scheduleId } = await client.schedules.create({ destination: app.url, cron: DAILY });
  await client.schedules.pause({ schedule: scheduleId });
  assert.equal((await client.schedules.get(scheduleId)).isPaused, true);
  await advance(3 * DAY);
  await client.schedules.resume({ schedule: scheduleId });
  assert.equal((await client.schedules.get(scheduleId)).isPaused, false);
  assert.deepEqual(app.requests, []);
  await skip();
  assert.equal((await app.received()).length, 1);
});

test("a schedule delivers to a group and enqueues", async () => {
  await client.urlGroups.addEndpoints({
    name: "letters",
    endpoints: [{ url: `${app.url}/a` }, { url: `${app.url}/b` }],
  });
  await client.schedules.create({ destination: "letters", cron: DAILY, queueName: "mail" });
  await skip();
  const got = await app.received(2);
  assert.deepEqual(
    got.map((r) => r.path),
    ["/a", "/b"],
  );
  const { queueName } = await client.messages.get(got[0].headers["upstash-message-id"]);
  assert.equal(queueName, "mail");
});

test("a redacted schedule hides and delivers", async () => {
  const { scheduleId } = await client.schedules.create({
    destination: app.url,
    cron: DAILY,
    body: "secret",
    redact: { body: true, header: true },
    headers: { "X-Secret": "s3cret" },
  });
  const schedule = await client.schedules.get(scheduleId);
  assert.match(schedule.body, /^REDACTED:/);
  assert.match(schedule.header["X-Secret"][0], /^REDACTED:/);
  await skip();
  const got = await app.one();
  assert.deepEqual([got.text, got.headers["x-secret"]], ["secret", "s3cret"]);
});
