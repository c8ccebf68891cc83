// The head of the page: what the server is and how it is, the title of the tab with its icon, and how a
// filter could go on. Each is told what it needs; nothing is asked here.

import { $, fill, h, span } from "./dom.js";

export function drawStatus({ server, counts, zone }) {
  const { mode, scale, offset_ms: offset } = server.clock;
  const unreal = mode !== "real" || offset !== 0;
  const time = (mode === "scaled" ? `${scale}x` : mode) + (offset ? ` ${offset > 0 ? "+" : "-"}${span(Math.abs(offset))}` : "");
  const up = { true: ["● up", "success"], false: ["○ down", "error"], null: ["◌ unknown", "muted"] }[server.app.up];
  const ended = server.app.process?.state !== "running" && server.app.process;
  const bit = (name, text, role) => h("span", {}, h("span", { class: "muted" }, `${name} `), h("span", { class: role }, text));
  const failed = (name, count, filter) => h("a", { href: `#/?filter=${filter}` }, bit(name, count, count ? "error" : ""));
  const made = [
    h("span", {}, server.url.replace("http://", "")), server.paused && h("strong", {}, "‖ PAUSED"), server.warning && h("strong", {}, `! ${server.warning}`),
    bit("app", `${server.app.url.replace(/^https?:\/\/(localhost|127\.0\.0\.1)?/, "")} ${up[0]}`, up[1]),
    ended && h("strong", {}, `✗ ${ended.why ?? ended.state}`), bit("clock", time, unreal ? "warning" : ""),
    server.tunnel.state !== "off" && bit("tunnel", server.tunnel.url ?? server.tunnel.state, server.tunnel.state === "online" ? "success" : "warning"),
    server.tunnel.refused > 0 && bit("refused", server.tunnel.refused, "warning"),
    failed("held", counts.held, "state:held"), failed("failed", counts.failed, "state:failed"), server.faults > 0 && bit("faults", server.faults, "warning"),
    server.auto_replay !== "off" && bit("auto-replay", server.auto_replay, "accent"), zone && bit("zone", zone, ""),
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
  const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#00a56a"/><path d="M8 9h16M8 16h11M8 23h6" stroke="#fff" stroke-width="3.5"/>${badge}</svg>`;
  document.querySelector('link[rel="icon"]').href = `data:image/svg+xml,${encodeURIComponent(icon)}`;
}

// What the word under way could become, each as the whole line: so a datalist wants it.
export function complete(app) {
  const [, before, word] = $("filter").value.match(/^(.*\s|)(\S*)$/s);
  const [, minus, key, , value] = word.match(/^(-?)([^:]*)(:(.*))?$/s);
  const known = app.words.filter.keys;
  const seenValues = { queue: (row) => row.queue, label: (row) => row.labels, group: (row) => row.topic, run: (row) => row.run, dest: (row) => row.url };
  const last = value?.split("|").at(-1);
  const offered = value === undefined ? Object.keys(known).map((name) => `${name}:`) : known[key]?.length ? known[key] : seenValues[key] ? [...new Set(app.feed.order.slice(-500).flatMap(seenValues[key]))].filter(Boolean) : [];
  const start = value === undefined ? before + minus : before + minus + word.slice(minus.length, word.length - last.length);
  const fits = offered.filter((text) => text.startsWith(value === undefined ? key : last)).slice(0, 20);
  fill($("completions"), app.view.live ? fits.map((text) => h("option", { value: start + (/[\s"|]/.test(text) ? JSON.stringify(text) : text) })) : []);
}

export function setText(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}
