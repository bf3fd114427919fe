// A map of the page: MapLibre with our ground, our controls and our labels.

import { maplibregl } from "../../vendor/vendor.mjs";
import { getLanguage, t } from "../core/i18n.js";
import { makeStyle } from "./basemap.js";
import { addImages } from "./images.js";
import { keepLabelsReadable, loadLatin } from "./labels.js";

maplibregl.setWorkerUrl(new URL("../../vendor/maplibre-gl-worker.mjs", import.meta.url).href);

export { maplibregl };

/** Tell whether the reader asked for little movement. */
export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function makeLocale() {
  return {
    "NavigationControl.ZoomIn": t("map.zoom_in"),
    "NavigationControl.ZoomOut": t("map.zoom_out"),
    "NavigationControl.ResetBearing": t("map.north"),
    "AttributionControl.ToggleAttribution": t("map.sources"),
    "Map.Title": t("map.title"),
    "Popup.Close": t("action.close"),
    "Marker.Title": t("map.marker"),
  };
}

/** Make a map in an element; resolves when layers can be added. */
export async function makeMap(container, { view, controls = true } = {}) {
  await loadLatin();
  const map = new maplibregl.Map({
    container,
    style: makeStyle(),
    center: [0, 20],
    zoom: 1.5,
    ...view,
    locale: makeLocale(),
    attributionControl: false,
    localIdeographFontFamily: "Noto Sans SC",
    fadeDuration: isCalm() ? 0 : 200,
    maxPitch: 60,
    clickTolerance: 4,
    dragRotate: controls,
    reduceMotion: isCalm(),
  });
  if (controls) {
    map.addControl(new maplibregl.NavigationControl({ visualizePitch: true }), "bottom-right");
    map.addControl(new maplibregl.ScaleControl({ maxWidth: 110 }), "bottom-left");
  }
  map.addControl(new maplibregl.AttributionControl({ compact: true }), "bottom-right");
  map.getCanvas().setAttribute("lang", getLanguage());
  await new Promise((done) => {
    map.once("load", done);
  });
  addImages(map);
  keepLabelsReadable(map);
  return map;
}

/** Go to a box [west, south, east, north] or to a point. */
export function goTo(map, { bounds, center, zoom }) {
  const options = { duration: isCalm() ? 0 : 500, maxZoom: 18.5, padding: 40 };
  if (bounds) map.fitBounds([bounds.slice(0, 2), bounds.slice(2)], options);
  else map.easeTo({ center, zoom: Math.max(map.getZoom(), zoom ?? 0), duration: options.duration });
}
