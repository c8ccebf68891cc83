// An app that publishes to itself with the JavaScript SDK, and verifies what comes back.
// Prints one line of JSON: ids, and what it was told by the callback. Ends when its stdin does.

import assert from "node:assert/strict";
import { Client, Receiver } from "@upstash/qstash";
import { App } from "./app.mjs";

const app = new App();
const receiver = new Receiver();
const verified = async (request) => {
  const signature = request.headers.get("upstash-signature");
  const body = await request.text();
  await receiver.verify({ signature, body, url: request.url });
  return Response.json({ heard: body.length });
};

await app.start(Number(process.env.APP_PORT));
app.answers("/api/work", verified);
app.answers("/api/done", verified);
const { messageId } = await new Client({ retry: false }).publishJSON({
  url: `${app.url}/api/work?from=circle`,
  body: { order: 7 },
  headers: { "X-Tenant": "acme" },
  callback: `${app.url}/api/done`,
});
const work = await app.one("/api/work");
const done = await app.one("/api/done");
assert.equal(work.headers["upstash-message-id"], messageId);
assert.equal(work.headers["x-tenant"], "acme");
assert.deepEqual(JSON.parse(work.text), { order: 7 });
const { sourceMessageId, url, status, body } = JSON.parse(done.text);
console.log(
  JSON.stringify({
    messageId,
    callbackId: done.headers["upstash-message-id"],
    told: { sourceMessageId, url, status, body: Buffer.from(body, "base64").toString() },
  }),
);
process.stdin.on("end", () => app.stop()).resume();
