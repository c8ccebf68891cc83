// Questions to the person, one at a time, and what is said to them. Each answers with what was chosen,
// `null` when it was left.

import { $, fill, h, linked } from "./dom.js";

// A form in a box: it answers with the value of the button that closed it. `on` are what its events do.
function dialog(title, content, { wide = false, ...on } = {}) {
  const form = h("form", { method: "dialog", ...on }, h("h2", { id: "dialog-title" }, title), content);
  const made = h("dialog", { "aria-labelledby": "dialog-title", class: wide && "wide" }, form);
  document.body.append(made);
  made.showModal();
  document.dispatchEvent(new Event("asked"));
  return new Promise((resolve) => {
    made.addEventListener("close", () => (made.remove(), resolve(made.returnValue || null)));
  });
}

const main = (text) => h("button.main", { value: "yes", autofocus: true }, text);
const leave = (text) => h("button", { value: "" }, text);

// A choice is its key, text and value. With `search` what is typed narrows the list, and Enter takes its
// first; without, a key is a choice.
export async function menu(title, choices, { search = false, after = [] } = {}) {
  const look = { type: "search", "aria-label": "Search", placeholder: "Search", autocomplete: "off" };
  const field = search && h("input", { ...look, autofocus: true });
  const items = choices.map(([key, text], place) => {
    const button = { value: place, autofocus: !search && place === 0 };
    return h("li", h("button", button, h("kbd", key), ` ${text}`));
  });
  const list = h("div.menu", field, h("ul", items));
  list.addEventListener("input", () => {
    for (const item of items) item.hidden = !item.textContent.toLowerCase().includes(field.value.toLowerCase());
  });
  list.addEventListener("keydown", (event) => {
    const isTyping = event.target === field;
    const step = { ArrowDown: 1, ArrowUp: -1, ...(!search && { j: 1, k: -1 }) }[event.key];
    const chosen = search ? -1 : choices.findIndex(([key]) => key === event.key);
    const shown = [...list.querySelectorAll("li:not([hidden]) > button")];
    const next = shown.at(isTyping && step < 0 ? -1 : (shown.indexOf(document.activeElement) + step) % shown.length);
    if (chosen >= 0) shown[chosen].click();
    else if (step) next?.focus();
    else if (isTyping && event.key === "Enter") shown[0]?.click();
    else return;
    event.preventDefault();
  });
  const place = await dialog(title, [list, after, h("p.answers", leave("Leave"))], { wide: search });
  return place && choices[place][2];
}

export const confirm = (question) => dialog(question, h("p.answers", main("Yes"), leave("No")));

export async function askText(title, label, type = "text") {
  const input = h("input", { type, autofocus: true, autocomplete: "off" });
  const answer = await dialog(title, [h("label", label, input), h("p.answers", main("OK"), leave("Leave"))]);
  return answer && input.value;
}

export const read = (title, ...content) => dialog(title, [content, h("p", main("Close"))], { wide: true });

// Destination, method, headers and body. `send(draft)` may throw: the form stays, and says why. What is
// left is given back, to be offered the next time.
export async function messageForm(title, draft, send, methods, fromFile) {
  const isText = draft.body !== null;
  const field = (label, name, tag, attributes, ...inside) => {
    const made = h(tag, { name, spellcheck: "false", autofocus: name === "url", ...attributes }, inside);
    made.value = draft[name] ?? "";
    return h("label", label, made);
  };
  const said = h("p.error", { role: "alert" });
  const form = () => said.closest("form");
  const written = () => ({ ...draft, ...Object.fromEntries(new FormData(form())) });
  const guarded = async (act) => {
    fill(said);
    await act().catch((error) => fill(said, `✗ ${error.message}`));
  };
  const read = (event) => guarded(async () => {
    const found = await fromFile(event.target.files[0]);
    for (const [name, value] of Object.entries(found)) form().elements[name].value = value;
  });
  const noText = h("p.muted", "The body is no text: it is kept as it is.");
  const content = [
    h("div.line",
      field("Method", "method", "select", {}, methods.map((name) => h("option", name))),
      field("Destination: a URL, /path of the app, or a URL group", "url", "input")),
    field("Headers, one a line; Upstash-… configure the message", "headers", "textarea", { rows: 4 }),
    isText ? field("Body", "body", "textarea", { rows: 12 }) : noText,
    said,
    fromFile && h("label.file", "From a fixture", h("input", { type: "file", accept: ".json", onchange: read })),
    h("p.answers", h("button.main", { value: "yes" }, "Send"), leave("Leave"), h("span.muted", "Ctrl+Enter sends")),
  ];
  const onsubmit = (event) => {
    if (event.submitter?.value === "") return; // leaves
    event.preventDefault();
    guarded(() => send(written()).then(() => form().parentElement.close("yes")));
  };
  const onkeydown = (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") form().requestSubmit();
  };
  const isSent = await dialog(title, content, { wide: true, onsubmit, onkeydown });
  return isSent || JSON.stringify(written()) === JSON.stringify(draft) ? null : written();
}

const SAID_MS = 8000;
const MOST_SAID = 3;

// Answers with what takes it away.
export function say(text, { error = false, undo } = {}) {
  const close = () => made.remove();
  const made = h("p", { class: error ? "error" : "" }, h("span", linked(text)),
    undo && h("button", { onclick: undo }, "Undo"),
    h("button", { "aria-label": "Close this note", onclick: close }, "×"));
  $("said").append(made);
  if ($("said").children.length > MOST_SAID) $("said").firstChild.remove();
  setTimeout(close, undo ? 60000 : SAID_MS);
  return close;
}
