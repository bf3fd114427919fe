// What was measured, over the ground: rates, seen areas, blind spots, differences; and the cameras on top.

import { cameras, suggestions } from "./cameras.js";
import { colourOf, known } from "./legends.js";

export const cells = {
  id: "cells",
  group: "coverage",
  title: "layer.cells",
  source: { result: "coverage", layer: "cells" },
  legend: "cells",
  on: true,
  opacity: 0.62,
  styles: (legend) => [
    {
      id: "cells",
      slot: "area",
      type: "fill",
      filter: known(legend),
      paint: { "fill-color": colourOf(legend), "fill-antialias": false },
    },
    {
      id: "grid",
      slot: "area",
      type: "line",
      minzoom: 14.5,
      filter: known(legend),
      paint: { "line-color": "#ffffff", "line-width": 0.6, "line-opacity": 0.6 },
    },
  ],
  describe: (found, words) => [
    [words.t("field.cell"), found.id],
    [words.t("figure.rate"), words.percent(found.rate)],
    [words.t("figure.observable"), words.squareMetres(found.observable_m2)],
  ],
};

const ratedStreets = {
  id: "rated_streets",
  group: "coverage",
  title: "layer.rated_streets",
  legend: "streets",
  source: { result: "coverage", layer: "streets" },
  on: false,
  opacity: 0.9,
  styles: (legend) => [
    {
      id: "streets",
      slot: "line",
      type: "line",
      filter: known(legend),
      layout: { "line-cap": "round" },
      paint: { "line-color": colourOf(legend), "line-width": ["interpolate", ["linear"], ["zoom"], 12, 1.2, 17, 4] },
    },
  ],
  describe: (found, words) => [
    [words.t("field.name"), found.name],
    [words.t("figure.street_rate"), words.percent(found.rate)],
  ],
};

const ratedPlaces = {
  id: "rated_places",
  group: "coverage",
  title: "layer.rated_places",
  legend: "places",
  source: { result: "coverage", layer: "places" },
  on: false,
  styles: (legend) => [
    {
      id: "grounds",
      slot: "shape",
      type: "fill",
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: { "fill-color": colourOf(legend), "fill-opacity": 0.6 },
    },
    {
      id: "places",
      slot: "point",
      type: "circle",
      filter: ["==", ["geometry-type"], "Point"],
      paint: {
        "circle-radius": 6,
        "circle-color": colourOf(legend, { none: "#ffffff" }),
        "circle-stroke-color": "#2b2f36",
        "circle-stroke-width": 1.2,
      },
    },
  ],
  describe: (found, words) => [
    [words.t("field.name"), found.name],
    [words.t("field.category"), words.word("category", found.category)],
    [words.t("figure.rate"), words.percent(found.rate)],
  ],
};

const seen = {
  id: "seen",
  group: "coverage",
  title: "layer.seen",
  source: { result: "coverage", layer: "seen" },
  legend: "seen",
  on: false,
  opacity: 0.55,
  styles: (legend) => [
    {
      id: "seen",
      slot: "shape",
      type: "fill",
      layout: { "fill-sort-key": ["to-number", ["get", "px_m"], 0] },
      paint: { "fill-color": colourOf(legend), "fill-antialias": false },
    },
  ],
  describe: (found, words) => [
    [words.t("field.camera"), found.camera_id],
    [words.t("field.density_class"), words.word("density", found.density_class)],
  ],
};

const blindspots = {
  id: "blindspots",
  group: "coverage",
  title: "layer.blindspots",
  source: { result: "blindspots", layer: "blindspots" },
  legend: "blindspots",
  on: false,
  opacity: 0.6,
  styles: (legend) => [
    { id: "areas", slot: "shape", type: "fill", paint: { "fill-color": colourOf(legend) } },
    { id: "edges", slot: "shape", type: "line", paint: { "line-color": colourOf(legend), "line-width": 1.2 } },
  ],
  describe: (found, words) => [
    [words.t("field.cause"), words.word("cause", found.cause)],
    [words.t("figure.area"), words.squareMetres(found.area_m2)],
  ],
};

export const changes = {
  id: "changes",
  group: "coverage",
  title: "layer.changes",
  source: { result: "comparison", layer: "changes" },
  legend: "changes",
  on: false,
  opacity: 0.75,
  styles: (legend) => [
    {
      id: "changes",
      slot: "area",
      type: "fill",
      filter: known(legend),
      paint: { "fill-color": colourOf(legend), "fill-antialias": false },
    },
    {
      id: "edges",
      slot: "area",
      type: "line",
      minzoom: 13.5,
      filter: known(legend),
      paint: { "line-color": "#555c66", "line-width": 0.6, "line-opacity": 0.5 },
    },
  ],
  describe: (found, words) => [
    [words.t("field.cell"), found.id],
    [words.t("figure.before"), words.percent(found.rate_before)],
    [words.t("figure.after"), words.percent(found.rate)],
    [words.t("figure.difference"), words.points(found.difference)],
  ],
};

export const THEMATIC_LAYERS = [cameras, suggestions, changes, blindspots, seen, ratedPlaces, ratedStreets, cells];
