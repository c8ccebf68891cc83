// Talks with the server: requests, and the stream of what happens without a gap. Knows no elements.

import { part } from "./dom.js";

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const PING_MS = 30000; // the server says something every 10 s

// Asked for by a server that others can reach; kept here and nowhere else.
let token = null;
let askForToken;

// Asks once for all requests that want it.
export function onToken(ask) {
  let asking = null;
  askForToken = (why) => (asking ??= ask(why).finally(() => (asking = null)));
}

async function open(method, path, { json, body, headers, signal } = {}) {
  for (;;) {
    const sent = { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...headers };
    const data = json === undefined ? body : JSON.stringify(json);
    let answer;
    try {
      answer = await fetch(path, { method, headers: sent, body: data, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refused(0, "The server does not answer.");
    }
    if (answer.ok) return answer;
    const sentence = await complaint(answer);
    const given = answer.status === 401 && !headers?.Authorization ? await askForToken(sentence) : null;
    if (!given) throw new Refused(answer.status, sentence);
    token = given;
  }
}

async function complaint(answer) {
  const text = await answer.text();
  try {
    const found = JSON.parse(text);
    const one = Array.isArray(found) ? found.find((item) => item.error) : found;
    return String(one.error);
  } catch {
    return `${answer.status} ${text.slice(0, 200)}`;
  }
}

export async function ask(method, path, json, options) {
  const answer = await open(method, path, { ...options, json });
  const text = await answer.text();
  return answer.headers.get("Content-Type")?.startsWith("application/json") ? JSON.parse(text) : text;
}

export const get = (path, options) => ask("GET", path, undefined, options);
export const bytes = async (path) => (await open("GET", path)).arrayBuffer();

// What they say if they are text, else null.
export function textOf(all) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(all);
  } catch {
    return null;
  }
}

// As an SDK does. A batch, since a browser would tidy up a destination that stands in the path.
export function publish(message, own) {
  return ask("POST", "/v2/batch", [message], { headers: { Authorization: `Bearer ${own}` } });
}

// Snapshots, ticks, and `lost` or `online`, for ever; a stream goes on where it broke. While the reader is away
// there are snapshots alone.
export async function* watch(filter, signal, reader) {
  const wanted = filter ? `&filter=${part(filter)}` : "";
  let after = null, line = 0, startedAt = 0;
  for (let failures = 0; !signal.aborted; ) {
    try {
      if (after === null || (reader.isAway && !(await reader.isBack()))) {
        const snapshot = await get(`/_dev/snapshot?limit=100${wanted}`, { signal });
        if (after === null || reader.isAway) {
          [after, line, failures, startedAt] = [snapshot.seq, snapshot.line, 0, snapshot.server.started_at];
          yield { snapshot };
        }
        if (reader.isAway) continue;
      }
      for await (const tick of ticks(`/_dev/events?after=${after}&printed=${line}${wanted}`, signal)) {
        if (tick === null) {
          yield { online: true };
          continue;
        }
        failures = 0;
        const isAnew = tick.reset || tick.seq < after || tick.server.started_at !== startedAt;
        [after, line] = [isAnew ? null : tick.seq, tick.line];
        if (isAnew) break;
        yield { tick };
        if (reader.isAway) break;
      }
      if (!reader.isAway) await pause(100);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status >= 400 && error.status < 500) throw error;
      yield { lost: error.message };
      await pause(Math.min(2000, 250 * 2 ** failures++));
    }
  }
}

async function* ticks(path, signal) {
  const silence = new AbortController();
  const both = AbortSignal.any([signal, silence.signal]);
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), PING_MS);
  };
  heard();
  try {
    const answer = await open("GET", path, { signal: both });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    yield null;
    for (let rest = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const [, data] = event.split("\ndata: "); // after its number; a sign of life has none
        if (data) yield JSON.parse(data);
      }
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
