// The answers of tests/transport/test_real_servers.py by Node's own servers; prints its port.
// With a certificate and a key as arguments it speaks TLS.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

let count = 0;

const coded = (coding, encode) => (_, response) => {
  response.setHeader("Content-Encoding", coding);
  response.end(encode("plain text"));
};

const answers = {
  "/length": (_, response) => response.setHeader("Content-Length", 2).end("ok"),
  "/chunks": (_, response) => {
    response.write("a");
    response.write("b");
    response.end("c");
  },
  "/trailers": (_, response) => {
    response.setHeader("Trailer", "X-Sum");
    response.write("ok");
    response.addTrailers({ "X-Sum": "1" });
    response.end();
  },
  "/nothing": (_, response) => response.writeHead(204).end(),
  "/unchanged": (_, response) => response.writeHead(304).end(),
  "/moved": (_, response) => response.writeHead(302, { Location: "/length" }).end(),
  "/hints": (_, response) =>
    response.writeEarlyHints({ link: "</a>; rel=preload" }, () => response.end("ok")),
  "/gzip": coded("gzip", gzipSync),
  "/deflate": coded("deflate", deflateSync),
  "/br": coded("br", brotliCompressSync),
  "/closes": (_, response) => response.setHeader("Connection", "close").end("ok"),
  "/failed": (_, response) => response.writeHead(500).end("failed"),
  "/large": (_, response) => response.end(Buffer.alloc(10_000_000, "x")),
  "/echo": (body, response) => response.end(body),
  "/dies": (_, response) => response.socket.destroy(),
  "/dies-in-body": (_, response) => {
    response.setHeader("Content-Length", 9);
    response.write("half", () => response.socket.destroy());
  },
  "/count": (_, response) => response.end(String(count - 1)),
};

const handle = (request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    count += 1;
    answers[request.url](Buffer.concat(parts), response);
  });
};

const [certificate, key] = process.argv.slice(2);
const server = certificate
  ? https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, handle)
  : http.createServer(handle);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
