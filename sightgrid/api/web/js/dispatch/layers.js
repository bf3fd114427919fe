// What a patrol plan shows on the map: streets driven, stops, depots, beats, response, and the units as they move.

import { EMPTY } from "../core/geo.js";
import { FONT } from "../map/font.js";
import { colourOf, known } from "../map/legends.js";

/** Return an expression for the colour of a unit by its call sign. */
export function colourByUnit(colours, column = "unit_id") {
  const pairs = [...colours].flatMap(([unit, colour]) => [unit, colour]);
  return pairs.length ? ["match", ["to-string", ["get", column]], ...pairs, OTHER] : OTHER;
}

const OTHER = "#4a5663";
const outline = { "text-color": "#1b2430", "text-halo-color": "#ffffff", "text-halo-width": 1.6 };

/** Return the layers of a plan whose units have these colours. */
export function planLayers(colours) {
  const colour = colourByUnit(colours);
  const legend = {
    type: "categories",
    column: "unit_id",
    classes: [...colours].map(([value, each]) => ({ value, label: value, colour: each })),
  };
  return [
    {
      id: "moving",
      group: "dispatch",
      title: "layer.moving",
      source: { data: EMPTY },
      on: true,
      legend,
      styles: () => [
        {
          id: "dots",
          slot: "top",
          type: "circle",
          paint: {
            "circle-radius": 9,
            "circle-color": colour,
            "circle-stroke-color": "#ffffff",
            "circle-stroke-width": 2.5,
          },
        },
        {
          id: "names",
          slot: "top",
          type: "symbol",
          layout: {
            "text-field": ["get", "unit_id"],
            "text-font": FONT,
            "text-size": 12,
            "text-anchor": "left",
            "text-offset": [1.1, 0],
            "text-allow-overlap": true,
          },
          paint: outline,
        },
      ],
      describe: (found, words) => [
        [words.t("field.unit"), found.unit_id],
        [words.t("field.doing"), found.doing],
      ],
    },
    {
      id: "stops",
      group: "dispatch",
      title: "layer.stops",
      source: { result: "patrol", layer: "stops" },
      on: true,
      styles: () => [
        {
          id: "stops",
          slot: "point",
          type: "circle",
          paint: {
            "circle-radius": ["interpolate", ["linear"], ["zoom"], 12, 3, 17, 7],
            "circle-color": "#ffffff",
            "circle-stroke-color": "#1b2430",
            "circle-stroke-width": ["case", ["==", ["get", "required"], true], 2.6, 1.2],
          },
        },
        {
          id: "names",
          slot: "label",
          type: "symbol",
          minzoom: 15,
          layout: {
            "text-field": ["coalesce", ["get", "title"], ["get", "id"]],
            "text-font": FONT,
            "text-size": 11,
            "text-anchor": "top",
            "text-offset": [0, 0.8],
            "text-optional": true,
          },
          paint: outline,
        },
      ],
      describe: (found, words) => [
        [words.t("field.name"), found.title],
        [words.t("field.id"), found.id],
        [words.t("field.category"), found.category && words.word("category", found.category)],
        [words.t("field.visits"), words.t("dispatch.planned_of", { planned: found.planned, wanted: found.visits })],
        [words.t("field.time"), found.when],
        [words.t("field.reason"), found.reason],
      ],
    },
    {
      id: "legs",
      group: "dispatch",
      title: "layer.legs",
      source: { result: "patrol", layer: "legs" },
      on: true,
      opacity: 0.85,
      styles: () => [
        {
          id: "legs",
          slot: "line",
          type: "line",
          layout: { "line-cap": "round", "line-join": "round" },
          paint: { "line-color": colour, "line-width": ["interpolate", ["linear"], ["zoom"], 12, 1.4, 17, 5] },
        },
      ],
      describe: (found, words) => [
        [words.t("field.unit"), found.unit_id],
        [words.t("field.street"), found.name],
        [words.t("field.start"), words.moment(found.start_at)],
      ],
    },
    {
      id: "beats",
      group: "dispatch",
      title: "layer.beats",
      source: { result: "patrol", layer: "beats" },
      on: false,
      opacity: 0.6,
      styles: () => [
        {
          id: "beats",
          slot: "line",
          type: "line",
          paint: { "line-color": colour, "line-width": 6, "line-opacity": 0.6 },
        },
      ],
      describe: (found, words) => [
        [words.t("field.beat"), found.id],
        [words.t("field.unit"), found.unit_id],
        [words.t("figure.length"), words.metres(found.length_m)],
      ],
    },
    {
      id: "response",
      group: "dispatch",
      title: "layer.response",
      source: { result: "patrol", layer: "response" },
      on: false,
      opacity: 0.45,
      legend: "response",
      styles: (classes) => [
        {
          id: "reach",
          slot: "area",
          type: "fill",
          filter: classes ? known(classes) : ["has", "id"],
          paint: { "fill-color": classes ? colourOf(classes) : OTHER },
        },
        { id: "edges", slot: "area", type: "line", paint: { "line-color": "#4a5663", "line-width": 0.6 } },
      ],
      describe: (found, words) => [[words.t("field.minutes"), words.number(found.minutes)]],
    },
  ];
}
