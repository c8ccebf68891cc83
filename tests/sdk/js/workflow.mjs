// Workflows in an app that records what it is sent: their routes, and the end of all deliveries.

import assert from "node:assert/strict";
import { Client, serve } from "@upstash/workflow";
import { app, control, receiver } from "./harness.mjs";

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
  await control("POST", "/_dev/clock", { advance_ms: 0 }); // waits for what is under way
  const { counts } = await control("GET", "/_dev/snapshot");
  assert.equal(counts.active + counts.delayed + counts.retry, 0, JSON.stringify(counts));
  return app.received(count, path);
}
