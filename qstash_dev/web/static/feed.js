// What a list shows, in its order: of the live view what snapshots and ticks tell of, of the others what was
// fetched. It can be held while somebody reads. Knows no elements.

const MOST = 5000; // lines of a log

export class Items {
  follow = true;
  order = []; // the oldest first
  total = 0; // with those that were not fetched yet
  cursor = null;
  healed = new Set(); // messages of which a replay was delivered
  #rows = new Map();
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
    this.total = Math.max(total, shown.length);
    this.cursor = cursor;
    if (!this.follow) this.#newest = shown.at(-1)?.[seq] ?? 0;
  }

  // With a page of older ones.
  extend({ rows, ...rest }) {
    const newest = this.#newest;
    const older = rows.filter((row) => !this.#rows.has(this.view.keyOf(row)));
    this.load({ ...rest, rows: [...older, ...this.order] });
    this.#newest = newest;
  }

  apply({ rows, matched, removed }) {
    const wanted = new Set(matched ?? rows.map(({ id }) => id));
    this.add(rows.filter(({ id }) => wanted.has(id)));
    this.drop([...removed, ...rows.map(({ id }) => id).filter((id) => !wanted.has(id))]);
  }

  // What is new, or is not as it was.
  add(rows) {
    for (const row of rows) this.#put(row);
    const surplus = this.view.live ? 0 : Math.max(0, this.order.length - MOST);
    if (surplus) this.drop(this.order.slice(0, surplus).map(this.view.keyOf));
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

  get unseen() {
    return this.order.length - this.length;
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
    if (!this.#matches(row)) return;
    const [{ keyOf, seq }, isKnown] = [this.view, this.#rows.has(this.view.keyOf(row))];
    this.#rows.set(keyOf(row), row);
    this.order.splice(this.#place(row[seq]), isKnown ? 1 : 0, row);
    if (!isKnown) this.total++;
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
