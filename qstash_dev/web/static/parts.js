// Pieces of what the list and the pages show: links, states, facts. Words and symbols are the server's.

import { clock, dateTime, h, span } from "./dom.js";
import { part } from "./server.js";

export const to = {
  message: (id) => `#/messages/${part(id)}`,
  run: (id) => `#/runs/${part(id)}`,
  filter: (text) => `#/?filter=${part(text)}`,
};
export const quoted = (key, value) => `${key}:"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
export const headerOf = (headers, name) => headers.find(([one]) => one.toLowerCase() === name)?.[1];
export const statusRole = (status) => (!status ? "muted" : status < 300 ? "success" : status < 400 ? "warning" : "error");

export const look = (words, kind, name) => words[kind][name] ?? { symbol: "?", word: String(name).toLowerCase(), role: "muted" };
export const state = (words, name, kind = "states") => {
  const { symbol, word, role } = look(words, kind, name);
  return h("span", { class: role }, `${symbol} ${word}`);
};

export const section = (title, ...content) => h("section", {}, h("h3", {}, title), ...content);

export function facts(pairs) {
  const kept = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return h("dl", {}, kept.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export function headers(pairs) {
  if (!pairs.length) return h("p", { class: "muted" }, "(no headers)");
  return h("dl", { class: "headers" }, pairs.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

// What a run waits for, with the time that is left put in.
export function waiting(wait) {
  if (!wait) return "";
  const { text, until } = wait;
  if (until === null) return text;
  const isToday = dateTime(until).slice(0, 10) === dateTime(clock.now()).slice(0, 10);
  return text.replace("{left}", span(until - clock.now())).replace("{at}", dateTime(until).slice(isToday ? 11 : 0, 16));
}
