// Cameras as they are, by their health, and those that a placement suggests.

import { FONT } from "./font.js";
import { FAN_IMAGE } from "./images.js";
import { colourOf } from "./legends.js";
import { countLayers } from "./points.js";

const CAMERA = "#0b5cad";
const single = ["!", ["has", "count"]];
const hasDirection = ["==", ["typeof", ["get", "azimuth_deg"]], "number"];

export const suggestions = {
  id: "suggestions",
  group: "plan",
  title: "layer.suggestions",
  legend: "suggestions",
  on: true,
  source: { result: "placement", layer: "suggestions" },
  styles: (legend) => [
    {
      id: "fans",
      slot: "point",
      type: "symbol",
      minzoom: 14,
      filter: hasDirection,
      layout: {
        "icon-image": FAN_IMAGE,
        "icon-rotate": ["get", "azimuth_deg"],
        "icon-rotation-alignment": "map",
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
      },
    },
    {
      id: "suggestions",
      slot: "point",
      type: "circle",
      filter: single,
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 12, 4, 17, 8],
        "circle-color": colourOf(legend),
        "circle-stroke-color": "#1a1a1a",
        "circle-stroke-width": 1.6,
      },
    },
    {
      id: "signs",
      slot: "label",
      type: "symbol",
      minzoom: 14,
      filter: single,
      layout: {
        "text-field": ["match", ["get", "change"], "new", "+", "removed", "×", ""],
        "text-font": FONT,
        "text-size": 16,
        "text-allow-overlap": true,
      },
      paint: { "text-color": ["match", ["get", "change"], "new", "#ffffff", "#1a1a1a"] },
    },
  ],
};

/** The colour of cameras that nobody has looked at: their tiles tell no status. */
const unprobed = (legend) => legend.classes.find(({ value }) => value === "not_probed").colour;

export const cameras = {
  id: "cameras",
  group: "cameras",
  title: "layer.cameras",
  source: { collection: "cameras", scenario: true },
  legend: "cameras",
  on: true,
  opacity: 1,
  styles: (legend) => [
    {
      id: "fans",
      slot: "point",
      type: "symbol",
      minzoom: 14.2,
      filter: ["all", single, hasDirection],
      layout: {
        "icon-image": FAN_IMAGE,
        "icon-rotate": ["get", "azimuth_deg"],
        "icon-rotation-alignment": "map",
        "icon-size": ["interpolate", ["linear"], ["zoom"], 14.2, 0.6, 18, 1.5],
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
      },
    },
    {
      id: "cameras",
      slot: "point",
      type: "circle",
      filter: single,
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 2.5, 14, 4, 18, 8],
        "circle-color": colourOf(legend, { none: unprobed(legend) }),
        "circle-stroke-color": ["case", ["==", ["get", "indoor"], true], "#5a6672", "#ffffff"],
        "circle-stroke-width": 1.6,
      },
    },
    {
      id: "directionless",
      slot: "point",
      type: "circle",
      minzoom: 14,
      filter: ["all", single, ["!", hasDirection]],
      paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 14, 1.4, 18, 2.8], "circle-color": "#ffffff" },
    },
    ...countLayers(CAMERA),
    {
      id: "names",
      slot: "label",
      type: "symbol",
      minzoom: 17,
      filter: single,
      layout: {
        "text-field": ["coalesce", ["get", "name"], ["get", "id"]],
        "text-font": FONT,
        "text-size": 11,
        "text-anchor": "bottom",
        "text-offset": [0, -0.9],
        "text-optional": true,
      },
      paint: { "text-color": "#123f66", "text-halo-color": "#ffffff", "text-halo-width": 1.6 },
    },
  ],
  describe: (found, words) => [
    [words.t("field.name"), found.name],
    [words.t("field.id"), found.id],
    [words.t("field.kind"), words.word("kind", found.kind)],
    [words.t("field.azimuth_deg"), words.degrees(found.azimuth_deg)],
    [words.t("field.hfov_deg"), words.degrees(found.hfov_deg)],
  ],
};
