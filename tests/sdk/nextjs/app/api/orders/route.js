import { Client } from "@upstash/qstash";

export async function POST(request) {
  const url = `${process.env.SHOP_URL}/api/mail`;
  await new Client().publishJSON({ url, body: await request.json(), retries: 2 });
  return Response.json({ placed: true });
}
