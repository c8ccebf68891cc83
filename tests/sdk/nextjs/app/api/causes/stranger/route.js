import { verifySignatureAppRouter } from "@upstash/qstash/nextjs";

// With the keys of somebody else.
export const POST = verifySignatureAppRouter(() => new Response("ok"), {
  currentSigningKey: "sig_of_somebody",
  nextSigningKey: "sig_of_nobody",
  devMode: false,
});
