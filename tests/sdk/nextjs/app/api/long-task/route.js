import { verifySignatureAppRouter } from "@upstash/qstash/nextjs";

async function handler(request) {
  const data = await request.json();
  return Response.json({ done: data.hello });
}

export const POST = verifySignatureAppRouter(handler);
