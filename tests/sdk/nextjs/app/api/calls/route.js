// The third party of a workflow, and what the app was called for.

import { calls } from "./seen.js";

export const GET = () => Response.json(calls);

export async function PUT(request) {
  return Response.json({ got: await request.text(), own: request.headers.get("x-own") });
}
