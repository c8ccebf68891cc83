// What most tests share: a client of the real server, an app, and a way to wait.

import assert from "node:assert/strict";
import { after, beforeEach } from "node:test";
import { Client, Receiver } from "@upstash/qstash";
import { App, PATIENCE_MS } from "./app.mjs";

export const server = process.env.QSTASH_URL;

/** A client with the printed credentials, which it finds in the environment. */
export const client = new Client({ retry: false });

export const receiver = new Receiver();

/** An app for the tests of a file; the server is emptied before each of them. */
export const app = await new App().start();
after(() => app.stop());
beforeEach(async () => {
  await control("POST", "/_dev/clock", { mode: "real" });
  await control("POST", "/_dev/reset");
  app.clear();
});

/** The control API of the server. */
export async function control(method, path, order) {
  const response = await fetch(server + path, { method, body: order && JSON.stringify(order) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

/** Let time pass, for a while or until the next thing is due; what becomes due is delivered. */
export const advance = (seconds) => pass({ advance_ms: seconds * 1000 });
export const skip = () => pass({ skip: true });
const pass = (order) => control("POST", "/_dev/clock", { ...order, wait_ms: PATIENCE_MS });

/** A promise with its `resolve`: a handler that waits for it is under way until then. */
export function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { open, handler: () => opened.then(() => new Response("ok")) };
}

/** Rows of messages that match a filter, once there are `count`. */
export async function waitFor(filter, count = 1) {
  const query = new URLSearchParams({ filter, count, timeout_ms: PATIENCE_MS });
  const answer = await control("GET", `/_dev/wait?${query}`);
  assert.ok(answer.met, `only ${answer.rows.length} of ${count} messages match ${filter}`);
  return answer.rows;
}

/** Verify a delivery as the documentation shows it. */
export async function verify(received, options = {}) {
  return receiver.verify({
    signature: received.headers["upstash-signature"],
    body: received.text,
    url: received.url,
    ...options,
  });
}

export const base64 = (text) => Buffer.from(text, "base64").toString();
