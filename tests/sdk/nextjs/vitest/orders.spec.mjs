import { qstash } from "../../../../fixtures/js/qstash-dev.mjs";

const place = (order) =>
  fetch(`${process.env.SHOP_URL}/api/orders`, { method: "POST", body: JSON.stringify({ order }) });

beforeAll(async () => {
  await place(0); // the first request to a route waits until it is compiled
  await qstash.settle();
});
beforeEach(() => qstash.reset());

test("the order mail is retried twice, then dead-lettered, then replayed", async () => {
  await qstash.fail("/api/mail", { status: 503, times: 3 });
  await place(1);
  await qstash.settle();
  const [mail] = await qstash.messages("state:failed");
  expect(mail.try).toBe(3);
  expect(await qstash.dlq()).toHaveLength(1);
  const { id } = await qstash.replay(mail.id);
  await qstash.settle();
  const { attempts } = await qstash.message(id);
  expect(attempts[0].response.body.text).toBe('{"mailed":1}');
});
