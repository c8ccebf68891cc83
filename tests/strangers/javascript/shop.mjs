// A shop: an order is mailed later, by QStash. Not a line of it is for tests.
import { createServer } from "node:http";
import { once } from "node:events";
import { Client, Receiver } from "@upstash/qstash";

export const mailed = [];

export async function openShop() {
  let url;
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    if (request.url === "/orders") {
      await new Client().publishJSON({ url: `${url}/api/mail`, body: JSON.parse(body), retries: 2 });
    } else {
      const signature = request.headers["upstash-signature"];
      await new Receiver().verify({ signature, body, url: url + request.url });
      mailed.push(JSON.parse(body));
    }
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${server.address().port}`;
  return { url, close: () => server.close() };
}
