// Cameras by their health, and the ground that faults cost.

import { EMPTY } from "../core/geo.js";
import { colourOf } from "../map/legends.js";
import { pointed } from "../map/points.js";

/** Return the layers of the work place; `legend` is the server's for the states of cameras. */
export const healthLayers = (legend) => [
  pointed({ id: "audit_pointed", group: "audit" }),
  {
    id: "health",
    group: "audit",
    title: "layer.health",
    source: { data: EMPTY },
    on: true,
    legend,
    styles: () => [
      {
        id: "health",
        slot: "top",
        type: "circle",
        paint: {
          "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 3, 14, 5, 18, 10],
          "circle-color": legend ? colourOf(legend, { column: "status", none: "#4a5663" }) : "#4a5663",
          "circle-stroke-color": "#ffffff",
          "circle-stroke-width": 1.8,
        },
      },
    ],
    describe: (found, words) => [
      [words.t("field.name"), found.name],
      [words.t("field.id"), found.id],
      [words.t("field.status"), words.word("status", found.status)],
      [words.t("field.reason"), found.reason],
      [words.t("field.checked_at"), words.moment(found.checked_at)],
    ],
  },
  {
    id: "losses",
    group: "audit",
    title: "layer.losses",
    source: { result: "health", layer: "losses" },
    on: true,
    opacity: 0.7,
    styles: () => [
      { id: "areas", slot: "shape", type: "fill", paint: { "fill-color": "#a3210e", "fill-opacity": 0.45 } },
      { id: "edges", slot: "shape", type: "line", paint: { "line-color": "#7a1508", "line-width": 1.4 } },
    ],
    describe: (found, words) => [
      [words.t("field.camera"), found.camera_id ?? found.id],
      [words.t("field.reason"), found.fault],
      [words.t("audit.lost_m2"), words.squareMetres(found.lost_m2)],
    ],
  },
];
