import { verifySignature } from "@upstash/qstash/nextjs";

// Next.js parses the body before: `bodyParser: false` is missing.
export default verifySignature((request, response) => response.send("ok"));
