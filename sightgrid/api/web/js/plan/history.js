// What was done to cameras, one step after another, so that it can be undone and done again.

const MERGED_MS = 1200;

export class History extends EventTarget {
  #undo = [];
  #redo = [];

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  /** Note a step {id, before, after}; steps with the same `merge` shortly one after another become one. */
  push(step) {
    const last = this.#undo.at(-1);
    const at = performance.now();
    this.#redo = [];
    if (step.merge && last?.merge === step.merge && last.id === step.id && at - last.at < MERGED_MS) {
      Object.assign(last, { after: step.after, at });
    } else this.#undo.push({ ...step, at });
    this.dispatchEvent(new Event("change"));
  }

  /** Return the step to undo, or undefined. */
  back() {
    return this.#move(this.#undo, this.#redo);
  }

  /** Return the step to do again, or undefined. */
  forth() {
    return this.#move(this.#redo, this.#undo);
  }

  clear() {
    this.#undo = [];
    this.#redo = [];
    this.dispatchEvent(new Event("change"));
  }

  #move(from, to) {
    const step = from.pop();
    if (!step) return undefined;
    to.push({ ...step, merge: undefined });
    this.dispatchEvent(new Event("change"));
    return step;
  }
}
