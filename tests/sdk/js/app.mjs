// A developer's app that records what it is sent.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";

/** How long a test waits for what must happen; nothing waits that long unless it fails. */
export const PATIENCE_MS = 60_000;

/** Answers 200 unless told otherwise, and keeps what it was sent. */
export class App {
  requests = [];
  #answers = new Map();
  #arrived = new EventTarget();
  #http = createServer((request, response) => this.#serve(request, response));

  async start(port = 0) {
    this.#http.listen(port, "127.0.0.1");
    await once(this.#http, "listening");
    this.url = `http://127.0.0.1:${this.#http.address().port}`;
    return this;
  }

  stop() {
    this.#http.close();
    this.#http.closeAllConnections();
  }

  clear() {
    this.requests = [];
    this.#answers.clear();
  }

  /**
   * What a path answers, one after the other, the last one for ever; returns its URL.
   * A status, an object of `status`, `body`, `headers`, or a function from a Request to a Response.
   */
  answers(path, ...answers) {
    this.#answers.set(path, answers);
    return this.url + path;
  }

  /** Requests whose path begins with `prefix`, once there are `count`. */
  async received(count = 1, prefix = "") {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const found = this.requests.filter((r) => r.path.startsWith(prefix));
      if (found.length >= count) return found;
      await once(this.#arrived, "request", { signal: deadline }).catch(() => {
        const seen = this.requests.map((r) => r.path);
        assert.fail(`${found.length} of ${count} requests to ${prefix} arrived; all: ${seen}`);
      });
    }
  }

  /** The first request to `prefix`. */
  async one(prefix = "") {
    return (await this.received(1, prefix))[0];
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const received = {
      method: request.method,
      path: request.url,
      url: this.url + request.url,
      headers: request.headers,
      body,
      text: body.toString(),
    };
    this.requests.push(received);
    this.#arrived.dispatchEvent(new Event("request"));
    const queue = this.#answers.get(request.url.split("?")[0]) ?? [200];
    const answer = queue.length > 1 ? queue.shift() : queue[0];
    const { status = 200, headers = {}, body: text = "ok" } = await this.#answer(answer, received);
    response.writeHead(status, headers).end(text);
  }

  async #answer(answer, { method, url, headers, body }) {
    if (typeof answer === "number") return { status: answer };
    if (typeof answer !== "function") return answer;
    const bodyless = method === "GET" || method === "HEAD";
    const request = new Request(url, { method, headers, body: bodyless ? undefined : body });
    const response = await answer(request);
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    };
  }
}
