// A body for readers: JSON folded, searchable and as it was written, text in pieces, binary as hex; pictures
// and pages only when asked for, the latter in a frame that can do nothing. Knows no message.

import { fill, h, put, size } from "./dom.js";
import { bytes, textOf } from "./server.js";

const HEX_BYTES = 262144;
const ACROSS = 8; // what fits beside a list
const PIECE = 8000; // characters in one block: only the blocks in sight are laid out
const KIDS = 100; // members side by side; more are put into groups
const LONG = 2000;
const DEEPEST = 60; // levels that can be unfolded; what is below stands there as it was written
const MOST_FOUND = 1000;

const asIs = { createHTML: (text) => text };
const policy = globalThis.trustedTypes?.createPolicy("body", asIs) ?? asIs;

export function bodyView(body, type, path) {
  const view = h("div.body-view");
  draw(view, { ...body, type: type ?? "", path });
  return view;
}

function draw(view, body) {
  if (!body.size && !body.text && !body.base64) return fill(view, h("p.muted", "(empty)"));
  const tools = h("div.tools", h("span.muted", body.type));
  const shown = h("div.content", { tabindex: 0, role: "region", "aria-label": "Body" });
  fill(view, tools, shown);
  const all = body.truncated && h("button", { onclick: () => whole(view, body) }, `Show all ${size(body.size)}`);
  if (body.path) put(tools, all, h("button", { onclick: () => download(body.path) }, "Download"));
  const content = body.text ?? body.bytes ?? Uint8Array.from(atob(body.base64 ?? ""), (char) => char.charCodeAt(0));
  const [image] = body.type.match(/^image\/[\w.+-]+/) ?? [];
  const picture = () => fill(shown, h("img", { src: urlOf(content, image), alt: "The body" }));
  if (image) put(tools, h("button", { onclick: picture }, "Show as a picture"));
  if (typeof content === "string") text(tools, shown, body);
  else put(shown, blocks(hex(content.subarray(0, HEX_BYTES))));
  return view;
}

async function whole(view, body) {
  const all = new Uint8Array(await bytes(body.path));
  draw(view, { ...body, size: all.length, truncated: false, text: textOf(all), bytes: all });
}

async function download(path) {
  save(`${path.split("/").filter((part) => /msg_|^\d+$/.test(part)).join("-")}.body`, await bytes(path));
}

export const save = (name, content, type = "application/octet-stream") =>
  h("a", { href: urlOf(content, type), download: name }).click();

// For a minute: whoever has it has read it by then.
function urlOf(content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  setTimeout(() => URL.revokeObjectURL(url), 60000);
  return url;
}

function text(tools, shown, body) {
  const begin = body.text.slice(0, 100).trimStart();
  const isPage = /html/i.test(body.type) || /^<(!doctype|html)/i.test(begin);
  if (isPage) put(tools, h("button", { onclick: () => frame(shown, body.text) }, "Show as a page"));
  const claims = /json/i.test(body.type);
  if (!claims && !"[{".includes(begin[0] ?? " ")) return put(shown, blocks(body.text));
  try {
    JSON.parse(body.text);
  } catch (error) {
    if (claims && !body.truncated) put(shown, h("p.error", `Not JSON: ${error.message}`));
    return put(shown, blocks(body.text));
  }
  return json(tools, shown, body);
}

function frame(shown, text) {
  const title = "The body as a page, without scripts and without a network";
  const made = h("iframe", { sandbox: "", title, referrerpolicy: "no-referrer" });
  made.srcdoc = policy.createHTML(text);
  fill(shown, made);
}

function hex(all) {
  const lines = [];
  for (let at = 0; at < all.length; at += ACROSS) {
    const row = [...all.subarray(at, at + ACROSS)];
    const digits = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const chars = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${digits.padEnd(3 * ACROSS)} ${chars}`);
  }
  return lines.join("\n");
}

function blocks(text) {
  const [found, whole] = [[], text.replaceAll("\r\n", "\n")];
  for (let at = 0; at < whole.length; ) {
    const line = whole.lastIndexOf("\n", at + PIECE);
    const end = at + PIECE >= whole.length ? whole.length : line > at ? line + 1 : at + PIECE;
    found.push(h("pre", whole.slice(at, end).replace(/\n$/, "")));
    at = end;
  }
  return found;
}

// JSON: a tree whose nodes are places in the text, read when they are opened. Literals stay as written.

function json(tools, shown, body) {
  const start = body.text.search(/\S/);
  const root = node(body.text, { start, end: body.text.trimEnd().length });
  const tree = () => (fill(shown, root), openFirst(root));
  const turn = ({ target }) => {
    target.ariaPressed = String(target.ariaPressed === "false");
    if (target.ariaPressed === "true") fill(shown, blocks(body.text));
    else tree();
  };
  const plain = h("button", { "aria-pressed": "false", onclick: turn }, "As written");
  put(tools, plain, search(body.text, root));
  tree();
}

// So far that it fills a screen, the outer ones first.
function openFirst(root) {
  const waiting = [root];
  for (let [left, one] = [60]; left > 0 && (one = waiting.shift()); ) {
    if (!one.unfold) continue;
    one.unfold();
    left -= one.kids.length;
    waiting.push(...one.kids.map((kid) => kid.element));
  }
}

function search(text, root) {
  const told = h("span.muted", { role: "status" });
  const [lower, places] = [text.toLowerCase(), []];
  let [at, marked] = [0, null];
  const go = (by) => {
    if (!places.length) return;
    at = (at + by + places.length) % places.length;
    told.textContent = `${at + 1} of ${places.length}${places.length === MOST_FOUND ? "+" : ""}`;
    marked?.classList.remove("found");
    marked = reveal(root, places[at]);
    marked.classList.add("found");
    marked.scrollIntoView({ block: "nearest" });
  };
  const find = (event) => {
    const wanted = event.target.value.toLowerCase();
    [places.length, at, told.textContent] = [0, 0, wanted ? "not found" : ""];
    let place = wanted ? lower.indexOf(wanted) : -1;
    for (; place >= 0 && places.length < MOST_FOUND; place = lower.indexOf(wanted, place + 1)) places.push(place);
    go(0);
  };
  const step = (event) => {
    if (event.key === "Enter") event.preventDefault(), go(event.shiftKey ? -1 : 1);
  };
  const look = { type: "search", placeholder: "Search", "aria-label": "Search the body" };
  return [h("input", { ...look, oninput: find, onkeydown: step }), told];
}

// The element where that stands: as deep as it can be unfolded.
function reveal(root, place) {
  let at = root;
  for (let inside = root; inside; inside = at.kids?.find((kid) => kid.from <= place && place < kid.end)?.element) {
    at = inside;
    at.unfold?.();
  }
  return at.unfold ? at.firstChild : at;
}

function node(text, { start, end, key }, depth = 0) {
  const name = key ? [h("span.json-key", text.slice(...key)), ": "] : [];
  const opening = text[start];
  EMPTY.lastIndex = start;
  const isLeaf = (opening !== "{" && opening !== "[") || EMPTY.test(text) || depth > DEEPEST;
  if (isLeaf) return h("div.leaf", name, literal(text, start, end));
  const short = text.slice(start, Math.min(end, start + 80)).replace(/\s+/g, " ");
  const closed = h("span.muted.closed", end - start > 80 ? `${short} …` : short);
  const summary = h("summary", name, closed, h("span.muted.opened", opening));
  return foldable(summary, () => range(text, members(text, start), depth + 1), text[end - 1]);
}

function foldable(summary, read, closing) {
  const made = h("details", summary);
  const after = closing && h("div.leaf.muted", closing);
  made.unfold = () => {
    if (!made.kids) put(made, h("div.kids", (made.kids = read()).map((kid) => kid.element)), after);
    made.open = true;
  };
  made.addEventListener("toggle", () => made.open && made.unfold());
  return made;
}

function range(text, found, depth) {
  if (found.length <= KIDS) return found.map((one) => ({ ...one, element: node(text, one, depth) }));
  const [step, groups] = [Math.max(KIDS, Math.ceil(found.length / KIDS)), []];
  for (let at = 0; at < found.length; at += step) {
    const some = found.slice(at, at + step);
    const label = h("summary.muted", `${at} … ${at + some.length - 1}`);
    groups.push({ from: some[0].from, end: some.at(-1).end, element: foldable(label, () => range(text, some, depth)) });
  }
  return groups;
}

function literal(text, start, end) {
  const kind = `json-${text[start] === '"' ? "string" : /[-\d]/.test(text[start]) ? "number" : "word"}`;
  if (end - start <= LONG) return h("span", { class: kind }, text.slice(start, end));
  const made = h("span", { class: kind }, text.slice(start, start + LONG), "…");
  const more = () => made.replaceWith(h("div", { class: kind }, blocks(text.slice(start, end))));
  return [made, h("button", { onclick: (event) => (more(), event.target.remove()) }, `all ${size(end - start)}`)];
}

const EMPTY = /[{[]\s*[}\]]/y;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

// What is in the object or array that begins there: where each begins, its key if it has one, its value, its end.
function members(text, start) {
  const [found, token] = [[], new RegExp(TOKEN)];
  token.lastIndex = start + 1;
  for (let [depth, one] = [1, null]; depth; ) {
    const { 0: sign, index } = token.exec(text);
    if (sign === "}" || sign === "]") depth--;
    if (!depth || (depth === 1 && sign === ",")) {
      if (one) found.push(one);
      one = null;
    } else if (depth === 1 && sign === ":") {
      one.key = [one.from, one.end];
      one.start = null;
    } else {
      one ??= { from: index };
      one.start ??= index;
      one.end = token.lastIndex;
    }
    if (sign === "{" || sign === "[") depth++;
  }
  return found;
}
