// One camera at a time in the hands of the planner: what it is, what it becomes, and every step back.

import { METRES_PER_DEGREE, move, turn } from "../core/geo.js";
import { t } from "../core/i18n.js";
import { History } from "./history.js";
import { NEW_CAMERA } from "./optics.js";
import { makeId, nameCollection, readItem, tidy } from "./records.js";

const DECIMALS = 1e7; // of a degree: a centimetre

const copy = (feature) => structuredClone(feature);
const round = (value) => Math.round(value * DECIMALS) / DECIMALS;
const isSame = (a, b) => JSON.stringify([a?.geometry, a?.properties]) === JSON.stringify([b?.geometry, b?.properties]);

export class Editor extends EventTarget {
  #context;
  #ensureScenario;
  #reading = 0;

  /** `ensureScenario()` resolves with the scenario to write into, null if there is to be none. */
  constructor(context, { saver, preview, ensureScenario }) {
    super();
    this.#context = context;
    this.#ensureScenario = ensureScenario;
    this.saver = saver;
    this.preview = preview;
    this.history = new History();
    this.camera = null; // as it is drawn
    this.kept = null; // as it was at the last step
    this.fault = null;
    saver.addEventListener("theirs", ({ detail }) => this.#takeTheirs(detail));
  }

  get collection() {
    return nameCollection(this.#context.site().site_id, this.#context.scenario()?.scenario_id);
  }

  /** Where the camera in hand looks: as it is known, or else as the preview took it. */
  get azimuth_deg() {
    if (!this.camera) return null;
    const { answer } = this.preview;
    return this.camera.properties.azimuth_deg ?? (answer?.camera_id === this.camera.id ? answer.azimuth_deg : null);
  }

  /** Take a camera into hand; null lays it down. */
  async select(id) {
    if (id === (this.camera?.id ?? null) && !this.fault) return;
    this.#reading += 1;
    const turnOf = this.#reading;
    this.fault = null;
    if (id === null) return this.#put(null);
    if (this.saver.unsaved.get(id)) return this.#put(copy(this.saver.unsaved.get(id)));
    this.dispatchEvent(new Event("reading"));
    try {
      const feature = await readItem(this.collection, id);
      if (turnOf !== this.#reading) return;
      this.saver.note(id, feature.version);
      this.#put(feature);
    } catch (error) {
      if (turnOf !== this.#reading) return;
      this.fault = error;
      this.#put(null);
    }
  }

  #put(feature) {
    this.camera = feature;
    this.kept = feature && copy(feature);
    if (feature) this.preview.ask(feature);
    else this.preview.clear();
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }

  /** Change the camera for now, as while it is dragged: drawn and previewed, not yet a step. */
  draft({ coordinates, ...properties }) {
    if (!this.camera) return;
    if (coordinates) this.camera.geometry = { type: "Point", coordinates: coordinates.map(round) };
    Object.assign(this.camera.properties, properties);
    const given = new Set(Object.keys(properties).filter((name) => properties[name] !== null));
    const assumed = (this.camera.properties.assumed ?? "").split(",").filter((name) => name && !given.has(name));
    this.camera.properties.assumed = assumed.join(",");
    this.preview.ask(this.camera);
    this.#tell();
  }

  /** Make what was drafted a step: it is saved and can be undone. Steps with one `merge` soon after count as one. */
  async commit({ merge } = {}) {
    if (!this.camera || isSame(this.camera, this.kept)) return;
    const after = copy(this.camera);
    if (!this.#context.scenario() && !(await this.#ensureScenario())) {
      if (this.camera?.id === after.id) this.#put(copy(this.kept));
      return;
    }
    this.#step({ id: after.id, before: this.kept, after, merge });
  }

  #step(step) {
    const { id, after } = step;
    if (after) after.version = -1; // not as the site has it
    this.history.push(step);
    this.saver.save(id, after);
    if (this.camera?.id === id) this.kept = after && copy(after);
    this.#tell();
  }

  change(properties, options) {
    this.draft(properties);
    return this.commit(options);
  }

  /** Move the camera by metres to the east and to the north. */
  nudge(east_m, north_m) {
    const [lon, lat] = this.camera.geometry.coordinates;
    const east = east_m / (METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180));
    return this.change({ coordinates: [lon + east, lat + north_m / METRES_PER_DEGREE] }, { merge: "nudge" });
  }

  /** Turn the camera by some degrees, clockwise positive. */
  async rotate(by_deg) {
    const { id, properties } = this.camera;
    if (properties.azimuth_deg === null && properties.kind !== "panorama") await this.preview.answered; // from where?
    if (this.camera?.id !== id) return undefined;
    const azimuth_deg = turn((this.azimuth_deg ?? 0) + by_deg);
    return this.change({ azimuth_deg: Math.round(azimuth_deg * 10) / 10 }, { merge: "turn" });
  }

  /** Add a camera at a place; resolves with it, or null if there is no scenario to add it to. */
  async add(coordinates, properties = {}) {
    if (!this.#context.scenario() && !(await this.#ensureScenario())) return null;
    const id = makeId("cam");
    const feature = {
      type: "Feature",
      id,
      added: true,
      version: -1,
      geometry: { type: "Point", coordinates: coordinates.map(round) },
      properties: { ...NEW_CAMERA, ...properties },
    };
    this.saver.note(id, 0);
    this.#step({ id, before: null, after: copy(feature) });
    this.#reading += 1;
    this.#put(feature);
    this.#context.state.set({ camera_id: id });
    return feature;
  }

  /** Add another camera like this one beside it. */
  duplicate() {
    const { geometry, properties } = this.camera;
    return this.add(move(geometry.coordinates, 90, 5), { ...properties });
  }

  /** Take over what a placement suggests, through `take()`, as a step; resolves when it is done. */
  async takeSuggestion({ id, properties }, take) {
    const before = properties.change === "new" ? null : await readItem(this.collection, id);
    const taken = await take();
    const feature = tidy(taken);
    const after = taken.change === "removed" ? null : { ...copy(feature), added: before === null, version: -1 };
    this.saver.note(feature.id, feature.version);
    this.history.push({ id: feature.id, before, after });
    if (this.camera?.id === feature.id) this.#put(after && feature);
  }

  /** Take the camera out of the scenario. */
  async remove() {
    const before = this.kept;
    if (!this.#context.scenario() && !(await this.#ensureScenario())) return;
    this.#step({ id: before.id, before, after: null });
    this.#context.state.set({ camera_id: null });
    this.#put(null);
    this.#context.announce(t("camera.removed", { name: before.properties.name || before.id }));
  }

  undo() {
    const step = this.history.back();
    if (step) this.#bring(step.id, step.before, "plan.undone");
  }

  redo() {
    const step = this.history.forth();
    if (step) this.#bring(step.id, step.after, "plan.redone");
  }

  #bring(id, target, words) {
    this.saver.save(id, target && copy(target));
    this.#reading += 1;
    this.#put(target && copy(target));
    this.#context.state.set({ camera_id: target ? id : null });
    this.#context.announce(t(words));
  }

  /** Give up what could not be saved. */
  async discard() {
    const ids = this.saver.discard();
    this.history.clear();
    const id = this.camera?.id ?? ids[0] ?? null;
    this.#put(null);
    await this.select(id).catch(() => {});
    this.#context.state.set({ camera_id: this.camera?.id ?? null });
  }

  #takeTheirs({ id, feature }) {
    if (this.camera?.id !== id) return;
    this.#reading += 1;
    this.#put(feature && copy(feature));
    if (!feature) this.#context.state.set({ camera_id: null });
  }

  /** Look at another scenario: nothing of the former one can be undone there. */
  enter({ keep = false } = {}) {
    const { site_id } = this.#context.site();
    this.saver.setPlace(site_id, this.#context.scenario()?.scenario_id ?? null);
    this.history.clear();
    if (!keep) this.#put(null);
    else if (this.kept) this.kept.version = 0; // a new scenario has it as the site has it
  }
}
