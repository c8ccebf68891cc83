import assert from "node:assert/strict";
import { test } from "node:test";
import { Receiver } from "@upstash/qstash";
import { app, client, verify } from "./harness.mjs";

for (const body of ["", "text", '{"a":"ünïcødé"}', "line\r\nline\n", "x".repeat(1_000_000)]) {
  test(`a delivery of ${body.length} characters verifies`, async () => {
    await client.publish({ url: `${app.url}/task?a=b&c`, body });
    assert.equal(await verify(await app.one()), true);
  });
}

test("every attempt and callback is signed anew", async () => {
  await client.publish({
    url: app.answers("/flaky", 500, 200),
    retryDelay: "1",
    callback: `${app.url}/callback`,
  });
  await app.received(2, "/callback");
  const got = await app.received(4);
  for (const one of got) assert.equal(await verify(one), true);
  assert.equal(new Set(got.map((r) => r.headers["upstash-signature"])).size, 4);
});

test("a batch and a delivery with another method verify", async () => {
  await client.batch([
    { url: `${app.url}/a`, body: "1" },
    { url: `${app.url}/b`, body: "2", method: "PUT" },
  ]);
  for (const one of await app.received(2)) assert.equal(await verify(one), true);
});

for (const [name, forged] of [
  ["another body", { body: "another" }],
  ["another url", { url: "http://localhost/other" }],
  ["a broken signature", { signature: "a.b.c" }],
]) {
  test(`${name} is refused`, async () => {
    await client.publish({ url: `${app.url}/task`, body: "text" });
    await assert.rejects(verify(await app.one(), forged), { name: "SignatureError" });
  });
}

test("the next key alone does not verify", async () => {
  await client.publish({ url: app.url });
  const { headers, text } = await app.one();
  const key = process.env.QSTASH_NEXT_SIGNING_KEY;
  const stranger = new Receiver({ currentSigningKey: key, nextSigningKey: key });
  const wrong = stranger.verify({ signature: headers["upstash-signature"], body: text });
  await assert.rejects(wrong, { name: "SignatureError" });
});

test("the region of a delivery does not disturb an app without regions", async () => {
  await client.publish({ url: `${app.url}/task` });
  const got = await app.one();
  assert.equal(await verify(got, { upstashRegion: got.headers["upstash-region"] }), true);
});
