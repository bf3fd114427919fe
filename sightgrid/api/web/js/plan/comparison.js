// Two variants side by side: the one before on a map of its own, the one after on the page's map, both moving together.

import { api } from "../core/api.js";
import { el, fill, icon } from "../core/dom.js";
import { number, percent, points } from "../core/format.js";
import { t, word } from "../core/i18n.js";
import { button, selectField } from "../ui/fields.js";
import { makeRunner } from "../ui/jobs.js";
import { explain } from "../ui/notices.js";
import { makeSection } from "../ui/section.js";
import { makeTable } from "../ui/tables.js";
import { placeInputs } from "./coverage.js";
import { SecondMap } from "./second_map.js";

const SHARES = new Set(["coverage_rate", "rate_seen_twice", "street_rate"]);

export class ComparisonSection {
  #context;
  #select;
  #body = el("div", { class: "stack" });
  #second = null;
  #runner;
  #ends;
  #scenarios;

  constructor(context, { scenarios, settled }) {
    this.#context = context;
    this.#scenarios = scenarios;
    this.#select = selectField({
      name: "with",
      label: t("compare.with"),
      value: "",
      options: [],
      onchange: () => this.close(),
    });
    const inputs = async () => {
      if (!(await settled())) return null;
      return { ...placeInputs(context), with_scenario_id: this.#withId };
    };
    this.#runner = makeRunner({
      process: "comparison",
      label: t("compare.run"),
      inputs,
      done: (job) => this.#open(job),
      picture: icon("compare"),
    });
    const part = makeSection(
      { title: t("compare.title"), id: "comparison" },
      this.#select.element,
      this.#runner.element,
      this.#body,
    );
    this.element = part.element;
    this.#ends = [
      context.state.watch(["scenario", "site"], (now, before) => {
        const other =
          now.scenario?.scenario_id !== before.scenario?.scenario_id || now.site?.site_id !== before.site?.site_id;
        if (other) this.close();
        this.#offer({ fresh: other });
      }),
    ];
    part.element.addEventListener("toggle", () => this.#offer());
    this.#offer();
  }

  get #withId() {
    const value = this.#select.read();
    return value === null || value === "site" ? null : Number(value);
  }

  /** Offer what there is to compare with; afresh, it is the site. */
  #offer({ fresh = false } = {}) {
    const scenario_id = this.#context.scenario()?.scenario_id ?? null;
    const others = this.#scenarios.list
      .filter((each) => each.scenario_id !== scenario_id)
      .map((each) => [String(each.scenario_id), each.name]);
    const options = scenario_id === null ? others : [["site", t("scenario.none")], ...others];
    const kept = !fresh && options.some(([value]) => value === this.#select.read());
    this.#select.offer(options, kept ? this.#select.read() : options[0]?.[0]);
    this.#runner.allow(options.length > 0);
    if (!options.length) fill(this.#body, el("p", { class: "hint" }, t("compare.none")));
    else if (!this.#second) fill(this.#body);
  }

  async #open(job) {
    try {
      const result = await api.get(`/results/${job.result_id}`);
      this.close();
      const { layers } = this.#context;
      layers.setResult("comparison", result);
      layers.show("changes");
      layers.show("cells", false);
      this.#second = new SecondMap(this.#context, {
        result,
        scenario_id: this.#withId,
        title: this.#select.control.selectedOptions[0].text,
      });
      await this.#second.ready;
      fill(this.#body, ...this.#describe(result));
    } catch (error) {
      fill(this.#body, el("p", { class: "fault", role: "alert" }, explain(error)));
    }
  }

  #describe({ figures }) {
    const show = (name, value) => (SHARES.has(name) ? percent(value) : number(value, 2));
    const change = (name, value) => (SHARES.has(name) ? points(value) : `${value > 0 ? "+" : ""}${number(value, 2)}`);
    const rows = Object.entries(figures.differences).map(([name, difference]) => ({ name, difference }));
    const table = makeTable({
      caption: t("compare.figures"),
      rows,
      key: (row) => row.name,
      columns: [
        { name: "name", label: t("compare.figure"), show: (row) => t(`figure.${row.name}`) },
        {
          name: "before",
          label: t("figure.before"),
          align: "right",
          show: (row) => show(row.name, figures.before[row.name]),
        },
        {
          name: "after",
          label: t("figure.after"),
          align: "right",
          show: (row) => show(row.name, figures.after[row.name]),
        },
        {
          name: "difference",
          label: t("figure.difference"),
          align: "right",
          show: (row) =>
            el(
              "span",
              { class: row.difference > 0 ? "up" : row.difference < 0 ? "down" : "" },
              change(row.name, row.difference),
            ),
        },
      ],
    });
    const cameras = makeTable({
      caption: t("compare.cameras"),
      rows: figures.cameras,
      key: (row) => row.camera_id,
      empty: t("compare.same"),
      choose: (row) => this.#context.state.set({ camera_id: row.camera_id }),
      columns: [
        { name: "camera_id", label: t("field.camera"), sort: true },
        { name: "change", label: t("compare.change"), show: (row) => word("change", row.change), sort: true },
        {
          name: "columns",
          label: t("compare.attributes"),
          show: (row) =>
            row.columns
              .split(",")
              .filter(Boolean)
              .map((each) => word("field", each))
              .join(", "),
        },
      ],
    });
    return [
      table.element,
      el("p", { class: "hint" }, t("compare.cells", { count: figures.cells_changed })),
      cameras.element,
      button(t("compare.close"), () => this.close(), { picture: icon("close") }),
    ];
  }

  /** Go back to one map. */
  close() {
    if (!this.#second) return;
    this.#second.end();
    this.#second = null;
    const { layers, state } = this.#context;
    layers.show("changes", false);
    layers.show("cells");
    layers.setResult("comparison", state.get("results").comparison ?? null);
    fill(this.#body);
  }

  end() {
    this.close();
    this.#runner.stop();
    this.#ends.forEach((end) => end());
  }
}
