// Workflows on the virtual clock: it moves sleeps, time-outs and retries, and a frozen one repeats itself.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { advance, app, control, skip, waitFor } from "./harness.mjs";
import { calls, client, workflow } from "./workflow.mjs";

const DAY = 86_400_000;
const now = async () => (await control("GET", "/_dev/clock")).now;

beforeEach(() => control("POST", "/_dev/clock", { mode: "frozen" }));

/** Jump from one appointment to the next until there is none. */
async function walk() {
  for (let jumps = 0; ; jumps++) {
    const { next_event_at } = await control("GET", "/_dev/clock");
    if (!next_event_at) return jumps;
    await skip();
  }
}

test("steps go on while time stands still, and sleeps, time-outs and retries do not", async () => {
  let failures = 1;
  const { url, results } = workflow("/still", async (context) => {
    await context.run("one", () => 1);
    await context.run("two", () => { if (failures-- > 0) throw new Error("once"); });
    await context.sleep("sleep", "7d");
    const { timeout } = await context.waitForEvent("wait", "nobody", { timeout: "2d" });
    return timeout;
  });
  const began = await now();
  await client.trigger({ url, retries: 1, retryDelay: "3600000" });
  await waitFor("state:retry");
  assert.equal((await app.received(2, "/still")).length, 2);
  assert.equal(await now(), began);
  for (const [count, passed] of [[4, 3_600_000], [5, 7 * DAY + 3_600_000], [6, 9 * DAY + 3_600_000]]) {
    await skip();
    assert.equal((await app.received(count, "/still")).length, count);
    assert.equal((await now()) - began, passed);
  }
  assert.deepEqual(results, [true]);
});

test("a week of sleeps is walked in seconds", async () => {
  const { url, results } = workflow("/week", async (context) => {
    for (let day = 1; day <= 7; day++) {
      await context.sleep(`night ${day}`, "1d");
      await context.run(`day ${day}`, () => day);
    }
    return "rested";
  });
  const [began, real] = [await now(), Date.now()];
  await client.trigger({ url });
  await app.received(1, "/week");
  await waitFor("state:delayed");
  assert.equal(await walk(), 7);
  assert.equal((await calls(15, "/week")).length, 15);
  assert.deepEqual(results, ["rested"]);
  assert.equal((await now()) - began, 7 * DAY);
  assert.ok(Date.now() - real < 10_000);
});

test("the same workflow gives the same log", async () => {
  const { url } = workflow("/same", async (context) => {
    await context.run("one", () => 1);
    await Promise.all([
      context.run("a", () => "a"),
      context.sleep("b", 60),
      context.call("c", { url: app.answers("/party", 200) }),
      context.waitForEvent("d", "nobody", { timeout: 90 }),
    ]);
    return "done";
  });
  const logs = [];
  for (const name of ["first", "second"]) {
    await control("POST", "/_dev/reset");
    const began = await now();
    await client.trigger({ url, workflowRunId: name });
    await app.received(1, "/same");
    await advance(0);
    await waitFor("state:delayed");
    await walk();
    const { events } = await control("GET", `/_dev/workflows/wfr_${name}/logs`);
    logs.push(
      events.map(({ state, time, stepInfo }) => [time - began, state, stepInfo?.stepName, stepInfo?.callType]),
    );
  }
  assert.equal(logs[0].at(-1)[1], "STEP_SUCCESS");
  assert.deepEqual(logs[0], logs[1]);
});
