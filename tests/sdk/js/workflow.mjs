// Workflows in an app that records what it is sent: their routes, and the end of all deliveries.

import assert from "node:assert/strict";
import { Client, serve } from "@upstash/workflow";
import { advance, app, control, receiver, server } from "./harness.mjs";

export const client = new Client();

/** A workflow at a path of the app; what its runs returned is in `results`. */
export function workflow(path, route, options = {}) {
  const results = [];
  const { handler } = serve(
    async (context) => {
      const result = await route(context);
      results.push(result);
      return result;
    },
    { receiver, verbose: false, ...options },
  );
  return { url: app.answers(path, (request) => handler(request)), results, path };
}

/** What the app was sent, once nothing is left to do. */
export async function calls(count, path) {
  await app.received(count, path);
  await advance(0); // waits for what is under way
  const { counts } = await control("GET", "/_dev/snapshot");
  assert.equal(counts.active + counts.delayed + counts.retry, 0, JSON.stringify(counts));
  return app.received(count, path);
}

/** A request to QStash's API: its status, and the document it was answered with if that is JSON. */
export async function rest(method, path, body, headers = {}) {
  const token = { Authorization: `Bearer ${process.env.QSTASH_TOKEN}` };
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(server + path, { method, body: text, headers: { ...token, ...headers } });
  const answer = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, document: isJson ? JSON.parse(answer) : answer };
}
