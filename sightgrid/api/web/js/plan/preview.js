// What a camera would see while it is being moved: asked for again and again, one question at a time, the latest wins.

import { api } from "../core/api.js";
import { EMPTY, collect } from "../core/geo.js";
import { colourOf } from "../map/legends.js";

export class Preview extends EventTarget {
  #context;
  #busy = false;
  #next = null;
  #turn = 0;
  #replaced = [];
  #ends;

  constructor(context) {
    super();
    this.#context = context;
    const { layers } = context;
    this.answer = null;
    this.fault = null;
    this.answered = Promise.resolve(); // when all that was asked is answered
    this.#ends = [
      layers.register({
        id: "preview_seen",
        group: "plan",
        title: "layer.preview_seen",
        source: { data: EMPTY },
        on: true,
        opacity: 0.5,
        hidden: true,
        legend: "seen",
        styles: (legend) => [
          {
            id: "areas",
            slot: "shape",
            type: "fill",
            paint: { "fill-color": colourOf(legend), "fill-antialias": false },
          },
          { id: "edges", slot: "shape", type: "line", paint: { "line-color": "#5a2a08", "line-width": 1 } },
        ],
      }),
      layers.register({
        id: "preview_cells",
        group: "plan",
        title: "layer.preview_cells",
        source: { data: EMPTY },
        on: true,
        opacity: 0.85,
        hidden: true,
        styles: () => [
          {
            id: "areas",
            slot: "area",
            type: "fill",
            paint: { "fill-color": colourOf(context.legends.cells), "fill-antialias": false },
          },
          {
            id: "edges",
            slot: "area",
            type: "line",
            paint: {
              "line-color": ["case", [">=", ["get", "rate"], ["get", "rate_before"]], "#17633b", "#a3210e"],
              "line-width": 1.6,
            },
          },
        ],
      }),
    ];
  }

  get busy() {
    return this.#busy;
  }

  /** Ask what a camera would see; an earlier question that waits is dropped. */
  ask(camera) {
    const { id, geometry, properties } = camera;
    const scenario_id = this.#context.scenario()?.scenario_id;
    this.#next = {
      site_id: this.#context.site().site_id,
      scenario_id,
      camera: { type: "Feature", id, geometry, properties },
    };
    if (!this.#busy) this.answered = this.#run();
  }

  async #run() {
    this.#busy = true;
    this.dispatchEvent(new Event("asked"));
    while (this.#next) {
      const question = this.#next;
      const turn = this.#turn;
      this.#next = null;
      const [answer, fault] = await api.post("/coverage/preview", question).then(
        (told) => [told, null],
        (error) => [null, error],
      );
      if (turn !== this.#turn) continue; // nobody wants to know any more
      Object.assign(this, { answer, fault });
      this.#show(); // also if there is a newer question: what is drawn follows the hand, a step behind
    }
    this.#busy = false;
  }

  #show() {
    const { layers } = this.#context;
    layers.setData("preview_seen", this.answer?.seen ?? EMPTY);
    const features = (this.answer?.cells ?? []).map(({ geometry, ...properties }) => ({
      type: "Feature",
      geometry,
      properties,
    }));
    layers.setData("preview_cells", collect(features));
    this.#replaceCells(features.map((each) => each.properties.id));
    this.dispatchEvent(new Event("change"));
  }

  /** Cells are shown as they would be instead of as they are, and as opaque as these. */
  #replaceCells(ids) {
    const { layers } = this.#context;
    if (ids.join() !== this.#replaced.join()) layers.hideFeatures("cells", ids);
    this.#replaced = ids;
    layers.fade("preview_cells", layers.opacityOf("cells") ?? 0.6);
  }

  /** Show nothing any more; an answer that is under way is not shown either. */
  clear() {
    this.#turn += 1;
    this.#next = null;
    this.answer = null;
    this.fault = null;
    this.#show();
  }

  end() {
    this.clear();
    this.#ends.forEach((end) => end());
  }
}
