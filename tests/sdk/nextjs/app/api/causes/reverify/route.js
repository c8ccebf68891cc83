import { Receiver } from "@upstash/qstash";

const receiver = new Receiver({
  currentSigningKey: process.env.QSTASH_CURRENT_SIGNING_KEY,
  nextSigningKey: process.env.QSTASH_NEXT_SIGNING_KEY,
});

// The body is parsed and written again, and an error of its own hides why that is refused.
export async function POST(request) {
  const body = JSON.stringify(await request.json());
  const signature = request.headers.get("upstash-signature");
  const valid = await receiver.verify({ signature, body }).catch(() => false);
  return valid ? new Response("ok") : Response.json({ error: "Invalid signature" }, { status: 401 });
}
