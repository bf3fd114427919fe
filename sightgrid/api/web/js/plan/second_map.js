// The map of the variant before, left of the page's own (above it on a narrow page).

import { el } from "../core/dom.js";
import { percent } from "../core/format.js";
import { t } from "../core/i18n.js";
import { BASE_LAYERS } from "../map/basemap.js";
import { Layers } from "../map/layers.js";
import { colourOf, known } from "../map/legends.js";
import { makeMap } from "../map/map.js";
import { Clicks } from "../map/popups.js";
import { THEMATIC_LAYERS } from "../map/thematic.js";

/** The rates before, from the layer that holds both. */
const cellsBefore = {
  id: "cells_before",
  group: "coverage",
  title: "layer.cells",
  source: { result: "comparison", layer: "changes" },
  legend: "cells",
  on: true,
  opacity: 0.62,
  styles: (legend) => [
    {
      id: "cells",
      slot: "area",
      type: "fill",
      filter: known(legend, "rate_before"),
      paint: { "fill-color": colourOf(legend, { column: "rate_before" }), "fill-antialias": false },
    },
  ],
  describe: (found, words) => [
    [words.t("field.cell"), found.id],
    [words.t("figure.before"), words.percent(found.rate_before)],
    [words.t("figure.after"), words.percent(found.rate)],
  ],
};

export class SecondMap {
  #context;
  #box;
  #map = null;
  #ended = false;
  #follow = [];

  constructor(context, { result, scenario_id, title }) {
    this.#context = context;
    const { figures } = result;
    const name = (text, rate) => el("p", { class: "map-title" }, el("strong", {}, text), ` ${percent(rate)}`);
    this.#box = el("div", { class: "map second", role: "region", "aria-label": title });
    this.before = name(title, figures.before.coverage_rate);
    this.after = name(context.scenario()?.name ?? t("scenario.none"), figures.after.coverage_rate);
    this.ready = this.#make(result, scenario_id);
  }

  async #make(result, scenario_id) {
    const { map, stage, session, legends } = this.#context;
    stage.classList.add("split");
    this.#context.openLayerPanel(false);
    stage.prepend(this.#box);
    this.#box.append(this.before);
    map.getContainer().append(this.after);
    map.resize();
    const view = { center: map.getCenter(), zoom: map.getZoom(), bearing: map.getBearing(), pitch: map.getPitch() };
    const second = await makeMap(this.#box, { view, controls: false });
    if (this.#ended) return second.remove();
    this.#map = second;
    const layers = new Layers(second, { session, legends });
    const base = new Set(["cameras"]);
    for (const each of [...THEMATIC_LAYERS.filter(({ id }) => base.has(id)), ...BASE_LAYERS, cellsBefore]) {
      layers.register({ ...each, source: { ...each.source } });
    }
    new Clicks(second, layers);
    layers.setPlace({ site_id: this.#context.site().site_id, scenario_id, results: { comparison: result } });
    this.#keepTogether(map, second);
    return undefined;
  }

  /** Whichever map is moved, the other goes along. */
  #keepTogether(one, other) {
    let leading = null;
    const lead = (from, to) => {
      const move = () => {
        if (leading && leading !== from) return;
        leading = from;
        to.jumpTo({
          center: from.getCenter(),
          zoom: from.getZoom(),
          bearing: from.getBearing(),
          pitch: from.getPitch(),
        });
        leading = null;
      };
      from.on("move", move);
      this.#follow.push(() => from.off("move", move));
    };
    lead(one, other);
    lead(other, one);
  }

  end() {
    this.#ended = true;
    this.#follow.forEach((end) => end());
    this.#map?.remove();
    this.#box.remove();
    this.after.remove();
    this.#context.stage.classList.remove("split");
    this.#context.map.resize();
  }
}
