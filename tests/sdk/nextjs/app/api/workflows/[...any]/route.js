// One workflow for each kind of step and each end. `/api/calls` tells what was called here, and how often.

import { WorkflowNonRetryableError } from "@upstash/workflow";
import { createWorkflow, serveMany } from "@upstash/workflow/nextjs";
import { calls } from "../../calls/seen.js";

const steps = createWorkflow(async (context) => {
  const first = await context.run("first", () => `${context.requestPayload}!`);
  await context.sleep("sleep", "1d");
  await context.sleepUntil("until", Date.now() / 1000);
  const both = await Promise.all([context.run("left", () => "l"), context.run("right", () => "r")]);
  return [first, ...both];
});

const call = createWorkflow(async (context) => {
  const { status, body } = await context.call("party", {
    url: new URL("/api/calls", context.url).href, method: "PUT", body: "hello", headers: { "x-own": "v" },
  });
  return [status, body];
});

const waits = createWorkflow(async (context) => {
  const event = await context.waitForEvent("event", "nextjs", { timeout: "1d" });
  const nobody = await context.waitForEvent("nobody", "nobody", { timeout: "1d" });
  return [event.eventData, nobody.timeout];
});

const child = createWorkflow(async (context) => context.run("child", () => `child of ${context.requestPayload}`));
const invokes = createWorkflow(async (context) => {
  const { body, isFailed } = await context.invoke("invoke", { workflow: child, body: "parent" });
  return [body, isFailed ?? false];
});

const fails = createWorkflow(
  async (context) => {
    await context.run("fails", () => {
      throw new WorkflowNonRetryableError("no luck");
    });
  },
  { failureFunction: async ({ failResponse }) => `told: ${failResponse}` },
);

const cancels = createWorkflow(async (context) => {
  await context.run("one", () => 1);
  await context.cancel();
});

const served = serveMany({ steps, call, waits, invokes, child, fails, cancels });

export async function POST(request, ...rest) {
  const { pathname } = new URL(request.url);
  calls[pathname] = (calls[pathname] ?? 0) + 1;
  return served.POST(request, ...rest);
}
