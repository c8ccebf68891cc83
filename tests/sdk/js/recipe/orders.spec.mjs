// A test as somebody writes it who uses the recipe: the order mail is retried twice, then dead-lettered,
// then replayed.
import { createServer } from "node:http";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Client, Receiver } from "@upstash/qstash";
import { qstash } from "../../../../fixtures/js/qstash-dev.mjs";

const received = [];
let app, url;

beforeAll(async () => {
  app = createServer(async (request, response) => {
    const chunks = await request.toArray();
    const body = Buffer.concat(chunks).toString();
    const signature = request.headers["upstash-signature"];
    received.push(await new Receiver().verify({ signature, body, url: url + request.url }));
    if (request.url !== "/slow") response.end("ok");
  }).listen(0, "127.0.0.1");
  await once(app, "listening");
  url = `http://127.0.0.1:${app.address().port}`;
});
afterAll(() => {
  app.closeAllConnections();
  app.close();
});
beforeEach(() => qstash.reset());

test("the order mail is retried twice, then dead-lettered, then replayed", async () => {
  await qstash.fail("/api/mail", { status: 503, times: 3 });
  await new Client().publishJSON({ url: `${url}/api/mail`, body: { order: 1 }, retries: 2 });
  await qstash.settle();
  const [failed] = await qstash.messages("state:failed");
  expect(failed.try).toBe(3);
  expect(await qstash.dlq()).toHaveLength(1);
  await expect(qstash.replay(failed.id, { body: { order: 2 } })).rejects.toThrow("expected text (of JSON, too: a string)");
  await qstash.replay(failed.id);
  await qstash.settle();
  expect(await qstash.messages("state:ok dest:/api/mail")).toHaveLength(1);
  expect(received).toEqual([true]);
});

test("what happens in two hours happens when time is moved", async () => {
  await new Client().publishJSON({ url: `${url}/later`, body: {}, delay: "2h" });
  await qstash.advance(3_600_000);
  expect(await qstash.messages("state:delayed")).toHaveLength(1);
  await qstash.advance(3_600_000);
  await qstash.wait("state:ok dest:/later");
});

test("what is under way when time was moved is named", async () => {
  const { messageId } = await new Client().publishJSON({ url: `${url}/slow`, body: {} });
  await qstash.wait("state:active");
  const advance = qstash.advance(3_600_000, { timeout: 0 });
  await expect(advance).rejects.toThrow(`within 0s; still under way: POST ${url}/slow (${messageId}).`);
});

test("a wait in vain names what nearly matches", async () => {
  const { messageId } = await new Client().publishJSON({ url: `${url}/soon`, body: {}, delay: "1h" });
  const wait = qstash.wait("state:ok dest:/soon", { timeout: 0 });
  await expect(wait).rejects.toThrow(`all but state:ok: delayed POST ${url}/soon (${messageId})`);
});

test("a bad filter and a wait in vain are sentences", async () => {
  await expect(qstash.messages("stat:ok")).rejects.toThrow("state");
  await expect(qstash.wait("state:ok", { timeout: 0 })).rejects.toThrow("0 of 1 messages");
});
