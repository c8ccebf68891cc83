import { verifySignatureAppRouter } from "@upstash/qstash/nextjs";

const verified = verifySignatureAppRouter(() => new Response("ok"));

// The body is read before the SDK gets the request.
export async function POST(request) {
  await request.json();
  return verified(request);
}
