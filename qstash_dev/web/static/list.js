// A list of any length of which only the rows in sight are elements. Knows no messages: its `view` says
// how many there are, which columns they have and which one is meant.

import { h, safe } from "./dom.js";

const SPARE = 4;

export class List {
  // `on.cursor(index)` when a row is chosen, `on.mark(index)` when its box is, -1 for all, `on.touch()` for a
  // scroll, `on.end()` near the end.
  constructor(grid, on) {
    this.grid = grid;
    this.on = on;
    this.pool = [];
    this.expected = this.room = 0; // where it was scrolled to, by us or before, and how much room rows have
    this.head = h("div.row.head", { role: "row" });
    this.body = h("div.body", { role: "rowgroup" });
    grid.append(h("div.heads", { role: "rowgroup" }, this.head), this.body);
    grid.addEventListener("scroll", () => this.#scrolled(), { passive: true });
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
    this.#scrollTo(0);
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
      const row = (this.pool[place] ??= this.#made());
      row.hidden = place >= shown;
      if (place < shown) this.#fill(row, first + place, { height, chosen });
    }
    const id = chosen >= first && chosen < first + shown ? `row${chosen - first}` : "";
    if (id) this.grid.setAttribute("aria-activedescendant", id);
    else this.grid.removeAttribute("aria-activedescendant");
    if (first + shown >= count - 50) this.on.end();
  }

  reveal(index) {
    this.#measure(); // it may be as long as this only now
    const [top, end] = [index * this.height, (index + 1) * this.height - this.room];
    if (top < this.expected) this.#scrollTo(top);
    else if (end > this.expected) this.#scrollTo(end);
    this.draw();
  }

  top() {
    this.#scrollTo(0);
  }

  get page() {
    return Math.max(1, Math.floor(this.room / this.height) - 1);
  }

  #scrollTo(top) {
    if (top === this.expected) return;
    this.expected = top;
    this.grid.scrollTop = top;
  }

  #scrolled() {
    if (Math.abs(this.grid.scrollTop - this.expected) > 2) this.on.touch(this.grid.scrollTop);
    this.expected = this.grid.scrollTop;
    this.draw();
  }

  #clicked(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    const index = row === this.head ? -1 : Number(row.getAttribute("aria-rowindex")) - 2;
    if (event.target.matches(".mark")) this.on.mark(index);
    else if (index >= 0) this.on.cursor(index, event);
  }

  #made() {
    const row = Object.assign(this.blank.cloneNode(true), { id: `row${this.pool.length}` });
    this.body.append(row);
    return row;
  }

  #fill(row, index, { height, chosen }) {
    const item = this.view.at(index);
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
