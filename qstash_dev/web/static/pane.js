// The pane beside the list: what is known of what is chosen, page by page, and what can be done to it.

import { PAGES, runPage, thingPage } from "./detail.js";
import { $, fill, h } from "./dom.js";

export function makePane(app) {
  const pane = $("detail");

  function draw(detail, sorry) {
    const what = `${app.view.slug}/${app.chosen}/${app.tab}`;
    const same = pane.dataset.for === what;
    pane.hidden = false;
    document.body.classList.add("reading");
    const before = app.detail;
    app.detail = detail;
    if (same && detail && JSON.stringify(detail) === JSON.stringify(before)) return;
    const [top, open] = [pane.querySelector(".page")?.scrollTop ?? 0, pane.contains(document.activeElement)];
    pane.dataset.for = what;
    const region = { tabindex: 0, role: "region", "aria-label": "What is known of it" };
    const page = h("div.page", region, sorry ? h("p.error", sorry) : detail && pageOf(detail));
    const doing = { role: "toolbar", "aria-label": "What can be done" };
    const head = h("header",
      h("button.back", { onclick: app.back, "aria-label": "Back to the list" }, "←"),
      h("h2", app.chosen),
      h("div.verbs", doing, detail && app.buttons(verbs(app, detail))));
    fill(pane, head, detail?.row && !detail.steps && tabs(), page);
    if (same) page.scrollTop = top;
    if (same && open) page.focus();
  }

  function pageOf(detail) {
    if (detail.steps) return runPage(detail, app.words);
    return app.messageId ? PAGES[app.tab]({ detail, words: app.words }) : thingPage(app.view, detail);
  }

  function tabs() {
    return h("div", { role: "tablist", "aria-label": "Pages" }, Object.keys(PAGES).map((name) => {
      const isIt = name === app.tab;
      const tab = { role: "tab", "aria-selected": String(isIt), tabindex: isIt ? 0 : -1, onclick: () => turnTo(name) };
      return h("button", tab, name);
    }));
  }

  function turnTo(name) {
    app.tab = name;
    if (app.detail) draw(app.detail);
    pane.querySelector('[aria-selected="true"]')?.focus();
  }

  function turn(by) {
    const names = Object.keys(PAGES);
    turnTo(names[(names.indexOf(app.tab) + by + names.length) % names.length]);
  }

  return { draw, turn };
}

function verbs(app, detail) {
  if (detail.steps) {
    if (detail.row.state !== "RUN_STARTED") return ["message.replay", "run.restart", "message.copy"];
    return ["message.run", "run.notify", "message.cancel", "message.copy"];
  }
  if (!app.messageId) return app.view.verbs ?? [];
  const finished = ["message.replay", "message.edit", "message.delete"];
  const acting = {
    active: ["message.cancel"], delivered: finished, failed: finished, canceled: finished,
  }[detail.row.state] ?? ["message.run", "message.cancel", "message.edit"];
  const compared = detail.row.kind === "replay" || detail.attempts.length > 1 ? ["message.diff"] : [];
  return [...acting, ...compared, "message.arm", "message.copy", "message.fixture", "server.faults", "detail.reveal"];
}
