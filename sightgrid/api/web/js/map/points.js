// Posts and places, what a list points at, and how many features lie together where a tile does not hold each of them.

import { EMPTY } from "../core/geo.js";
import { FONT } from "./font.js";

export const posts = {
  id: "posts",
  group: "map",
  title: "layer.posts",
  source: { collection: "posts" },
  on: false,
  styles: () => [
    {
      id: "posts",
      slot: "point",
      type: "circle",
      filter: ["!", ["has", "count"]],
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 13, 1.2, 18, 4],
        "circle-color": "#ffffff",
        "circle-stroke-color": "#6b6558",
        "circle-stroke-width": 1.2,
      },
    },
    ...countLayers("#6b6558"),
  ],
  describe: (found, words) => [
    [words.t("field.id"), found.id],
    [words.t("field.kind"), words.word("post", found.kind)],
    [words.t("field.height_m"), words.metres(found.height_m)],
  ],
};

export const places = {
  id: "places",
  group: "map",
  title: "layer.places",
  source: { collection: "places" },
  on: true,
  styles: () => [
    {
      id: "grounds",
      slot: "shape",
      type: "fill",
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: { "fill-color": "#b98a2f", "fill-opacity": 0.16, "fill-outline-color": "#8f6a1e" },
    },
    {
      id: "places",
      slot: "point",
      type: "circle",
      minzoom: 13,
      filter: ["all", ["==", ["geometry-type"], "Point"], ["!", ["has", "count"]]],
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 13, 2, 18, 5],
        "circle-color": "#8f6a1e",
        "circle-stroke-color": "#ffffff",
        "circle-stroke-width": 1.4,
      },
    },
    ...countLayers("#8f6a1e"),
    {
      id: "names",
      slot: "label",
      type: "symbol",
      minzoom: 15.2,
      filter: ["has", "name"],
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": 11.5,
        "text-anchor": "top",
        "text-offset": [0, 0.5],
        "text-max-width": 9,
        "text-optional": true,
      },
      paint: { "text-color": "#6d4f10", "text-halo-color": "#ffffff", "text-halo-width": 1.6 },
    },
  ],
  describe: (found, words) => [
    [words.t("field.name"), found.name],
    [words.t("field.category"), words.word("category", found.category)],
    [words.t("field.priority"), found.priority],
  ],
};

/** Return the layers that show how many features lie together where a tile does not hold each of them. */
export function countLayers(colour) {
  const several = ["all", ["has", "count"], [">", ["get", "count"], 1]];
  const size = ["interpolate", ["linear"], ["ln", ["get", "count"]], 0, 8, 10, 26];
  return [
    {
      id: "alone", // in its square: a dot like those that tiles hold each of
      slot: "point",
      type: "circle",
      filter: ["==", ["get", "count"], 1],
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 2.5, 14, 4],
        "circle-color": colour,
        "circle-stroke-color": "#ffffff",
        "circle-stroke-width": 1.6,
      },
    },
    {
      id: "counts",
      slot: "point",
      type: "circle",
      filter: several,
      paint: {
        "circle-radius": size,
        "circle-color": colour,
        "circle-opacity": 0.88,
        "circle-stroke-color": "#ffffff",
        "circle-stroke-width": 1.5,
      },
    },
    {
      id: "numbers",
      slot: "label",
      type: "symbol",
      filter: several,
      layout: {
        "text-field": ["to-string", ["get", "count"]],
        "text-font": FONT,
        "text-size": 11,
        "text-allow-overlap": true,
      },
      paint: { "text-color": "#ffffff" },
    },
  ];
}

/** Return the layer of a ring around what is pointed at in a list. */
export const pointed = ({ id, group }) => ({
  id,
  group,
  title: "layer.pointed",
  source: { data: EMPTY },
  on: true,
  hidden: true,
  styles: () => [
    {
      id: "ring",
      slot: "top",
      type: "circle",
      paint: {
        "circle-radius": 16,
        "circle-color": "#b3470a",
        "circle-opacity": 0.12,
        "circle-stroke-color": "#b3470a",
        "circle-stroke-width": 3,
      },
    },
  ],
});
