// The line at the foot of the map: where the pointer is, how near.

import { el } from "../core/dom.js";
import { coordinates } from "../core/format.js";
import { t } from "../core/i18n.js";

/** Make the line for a map. */
export function makeStatusBar(map) {
  const place = el("span", { class: "place" });
  const zoom = el("span", {});
  const element = el("div", { class: "statusbar", "aria-hidden": "true" }, place, zoom);
  const showZoom = () => {
    zoom.textContent = t("map.zoom", { zoom: map.getZoom().toFixed(1) });
  };
  const showPlace = (point) => {
    place.textContent = coordinates(point);
  };
  map.on("mousemove", (event) => showPlace(event.lngLat));
  map.on("moveend", () => showPlace(map.getCenter()));
  map.on("zoom", showZoom);
  showZoom();
  showPlace(map.getCenter());
  return element;
}
