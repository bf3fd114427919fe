// Handles on the map: move the camera, turn it, aim it nearer or farther, widen its view; by hand and by keys.

import { el } from "../core/dom.js";
import { EMPTY, collect, measure, move, sector, turn, turnBetween } from "../core/geo.js";
import { t } from "../core/i18n.js";
import { maplibregl } from "../map/map.js";
import { aimAt, readPose } from "./optics.js";

const TURN_PX = 84;
const WIDTH_PX = 62;
const APART_PX = 38;
const STEP = { fine: 1, coarse: 10 };

export class Handles {
  #context;
  #editor;
  #markers = {};
  #ends;
  #held = null;

  constructor(context, editor) {
    this.#context = context;
    this.#editor = editor;
    const { map, layers } = context;
    const redraw = () => this.#place();
    map.on("zoom", redraw);
    this.#ends = [
      layers.register({
        id: "camera_in_hand",
        group: "plan",
        title: "layer.camera_in_hand",
        source: { data: EMPTY },
        on: true,
        hidden: true,
        styles: () => [
          {
            id: "fan",
            slot: "top",
            type: "fill",
            filter: ["==", ["get", "part"], "fan"],
            paint: { "fill-color": "#14507e", "fill-opacity": 0.16 },
          },
          {
            id: "rim",
            slot: "top",
            type: "line",
            filter: ["==", ["get", "part"], "fan"],
            paint: { "line-color": "#14507e", "line-width": 1.6 },
          },
          {
            id: "axis",
            slot: "top",
            type: "line",
            filter: ["==", ["get", "part"], "axis"],
            paint: { "line-color": "#14507e", "line-width": 1.6, "line-dasharray": [3, 2] },
          },
        ],
      }),
      () => map.off("zoom", redraw),
    ];
    this.#make(
      "move",
      t("handle.move"),
      (to) => ({ coordinates: to }),
      (x, y) => this.#editor.nudge(x, y),
    );
    this.#make(
      "turn",
      t("handle.turn"),
      (to) => this.#turnTo(to),
      (x) => this.#editor.rotate(x),
    );
    this.#make(
      "aim",
      t("handle.aim"),
      (to) => this.#aimTo(to),
      (x, y) => this.#aimBy(x + y),
    );
    this.#make(
      "width",
      t("handle.width"),
      (to) => this.#widenTo(to),
      (x, y) => this.#widenBy(x + y),
    );
    this.draw = this.draw.bind(this);
    editor.addEventListener("change", this.draw);
    editor.preview.addEventListener("change", this.draw); // it tells where a camera of unknown direction looks
  }

  /** `drag(coordinates)` gives what changes when the handle is at a place; `key(x, y)` takes steps of arrow keys. */
  #make(name, label, drag, key) {
    const element = el("button", {
      class: `handle handle-${name}`,
      type: "button",
      "aria-label": label,
      title: label,
      dataset: { handle: name },
    });
    this.#markers[name] = new maplibregl.Marker({ element });
    this.#letDrag(element, name, drag);
    element.addEventListener("click", (event) => event.stopPropagation());
    element.addEventListener("keydown", (event) => {
      const size = event.shiftKey ? STEP.coarse : STEP.fine;
      const steps = { ArrowRight: [size, 0], ArrowLeft: [-size, 0], ArrowUp: [0, size], ArrowDown: [0, -size] }[
        event.key
      ];
      if (!steps) return;
      event.preventDefault();
      event.stopPropagation();
      key(...steps);
    });
  }

  /** The pointer stays with the handle wherever it goes, also over the panels beside the map. */
  #letDrag(element, name, drag) {
    let grip = null;
    for (const begun of ["mousedown", "touchstart"]) {
      element.addEventListener(begun, (event) => event.stopPropagation(), { passive: true }); // the map would go along
    }
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const { left, top, width, height } = element.getBoundingClientRect();
      grip = [event.clientX - left - width / 2, event.clientY - top - height / 2];
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      if (!grip) return;
      const { map } = this.#context;
      const { left, top } = map.getCanvas().getBoundingClientRect();
      const place = map.unproject([event.clientX - grip[0] - left, event.clientY - grip[1] - top]);
      this.#held = name;
      this.#markers[name].setLngLat(place);
      this.#editor.draft(drag(place.toArray()));
    });
    const release = () => {
      grip = null;
      if (!this.#held) return;
      this.#held = null;
      this.#editor.commit();
      this.#place();
    };
    element.addEventListener("pointerup", release);
    element.addEventListener("pointercancel", release);
  }

  get #center() {
    return this.#editor.camera.geometry.coordinates;
  }

  get #pose() {
    return readPose({ ...this.#editor.camera.properties, azimuth_deg: this.#editor.azimuth_deg });
  }

  #turnTo(to) {
    return { azimuth_deg: (Math.round(measure(this.#center, to).azimuth_deg * 10) / 10) % 360 };
  }

  #aimTo(to) {
    const { azimuth_deg, distance_m } = measure(this.#center, to);
    const { round } = this.#pose;
    return {
      ...aimAt(this.#editor.camera.properties, distance_m),
      ...(round ? {} : { azimuth_deg: (Math.round(azimuth_deg * 10) / 10) % 360 }),
    };
  }

  #aimBy(steps) {
    const { aim_m } = this.#pose;
    this.#editor.change(aimAt(this.#editor.camera.properties, aim_m + steps), { merge: "aim" });
  }

  #widenTo(to) {
    const pose = this.#pose;
    return this.#width(2 * Math.abs(turnBetween(pose.azimuth_deg, measure(this.#center, to).azimuth_deg)));
  }

  #widenBy(steps) {
    this.#editor.change(this.#width(this.#pose.width_deg + steps), { merge: "width" });
  }

  /** A field of view that was set by hand no longer follows from a lens. */
  #width(hfov_deg) {
    const most = this.#editor.camera.properties.kind === "fixed" ? 179 : 360;
    return {
      hfov_deg: Math.round(Math.min(Math.max(hfov_deg, 2), most)),
      vfov_deg: null,
      sensor_width_mm: null,
      focal_mm: null,
    };
  }

  /** Draw what belongs to the camera in hand, or nothing. */
  draw() {
    const { camera } = this.#editor;
    const { layers, map } = this.#context;
    for (const marker of Object.values(this.#markers)) if (!camera) marker.remove();
    if (!camera) return layers.setData("camera_in_hand", EMPTY);
    const pose = this.#pose;
    const part = (name, geometry) => ({ type: "Feature", properties: { part: name }, geometry });
    const features = [
      part("fan", {
        type: "Polygon",
        coordinates: [sector(this.#center, pose.azimuth_deg, pose.round ? 360 : pose.width_deg, pose.aim_m)],
      }),
    ];
    if (!pose.round)
      features.push(
        part("axis", {
          type: "LineString",
          coordinates: [this.#center, move(this.#center, pose.azimuth_deg, pose.aim_m)],
        }),
      );
    layers.setData("camera_in_hand", collect(features));
    this.#place();
    for (const [name, marker] of Object.entries(this.#markers)) {
      const wanted = name === "move" || name === "aim" || !pose.round;
      if (wanted && !marker.getElement().isConnected) marker.addTo(map);
      if (!wanted) marker.remove();
    }
    return undefined;
  }

  /** Put the handles where the camera has them; the one that is held stays under the hand. */
  #place() {
    if (!this.#editor.camera) return;
    const pose = this.#pose;
    const metre_px = this.#pixelsPerMetre();
    const aim_px = pose.aim_m * metre_px;
    const turn_px = Math.abs(aim_px - TURN_PX) < APART_PX ? aim_px + APART_PX : TURN_PX;
    const at = (azimuth_deg, distance_px) => move(this.#center, turn(azimuth_deg), distance_px / metre_px);
    const places = {
      move: this.#center,
      turn: at(pose.azimuth_deg, turn_px),
      aim: at(pose.azimuth_deg, aim_px),
      width: at(pose.azimuth_deg + pose.width_deg / 2, WIDTH_PX),
    };
    for (const [name, marker] of Object.entries(this.#markers)) if (name !== this.#held) marker.setLngLat(places[name]);
  }

  #pixelsPerMetre() {
    const { map } = this.#context;
    const here = map.project(this.#center);
    const there = map.project(move(this.#center, 90, 100));
    return Math.max(Math.hypot(there.x - here.x, there.y - here.y) / 100, 1e-6);
  }

  end() {
    this.#editor.removeEventListener("change", this.draw);
    this.#editor.preview.removeEventListener("change", this.draw);
    Object.values(this.#markers).forEach((marker) => marker.remove());
    this.#ends.forEach((end) => end());
  }
}
