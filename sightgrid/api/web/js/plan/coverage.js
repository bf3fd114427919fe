// The coverage of the scenario: ask for it, its figures, whether they still hold.

import { download } from "../core/api.js";
import { el, fill, icon } from "../core/dom.js";
import { moment, number, percent } from "../core/format.js";
import { t } from "../core/i18n.js";
import { button, numberField } from "../ui/fields.js";
import { makeRunner } from "../ui/jobs.js";
import { report, showEmpty } from "../ui/notices.js";
import { makeSection } from "../ui/section.js";

const FIGURES = [
  ["coverage_rate", percent],
  ["rate_seen_twice", percent],
  ["street_rate", percent],
  ["views_mean", (value) => number(value, 2)],
  ["cameras_total", number],
  ["cameras_measured", number],
];

/** Return cells with figures of a coverage. */
export function drawFigures(figures) {
  const known = FIGURES.filter(([name]) => typeof figures[name] === "number");
  return el(
    "div",
    { class: "figures" },
    known.map(([name, show]) =>
      el(
        "div",
        { class: "figure", dataset: { figure: name } },
        el("b", {}, show(figures[name])),
        el("span", {}, t(`figure.${name}`)),
      ),
    ),
  );
}

/** Return what a process is asked with besides its own inputs. */
export function placeInputs(context) {
  const scenario = context.scenario();
  return { site_id: context.site().site_id, ...(scenario ? { scenario_id: scenario.scenario_id } : {}) };
}

/** Tell of what and when a result was made, and whether it still holds. */
export function describeResult(context, result) {
  const scenario_id = context.scenario()?.scenario_id ?? null;
  const whose =
    result.scenario_id === null && scenario_id !== null ? el("span", { class: "badge" }, t("result.of_site")) : null;
  const state = result.current
    ? el("span", { class: "badge badge-ok" }, t("result.current"))
    : el("span", { class: "badge badge-warn" }, t("result.outdated"));
  return el("p", { class: "toolbar" }, state, whose, el("span", { class: "hint" }, moment(result.made_at)));
}

/** Make the section; `settled()` resolves when all edits are saved. */
export function makeCoverageSection(context, { settled }) {
  const body = el("div", { class: "stack" });
  const cell = numberField({
    name: "cell_m",
    label: t("coverage.cell"),
    unit: "m",
    value: 100,
    min: 25,
    max: 500,
    required: true,
  });
  const inputs = async () => {
    if (!cell.control.reportValidity() || !(await settled())) return null;
    return { ...placeInputs(context), cell_m: cell.read() };
  };
  const done = async () => {
    await context.reloadResults();
    context.layers.show("cells");
  };
  const runners = [makeRunner({ process: "coverage", label: t("coverage.run"), inputs, done })];
  if (context.session.permissions.processes.includes("blindspots")) {
    const show = async () => {
      await context.reloadResults();
      context.layers.show("blindspots");
    };
    const plain = async () => ((await settled()) ? placeInputs(context) : null);
    runners.push(
      makeRunner({ process: "blindspots", label: t("coverage.run_blindspots"), inputs: plain, done: show, kind: "" }),
    );
  }
  const part = makeSection(
    { title: t("coverage.title"), id: "coverage", open: true },
    body,
    cell.element,
    runners.map((each) => each.element),
  );

  function show() {
    const result = context.state.get("results").coverage;
    if (!result) return fill(body, showEmpty(t("coverage.none")));
    const save = () => download(`/results/${result.result_id}/file`, "coverage.gpkg").catch(report);
    return fill(
      body,
      describeResult(context, result),
      drawFigures(result.figures),
      context.may("download_result")
        ? button(t("result.download"), save, { picture: icon("download"), kind: "quiet" })
        : null,
    );
  }
  const end = context.state.watch(["results", "scenario"], show);
  show();
  return {
    element: part.element,
    end: () => {
      end();
      runners.forEach((each) => each.stop());
    },
  };
}
