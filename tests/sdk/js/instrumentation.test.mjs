// What `instrumentation.ts` of a Next.js app calls to have a server; it is remembered for the process.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { test } from "node:test";
import { registerQStashDev } from "@upstash/qstash/nextjs";

test("the running server is found and nothing is downloaded", async (t) => {
  const said = ["log", "warn", "error"].map((level) => t.mock.method(console, level, () => {}));
  await registerQStashDev();
  const [[line], ...more] = said.flatMap((m) => m.mock.calls.map((call) => call.arguments));
  assert.match(line, /Server already running at http:\/\/127\.0\.0\.1:\d+\n/);
  assert.deepEqual(more, []);
  assert.deepEqual(readdirSync(homedir()), []);
});
