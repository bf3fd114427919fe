// Placement: where the next cameras go; suggestions with what they gain and cost, taken over one by one.

import { api, readAll } from "../core/api.js";
import { el, fill, icon } from "../core/dom.js";
import { number, squareMetres } from "../core/format.js";
import { EMPTY, collect } from "../core/geo.js";
import { t, word } from "../core/i18n.js";
import { pointed } from "../map/points.js";
import { iconButton, numberField, selectField } from "../ui/fields.js";
import { makeRunner } from "../ui/jobs.js";
import { fillWhenLoaded, report, showEmpty } from "../ui/notices.js";
import { makeSection } from "../ui/section.js";
import { makeTable } from "../ui/tables.js";
import { describeResult, placeInputs } from "./coverage.js";

const wide = (element) => {
  element.classList.add("whole");
  return element;
};
const GOALS = { budget: [10, 1, 10_000], money: [20_000, 1, 1e12], cover: [50, 0.1, 100] };

const tick = () =>
  el("span", { class: "badge badge-ok", role: "img", "aria-label": t("placement.taken") }, icon("check"));

export class PlacementSection {
  #context;
  #editor;
  #ensureScenario;
  #refresh;
  #body = el("div", { class: "stack" });
  #taken = new Set();
  #result_id = null;
  #table = null;
  #ends;

  constructor(context, { editor, settled, ensureScenario, refresh }) {
    this.#context = context;
    this.#editor = editor;
    this.#ensureScenario = ensureScenario;
    this.#refresh = refresh;
    const amount = numberField({
      name: "amount",
      label: t("placement.amount"),
      value: 10,
      min: 1,
      max: 10_000,
      required: true,
    });
    const goal = selectField({
      name: "goal",
      label: t("placement.goal"),
      value: "budget",
      options: Object.keys(GOALS).map((each) => [each, t(`placement.${each}`)]),
      onchange: (chosen) => {
        const [value, min, max] = GOALS[chosen];
        Object.assign(amount.control, { min, max });
        amount.write(value);
      },
    });
    const seconds = numberField({
      name: "seconds",
      label: t("placement.seconds"),
      unit: "s",
      value: 10,
      min: 1,
      max: 3600,
      required: true,
    });
    const spacing = (name, value, least) =>
      numberField({ name, label: t(`placement.${name}`), unit: "m", value, min: least, max: 1000, required: true });
    const spacings = [spacing("mounts_spacing_m", 50, 1), spacing("demand_spacing_m", 5, 0.5)];
    const inputs = async () => {
      if (![amount, seconds, ...spacings].every((each) => each.control.reportValidity()) || !(await settled()))
        return null;
      const value =
        goal.read() === "cover"
          ? amount.read() / 100
          : goal.read() === "budget"
            ? Math.round(amount.read())
            : amount.read();
      return {
        ...placeInputs(context),
        [goal.read()]: value,
        seconds: seconds.read(),
        ...Object.fromEntries(spacings.map((each) => [each.name, each.read()])),
      };
    };
    const done = async () => {
      await context.reloadResults();
      context.layers.show("suggestions");
    };
    this.runner = makeRunner({ process: "placement", label: t("placement.run"), inputs, done });
    const part = makeSection(
      { title: t("placement.title"), id: "placement" },
      el("div", { class: "pair" }, wide(goal.element), amount.element, seconds.element),
      el(
        "details",
        {},
        el("summary", {}, t("placement.more")),
        el(
          "div",
          { class: "pair" },
          spacings.map((each) => each.element),
        ),
      ),
      this.runner.element,
      this.#body,
    );
    this.element = part.element;
    this.#ends = [
      context.state.watch(["results"], () => this.#show()),
      context.layers.register(pointed({ id: "suggestion_pointed", group: "plan" })),
    ];
    this.#show();
  }

  #show() {
    const result = this.#context.state.get("results").placement;
    if (result?.result_id === this.#result_id && result) return;
    this.#result_id = result?.result_id ?? null;
    this.#taken.clear();
    this.#point(null);
    if (!result) fill(this.#body, showEmpty(t("placement.none")));
    else fillWhenLoaded(this.#body, () => this.#list(result));
  }

  async #list(result) {
    const features = await readAll(`/results/${result.result_id}/layers/suggestions?limit=1000`);
    this.#table = makeTable({
      caption: t("placement.suggestions"),
      rows: features,
      key: (row) => row.id,
      sorted: { name: "step" },
      empty: t("placement.nothing"),
      choose: (row) => this.#context.goTo({ center: row.geometry.coordinates, zoom: 17.5 }),
      hover: (row) => this.#point(row),
      columns: [
        {
          name: "step",
          label: t("placement.step"),
          align: "right",
          sort: (row) => row.properties.step,
          show: (row) => number(row.properties.step),
        },
        {
          name: "gain",
          label: t("placement.gain"),
          align: "right",
          sort: (row) => row.properties.gain_m2,
          show: (row) => squareMetres(row.properties.gain_m2),
        },
        {
          name: "price",
          label: t("placement.price"),
          align: "right",
          sort: (row) => row.properties.price,
          show: (row) => number(row.properties.price),
        },
        {
          name: "model",
          label: t("placement.model"),
          show: (row) => row.properties.model ?? word("change", row.properties.change),
        },
        { name: "take", label: t("placement.take_head"), show: (row) => this.#takeButton(row) },
      ],
    });
    return [describeResult(this.#context, result), this.#table.element];
  }

  #takeButton(row) {
    if (this.#taken.has(row.id)) return tick();
    const label = t("placement.take", { name: row.properties.step ?? row.id });
    return iconButton(label, icon("plus"), (event) => this.#take(row, event.currentTarget), { kind: "" });
  }

  async #take(row, pressed) {
    pressed.disabled = true;
    try {
      if (!(await this.#ensureScenario())) return;
      const { scenario_id } = this.#context.scenario();
      const choice = { result_id: this.#result_id, feature_id: row.id };
      await this.#editor.takeSuggestion(row, () => api.post(`/scenarios/${scenario_id}/suggestions`, choice));
      this.#taken.add(row.id);
      this.#refresh();
      this.#context.announce(t("placement.taken"));
      pressed.replaceWith(tick());
    } catch (error) {
      report(error);
    } finally {
      pressed.disabled = false;
    }
  }

  #point(row) {
    this.#context.layers.setData("suggestion_pointed", row ? collect([row]) : EMPTY);
  }

  end() {
    this.runner.stop();
    this.#ends.forEach((end) => end());
  }
}
