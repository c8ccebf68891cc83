// Elements, and values as people read them. All text is put there as text, and none of its characters
// can hide, restyle or reorder what stands beside it. Words and symbols are the server's.

// What cannot be seen, or changes the direction of text; line breaks and tabs are left to the style.
const UNSAFE = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f" +
    "\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}\\p{Cs}]",
  "gu",
);

export function safe(text) {
  return String(text).replace(UNSAFE, (char) => {
    const code = char.codePointAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : code === 127 ? "␡" : "·";
  });
}

const SHOWN = new Set(["title", "aria-label", "placeholder", "alt"]);

// `h("p.error", { title }, text, ...)`: the tag with its classes, attributes if there are some, what is in it.
export function h(what, ...children) {
  const [tag, ...classes] = what.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value") made.value = value;
    else made.setAttribute(name, value === true ? "" : SHOWN.has(name) ? safe(value) : value);
  }
  return put(made, children);
}

export function put(element, ...children) {
  const shown = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  element.append(...shown.map((child) => (child instanceof Node ? child : safe(child))));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren();
  return put(element, ...children);
}

// The same in place: what is equal stays, with its focus and what it does, though what is in it may change.
export function renew(element, ...children) {
  const wanted = [...put(new DocumentFragment(), children).childNodes];
  while (element.childNodes.length > wanted.length) element.lastChild.remove();
  wanted.forEach((node, place) => {
    const old = element.childNodes[place];
    if (!old) element.append(node);
    else if (old.cloneNode().isEqualNode(node.cloneNode())) renew(old, ...node.childNodes);
    else old.replaceWith(node);
  });
}

export const $ = (id) => document.getElementById(id);

// Keys as a browser names them; those that are no characters are named as in a terminal.
const KEYS = { escape: "Escape", space: " ", f1: "F1" };
export const keysOf = (names) => names.split(",").map((name) => KEYS[name] ?? name);

// Times. `clock` is the server's, which may be scaled or stand still.

let said = Date.now(), heard = performance.now(), rate = 1;

export const clock = {
  hear(now, { mode, scale }) {
    [said, heard] = [now, performance.now()];
    rate = mode === "frozen" ? 0 : mode === "scaled" ? scale : 1;
  },
  now: () => said + (performance.now() - heard) * rate,
};

// Without `Intl`, whose first use takes longer than the first list does.
const local = (ms) => new Date(ms - 60000 * new Date(ms).getTimezoneOffset()).toISOString();

export const clockTime = (ms) => local(ms).slice(11, 19);
const dateTime = (ms) => local(ms).slice(0, 23).replace("T", " ");
export const zone = () => String(new Date()).slice(25); // `GMT-0500 (Eastern Standard Time)`

// Short, for what is counted in a list.
function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  for (const [limit, unit, size] of [[100, "s", 1], [6000, "m", 60], [172800, "h", 3600]])
    if (seconds < limit) return `${Math.floor(seconds / size)}${unit}`;
  return `${Math.floor(seconds / 86400)}d`;
}

export const countdown = (due) =>
  due === null || due === undefined ? "–" : due - clock.now() < 500 ? "now" : `in ${span(due - clock.now())}`;
export const ago = (ms) => (clock.now() - ms < 1000 ? "just now" : `${span(clock.now() - ms)} ago`);

// A duration as the server writes them: the two largest units, rounded down.
export function duration(ms) {
  if (ms < 1000) return ms < 1 ? "0s" : `${Math.floor(ms)}ms`;
  if (ms < 10000) return `${Math.floor(ms / 100) / 10}s`;
  const seconds = Math.floor(ms / 1000);
  const units = { d: seconds / 86400, h: (seconds / 3600) % 24, m: (seconds / 60) % 60, s: seconds % 60 };
  const counts = Object.entries(units).map(([unit, count]) => [Math.floor(count), unit]);
  const first = counts.findIndex(([count]) => count);
  return counts.slice(first, first + 2).filter(([count]) => count).flat().join("");
}

export function size(count) {
  if (count < 1024) return `${count} B`;
  return count < 1048576 ? `${(count / 1024).toFixed(1)} KB` : `${(count / 1048576).toFixed(1)} MB`;
}

// What the app printed has its colours in it, as escape sequences and nothing else of the kind.
const COLOURS = { 1: "error", 2: "success", 3: "warning", 4: "primary", 6: "accent" };
export const plain = (text) => text.replace(/\x1b\[[0-9;:]*m/g, "");
export const colour = (text) => COLOURS[text.match(/\x1b\[(?:\d+;)*[39](\d)m/)?.[1]] ?? "";

// An element whose text changes as time goes on.
const counting = (words) => Object.assign(h("span.counting", words()), { words });

setInterval(() => {
  for (const element of document.querySelectorAll(".counting")) {
    const text = safe(element.words());
    if (element.textContent !== text) element.textContent = text;
  }
}, 1000);

// At once after a time of rest, else at most so often as `ms()` says.
export function seldom(ms, act) {
  let timer, last = -ms();
  const now = () => {
    clearTimeout(timer);
    [timer, last] = [null, performance.now()];
    act();
  };
  return Object.assign(() => (timer ??= setTimeout(now, last + ms() - performance.now())), { now });
}

// What the list and the pages share: links, states, moments.

export const part = encodeURIComponent;
export const to = {
  messages: (id) => `#/messages/${part(id)}`,
  runs: (id) => `#/runs/${part(id)}`,
  filter: (text) => `#/?filter=${part(text)}`,
};
const ID = /\b((?:msg|wfr|scd)_[\w-]+)/;
const ROOMS = { m: "messages", w: "runs", s: "schedules" };
// A text with a link to each thing that it names by its id.
export const linked = (text) =>
  text.split(ID).map((one, at) => (at % 2 ? h("a", { href: `#/${ROOMS[one[0]]}/${one}` }, one) : one));
const quoted = (key, value) => `${key}:"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

export function statusRole(status) {
  if (!status) return "muted";
  return status < 300 ? "success" : status < 400 ? "warning" : "error";
}

// What a state looks like, as a text and its role.
export function look({ looks }, name) {
  const { symbol, word, role } = looks[name] ?? { symbol: "?", word: String(name).toLowerCase(), role: "muted" };
  return [`${symbol} ${word}`, role];
}

// A text of the server's with its marks for a moment filled in, in this time zone and as of now.
const MARKS = {
  exact: dateTime, clock: clockTime, ago, in: countdown,
  date: (at) => dateTime(at).slice(0, 19),
  milli: (at) => dateTime(at).slice(11),
  at: (at) => dateTime(at).slice(dateTime(at).slice(0, 10) === dateTime(clock.now()).slice(0, 10) ? 11 : 0, 16),
  near: (at) => (at > clock.now() ? countdown(at) : ago(at)),
  left: (at) => duration(at - clock.now()),
  took: (at) => duration(clock.now() - at),
};
export const moment = (text, at) =>
  at === undefined ? text : text.replace(/\{(\w+)\}/g, (mark, name) => MARKS[name]?.(at) ?? mark);

// A piece of the server's text: with its role, its link, and its moment as time goes on.
export function piece({ text = "", role, to: place, name, at }) {
  const shown = at === undefined ? text : counting(() => moment(text, at));
  const href = place && (to[place]?.(name ?? text) ?? to.filter(quoted(place, name ?? text)));
  if (href) return [text.startsWith("  ") && "  ", h("a", { class: role, href }, text.trim())];
  return role ? h("span", { class: role }, shown) : shown;
}
