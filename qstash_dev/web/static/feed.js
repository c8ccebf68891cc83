// What the list shows: of the messages those that match, in their order, as snapshots and ticks tell of
// them; of other views what was fetched. Both can be held while somebody reads. Knows no elements.

export class Feed {
  constructor() {
    this.order = []; // by sequence number, the oldest first; a list shows the newest first
    this.rows = new Map();
    this.total = 0;
    this.cursor = null;
    this.follow = true;
    this.newest = Infinity; // while nobody follows, what is newer is not shown: rows do not move
    this.healed = new Set(); // messages of which a replay was delivered
  }

  load(snapshot) {
    this.rows = new Map(snapshot.rows.map((row) => [row.id, row]));
    this.order = snapshot.rows.toSorted((a, b) => a.seq - b.seq);
    this.total = Math.max(snapshot.total, this.order.length);
    this.cursor = snapshot.cursor;
    if (!this.follow) this.newest = this.order.at(-1)?.seq ?? 0;
    for (const row of snapshot.rows) this.#learn(row);
  }

  extend(page) {
    const older = page.rows.filter((row) => !this.rows.has(row.id));
    for (const row of older) this.rows.set(row.id, row), this.#learn(row);
    this.order = [...older, ...this.order].sort((a, b) => a.seq - b.seq);
    this.cursor = page.cursor;
    this.total = Math.max(page.total, this.order.length);
  }

  apply(tick) {
    const matched = tick.matched ? new Set(tick.matched) : null;
    for (const row of tick.rows) {
      if (matched && !matched.has(row.id)) this.drop([row.id]);
      else this.#put(row);
    }
    this.drop(tick.removed);
  }

  drop(ids) {
    const gone = new Set(ids.filter((id) => this.rows.delete(id)));
    if (!gone.size) return;
    this.order = this.order.filter((row) => !gone.has(row.id));
    this.total -= gone.size;
  }

  get length() {
    return this.order.length - this.unseen;
  }

  get unseen() {
    return this.order.length - this.#place(this.newest === Infinity ? Infinity : this.newest + 1);
  }

  at(index) {
    return this.order[this.length - 1 - index];
  }

  indexOf(id) {
    const row = this.rows.get(id);
    const index = row ? this.length - 1 - this.#place(row.seq) : -1;
    return index >= 0 ? index : -1;
  }

  find(id) {
    return this.rows.get(id);
  }

  hold() {
    if (this.follow) this.newest = this.order.at(-1)?.seq ?? 0;
    this.follow = false;
  }

  resume() {
    [this.follow, this.newest] = [true, Infinity];
  }

  #put(row) {
    this.#learn(row);
    const place = this.#place(row.seq);
    if (this.rows.has(row.id)) this.order[place] = row;
    else {
      if (place === this.order.length) this.order.push(row);
      else this.order.splice(place, 0, row);
      this.total++;
    }
    this.rows.set(row.id, row);
  }

  #learn(row) {
    const again = row.kind === "replay" || row.kind === "dlq-retry";
    if (again && row.parent && row.state === "delivered") this.healed.add(row.parent);
  }

  // Where a number stands, or would stand.
  #place(seq) {
    let [low, high] = [0, this.order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.order[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const MOST = 5000; // lines of a log

export class Items {
  unseen = 0;
  follow = true;
  #all = [];

  // Shows those that contain every word of the filter: `-` before it means not, `|` in it or.
  constructor(view, filter) {
    this.view = view;
    this.words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    this.order = [];
  }

  load(items) {
    this.#all = items;
    this.#narrow();
  }

  add(news) {
    const { newestLast, by } = this.view;
    const known = this.#all.at(newestLast ? -1 : 0)?.[by] ?? 0;
    const fresh = news.filter((item) => item[by] > known); // what was fetched may tell of them already
    if (!fresh.length) return;
    this.#all = newestLast ? [...this.#all, ...fresh].slice(-MOST) : [...fresh, ...this.#all].slice(0, MOST);
    if (this.follow) this.#narrow();
  }

  hold() {
    if (this.view.news) this.follow = false;
  }

  resume() {
    this.follow = true;
    this.#narrow();
  }

  get length() {
    return this.order.length;
  }

  at(index) {
    return this.order[index];
  }

  indexOf(key) {
    return this.order.findIndex((item) => this.view.keyOf(item) === key);
  }

  find(key) {
    return this.#all.find((item) => this.view.keyOf(item) === key);
  }

  #narrow() {
    const holds = (text, word) =>
      word[0] === "-" ? !holds(text, word.slice(1)) : word.split("|").some((one) => text.includes(one));
    const matches = (item) => this.words.every((word) => holds(JSON.stringify(item).toLowerCase(), word));
    this.order = this.words.length ? this.#all.filter(matches) : this.#all;
  }
}
