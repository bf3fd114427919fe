// Autosave: changes of cameras are written into the scenario one after the other, each from the version it was made
// from.

import { watch } from "../core/api.js";
import { addItem, deleteItem, findChange, nameCollection, replaceItem, resetCamera, tidy } from "./records.js";

export class Saver extends EventTarget {
  #queue = [];
  #running = false;
  #versions = new Map();
  #absent = new Set();
  #place = null;
  #resolve;

  /** `resolve(mine, theirs)` asks what to do about two versions; it gives "mine", "theirs" or null for later. */
  constructor({ resolve }) {
    super();
    this.#resolve = resolve;
    this.state = "saved";
    this.fault = null;
    this.end = watch("online", (now) => {
      if (now && this.state === "failed") this.retry();
    });
  }

  /** Write into this scenario from now on; what is still to be saved must be saved or given up before. */
  setPlace(site_id, scenario_id) {
    this.#place = { site_id, scenario_id, collection: nameCollection(site_id, scenario_id) };
    this.#versions.clear();
    this.#absent.clear();
    this.#queue = [];
    this.#tell("saved");
  }

  get hasScenario() {
    return this.#place !== null && this.#place.scenario_id !== null;
  }

  get busy() {
    return this.#queue.length > 0;
  }

  get unsaved() {
    return new Map(this.#queue.map(({ id, target }) => [id, target]));
  }

  /** Tell which version of a camera is known. */
  note(id, version) {
    if (this.#queue.some((each) => each.id === id)) return;
    this.#versions.set(id, version);
    this.#absent.delete(id);
  }

  versionOf(id) {
    return this.#versions.get(id) ?? 0;
  }

  /** Bring a camera to what it is to be: a feature, or null for gone. `version` 0 in it: as the site has it. */
  save(id, target) {
    const last = this.#queue.findLast((each) => each.id === id);
    if (last && !last.sent) last.target = target;
    else this.#queue.push({ id, target, sent: false });
    this.#run();
  }

  /** Try again what failed. */
  retry() {
    this.fault = null;
    this.#run();
  }

  /** Give up what was not saved; returns the ids of the cameras that are now as the store has them. */
  discard() {
    const ids = this.#queue.map((each) => each.id);
    this.#queue = [];
    this.fault = null;
    this.#tell("saved");
    return [...new Set(ids)];
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#queue.length) {
        this.#tell("saving");
        if (!(await this.#take(this.#queue[0]))) return;
      }
      this.#tell("saved");
    } finally {
      this.#running = false;
    }
  }

  async #take(change) {
    const place = this.#place;
    change.sent = true;
    const { target } = change;
    try {
      const version = await this.#write(place, change.id, target);
      if (place !== this.#place) return true;
      this.#versions.set(change.id, version);
      this.#queue = this.#queue.filter((each) => each !== change);
      this.dispatchEvent(new CustomEvent("written", { detail: { id: change.id, target } }));
      return true;
    } catch (error) {
      if (place !== this.#place) return true;
      change.sent = false;
      if (error.status === 412 || (error.status === 404 && target)) return this.#settle(change, error);
      this.fault = error;
      this.#tell("failed");
      return false;
    }
  }

  /** Write a camera; resolves with the version that it has then. */
  async #write({ scenario_id, collection }, id, target) {
    const version = this.versionOf(id);
    if (target === null) return this.#remove({ scenario_id, collection }, id, version);
    if (target.version === 0) {
      if (version !== 0) await resetCamera(scenario_id, id, version);
      this.#absent.delete(id);
      return 0;
    }
    if (this.#absent.has(id) || (target.added && version === 0)) {
      const added = await addItem(collection, target);
      this.#absent.delete(id);
      return added.version;
    }
    return replaceItem(collection, target, version);
  }

  /** Take a camera out: one that the scenario added leaves no trace, one of the site stays in the site. */
  async #remove({ scenario_id, collection }, id, version) {
    if (this.#absent.has(id)) return version; // it came and went before it was written
    if ((await findChange(scenario_id, id))?.change === "added") {
      await resetCamera(scenario_id, id, version);
      this.#absent.add(id);
      return 0;
    }
    await deleteItem(collection, id, version);
    this.#absent.add(id);
    return (await findChange(scenario_id, id))?.version ?? 0;
  }

  /** Somebody else changed the camera, or took it out (then it is not found). */
  async #settle(change, { status, body }) {
    this.#tell("conflict");
    const theirs = status === 404 || !body.feature ? null : tidy(body.feature);
    const choice = await this.#resolve({ id: change.id, mine: change.target, theirs });
    if (choice === null) return false;
    if (theirs) this.#versions.set(change.id, body.current);
    else this.#absent.add(change.id);
    if (choice === "theirs") {
      this.#queue = this.#queue.filter((each) => each.id !== change.id);
      this.dispatchEvent(new CustomEvent("theirs", { detail: { id: change.id, feature: theirs } }));
    }
    return true;
  }

  #tell(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
