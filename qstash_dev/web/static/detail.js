// Beside the list: what is known of what is chosen, page by page, and what can be done to it. The server
// tells it in parts, which become elements here: their looks are known, nothing of what they say.

import { bodyView } from "./body.js";
import { $, clock, duration, fill, h, piece, plain, put, to } from "./dom.js";

export function makePane(app) {
  const pane = $("detail");

  function draw(about, address, sorry) {
    const what = `${app.view.slug}/${app.chosen}/${app.page}`;
    const same = pane.dataset.for === what;
    pane.hidden = false;
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
      h("h2", app.messageId ?? app.id),
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

// `address` is of what the parts are about: bodies are below it.
function drawn(parts, address) {
  const page = h("div");
  let [whole, place] = [page, page]; // sections after what can be folded are in it
  for (const part of parts) {
    if (part.title && part.look) page.append((whole = place = foldable(part)));
    else if (part.title) whole.append((place = h("section", h("h3", part.title))));
    else put(place, element(part, address));
  }
  return [...page.childNodes];
}

function foldable({ title, look }) {
  return h("details", { open: look === "open" }, h("summary", h("h3", title)));
}

function element(part, address) {
  if (part.line) return h("p", { class: part.look }, part.line.map(piece));
  if (part.facts) return h("dl", part.facts.map(({ name, pieces }) => [h("dt", name), h("dd", pieces.map(piece))]));
  if (part.output) return h("pre.output", plain(part.output.join("\n")));
  if (part.bars) return timeline(part);
  return part.body && bodyView(part.body, part.media, part.path && `${address}/${part.path}`);
}

// Each bar is as long as its share of the whole.
function timeline({ bars, began: start = 0, ended, is_sum: isSum }) {
  const end = Math.max(ended ?? clock.now(), start + 1);
  const share = (at) => (100 * (at - start)) / (end - start);
  const lines = bars.map(({ name, began, ended: until, role, symbol = "", stem = "", to: id, lines: more = [] }) => {
    const bar = h("span", { class: `bar ${role}` });
    bar.style.marginLeft = `min(${share(began)}%, 100% - 2px)`;
    bar.style.width = `max(2px, ${share(until ?? end) - share(began)}%)`;
    return h("li",
      h("span", stem, h("span", { class: role }, symbol), " ", id ? h("a", { href: to.messages(id) }, name) : name),
      h("span.track", bar),
      h("span.ms", duration((until ?? end) - began)),
      more.map((pieces) => h("p", pieces.map(piece))));
  });
  const sum = isSum && h("li", h("span", "in all"), h("span"), h("span.ms", duration(end - start)));
  return h("ul.bars", lines, sum);
}
