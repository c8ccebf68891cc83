// What stands around the list: what the server is and how it is, the title of the tab with its icon, the
// views, the marks, and what can be done. Nothing is asked of the server here.

import { $, h, keysOf, piece, renew, zone } from "./dom.js";

const NOTHING = 8; // the rank of what is there to be told at all only where there is much room

export function drawHead(app) {
  const { server, status, views, counts } = app;
  const told = status.parts.filter(({ rank }) => rank < NOTHING).map(({ pieces }) => h("span", pieces.map(piece)));
  renew($("status"), told, h("span.muted", { title: `Times are ${zone()}` }, zone().replace(/(00)? .*/, "")));
  document.body.classList.toggle("alarming", status.is_alarming);
  renew(document.querySelector('[data-command="server.pause"]'), server.paused ? "Resume" : "Pause");
  renew($("views"), views.map((view) => {
    const href = `#/${view.live ? "" : view.slug}`;
    const attributes = { href, "aria-current": view === app.view && "page", hidden: !view.isThere() };
    return h("a", attributes, h("kbd", view.key), ` ${view.name} `, h("span.note", counts[view.noun]));
  }));
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

export function counted(app) {
  if (!app.view.live) return app.filter ? `${app.source.length} of ${listed(app.source)}` : listed(app.source);
  const { total, isExact, order } = app.feed;
  const matching = isExact ? `${total}` : `${order.length}+`;
  return app.filter ? `${matching} of ${app.counts?.messages ?? ""}` : `${total}`;
}

const listed = ({ isWhole, total }) => (isWhole ? `${total}` : `the newest ${total}`);

// Around the list: how long it is, whether it follows, what is marked, and words where it is empty.
export function drawAround(app) {
  const { source, view } = app;
  renew($("count"), counted(app));
  $("follow").hidden = !(view.live || view.news);
  $("follow").setAttribute("aria-pressed", source.follow);
  const unseen = source.order.length - source.length;
  renew($("follow"), unseen ? `↑ ${unseen} new` : "Follow");
  renew($("empty"), source.length ? [] : emptyWords(app));
  const all = document.querySelector(".head .mark");
  if (all) renew(all, boxOfAll(app));
  const marked = app.marks.size > 0 && [h("span", `${app.marks.size} marked `), markedButtons(app)];
  renew($("doing"), marked || buttons(app, view.verbs ?? []));
}

function boxOfAll({ marks: { size }, source }) {
  const [checked, symbol] = !size ? ["false", "☐"] : size < source.order.length ? ["mixed", "⊟"] : ["true", "☑"];
  return h("span", { role: "checkbox", "aria-checked": checked, "aria-label": "Mark all" }, symbol);
}

function emptyWords(app) {
  const nothing = app.source.isWhole ? "Nothing" : `None of ${listed(app.source)}`;
  if (app.filter) return [h("p", `${nothing} matches ${app.filter}`), h("p.muted", "Escape clears the filter.")];
  if (!app.view.live) return h("p.muted", app.view.isThere() === null ? app.view.absent : app.view.empty);
  return [
    h("p", piece(app.status.awaited)),
    h("pre.quick", { tabindex: 0 }, app.words.quick_start),
    h("button", { onclick: () => app.run("message.copy") }, "Copy"),
  ];
}

function markedButtons(app) {
  const ofMessages = app.view.live ? ["message.run", "message.cancel", "message.arm"] : [];
  const ofTwo = app.view.live && app.marks.size === 2 ? ["message.diff"] : [];
  const ofAll = ["message.delete", "message.mark_all", "message.unmark"];
  return buttons(app, ["message.replay", ...ofMessages, ...ofTwo, ...ofAll]);
}

export function buttons(app, ids) {
  return ids.map((id) => {
    const { hint, help, keys } = app.words.commands.find((one) => one.id === id);
    const title = `${help} (${keysOf(keys).join(" ")})`;
    return h("button", { onclick: () => app.run(id), title, "data-command": id }, app.view?.words[id] ?? hint);
  });
}
