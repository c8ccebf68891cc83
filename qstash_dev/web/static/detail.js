// What there is to read about something, as the server tells it in parts: here they become elements. Knows
// the looks of parts, and nothing of what they say.

import { bodyView } from "./body.js";
import { clock, h, piece, plain, put, section, to, took } from "./dom.js";

// `address` is of what the parts are about: bodies are below it.
export function drawn(parts, address) {
  const page = h("div");
  let [whole, place] = [page, page]; // sections after what can be folded are in it
  for (const part of parts) {
    if (part.title && part.look) page.append((whole = place = foldable(part)));
    else if (part.title) whole.append((place = section(part.title)));
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
      h("span.ms", took((until ?? end) - began)),
      more.map((pieces) => h("p", pieces.map(piece))));
  });
  const sum = isSum && h("li", h("span", "in all"), h("span"), h("span.ms", took(end - start)));
  return h("ul.bars", lines, sum);
}
