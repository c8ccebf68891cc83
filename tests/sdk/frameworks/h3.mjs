// A handler of h3 that refuses a body; the port is printed.
import { createServer } from "node:http";
import { createApp, createError, eventHandler, readBody, toNodeListener } from "h3";

const app = createApp({ debug: process.env.DEBUG === "1" });
app.use(
  "/orders",
  eventHandler(async (event) => {
    const body = await readBody(event);
    if (!body?.userId) throw createError({ statusCode: 422, statusMessage: "Missing userId" });
    return "ok";
  }),
);

const server = createServer(toNodeListener(app));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
