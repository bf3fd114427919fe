// The layers of one map: what can be shown, what is shown, from which tiles, how opaque.

import { api, toPath } from "../core/api.js";
import { fade } from "./fading.js";

/** Names of the map's own styles and sources never meet: "layer/style". */
const nameStyle = (id, style) => `${id}/${style}`;

const isShown = (each) => each.on && !each.missing && (each.definition.available?.() ?? true);

export class Layers extends EventTarget {
  #map;
  #session;
  #legends;
  #entries = new Map();
  #site_id = null;
  #scenario_id = null;
  #results = {};
  #hidden = new Map();

  /** `legends` is what the server gives; `session` says what may be seen. */
  constructor(map, { session, legends }) {
    super();
    this.#map = map;
    this.#session = session;
    this.#legends = legends;
    map.on("error", (event) => this.#noteError(event));
  }

  /** Make a layer known; one that the role may not see is left out. Returns what takes it away again. */
  register(definition) {
    if (!this.#may(definition.source)) return () => {};
    const { id, on = false, opacity = 1 } = definition;
    const entry = { definition, id, on, opacity, loading: false, fault: "", missing: false, drawn: null };
    this.#entries.set(id, entry);
    this.#update(entry);
    return () => {
      this.#erase(entry);
      this.#entries.delete(id);
      this.#tell();
    };
  }

  #may({ collection, result, layer }) {
    const { read, results } = this.#session.permissions;
    if (collection) return read.includes(collection);
    return result ? results.includes(layer) : true;
  }

  /** Return what there is, in the order of registration. */
  list() {
    return [...this.#entries.values()].map((each) => ({ ...each, legend: this.#legendOf(each.definition) }));
  }

  has(id) {
    return this.#entries.has(id);
  }

  isOn(id) {
    return this.#entries.get(id)?.on ?? false;
  }

  #legendOf({ legend }) {
    if (typeof legend === "function") return legend(this.#legends);
    return typeof legend === "string" ? this.#legends[legend] : legend;
  }

  opacityOf(id) {
    return this.#entries.get(id)?.opacity;
  }

  /** Show a layer or not. */
  show(id, on = true) {
    const entry = this.#entries.get(id);
    if (!entry || entry.on === on) return;
    entry.on = on;
    entry.fault = "";
    this.#update(entry);
  }

  /** Set the opacity (0..1) of a layer. */
  fade(id, opacity) {
    const entry = this.#entries.get(id);
    if (!entry || entry.opacity === opacity) return;
    entry.opacity = opacity;
    for (const style of entry.drawn?.styles ?? []) {
      for (const [name, value] of fade(style, opacity)) this.#map.setPaintProperty(style.id, name, value);
    }
    this.#tell();
  }

  /** Look at another site, or at a scenario of it, with the newest results by their kinds. */
  setPlace({ site_id, scenario_id, results }) {
    this.#site_id = site_id;
    this.#scenario_id = scenario_id;
    this.#results = { ...results };
    for (const entry of this.#entries.values()) this.#update(entry);
  }

  /** Show another result of a kind; null for none. */
  setResult(kind, result) {
    this.#results[kind] = result;
    for (const entry of this.#entries.values()) if (entry.definition.source.result === kind) this.#update(entry);
  }

  /** Put other features into a layer whose source is `{data}`. */
  setData(id, data) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.definition.source.data = data;
    if (entry.drawn) this.#map.getSource(id).setData(data);
  }

  /** Read the tiles of a collection anew after a change of it; what is drawn stays until they are here. */
  async refresh(collection) {
    const entries = [...this.#entries.values()].filter(
      (each) => each.drawn && each.definition.source.collection === collection,
    );
    await Promise.all(
      entries.map(async (entry) => {
        const tileset = await this.#readTileset(entry.drawn.path).catch(() => null);
        if (tileset) this.#map.getSource(entry.id)?.setTiles(tileset.tiles);
      }),
    );
  }

  /** Leave features out of a layer, by their ids: they are drawn in another way meanwhile. */
  hideFeatures(id, ids) {
    this.#hidden.set(id, ids);
    for (const style of this.#entries.get(id)?.drawn?.styles ?? [])
      this.#map.setFilter(style.id, this.#filter(id, style.filter));
  }

  #filter(id, filter) {
    const ids = this.#hidden.get(id) ?? [];
    if (!ids.length) return filter ?? null;
    const rest = ["!", ["in", ["get", "id"], ["literal", ids]]];
    return filter ? ["all", filter, rest] : rest;
  }

  /** Return the definition and the feature under a point of the map that can tell about itself, or null. */
  find(point, reach_px = 5) {
    const box = [
      [point.x - reach_px, point.y - reach_px],
      [point.x + reach_px, point.y + reach_px],
    ];
    const drawn = [...this.#entries.values()].filter((each) => each.drawn && each.definition.describe);
    const owners = new Map(
      drawn.flatMap((each) =>
        each.drawn.styles
          .filter((style) => !each.definition.click || style.id === nameStyle(each.id, each.definition.click))
          .map((style) => [style.id, each.definition]),
      ),
    );
    const features = this.#map.queryRenderedFeatures(box, { layers: [...owners.keys()] });
    const points = features.filter((each) => each.geometry.type === "Point");
    // areas only where they were hit exactly
    const exact = points.length ? points : this.#map.queryRenderedFeatures(point, { layers: [...owners.keys()] });
    const feature = points[0] ?? exact[0] ?? features.find((each) => /Line/.test(each.geometry.type));
    return feature ? { feature, definition: owners.get(feature.layer.id) } : null;
  }

  #pathOf({ collection, scenario, result, layer }) {
    if (collection) {
      if (this.#site_id === null) return null;
      const variant = scenario && this.#scenario_id !== null ? `.${this.#scenario_id}` : "";
      return `/tiles/${this.#site_id}.${collection}${variant}`;
    }
    const found = this.#results[result];
    return found && found.layers?.[layer] ? `/results/${found.result_id}/tiles/${layer}` : null;
  }

  async #update(entry) {
    const { source } = entry.definition;
    const path = source.data === undefined ? this.#pathOf(source) : "data:";
    entry.missing = path === null;
    if (entry.drawn && (entry.drawn.path !== path || !isShown(entry))) this.#erase(entry);
    this.#tell();
    if (entry.drawn || !isShown(entry) || entry.loading === path) return;
    if (path === "data:") this.#draw(entry, path, { type: "geojson", data: source.data, promoteId: source.promoteId });
    else await this.#load(entry, path);
    this.#tell();
  }

  async #load(entry, path) {
    entry.loading = path;
    this.#tell();
    try {
      const { tiles, minzoom, maxzoom, attribution, bounds } = await this.#readTileset(path);
      if (entry.loading !== path || !isShown(entry) || !this.#entries.has(entry.id)) return;
      const source = { type: "vector", tiles, minzoom, maxzoom, attribution, bounds, promoteId: "id" };
      for (const name of Object.keys(source))
        if (source[name] === undefined || source[name] === null) delete source[name];
      this.#draw(entry, path, source);
      entry.fault = "";
    } catch (error) {
      entry.fault = error.message || "offline";
    } finally {
      if (entry.loading === path) entry.loading = false;
    }
  }

  async #readTileset(path) {
    const tileset = await api.get(path);
    return { ...tileset, tiles: tileset.tiles.map((each) => location.origin + toPath(each)) };
  }

  #draw(entry, path, source) {
    const { definition, id } = entry;
    this.#map.addSource(id, source);
    const styles = definition.styles(this.#legendOf(definition)).map(({ slot, ...style }) => {
      const named = { ...style, id: nameStyle(id, style.id), source: id };
      if (source.type === "vector") named["source-layer"] = definition.source.collection ?? definition.source.layer;
      return { slot, named };
    });
    for (const { slot, named } of styles) {
      const paint = { ...named.paint, ...Object.fromEntries(fade(named, entry.opacity)) };
      const filter = this.#filter(id, named.filter);
      this.#map.addLayer({ ...named, paint, ...(filter ? { filter } : {}) }, this.#under(slot, definition));
    }
    entry.drawn = { path, styles: styles.map(({ named }) => named) };
    this.dispatchEvent(new CustomEvent("drawn", { detail: id }));
  }

  /** Of two layers in a slot the one that was registered first lies on top, so lists and maps have the same order. */
  #under(slot, definition) {
    const order = [...this.#entries.keys()];
    const later = order.slice(0, order.indexOf(definition.id));
    for (const id of later.reverse()) {
      const entry = this.#entries.get(id);
      const styles = entry.definition.styles(this.#legendOf(entry.definition));
      const first = entry.drawn && styles.find((style) => style.slot === slot);
      if (first) return nameStyle(id, first.id);
    }
    return `slot:${slot}`;
  }

  #erase(entry) {
    for (const style of entry.drawn?.styles ?? []) this.#map.removeLayer(style.id);
    if (entry.drawn) this.#map.removeSource(entry.id);
    entry.drawn = null;
  }

  #noteError({ error, sourceId }) {
    const entry = this.#entries.get(sourceId);
    if (!entry || entry.fault) return;
    entry.fault = error?.message ?? "";
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
