// What was measured, over the ground: rates, seen areas, blind spots, differences, suggestions, cameras.

import { FONT } from "./font.js";
import { countLayers } from "./points.js";
import { FAN_IMAGE } from "./images.js";
import { colourOf, known } from "./legends.js";

const CAMERA = "#0b5cad";
const single = ["!", ["has", "count"]];
const hasDirection = ["==", ["typeof", ["get", "azimuth_deg"]], "number"];

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

const suggestions = {
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
        "circle-color": "#ffffff",
        "circle-stroke-color": colourOf(legend),
        "circle-stroke-width": 3,
      },
    },
    {
      id: "plus",
      slot: "label",
      type: "symbol",
      minzoom: 14,
      filter: single,
      layout: { "text-field": "+", "text-font": FONT, "text-size": 16, "text-allow-overlap": true },
      paint: { "text-color": "#8f3505" },
    },
  ],
};

/** The colour of cameras that nobody has looked at: their tiles tell no status. */
const unprobed = (legend) => legend.classes.find(({ value }) => value === "not_probed").colour;

const cameras = {
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

export const THEMATIC_LAYERS = [cameras, suggestions, changes, blindspots, seen, ratedPlaces, ratedStreets, cells];
