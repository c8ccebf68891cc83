// The app of test_workflow_crash.py: a workflow with steps of every kind, and notes of all that it did.
// Prints its port; `/notes` tells the notes.

import { serve } from "@upstash/workflow";
import { App } from "./app.mjs";

const app = await new App().start();
const notes = { executions: {}, deliveries: [], results: {} };

/** The effect of a step, which the run's result must have. */
function effect(runId, step) {
  const executed = (notes.executions[`${runId} ${step}`] ??= []);
  executed.push(`${step}${executed.length}`);
  return executed.at(-1);
}

const { handler } = serve(
  async (context) => {
    const run = (step) => context.run(step, () => effect(context.workflowRunId, step));
    const first = await run("first");
    const both = await Promise.all([
      run("left"),
      context.call("call", { url: app.url + "/party", method: "POST" }).then((answer) => answer.status),
      context.sleep("sleep", 1).then(() => "slept"),
      context.waitForEvent("wait", "nobody", { timeout: "1s" }).then((event) => event.timeout),
    ]);
    await context.sleepUntil("moment", Date.now() / 1000);
    const result = [first, ...both, await run("last")];
    notes.results[context.workflowRunId] = result;
    return result;
  },
  { verbose: false },
);

app.answers("/wf", async (request) => {
  const delivery = {
    id: request.headers.get("upstash-message-id"),
    retried: request.headers.get("upstash-retried"),
    began: Date.now(),
  };
  notes.deliveries.push(delivery);
  const response = await handler(request);
  Object.assign(delivery, { ended: Date.now(), status: response.status });
  return response;
});
app.answers("/notes", async () => Response.json(notes));
console.log(new URL(app.url).port);
