// What the parts of the page share: a few named values, and who wants to know when one changes.

export class State {
  #values;
  #watchers = new Set();

  constructor(values) {
    this.#values = { ...values };
  }

  get(name) {
    return this.#values[name];
  }

  /** Change values; those who watch one of them are called once, after all are changed. */
  set(values) {
    const changed = Object.keys(values).filter((name) => !Object.is(this.#values[name], values[name]));
    if (!changed.length) return;
    const before = { ...this.#values };
    Object.assign(this.#values, values);
    for (const watcher of [...this.#watchers]) {
      if (watcher.names.some((name) => changed.includes(name))) watcher.run(this.#values, before);
    }
  }

  /** Call `run(values, before)` when one of the names changes; returns what ends that. */
  watch(names, run) {
    const watcher = { names: [names].flat(), run };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
