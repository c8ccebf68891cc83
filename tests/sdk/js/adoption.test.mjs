// An app that sets only QSTASH_DEV and QSTASH_DEV_PORT: no URL, no token, no keys.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { test } from "node:test";
import { Client, Receiver } from "@upstash/qstash";
import { verifySignatureAppRouter } from "@upstash/qstash/nextjs";
import { App } from "./app.mjs";

test("an app publishes and verifies and downloads nothing", async (t) => {
  assert.deepEqual(
    Object.keys(process.env).filter((name) => name.startsWith("QSTASH_")).sort(),
    ["QSTASH_DEV", "QSTASH_DEV_PORT"],
  );
  const app = await new App().start();
  t.after(() => app.stop());
  const client = new Client();
  const url = app.answers(
    "/api/task",
    verifySignatureAppRouter(async (request) => Response.json(await request.json())),
  );
  const { messageId } = await client.publishJSON({ url, body: 7, callback: `${app.url}/callback` });
  const callback = await app.one("/callback");
  const told = JSON.parse(callback.text);
  assert.equal(told.sourceMessageId, messageId);
  assert.deepEqual([told.status, atob(told.body)], [200, "7"]);
  const valid = await new Receiver().verify({
    signature: callback.headers["upstash-signature"],
    body: callback.text,
    url: callback.url,
  });
  assert.equal(valid, true);
  // The SDK makes its cache directory in the home directory before it downloads.
  assert.deepEqual(readdirSync(homedir()), []);
});

test("an option of the client is enough", async () => {
  const port = process.env.QSTASH_DEV_PORT;
  delete process.env.QSTASH_DEV;
  const client = new Client({ devMode: true });
  const { messageId } = await client.publish({ url: "http://127.0.0.1:9/", delay: "1h" });
  const message = await client.messages.get(messageId);
  assert.equal(message.url, "http://127.0.0.1:9/");
  assert.equal(client.http.baseUrl, `http://127.0.0.1:${port}`);
});
