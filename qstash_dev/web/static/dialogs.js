// Questions to the person, one at a time, and what is said to them. Each answers with what was chosen,
// `null` when it was left.

import { $, fill, h, put } from "./dom.js";

let asks = () => {};

export function onAsk(tell) {
  asks = tell;
}

function dialog(title, build, { wide = false, first } = {}) {
  return new Promise((resolve) => {
    const made = h("dialog", { "aria-labelledby": "dialog-title", class: wide ? "wide" : "" });
    const close = (value) => (made.close(), made.remove(), resolve(value));
    made.addEventListener("cancel", (event) => (event.preventDefault(), close(null)));
    put(made, h("h2", { id: "dialog-title" }, title), build(close));
    document.body.append(made);
    made.showModal();
    made.querySelector(first ?? "[autofocus]")?.focus();
    asks();
  });
}

export const isAsking = () => document.querySelector("dialog[open]") !== null;

// A choice is its key, text and value. With `search` what is typed narrows the list, and Enter takes its
// first; without, a key is a choice.
export function menu(title, choices, { search = false, after = [] } = {}) {
  const build = (close) => {
    const look = { type: "search", "aria-label": "Search", placeholder: "Search", autocomplete: "off" };
    const field = search && h("input", { ...look, autofocus: true });
    const items = choices.map(([key, text, value], place) => {
      const first = !search && place === 0;
      return h("li", h("button", { autofocus: first, onclick: () => close(value) }, h("kbd", key), ` ${text}`));
    });
    const list = h("div.menu", field, h("ul", items));
    list.addEventListener("input", () => {
      for (const item of items) item.hidden = !item.textContent.toLowerCase().includes(field.value.toLowerCase());
    });
    list.addEventListener("keydown", (event) => {
      const isTyping = event.target === field;
      const step = { ArrowDown: 1, ArrowUp: -1, ...(!search && { j: 1, k: -1 }) }[event.key];
      const chosen = !search && choices.find(([key]) => key === event.key);
      const shown = [...list.querySelectorAll("li:not([hidden]) > button")];
      const next = shown.at(isTyping && step < 0 ? -1 : (shown.indexOf(document.activeElement) + step) % shown.length);
      if (chosen) close(chosen[2]);
      else if (step) next?.focus();
      else if (isTyping && event.key === "Enter") shown[0]?.click();
      else return;
      event.preventDefault();
    });
    return [list, after, h("p.answers", h("button", { onclick: () => close(null) }, "Leave"))];
  };
  return dialog(title, build, { wide: search });
}

export function confirm(question, yes = "Yes") {
  return dialog(question, (close) => h("p.answers",
    h("button.main", { autofocus: true, onclick: () => close(true) }, yes),
    h("button", { onclick: () => close(null) }, "No")));
}

export function askText(title, label, type = "text") {
  const build = (close) => {
    const input = h("input", { type, autofocus: true, autocomplete: "off", "aria-label": label });
    const done = (event) => (event.preventDefault(), close(input.value));
    return h("form", { onsubmit: done }, h("label", label, input), h("p.answers",
      h("button.main", "OK"), h("button", { type: "button", onclick: () => close(null) }, "Leave")));
  };
  return dialog(title, build);
}

export function read(title, ...content) {
  const left = (close) => h("p", h("button", { autofocus: true, onclick: () => close(null) }, "Close"));
  return dialog(title, (close) => [content, left(close)], { wide: true });
}

// Destination, method, headers and body. `send(draft)` may throw: the form stays, and says why. What is
// left is given back, to be offered the next time.
export function messageForm(title, draft, send, methods, fromFile) {
  const build = (close) => {
    const field = (label, name, made) => h("label", label, Object.assign(made, { name, value: draft[name] ?? "" }));
    const said = h("p.error", { role: "alert" });
    const method = h("select", methods.map((name) => h("option", name)));
    const url = h("input", { spellcheck: "false" });
    const lines = (rows) => h("textarea", { rows, spellcheck: "false" });
    const noText = h("p.muted", "The body is no text: it is kept as it is.");
    const form = h("form.message-form",
      h("div.line",
        field("Method", "method", method),
        field("Destination: a URL, /path of the app, or a URL group", "url", url)),
      field("Headers, one a line; Upstash-… configure the message", "headers", lines(4)),
      draft.body === null ? noText : field("Body", "body", lines(12)),
      said);
    const fill_ = async (event) => {
      try {
        const given = await fromFile(event.target.files[0]);
        for (const [name, value] of Object.entries(given)) form.elements[name].value = value;
      } catch (error) {
        fill(said, `✗ ${error.message}`);
      }
    };
    const file = () => h("input", { type: "file", accept: ".json", onchange: fill_ });
    if (fromFile) put(form, h("label.file", "From a fixture", file()));
    const written = () => ({ ...draft, ...Object.fromEntries(new FormData(form)) });
    const submit = async (event) => {
      event?.preventDefault();
      said.textContent = "";
      try {
        await send(written());
        close(null);
      } catch (error) {
        fill(said, `✗ ${error.message}`);
      }
    };
    form.addEventListener("submit", submit);
    form.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "Enter") submit(event);
    });
    const leave = () => close(JSON.stringify(written()) === JSON.stringify(draft) ? null : written());
    put(form, h("p.answers",
      h("button.main", "Send"),
      h("button", { type: "button", onclick: leave }, "Leave"),
      h("span.muted", "Ctrl+Enter sends")));
    return form;
  };
  return dialog(title, build, { wide: true, first: draft.url ? '[name="body"], [name="url"]' : '[name="url"]' });
}

const SAID_MS = 8000;

export function say(text, { error = false, undo } = {}) {
  const close = () => made.remove();
  const made = h("p", { class: error ? "error" : "" }, h("span", text),
    undo && h("button", { onclick: () => (undo(), close()) }, "Undo"),
    h("button", { "aria-label": "Close this note", onclick: close }, "×"));
  $("said").append(made);
  setTimeout(close, undo ? 60000 : SAID_MS);
}
