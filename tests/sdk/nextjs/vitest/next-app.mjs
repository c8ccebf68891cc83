import { createServer } from "node:http";
import next from "next";

export default async () => {
  const app = next({ dev: true, dir: ".." });
  await app.prepare();
  const server = createServer(app.getRequestHandler()).listen(0);
  process.env.SHOP_URL = `http://localhost:${server.address().port}`;
  return () => app.close();
};
