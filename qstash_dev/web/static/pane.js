// The pane beside the list: what is known of what is chosen, page by page, and what can be done to it.

import { drawn } from "./detail.js";
import { $, fill, h } from "./dom.js";

export function makePane(app) {
  const pane = $("detail");

  function draw(about, address, sorry) {
    const what = `${app.view.slug}/${app.chosen}/${app.page}`;
    const same = pane.dataset.for === what;
    pane.hidden = false;
    document.body.classList.add("reading");
    const before = app.about;
    app.about = about;
    if (same && about && JSON.stringify(about) === JSON.stringify(before)) return;
    const [top, open] = [pane.querySelector(".page")?.scrollTop ?? 0, pane.contains(document.activeElement)];
    pane.dataset.for = what;
    const region = { tabindex: 0, role: "region", "aria-label": "What is known of it" };
    const page = h("div.page", region, sorry ? h("p.error", sorry) : drawn(about.parts, address));
    const doing = { role: "toolbar", "aria-label": "What can be done" };
    const head = h("header",
      h("button.back", { onclick: app.back, "aria-label": "Back to the list" }, "←"),
      h("h2", app.chosen),
      h("div.verbs", doing, app.buttons(about?.verbs ?? [])));
    fill(pane, head, about?.pages.length > 0 && tabs(), page);
    if (same) page.scrollTop = top;
    if (same && open) page.focus();
  }

  function tabs() {
    return h("div", { role: "tablist", "aria-label": "Pages" }, app.about.pages.map((name) => {
      const isIt = name === app.page;
      const tab = { role: "tab", "aria-selected": String(isIt), tabindex: isIt ? 0 : -1, onclick: () => turnTo(name) };
      return h("button", tab, name);
    }));
  }

  async function turnTo(name) {
    app.page = name;
    await app.loadDetail();
    pane.querySelector('[aria-selected="true"]')?.focus();
  }

  function turn(by) {
    const names = app.about?.pages ?? [];
    if (names.length) turnTo(names.at((names.indexOf(app.page) + by) % names.length));
  }

  return { draw, turn };
}
