import { verifySignature } from "@upstash/qstash/nextjs";

export default verifySignature((request, response) => response.send("ok"));
export const config = { api: { bodyParser: false } };
