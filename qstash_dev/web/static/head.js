// What stands around the list: what the server is and how it is, the title of the tab with its icon, the
// views, the marks, and what can be done. Nothing is asked of the server here.

import { $, fill, h, keysOf, piece } from "./dom.js";

const NOTHING = 8; // the rank of what is there to be told at all only where there is much room

export function drawStatus({ server, status, zone }) {
  const told = status.parts.filter(({ rank }) => rank < NOTHING).map(({ pieces }) => h("span", pieces.map(piece)));
  const made = zone ? [...told, h("span", h("span.muted", "zone "), zone)] : told;
  const text = made.map((one) => one.textContent).join();
  if ($("status").dataset.text === text) return;
  $("status").dataset.text = text;
  fill($("status"), made);
  document.body.classList.toggle("alarming", status.is_alarming);
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

// The views, with how many each has; one may be there only for some servers.

export const isThere = (view) => !view.isThere || Boolean(view.isThere());

export function drawViews(app) {
  fill($("views"), app.views.map((view) => {
    const to = { href: `#/${view.live ? "" : view.slug}`, "aria-current": view === app.view && "page" };
    return h("a", to, h("kbd", view.key), ` ${view.name} `, h("span.note", { "data-note": view.name }));
  }));
  drawCounts(app);
}

export function counted(app) {
  if (!app.view.live) return `${app.source.length}`;
  return app.filter ? `${app.feed.total} of ${app.counts?.messages ?? ""}` : `${app.feed.total}`;
}

export function drawCounts(app) {
  if (!app.counts) return;
  for (const view of app.views) {
    const note = document.querySelector(`[data-note="${view.name}"]`);
    note.parentElement.hidden = !isThere(view);
    setText(note, app.counts[view.slug] ?? "");
  }
  setText($("count"), counted(app));
}

export function emptyWords(app) {
  if (app.filter) return [h("p", `Nothing matches ${app.filter}`), h("p.muted", "Escape clears the filter.")];
  if (!app.view.live) return h("p.muted", app.view.isThere?.() === null ? app.view.absent : app.view.empty);
  return [
    h("p.warning", "◌ waiting for the first publish …"),
    h("pre.quick", { tabindex: 0 }, app.words.quick_start),
    h("button", { onclick: () => app.run("message.copy") }, "Copy"),
  ];
}

export function drawMarks(app) {
  const count = app.marks.size;
  $("marked").hidden = !count;
  const live = ["message.run", "message.cancel", "message.arm", ...(count === 2 ? ["message.diff"] : [])];
  const more = ["message.delete", "message.mark_all", "message.unmark"];
  const ids = ["message.replay", ...(app.view.live ? live : []), ...more];
  if ($("marked").dataset.count !== String(count)) fill($("marked"), h("span", `${count} marked `), buttons(app, ids));
  $("marked").dataset.count = count;
}

export function buttons(app, ids) {
  return ids.map((id) => {
    const { hint, help, keys } = app.words.commands.find((one) => one.id === id);
    const word = id === "message.replay" && { runs: "Resume", dlq: "Retry" }[app.view.slug];
    const title = `${help} (${keysOf(keys).join(" ")})`;
    return h("button", { onclick: () => app.run(id), title, "data-command": id }, word || hint);
  });
}

export function setText(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}
