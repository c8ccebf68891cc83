// Another file of the same project: it, too, empties the server before each test and counts what was sent.
import { beforeEach, expect, test } from "vitest";
import { Client } from "@upstash/qstash";
import { qstash } from "../../../../fixtures/js/qstash-dev.mjs";

beforeEach(() => qstash.reset());

for (let number = 0; number < 20; number++) {
  test(`invoice ${number} is the only message`, async () => {
    await new Client().publishJSON({ url: "http://127.0.0.1:9/invoice", body: { number }, retries: 0 });
    await qstash.settle();
    expect(await qstash.messages()).toHaveLength(1);
  });
}
