// The wrappers of the SDK for web frameworks around real handlers, called by real deliveries.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import {
  verifySignature,
  verifySignatureAppRouter,
  verifySignatureEdge,
} from "@upstash/qstash/nextjs";
import { verifySignatureSolidjs } from "@upstash/qstash/solidjs";
import { verifySignatureSvelte } from "@upstash/qstash/svelte";
import { app, client, waitFor } from "./harness.mjs";

const echo = async (request) => Response.json({ got: await request.json() });

/** Svelte and Solid hand an event with the request to their handlers. */
const onEvents = (verify) => (handler, config) => {
  const wrapped = verify(({ request }) => handler(request), config);
  return (request) => wrapped({ request });
};

for (const [name, wrap] of [
  ["app router", verifySignatureAppRouter],
  ["edge", verifySignatureEdge],
  ["svelte", onEvents(verifySignatureSvelte)],
  ["solid", onEvents(verifySignatureSolidjs)],
]) {
  test(`${name}: a signed delivery reaches the handler`, async () => {
    const url = app.answers("/api/long-task", wrap(echo));
    const { messageId } = await client.publishJSON({
      url,
      body: { hello: "world" },
      callback: `${app.url}/callback`,
    });
    await waitFor(`id:${messageId} state:delivered`);
    const told = JSON.parse((await app.one("/callback")).text);
    assert.equal(told.status, 200);
    assert.deepEqual(JSON.parse(atob(told.body)), { got: { hello: "world" } });
  });

  test(`${name}: a request without a signature is refused`, async () => {
    const url = app.answers("/api/long-task", wrap(echo));
    const response = await fetch(url, { method: "POST", body: "{}" });
    assert.equal(response.status, 403);
  });

  test(`${name}: an app with other keys fails the delivery`, async () => {
    const keys = { currentSigningKey: "sig_other", nextSigningKey: "sig_others" };
    const handler = wrap(echo, keys);
    const answer = (request) => handler(request).catch(() => new Response("", { status: 500 }));
    const { messageId } = await client.publishJSON({
      url: app.answers("/api/long-task", answer),
      body: {},
      retries: 0,
    });
    await waitFor(`id:${messageId} state:failed`);
  });
}

test("pages router: a signed delivery reaches the handler with its body parsed", async () => {
  const bodies = [];
  const handler = verifySignature((request, response) => {
    bodies.push(request.body);
    response.status(200).end();
  });
  const pages = createServer((request, response) => {
    // What Next.js adds to Node's response.
    response.status = (code) => Object.assign(response, { statusCode: code });
    response.send = (text) => response.write(text);
    handler(request, response).catch(() => response.status(500).end());
  });
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  after(() => pages.close());
  const url = `http://127.0.0.1:${pages.address().port}/api/task`;
  const { messageId } = await client.publishJSON({ url, body: { a: 1 } });
  await waitFor(`id:${messageId} state:delivered`);
  assert.deepEqual(bodies, [{ a: 1 }]);
});
