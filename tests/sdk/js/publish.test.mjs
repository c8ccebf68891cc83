import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@upstash/qstash";
import { app, base64, client, waitFor } from "./harness.mjs";

const sha256 = async (text) =>
  Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("hex");

for (const [name, body, bytes] of [
  ["text", "plain ☃ text", Buffer.from("plain ☃ text")],
  ["bytes", new Uint8Array([0, 255, 128]), Buffer.from([0, 255, 128])],
  ["a Blob", new Blob(["blob"]), Buffer.from("blob")],
  ["a form", new URLSearchParams({ a: "1 2" }), Buffer.from("a=1+2")],
  ["nothing", undefined, Buffer.alloc(0)],
]) {
  test(`a body that is ${name} arrives byte for byte`, async () => {
    const published = await client.publish({ url: `${app.url}/task`, body });
    const got = await app.one();
    assert.deepEqual(got.body, bytes);
    assert.equal(got.headers["upstash-message-id"], published.messageId);
  });
}

for (const body of [{ a: [1, null, "ü"] }, [], "text", 7, null]) {
  test(`publishJSON sends ${JSON.stringify(body)} with its content type`, async () => {
    await client.publishJSON({ url: app.url, body });
    const got = await app.one();
    assert.deepEqual(JSON.parse(got.text), body);
    assert.equal(got.headers["content-type"], "application/json");
  });
}

test("the destination is called with the wanted method", async () => {
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
    await client.publish({ url: `${app.url}/${method}`, method, body: "body" });
    const got = await app.one(`/${method}`);
    assert.equal(got.method, method);
    assert.equal(got.text, "body");
  }
});

test("a query string belongs to the destination", async () => {
  await client.publish({ url: `${app.url}/api/task?user=7&empty=&x&u=a%2Fb` });
  assert.equal((await app.one()).path, "/api/task?user=7&empty=&x&u=a%2Fb");
});

test("headers are forwarded, those of the SDK itself are not", async () => {
  await client.publish({
    url: app.url,
    headers: {
      "X-Tenant": "acme",
      Authorization: "Bearer of the app",
      "Upstash-Forward-Direct": "1",
      "Content-Type": "text/csv",
    },
  });
  const { headers } = await app.one();
  assert.equal(headers["x-tenant"], "acme");
  assert.equal(headers["authorization"], "Bearer of the app");
  assert.equal(headers["direct"], "1");
  assert.equal(headers["content-type"], "text/csv");
  assert.equal(headers["user-agent"], "Upstash-QStash");
  assert.equal(headers["upstash-retried"], "0");
  assert.equal(headers["upstash-max-retries"], "3");
  const leaked = Object.keys(headers).filter((n) => /^upstash-(telemetry|forward|method)/.test(n));
  assert.deepEqual(leaked, []);
});

test("headers of the client are sent with every message", async () => {
  const own = new Client({ retry: false, headers: { "X-Bypass": "1", "X-Both": "client" } });
  await own.publishJSON({ url: app.url, body: 1, headers: { "X-Both": "message" } });
  const { headers } = await app.one();
  assert.deepEqual([headers["x-bypass"], headers["x-both"]], ["1", "message"]);
});

for (const [delay, wait] of [
  [60, 60_000],
  ["1h30m", 5_400_000],
]) {
  test(`a delay of ${delay} is kept`, async () => {
    const { messageId } = await client.publish({ url: app.url, delay });
    const message = await client.messages.get(messageId);
    assert.equal(message.notBefore - message.createdAt, wait);
  });
}

test("notBefore is a moment and wins over a delay", async () => {
  const notBefore = Math.floor(Date.now() / 1000) + 86_400;
  const { messageId } = await client.publish({ url: app.url, delay: 60, notBefore });
  assert.equal((await client.messages.get(messageId)).notBefore, notBefore * 1000);
});

test("a failing destination is called again", async () => {
  const url = app.answers("/flaky", 500, 503, 200);
  const { messageId } = await client.publish({ url, retries: 2, retryDelay: "1 + retried" });
  const got = await app.received(3);
  assert.deepEqual(
    got.map((r) => r.headers["upstash-retried"]),
    ["0", "1", "2"],
  );
  const message = await client.messages.get(messageId);
  assert.equal(message.maxRetries, 2);
  assert.equal(message.retryDelayExpression, "1 + retried");
});

test("a destination that is slower than the timeout failed", async () => {
  const url = app.answers("/slow", () => new Promise(() => {}));
  const { messageId } = await client.publish({ url, timeout: "1s", retries: 0 });
  const [row] = await waitFor(`id:${messageId} state:failed`);
  assert.match(row.error, /within 1 seconds/);
});

test("a callback tells what the destination answered", async () => {
  const url = app.answers("/task", { status: 201, body: "done", headers: { "x-answer": "yes" } });
  const { messageId } = await client.publishJSON({
    url,
    body: { task: 1 },
    callback: `${app.url}/callback?for=task`,
    headers: {
      "X-Source": "1",
      "Upstash-Callback-Forward-X-Call": "mine",
      "Upstash-Callback-Retries": "1",
      "Upstash-Callback-Method": "PUT",
    },
  });
  const got = await app.one("/callback?for=task");
  const told = JSON.parse(got.text);
  assert.equal(got.method, "PUT");
  assert.equal(got.headers["x-call"], "mine");
  assert.equal(got.headers["upstash-max-retries"], "1");
  assert.equal(told.status, 201);
  assert.equal(base64(told.body), "done");
  assert.deepEqual(told.header["X-Answer"], ["yes"]);
  assert.equal(told.sourceMessageId, messageId);
  assert.equal(told.url, url);
  assert.equal(base64(told.sourceBody), '{"task":1}');
  assert.deepEqual(told.sourceHeader["X-Source"], ["1"]);
  assert.equal(told.retried, 0);
  assert.equal(told.maxRetries, 3);
  assert.ok(!("dlqId" in told));
});

test("a failure callback names the dead letter", async () => {
  const url = app.answers("/broken", { status: 500, body: "boom" });
  const { messageId } = await client.publish({
    url,
    retries: 1,
    retryDelay: "1",
    failureCallback: `${app.url}/failed`,
    headers: { "Upstash-Failure-Callback-Forward-X-Call": "mine" },
  });
  const got = await app.one("/failed");
  const told = JSON.parse(got.text);
  assert.equal(got.headers["x-call"], "mine");
  assert.equal(told.status, 500);
  assert.equal(base64(told.body), "boom");
  assert.equal(told.retried, 1);
  const { messages } = await client.dlq.listMessages({ filter: { messageId } });
  assert.deepEqual(
    messages.map((m) => m.dlqId),
    [told.dlqId],
  );
});

test("a callback that fails calls its own failure callback", async () => {
  app.answers("/callback", 500);
  await client.publish({
    url: app.url,
    callback: `${app.url}/callback`,
    headers: {
      "Upstash-Callback-Retries": "0",
      "Upstash-Callback-Failure-Callback": `${app.url}/nested`,
      "Upstash-Callback-Failure-Callback-Forward-X-Nested": "yes",
    },
  });
  const got = await app.one("/nested");
  assert.equal(got.headers["x-nested"], "yes");
  assert.equal(JSON.parse(got.text).url, `${app.url}/callback`);
});

test("the same deduplication id is delivered once", async () => {
  const publish = (path, deduplicationId) =>
    client.publish({ url: app.url + path, deduplicationId });
  const first = await publish("/a", "order-7");
  const second = await publish("/b", "order-7");
  const other = await publish("/c", "order-8");
  assert.equal(second.messageId, first.messageId);
  assert.equal(second.deduplicated, true);
  assert.ok(!first.deduplicated && !other.deduplicated);
  await app.one("/c");
  const got = await app.received(2);
  assert.deepEqual(got.map((r) => r.path).sort(), ["/a", "/c"]);
});

test("the same content is delivered once", async () => {
  const publish = (body) =>
    client.publishJSON({ url: app.url, body, contentBasedDeduplication: true });
  const first = await publish({ a: 1 });
  const second = await publish({ a: 1 });
  const other = await publish({ a: 2 });
  assert.deepEqual([second.messageId, second.deduplicated], [first.messageId, true]);
  assert.ok(!other.deduplicated);
});

test("one label or several are reported", async () => {
  const one = await client.publish({ url: app.url, label: "invoice" });
  const two = await client.publish({ url: app.url, label: ["invoice", "eu"] });
  const messages = [
    await client.messages.get(one.messageId),
    await client.messages.get(two.messageId),
  ];
  assert.deepEqual(
    messages.map((m) => [m.label, m.labels]),
    [
      ["invoice", ["invoice"]],
      ["invoice", ["invoice", "eu"]],
    ],
  );
});

for (const [asked, shown, echoed] of [
  [{ parallelism: 3 }, [3, undefined, 1], "parallelism=3,period=1"],
  [{ rate: 100, period: "1m" }, [undefined, 100, 60], "rate=100,period=60"],
  [{ ratePerSecond: 5 }, [undefined, 5, 1], "rate=5,period=1"],
  [{ parallelism: 1, rate: 2, period: 7 }, [1, 2, 7], "parallelism=1,rate=2,period=7"],
]) {
  test(`flow control ${JSON.stringify(asked)} is reported and echoed`, async () => {
    const { messageId } = await client.publish({ url: app.url, flowControl: { key: "k", ...asked } });
    const { headers } = await app.one();
    assert.equal(headers["upstash-flow-control-key"], "k");
    assert.equal(headers["upstash-flow-control-value"], echoed);
    const message = await client.messages.get(messageId);
    assert.equal(message.flowControlKey, "k");
    assert.deepEqual([message.parallelism, message.rate, message.period], shown);
    assert.equal(message.ratePerSecond, shown[1]);
  });
}

test("what is redacted is delivered but not shown", async () => {
  const { messageId } = await client.publish({
    url: app.answers("/broken", 500),
    body: "the body",
    headers: { "X-Secret": "s3cret", "X-Open": "hello" },
    redact: { body: true, header: ["X-Secret"] },
    retries: 0,
  });
  const got = await app.one();
  assert.deepEqual([got.text, got.headers["x-secret"]], ["the body", "s3cret"]);
  await waitFor(`id:${messageId} state:failed`);
  const body = `REDACTED:${await sha256("the body")}`;
  const header = { "X-Secret": [`REDACTED:${await sha256("s3cret")}`], "X-Open": ["hello"] };
  const { messages } = await client.dlq.listMessages();
  const { logs } = await client.logs({ messageIds: [messageId] });
  for (const shown of [await client.messages.get(messageId), ...messages]) {
    assert.equal(shown.body, body);
    assert.deepEqual(shown.header["X-Secret"], header["X-Secret"]);
    assert.deepEqual(shown.header["X-Open"], header["X-Open"]);
  }
  assert.equal(logs.length, 4);
  for (const log of logs) {
    assert.equal(base64(log.body), body);
    assert.deepEqual(log.header["X-Secret"], header["X-Secret"]);
  }
});

for (const [options, status, text] of [
  [{ url: "example.com/x" }, 400, "invalid destination url: endpoint has invalid scheme"],
  [{ urlGroup: "nobody" }, 404, "topic nobody not found"],
  [{ url: "http://localhost", retries: 1_000_000 }, 412, "quota maxRetries exceeded"],
  [{ url: "http://localhost", deduplicationId: "a:b" }, 400, "DeduplicationId cannot contain ':'"],
  [{ url: "http://localhost", delay: "400d" }, 412, "quota maxDelay exceeded, current limit: "],
]) {
  test(`publishing ${JSON.stringify(options)} is refused with ${status}`, async () => {
    await assert.rejects(client.publish(options), (error) => {
      assert.equal(error.status, status);
      assert.ok(JSON.parse(error.message).error.includes(text), error.message);
      return true;
    });
  });
}
