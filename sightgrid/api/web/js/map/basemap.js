// The ground under the data, from our own tiles: quiet greys, so that colours are left to what is measured.

import { FONT } from "./font.js";
import { places, posts } from "./points.js";

export const BACKGROUND = "#e4e6e6";

const LAND = "#f7f6f3";
const WATER = "#bdd3e2";
const LABEL = "#55585f";

// The order of what is drawn; each is an empty layer that others are put under.
export const SLOTS = ["land", "ground", "street", "area", "building", "line", "shape", "point", "label", "top"];

/** Return the style of a map without any data. */
export function makeStyle() {
  const slots = SLOTS.map((name) => ({ id: `slot:${name}`, type: "background", layout: { visibility: "none" } }));
  return {
    version: 8,
    sources: {},
    layers: [{ id: "background", type: "background", paint: { "background-color": BACKGROUND } }, ...slots],
  };
}

const WIDE = ["motorway", "trunk", "primary", "secondary"];
const MIDDLE = ["tertiary", "motorway_link", "trunk_link", "primary_link", "secondary_link", "tertiary_link"];
const SMALL = ["residential", "unclassified", "living_street", "pedestrian", "busway", "road"];
const PATHS = ["footway", "path", "cycleway", "steps", "track", "bridleway", "corridor"];

const oneOf = (names) => ["in", ["get", "highway"], ["literal", names]];
const isPath = oneOf(PATHS);

/** Widths in pixels by zoom: streets keep about their width on the ground from zoom 16 on. */
function widths(extra) {
  const by = (wide, middle, small, rest) => [
    "+",
    extra,
    ["case", oneOf(WIDE), wide, oneOf(MIDDLE), middle, oneOf(SMALL), small, rest],
  ];
  return [
    "interpolate",
    ["exponential", 1.6],
    ["zoom"],
    11,
    by(1.2, 0.7, 0.3, 0.1),
    14,
    by(4, 2.6, 1.8, 1),
    16,
    by(9, 7, 5.5, 3.2),
    19,
    by(44, 36, 30, 16),
  ];
}

const STREET_LAYOUT = { "line-cap": "round", "line-join": "round" };

const streets = {
  id: "streets",
  group: "map",
  title: "layer.streets",
  source: { collection: "streets" },
  on: true,
  styles: () => [
    {
      id: "casing",
      slot: "street",
      type: "line",
      minzoom: 12,
      filter: ["!", isPath],
      layout: STREET_LAYOUT,
      paint: { "line-color": "#d3d0c8", "line-width": widths(1.6) },
    },
    {
      id: "paths",
      slot: "street",
      type: "line",
      minzoom: 14.5,
      filter: isPath,
      paint: {
        "line-color": "#cbbfae",
        "line-width": ["interpolate", ["linear"], ["zoom"], 14.5, 0.6, 18, 1.8],
        "line-dasharray": [3, 1.6],
      },
    },
    {
      id: "streets",
      slot: "street",
      type: "line",
      filter: ["!", isPath],
      layout: STREET_LAYOUT,
      paint: { "line-color": ["case", oneOf(WIDE), "#fffdf6", "#ffffff"], "line-width": widths(0) },
    },
    {
      id: "names",
      slot: "label",
      type: "symbol",
      minzoom: 14,
      filter: ["all", ["has", "name"], ["!", isPath]],
      layout: {
        "symbol-placement": "line",
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-padding": 6,
        "text-size": ["interpolate", ["linear"], ["zoom"], 14, 10.5, 18, 14],
        "symbol-spacing": 260,
        "symbol-sort-key": ["case", oneOf(WIDE), 0, oneOf(MIDDLE), 1, 2],
      },
      paint: { "text-color": LABEL, "text-halo-color": "#ffffff", "text-halo-width": 1.6 },
    },
  ],
};

const water = {
  id: "water",
  group: "map",
  title: "layer.water",
  source: { collection: "water" },
  on: true,
  styles: () => [{ id: "water", slot: "ground", type: "fill", paint: { "fill-color": WATER } }],
};

const obstacles = {
  id: "obstacles",
  group: "map",
  title: "layer.obstacles",
  source: { collection: "obstacles" },
  on: true,
  styles: () => [
    {
      id: "buildings",
      slot: "building",
      type: "fill",
      paint: {
        "fill-color": ["match", ["get", "kind"], "wall", "#cfcabf", "roof", "#eceae5", "#e3dfd8"],
        // where there are too many, a tile holds squares and the share of them that is built on
        "fill-opacity": ["case", ["has", "share"], ["min", 1, ["to-number", ["get", "share"], 1]], 1],
      },
    },
    {
      id: "outlines",
      slot: "building",
      type: "line",
      minzoom: 14,
      filter: ["!", ["has", "count"]],
      paint: { "line-color": "#c4beb2", "line-width": ["interpolate", ["linear"], ["zoom"], 14, 0.4, 18, 1] },
    },
  ],
  describe: (found, words) => [
    [words.t("field.id"), found.id],
    [words.t("field.height_m"), words.metres(found.height_m)],
    [words.t("field.height_source"), found.height_source && words.word("height_source", found.height_source)],
  ],
};

const ZONE_COLOURS = { private: "#8a3ea8", forbidden: "#a8321f", consent: "#8a6d00", observable: "#1b7a4b" };
const zoneColour = ["match", ["get", "rule"], ...Object.entries(ZONE_COLOURS).flat(), "#5a6672"];
const isStudy = ["==", ["get", "rule"], "study"];

const zones = {
  id: "zones",
  group: "map",
  title: "layer.zones",
  source: { collection: "zones" },
  on: true,
  styles: () => [
    { id: "land", slot: "land", type: "fill", filter: isStudy, paint: { "fill-color": LAND } },
    {
      id: "rules",
      slot: "shape",
      type: "fill",
      filter: ["in", ["get", "rule"], ["literal", ["consent", "observable"]]],
      paint: { "fill-color": zoneColour, "fill-opacity": 0.12 },
    },
    {
      id: "hatches",
      slot: "shape",
      type: "fill",
      filter: ["in", ["get", "rule"], ["literal", ["private", "forbidden"]]],
      paint: { "fill-pattern": ["match", ["get", "rule"], "private", "hatch-private", "hatch-forbidden"] },
    },
    {
      id: "edges",
      slot: "shape",
      type: "line",
      paint: { "line-color": zoneColour, "line-width": ["case", isStudy, 1.2, 1.8], "line-dasharray": [4, 2.5] },
    },
  ],
  describe: (found, words) => [
    [words.t("field.name"), found.name],
    [words.t("field.rule"), words.word("rule", found.rule)],
  ],
  click: "edges", // the study area would catch every click
};

export const BASE_LAYERS = [places, posts, zones, obstacles, streets, water];
