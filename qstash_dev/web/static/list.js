// A list: the items in it, and those in sight as rows. Knows no messages.

import { h, safe } from "./dom.js";

const MOST = 5000; // lines of a log
const SPARE = 4;

// What is listed, in its order: of the live view what snapshots and ticks tell of, of the others what was
// fetched. It can be held while somebody reads.
export class Items {
  follow = true;
  order = []; // the oldest first
  total = 0; // with those that were not fetched yet, or do not match the words
  isWhole = true; // else there are older ones that never are here
  isExact = true; // else only those listed are known to match
  cursor = null;
  healed = new Set(); // messages of which a replay was delivered
  #rows = new Map();
  #oldest = 0; // of those that were fetched
  #newest = Infinity; // while nobody follows, what is newer is not shown: rows do not move

  // What matches the filter of the live view, the server says; of others it is what contains every word
  // of it: `-` before it means not, `|` in it or.
  constructor(view, filter = "") {
    this.view = view;
    this.words = view.live ? [] : filter.toLowerCase().split(/\s+/).filter(Boolean);
  }

  load({ rows, total = 0, cursor = null }) {
    const { keyOf, seq } = this.view;
    for (const row of rows) this.#learn(row);
    this.#rows = new Map(rows.map((row) => [keyOf(row), row]));
    const shown = rows.filter((row) => this.#matches(row));
    this.order = seq ? shown.sort((one, other) => one[seq] - other[seq]) : shown.reverse();
    this.total = Math.max(total, rows.length);
    this.isWhole = this.view.live || rows.length < this.view.most;
    this.cursor = cursor;
    this.isExact = true;
    this.#oldest = rows.at(-1)?.[seq] ?? 0;
    if (!this.follow) this.#newest = shown.at(-1)?.[seq] ?? 0;
  }

  // With a page of older ones.
  extend({ rows, ...rest }) {
    const newest = this.#newest;
    const older = rows.filter((row) => !this.#rows.has(this.view.keyOf(row)));
    this.load({ ...rest, rows: [...this.order.toReversed(), ...older] });
    this.#newest = newest;
  }

  apply({ rows, matched, removed, counts }) {
    const wanted = new Set(matched ?? rows.map(({ id }) => id));
    const older = rows.filter((row) => row[this.view.seq] < this.#oldest).map(({ id }) => id);
    const areListed = [...removed, ...older].every((id) => this.#rows.has(id));
    if (matched && this.cursor && !areListed) this.isExact = false; // did they match before?
    this.add(rows.filter(({ id }) => wanted.has(id)));
    this.drop([...removed, ...rows.map(({ id }) => id).filter((id) => !wanted.has(id))]);
    if (!matched) this.total = counts.messages; // with those that are not listed
  }

  // What is new, or is not as it was.
  add(rows) {
    for (const row of rows) this.#put(row);
    const surplus = this.view.live ? 0 : Math.max(0, this.order.length - MOST);
    if (!surplus) return;
    this.isWhole = false;
    this.drop(this.order.slice(0, surplus).map(this.view.keyOf));
  }

  drop(keys) {
    const gone = new Set(keys.map((key) => this.#rows.get(key)).filter(Boolean));
    if (!gone.size) return;
    for (const key of keys) this.#rows.delete(key);
    this.order = this.order.filter((row) => !gone.has(row));
    this.total -= gone.size;
  }

  get length() {
    return this.#place(this.#newest + 1);
  }

  at(index) {
    return this.order[this.#turned(index)];
  }

  indexOf(key) {
    const place = this.order.lastIndexOf(this.#rows.get(key));
    return place < 0 || place >= this.length ? -1 : this.#turned(place);
  }

  find(key) {
    return this.#rows.get(key);
  }

  // Where nothing new comes by itself, nothing moves.
  hold() {
    const { seq } = this.view;
    if (this.follow && seq) [this.follow, this.#newest] = [false, this.order.at(-1)?.[seq] ?? 0];
  }

  resume() {
    [this.follow, this.#newest] = [true, Infinity];
  }

  #turned(place) {
    return this.view.newestLast ? place : this.length - 1 - place;
  }

  #put(row) {
    this.#learn(row);
    const [{ keyOf, seq }, isKnown] = [this.view, this.#rows.has(this.view.keyOf(row))];
    if (!isKnown) this.total++;
    if (!this.#matches(row)) return;
    this.#rows.set(keyOf(row), row);
    this.order.splice(this.#place(row[seq]), isKnown ? 1 : 0, row);
  }

  #learn(row) {
    const again = row.kind === "replay" || row.kind === "dlq-retry";
    if (again && row.parent && row.state === "delivered") this.healed.add(row.parent);
  }

  #matches(row) {
    if (!this.words.length) return true;
    const text = JSON.stringify(row).toLowerCase();
    const holds = (word) =>
      word[0] === "-" ? !holds(word.slice(1)) : word.split("|").some((one) => text.includes(one));
    return this.words.every(holds);
  }

  // Where a number stands, or would stand.
  #place(number) {
    let [low, high] = [0, this.order.length];
    if (number === Infinity) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.order[middle][this.view.seq] < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

// Of any length; only rows in sight are elements. Its `view` says how many there are, which columns they have
// and which one is meant.
export class List {
  // `on.cursor(item)` when a row is chosen, `on.mark(item)` when its box is, without one for all, `on.touch()` for
  // a scroll, `on.end()` near the end.
  constructor(grid, on) {
    this.grid = grid;
    this.on = on;
    this.pool = [];
    this.expected = this.room = 0; // where it was scrolled to, by us or before, and how much room rows have
    this.head = h("div.row.head", { role: "row" });
    this.body = h("div.body", { role: "rowgroup" });
    grid.append(h("div.heads", { role: "rowgroup" }, this.head), this.body);
    grid.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    grid.addEventListener("pointerdown", ({ target }) => (this.pressed = target.closest(".row")?.item));
    grid.addEventListener("click", (event) => this.#clicked(event));
    grid.addEventListener("mouseover", ({ target: cell }) => {
      if (cell.role === "gridcell") cell.title = cell.textContent;
    });
    new ResizeObserver(() => this.#measure()).observe(grid);
  }

  show(view) {
    this.view = view;
    this.grid.dataset.view = view.name;
    this.grid.setAttribute("aria-label", view.name);
    const heads = view.columns.map(({ name, head }) => h("span", { role: "columnheader", class: name }, head));
    this.head.replaceChildren(...heads);
    this.body.replaceChildren();
    this.pool = [];
    const cell = ({ name, head }) => h("span", { role: "gridcell", class: name, "data-head": head });
    this.blank = h("div.row", { role: "row" }, view.columns.map(cell));
    this.scrollTo(0);
  }

  // To ask the browser makes it lay out the page at once: it is done where it has, or must.
  #measure() {
    this.height = parseFloat(getComputedStyle(this.grid).getPropertyValue("--row"));
    this.room = this.grid.clientHeight - this.head.offsetHeight;
    this.expected = this.grid.scrollTop;
    this.draw();
  }

  draw() {
    if (!this.view || !this.room) return;
    const [height, count] = [this.height, this.view.count()];
    this.grid.setAttribute("aria-rowcount", count + 1);
    const extent = `${count * height}px`;
    if (this.body.style.height !== extent) this.body.style.height = extent;
    const chosen = this.view.chosen();
    const fits = Math.ceil(this.room / height);
    const top = Math.min(Math.floor(this.expected / height), count - fits);
    const first = Math.max(0, top - SPARE);
    const shown = Math.min(count, Math.max(0, top) + fits + SPARE) - first;
    for (let place = 0; place < Math.max(shown, this.pool.length); place++) {
      this.pool[place] ??= this.body.appendChild(Object.assign(this.blank.cloneNode(true), { id: `row${place}` }));
      const row = this.pool[place];
      row.hidden = place >= shown;
      if (place < shown) this.#fill(row, first + place, { height, chosen });
    }
    const id = chosen >= first && chosen < first + shown ? `row${chosen - first}` : "";
    this.grid.setAttribute("aria-activedescendant", id);
    if (first + shown >= count - 50) this.on.end();
  }

  reveal(index) {
    if (index < 0) return;
    this.#measure(); // it may be as long as this only now
    const [top, end] = [index * this.height, (index + 1) * this.height - this.room];
    if (top < this.expected) this.scrollTo(top);
    else if (end > this.expected) this.scrollTo(end);
    this.draw();
  }

  get page() {
    return Math.max(1, Math.floor(this.room / this.height) - 1);
  }

  scrollTo(top) {
    if (top === this.expected) return;
    this.expected = top;
    this.grid.scrollTop = top;
  }

  #scrolled() {
    if (Math.abs(this.grid.scrollTop - this.expected) > 2) this.on.touch(this.grid.scrollTop);
    this.expected = this.grid.scrollTop;
    this.draw();
  }

  // What is meant is what stood there when the button went down: another may have come in its place.
  #clicked(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    const item = (event.detail && this.pressed) || row.item; // a key has no pointer
    if (event.target.closest(".mark")) this.on.mark(item);
    else if (item) this.on.cursor(item, event);
  }

  #fill(row, index, { height, chosen }) {
    const item = (row.item = this.view.at(index));
    const place = `translateY(${index * height}px)`;
    if (row.style.transform !== place) row.style.transform = place;
    row.setAttribute("aria-rowindex", index + 2);
    row.setAttribute("aria-selected", index === chosen);
    row.classList.toggle("marked", this.view.marked(item));
    this.view.columns.forEach((column, at) => {
      const [text, role] = column.cell(item);
      const [cell, shown, name] = [row.children[at], safe(text), role ? `${column.name} ${role}` : column.name];
      if (cell.textContent !== shown) cell.textContent = shown;
      if (cell.className !== name) cell.className = name;
    });
  }
}
