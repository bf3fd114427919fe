// The list of layers over the map: ticks, opacity, legends.

import { el, fill, icon, nameId } from "../core/dom.js";
import { pick, t } from "../core/i18n.js";
import { iconButton } from "./fields.js";
import { explain } from "./notices.js";

const GROUPS = ["plan", "cameras", "dispatch", "audit", "coverage", "map"];

/** Make the panel for the layers of a map. */
export function makeLayerPanel(layers) {
  const bodyId = nameId("layers");
  const body = el("div", { class: "layer-body", id: bodyId });
  const narrow = matchMedia("(max-width: 760px)").matches;
  const toggle = el(
    "button",
    { class: "button layer-toggle", type: "button", "aria-controls": bodyId, onclick: () => open(body.hidden) },
    icon("layers"),
    t("layers.title"),
  );
  const element = el("section", { class: "layer-panel", "aria-label": t("layers.title") }, toggle, body);
  const rows = new Map();

  function open(now) {
    body.hidden = !now;
    toggle.setAttribute("aria-expanded", String(now));
    element.classList.toggle("open", now);
  }

  function update() {
    const list = layers.list().filter((each) => !each.definition.hidden);
    const ids = list.map((each) => each.id).join();
    if (body.dataset.ids !== ids) build(list, ids);
    for (const each of list) rows.get(each.id).update(each);
  }

  function build(list, ids) {
    body.dataset.ids = ids;
    rows.clear();
    for (const each of list) rows.set(each.id, makeRow(layers, each));
    fill(
      body,
      GROUPS.filter((group) => list.some((each) => each.definition.group === group)).map((group) =>
        el(
          "fieldset",
          { class: "layer-group" },
          el("legend", {}, t(`group.${group}`)),
          list.filter((each) => each.definition.group === group).map((each) => rows.get(each.id).element),
        ),
      ),
    );
  }

  layers.addEventListener("change", update);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || body.hidden) return;
    open(false);
    toggle.focus();
  });
  open(!narrow);
  update();
  return {
    element,
    open,
    /** How much of the map it covers; where it would cover most of it, it is looked at and closed again. */
    get width() {
      return body.hidden || narrow ? 0 : element.offsetWidth;
    },
  };
}

function makeRow(layers, { id, definition, opacity, legend }) {
  const title = t(definition.title);
  const tick = el("input", { type: "checkbox", onchange: () => layers.show(id, tick.checked) });
  const state = el("span", { class: "layer-state" });
  const name = el("label", { class: "choice" }, tick, el("span", { class: "layer-name" }, title));
  const more = el("div", { class: "layer-more" });
  const element = el(
    "div",
    { class: "layer-row", dataset: { layer: id } },
    el("div", { class: "layer-head" }, name, state),
    more,
  );
  if (legend) more.append(drawLegend(legend));
  if (definition.opacity !== undefined) more.append(makeSlider(layers, id, title, opacity));
  return { element, update };

  function update({ on, missing, loading, fault }) {
    tick.checked = on;
    tick.disabled = missing && !on;
    element.classList.toggle("missing", missing);
    more.hidden = !on || missing || !more.children.length;
    const retry = () => {
      layers.show(id, false);
      layers.show(id, true);
    };
    if (fault)
      fill(
        state,
        iconButton(
          t("layers.failed", { fault: explain({ status: fault === "offline" ? 0 : 1, message: fault }) }),
          icon("warning"),
          retry,
        ),
      );
    else if (loading) fill(state, el("span", { class: "spinner", role: "status", "aria-label": t("state.loading") }));
    else fill(state, missing ? el("span", { class: "hint" }, t("layers.missing")) : null);
  }
}

function makeSlider(layers, id, title, opacity) {
  const shown = el("output", {}, `${Math.round(100 * opacity)} %`);
  const slider = el("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 5,
    value: Math.round(100 * opacity),
    "aria-label": t("layers.opacity_of", { layer: title }),
    oninput: () => {
      layers.fade(id, slider.valueAsNumber / 100);
      shown.textContent = `${slider.value} %`;
    },
  });
  return el("div", { class: "opacity" }, el("span", {}, t("layers.opacity")), slider, shown);
}

/** Draw the classes of a legend of the server. */
export function drawLegend(legend) {
  const line = (each) => {
    const swatch = el("span", { class: "legend-swatch", "aria-hidden": "true" });
    swatch.style.background = each.colour;
    return el("li", {}, swatch, pick(each.label));
  };
  return el("ul", { class: "legend" }, legend.classes.map(line));
}
