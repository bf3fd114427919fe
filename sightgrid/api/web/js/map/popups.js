// What a feature says about itself when it is clicked, and who else may take the click.

import { el } from "../core/dom.js";
import * as format from "../core/format.js";
import { t, word } from "../core/i18n.js";
import { maplibregl } from "./map.js";

const POINTING_MS = 80;

export const words = { t, word, ...format };

/** Return the rows of a description as a list of terms; rows without a value are left out. */
export function describe(rows) {
  const told = rows.filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== "–");
  return el(
    "dl",
    { class: "facts" },
    told.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]),
  );
}

export class Clicks {
  #takers = [];
  #popup = null;

  constructor(map, layers) {
    this.map = map;
    map.on("click", (event) => {
      const found = layers.find(event.point);
      if (this.#takers.some((take) => take(event, found))) return;
      if (found) this.open(event.lngLat, found.definition, found.feature);
    });
    let waiting = false;
    map.on("mousemove", ({ point }) => {
      if (waiting || map.isMoving()) return;
      waiting = true; // looking for features takes longer than the mouse takes to move on
      setTimeout(() => {
        waiting = false;
        map.getCanvas().classList.toggle("pointing", Boolean(layers.find(point, 3)));
      }, POINTING_MS);
    });
  }

  /** Be asked first at every click: `take(event, found)` returns true if the click is used up. Returns what ends it. */
  claim(take) {
    this.#takers.unshift(take);
    return () => {
      this.#takers = this.#takers.filter((each) => each !== take);
    };
  }

  /** Show a feature's description at a place. */
  open(place, definition, feature) {
    this.close();
    const count = feature.properties.count;
    const told = definition.describe(feature.properties, words);
    const rows = count ? [[t("figure.count"), format.number(count)], ...told] : told;
    const content = el("div", {}, el("h3", { class: "popup-title" }, t(definition.title)), describe(rows));
    this.#popup = new maplibregl.Popup({ maxWidth: "300px", className: "facts-popup" });
    this.#popup.setLngLat(place).setDOMContent(content).addTo(this.map);
  }

  close() {
    this.#popup?.remove();
    this.#popup = null;
  }
}
