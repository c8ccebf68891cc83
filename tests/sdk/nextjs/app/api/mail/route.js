import { verifySignatureAppRouter } from "@upstash/qstash/nextjs";

export const POST = verifySignatureAppRouter(async (request) => {
  const { order } = await request.json();
  return Response.json({ mailed: order });
});
