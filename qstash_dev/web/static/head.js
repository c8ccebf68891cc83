// The head of the page: what the server is and how it is, the title of the tab with its icon, and how a
// filter could go on. Each is told what it needs; nothing is asked here.

import { $, fill, h, inked, span } from "./dom.js";

export function drawStatus({ server, counts, zone }) {
  const { mode, scale, offset_ms: offset } = server.clock;
  const unreal = mode !== "real" || offset !== 0;
  const moved = offset ? ` ${offset > 0 ? "+" : "-"}${span(Math.abs(offset))}` : "";
  const time = (mode === "scaled" ? `${scale}x` : mode) + moved;
  const up = { true: ["● up", "success"], false: ["○ down", "error"], null: ["◌ unknown", "muted"] }[server.app.up];
  const ended = server.app.process?.state !== "running" && server.app.process;
  const bit = (name, text, role = "") => h("span", inked("muted", `${name} `), inked(role, text));
  const strong = (text) => h("strong", text);
  const bad = (state) => {
    const [many, href] = [counts[state], `#/?filter=state:${state}`];
    return h("a", { href }, bit(state, many, many ? "error" : ""));
  };
  const { tunnel } = server;
  const led = tunnel.state === "online" ? "success" : "warning";
  const app = server.app.url.replace(/^https?:\/\/(localhost|127\.0\.0\.1)?/, "");
  const made = [
    h("span", server.url.replace("http://", "")),
    server.paused && strong("‖ PAUSED"),
    server.warning && strong(`! ${server.warning}`),
    bit("app", `${app} ${up[0]}`, up[1]),
    ended && strong(`✗ ${ended.why ?? ended.state}`),
    bit("clock", time, unreal ? "warning" : ""),
    tunnel.state !== "off" && bit("tunnel", tunnel.url ?? tunnel.state, led),
    tunnel.refused > 0 && bit("refused", tunnel.refused, "warning"),
    bad("held"),
    bad("failed"),
    server.faults > 0 && bit("faults", server.faults, "warning"),
    server.auto_replay !== "off" && bit("auto-replay", server.auto_replay, "accent"),
    zone && bit("zone", zone),
  ].filter(Boolean);
  const text = made.map((one) => one.textContent).join();
  if ($("status").dataset.text === text) return;
  $("status").dataset.text = text;
  fill($("status"), made);
  document.body.classList.toggle("alarming", unreal || server.faults > 0 || counts.held > 0 || server.paused);
  setText(document.querySelector('[data-command="server.pause"]'), server.paused ? "Resume" : "Pause");
}

export function drawTitle({ server, counts: { failed } }) {
  const title = `${failed ? `(${failed} failed) ` : ""}qstash-dev :${server.port} (local)`;
  if (document.title === title) return;
  document.title = title;
  const badge = failed ? '<circle cx="24" cy="8" r="8" fill="#d33"/>' : "";
  const icon =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#00a56a"/>' +
    `<path d="M8 9h16M8 16h11M8 23h6" stroke="#fff" stroke-width="3.5"/>${badge}</svg>`;
  document.querySelector('link[rel="icon"]').href = `data:image/svg+xml,${encodeURIComponent(icon)}`;
}

// What the word under way could become, each as the whole line: so a datalist wants it.
const SEEN = {
  queue: (row) => row.queue,
  label: (row) => row.labels,
  group: (row) => row.topic,
  run: (row) => row.run,
  dest: (row) => row.url,
};

export function complete(app) {
  const [, before, word] = $("filter").value.match(/^(.*\s|)(\S*)$/s);
  const [, minus, key, , value] = word.match(/^(-?)([^:]*)(:(.*))?$/s);
  const known = app.words.filter.keys;
  const seen = () => new Set(app.feed.order.slice(-500).flatMap(SEEN[key]).filter(Boolean));
  const offered = () => {
    if (value === undefined) return Object.keys(known).map((name) => `${name}:`);
    return known[key]?.length ? known[key] : SEEN[key] ? [...seen()] : [];
  };
  const begun = value === undefined ? key : value.split("|").at(-1);
  const start = before + word.slice(0, word.length - begun.length);
  const fits = offered().filter((text) => text.startsWith(begun)).slice(0, 20);
  const whole = (text) => start + (/[\s"|]/.test(text) ? JSON.stringify(text) : text);
  fill($("completions"), app.view.live ? fits.map((text) => h("option", { value: whole(text) })) : []);
}

export function setText(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}
