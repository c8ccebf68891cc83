import { qstash } from "../../../../fixtures/js/qstash-dev.mjs";
import { mailed, openShop } from "../shop.mjs";

let shop;
beforeAll(async () => (shop = await openShop()));
afterAll(() => shop.close());
beforeEach(() => qstash.reset());

test("the order mail is retried twice, then dead-lettered, then replayed", async () => {
  await qstash.fail("/api/mail", { status: 503, times: 3 });
  await fetch(`${shop.url}/orders`, { method: "POST", body: JSON.stringify({ order: 1 }) });
  await qstash.settle();
  const [mail] = await qstash.messages("state:failed");
  expect(mail.try).toBe(3);
  expect(await qstash.dlq()).toHaveLength(1);
  await qstash.replay(mail.id);
  await qstash.settle();
  expect(mailed).toEqual([{ order: 1 }]);
});
