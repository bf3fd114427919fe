// The work place of auditors: which cameras see and which do not, and what their faults cost.

import { api } from "../core/api.js";
import { el, fill } from "../core/dom.js";
import { moment, percent, squareMetres } from "../core/format.js";
import { EMPTY, collect } from "../core/geo.js";
import { t } from "../core/i18n.js";
import { makeRunner } from "../ui/jobs.js";
import { fillWhenLoaded, showEmpty } from "../ui/notices.js";
import { makeSection } from "../ui/section.js";
import { makeTable } from "../ui/tables.js";
import { makeCamera } from "./camera.js";
import { drawCounts, makeCameras } from "./cameras.js";
import { healthLayers } from "./layers.js";
import { coloursOf } from "./statuses.js";

class Audit {
  #context;
  #ends;
  #losses = el("div", { class: "stack" });

  constructor(panel, context) {
    this.#context = context;
    const legend = context.legends.cameras;
    const colours = coloursOf(legend);
    const counts = el("div", { class: "stack" });
    this.camera = makeCamera(context, { colours });
    this.cameras = makeCameras(context, {
      counted: (found) =>
        fill(
          counts,
          drawCounts(found, colours, (status) => this.cameras.filter(status)),
        ),
      listed: (rows) => context.layers.setData("health", toPoints(rows)),
      point: (row) => context.layers.setData("audit_pointed", row ? toPoints([row]) : EMPTY),
    });
    const inputs = () => ({ site_id: context.site().site_id });
    const done = async () => {
      await Promise.all([context.reloadResults(), this.cameras.load()]);
      this.camera.show(context.state.get("camera_id"));
    };
    this.runner = context.session.permissions.processes.includes("health")
      ? makeRunner({ process: "health", label: t("audit.run"), inputs, done })
      : null;
    this.detail = makeSection(
      { title: t("audit.camera"), id: "camera-health", open: Boolean(context.state.get("camera_id")) },
      this.camera.element,
    );
    fill(
      panel,
      makeSection({ title: t("audit.status"), id: "status", open: true }, counts, this.runner?.element).element,
      this.detail.element,
      makeSection({ title: t("audit.cameras"), id: "cameras", open: true }, this.cameras.element).element,
      makeSection({ title: t("audit.losses"), id: "losses", open: true }, this.#losses).element,
    );
    this.#ends = [
      ...healthLayers(legend).map((each) => context.layers.register(each)),
      context.clicks.claim((event, found) => this.#take(found)),
      context.state.watch(["camera_id"], ({ camera_id }) => this.#select(camera_id)),
      context.state.watch(["site"], () => {
        this.cameras.load();
        this.camera.show(null);
      }),
      context.state.watch(["results"], () => this.#showLosses()),
    ];
    this.#setAside();
    this.cameras.load();
    this.camera.show(context.state.get("camera_id"));
    this.#showLosses();
  }

  /** The same cameras are shown by their state here. */
  #setAside() {
    const { layers } = this.#context;
    if (!layers.isOn("cameras")) return;
    layers.show("cameras", false);
    this.#ends.push(() => layers.show("cameras"));
  }

  /** A camera that is clicked on the map is shown here. */
  #take(found) {
    if (!found || !["cameras", "health"].includes(found.definition.id) || found.feature.properties.count) return false;
    this.#context.state.set({ camera_id: String(found.feature.properties.id) });
    return true;
  }

  #select(camera_id) {
    this.camera.show(camera_id);
    this.cameras.mark(camera_id);
    if (camera_id) this.detail.open();
  }

  #showLosses() {
    const result = this.#context.state.get("results").health;
    if (!result) fill(this.#losses, showEmpty(t("audit.losses_none")));
    else fillWhenLoaded(this.#losses, () => this.#listLosses(result));
  }

  async #listLosses(result) {
    const { features } = await api.get(`/results/${result.result_id}/layers/losses?limit=500`);
    const { figures } = result;
    const told = [
      ["coverage_rate", percent],
      ["coverage_rate_now", percent],
      ["lost_m2", squareMetres],
    ].filter(([name]) => typeof figures[name] === "number");
    return [
      el("p", { class: "hint" }, moment(result.made_at)),
      el(
        "div",
        { class: "figures" },
        told.map(([name, show]) =>
          el(
            "div",
            { class: "figure", dataset: { figure: name } },
            el("b", {}, show(figures[name])),
            el("span", {}, t(`audit.${name}`)),
          ),
        ),
      ),
      makeTable({
        caption: t("audit.losses"),
        rows: features,
        sorted: { name: "lost", down: true },
        empty: t("audit.losses_nothing"),
        choose: (row) => this.#context.state.set({ camera_id: String(row.properties.camera_id ?? row.id) }),
        columns: [
          {
            name: "camera",
            label: t("field.camera"),
            sort: (row) => row.properties.camera_id ?? row.id,
            show: (row) => row.properties.camera_id ?? row.id,
          },
          {
            name: "fault",
            label: t("field.reason"),
            sort: (row) => row.properties.fault,
            show: (row) => row.properties.fault,
          },
          {
            name: "lost",
            label: t("audit.lost_m2"),
            align: "right",
            sort: (row) => row.properties.lost_m2,
            show: (row) => squareMetres(row.properties.lost_m2),
          },
        ],
      }).element,
    ];
  }

  end() {
    this.runner?.stop();
    this.camera.end();
    this.#ends.forEach((end) => end());
  }
}

function toPoints(rows) {
  const known = rows.filter((row) => row.lon !== null && row.lon !== undefined);
  const features = known.map(({ lon, lat, camera_id, name, status, reason, checked_at }) => ({
    type: "Feature",
    geometry: { type: "Point", coordinates: [lon, lat] },
    properties: { id: camera_id, name, status, reason, checked_at },
  }));
  return collect(features);
}

let open = null;

export const workplace = {
  id: "audit",
  title: "tab.audit",
  route: "list_health",
  mount(panel, context) {
    open = new Audit(panel, context);
  },
  unmount() {
    open.end();
    open = null;
  },
};
