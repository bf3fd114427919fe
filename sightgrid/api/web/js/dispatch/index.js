// The work place of dispatchers: plans of a shift, the units as they move, who visits what when.

import { api, link } from "../core/api.js";
import { el, fill } from "../core/dom.js";
import { duration, metres, number, percent } from "../core/format.js";
import { EMPTY, collect } from "../core/geo.js";
import { t, word } from "../core/i18n.js";
import { pointed } from "../map/points.js";
import { report, showEmpty, showLoading } from "../ui/notices.js";
import { makeSection } from "../ui/section.js";
import { makeTable } from "../ui/tables.js";
import { makeDuty } from "./duty.js";
import { planLayers } from "./layers.js";
import { makePlans } from "./plans.js";
import { makeTimeline, sayTime, tell } from "./timeline.js";
import { readPlan } from "./tracks.js";

const POINTED = "dispatch_pointed";
const MINUTE_S = 60;
const FIGURES = [
  ["camera_rate", percent],
  ["joint_rate", percent],
  ["stops_planned", number],
  ["stops_required", number],
  ["worst_gap_min", (value) => duration(MINUTE_S * value)],
  ["mean_gap_min", (value) => duration(MINUTE_S * value)],
];

class Dispatch {
  #context;
  #ends = [];
  #layerEnds = [];
  #asked = 0;
  #details = el("div", { class: "stack" });
  #visits = el("div", { class: "stack" });

  constructor(panel, context) {
    this.#context = context;
    this.timeline = makeTimeline({
      move: (features) => context.layers.setData("moving", collect(features)),
      choose: (visit) => this.#goTo(visit),
    });
    this.plans = makePlans(context, { choose: (plan) => this.#open(plan) });
    this.duty = makeDuty(context, { done: (job) => this.#made(job) });
    this.shift = makeSection(
      { title: t("dispatch.shift"), id: "shift", open: true },
      this.plans.element,
      this.#details,
    );
    const list = makeSection({ title: t("dispatch.visits"), id: "visits" }, this.#visits);
    fill(panel, this.shift.element, list.element, this.duty.element);
    this.#ends = [
      context.state.watch(["site"], () => this.plans.load()),
      context.layers.register(pointed({ id: POINTED, group: "dispatch" })),
    ];
    if (context.layers.isOn("cameras")) {
      context.layers.show("cameras", false); // routes are to be read
      this.#ends.push(() => context.layers.show("cameras"));
    }
    this.plans.load();
  }

  async #made(job) {
    await this.plans.load({ result_id: job.result_id });
    this.shift.element.scrollIntoView({ block: "start" });
  }

  async #open(plan) {
    this.#asked += 1;
    const asked = this.#asked;
    this.#close();
    if (!plan) {
      fill(this.#details);
      fill(this.#visits, showEmpty(t("dispatch.none")));
      return;
    }
    fill(this.#details, showLoading());
    try {
      const [told, result] = await Promise.all([
        api.get(`/patrol-plans/${plan.plan_id}`),
        api.get(`/results/${plan.result_id}`),
      ]);
      if (asked === this.#asked) this.#show(readPlan(told), result);
    } catch (error) {
      fill(this.#details);
      report(error);
    }
  }

  #show(plan, result) {
    const colours = new Map(plan.units.map((unit) => [unit.unit_id, unit.colour]));
    const { layers } = this.#context;
    layers.setResult("patrol", result);
    this.#layerEnds = planLayers(colours).map((each) => layers.register(each));
    this.timeline.open(plan, colours);
    const known = FIGURES.filter(([name]) => typeof plan.figures[name] === "number");
    fill(
      this.#details,
      this.timeline.element,
      el(
        "div",
        { class: "figures" },
        known.map(([name, show]) =>
          el(
            "div",
            { class: "figure", dataset: { figure: name } },
            el("b", {}, show(plan.figures[name])),
            el("span", {}, t(`patrol.${name}`)),
          ),
        ),
      ),
      this.#unitTable(plan),
      this.#shortfalls(plan),
    );
    this.#listVisits(plan);
  }

  #unitTable(plan) {
    return makeTable({
      caption: t("dispatch.units"),
      rows: plan.units,
      key: (unit) => unit.unit_id,
      sorted: { name: "unit_id" },
      choose: (unit) => this.#context.goTo({ center: unit.points[0] ?? [unit.lon, unit.lat], zoom: 15.5 }),
      columns: [
        { name: "unit_id", label: t("field.unit"), sort: true },
        { name: "mode", label: t("field.mode"), sort: true, show: (unit) => word("mode", unit.mode) },
        {
          name: "distance_m",
          label: t("figure.distance"),
          align: "right",
          sort: true,
          show: (unit) => metres(unit.distance_m),
        },
        { name: "stops", label: t("field.visits"), align: "right", sort: true, show: (unit) => number(unit.stops) },
        {
          name: "card",
          label: t("dispatch.card"),
          show: (unit) =>
            el(
              "a",
              {
                href: link(`/patrol-plans/${plan.plan_id}/cards`, { unit: unit.unit_id }),
                target: "_blank",
                rel: "noopener",
              },
              t("dispatch.open_card"),
            ),
        },
      ],
    }).element;
  }

  #shortfalls(plan) {
    if (!plan.shortfalls.length) return null;
    return el(
      "p",
      { class: "fault" },
      t("dispatch.shortfalls", { count: plan.shortfalls.reduce((sum, each) => sum + each.missing, 0) }),
    );
  }

  #listVisits(plan) {
    const rows = plan.units.flatMap((unit) =>
      unit.visits
        .filter((visit) => visit.what !== "street")
        .map((visit, i) => ({ ...visit, unit_id: unit.unit_id, id: `${unit.unit_id} ${i}` })),
    );
    fill(
      this.#visits,
      makeTable({
        caption: t("dispatch.visits"),
        rows,
        sorted: { name: "from" },
        choose: (visit) => {
          this.timeline.seek(Math.max(0, visit.from));
          this.#goTo(visit);
        },
        hover: (visit) => this.#point(visit),
        columns: [
          { name: "from", label: t("field.time"), sort: true, show: (visit) => sayTime(plan, visit.from) },
          { name: "unit_id", label: t("field.unit"), sort: true },
          { name: "what", label: t("field.doing"), sort: (visit) => tell(visit), show: tell },
          {
            name: "dwell",
            label: t("field.dwell"),
            align: "right",
            sort: (visit) => visit.to - visit.from,
            show: (visit) => duration(visit.to - visit.from),
          },
        ],
      }).element,
    );
  }

  #goTo(visit) {
    if (visit.lon === undefined || visit.lon === null) return;
    this.#context.goTo({ center: [visit.lon, visit.lat], zoom: 16.5 });
  }

  #point(visit) {
    const known = visit && visit.lon !== undefined && visit.lon !== null;
    const feature = known && {
      type: "Feature",
      properties: {},
      geometry: { type: "Point", coordinates: [visit.lon, visit.lat] },
    };
    this.#context.layers.setData(POINTED, feature ? collect([feature]) : EMPTY);
  }

  #close() {
    this.timeline.end();
    this.#layerEnds.forEach((end) => end());
    this.#layerEnds = [];
  }

  end() {
    this.#close();
    this.duty.end();
    this.#ends.forEach((end) => end());
  }
}

let open = null;

export const workplace = {
  id: "dispatch",
  title: "tab.dispatch",
  route: "list_plans",
  mount(panel, context) {
    open = new Dispatch(panel, context);
  },
  unmount() {
    open.end();
    open = null;
  },
};
