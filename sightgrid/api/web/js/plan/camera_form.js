// The camera in hand as a form: its attributes with units, what it sees, what that changes.

import { el, fill, icon } from "../core/dom.js";
import { degrees, metres, percent, points, squareMetres } from "../core/format.js";
import { t, word } from "../core/i18n.js";
import { button, checkField, iconButton, numberField, selectField, textField } from "../ui/fields.js";
import { explain, showLoading } from "../ui/notices.js";

const KINDS = ["fixed", "dome", "ptz", "panorama"];
const MOUNTS = ["pole", "wall", "roof", "ceiling", "street_lamp", "traffic_signals", "building"];

// name, unit, least, most, step, in the first part of the form
const NUMBERS = [
  ["mount_height_m", "m", 0.1, 60, 0.1, true],
  ["azimuth_deg", "°", 0, 359.99, 0.1, true],
  ["tilt_deg", "°", -90, 90, 0.1, true],
  ["hfov_deg", "°", 1, 360, 0.1, true],
  ["max_range_m", "m", 1, 5000, 0.1, true],
  ["vfov_deg", "°", 1, 180, 0.1, false],
  ["width_px", "px", 1, 100000, 1, false],
  ["height_px", "px", 1, 100000, 1, false],
  ["sensor_width_mm", "mm", 0.01, 100, 0.01, false],
  ["focal_mm", "mm", 0.01, 2000, 0.01, false],
  ["ir_range_m", "m", 0, 5000, 0.1, false],
];
const PATIENCE_MS = 400;
const WHOLE = new Set(["width_px", "height_px"]);

function makeFields(editor) {
  const set = (name) => (value) => editor.change({ [name]: value === "" ? null : value });
  const choose = (name, group, values, none) =>
    selectField({
      name,
      label: t(`field.${name}`),
      onchange: set(name),
      options: [...(none ? [["", t("word.unknown")]] : []), ...values.map((value) => [value, word(group, value)])],
    });
  const first = [
    textField({ name: "name", label: t("field.name"), maxLength: 200, onchange: set("name") }),
    choose("kind", "kind", KINDS, false),
    choose("mount", "mount", MOUNTS, true),
  ];
  const more = [];
  for (const [name, unit, min, max, step, early] of NUMBERS) {
    const field = numberField({
      name,
      label: t(`field.${name}`),
      unit,
      min,
      max,
      step: WHOLE.has(name) ? 1 : "any",
      onchange: set(name),
      placeholder: t("word.unknown"),
    });
    field.control.dataset.step = step;
    (early ? first : more).push(field);
  }
  more.push(
    ...["owner_class", "purpose"].map((name) =>
      textField({ name, label: t(`field.${name}`), maxLength: 200, onchange: set(name) }),
    ),
  );
  more.push(checkField({ name: "indoor", label: t("field.indoor"), onchange: set("indoor") }));
  return { first, more };
}

function makePlaceFields(editor) {
  const change = () => {
    const [lat, lon] = fields.map((each) => each.read());
    if (lat !== null && lon !== null) editor.change({ coordinates: [lon, lat] });
  };
  const fields = [
    numberField({ name: "lat", label: t("field.lat"), unit: "°", min: -85, max: 85, required: true, onchange: change }),
    numberField({
      name: "lon",
      label: t("field.lon"),
      unit: "°",
      min: -180,
      max: 180,
      required: true,
      onchange: change,
    }),
  ];
  return fields;
}

/** Make the form of an editor; it shows nothing while no camera is in hand. */
export function makeCameraForm(editor, { close }) {
  const { first, more } = makeFields(editor);
  const place = makePlaceFields(editor);
  const title = el("h2", { tabIndex: -1 });
  const note = el("p", { class: "hint" });
  const figures = el("div", { class: "camera-figures", "aria-live": "polite" });
  const tools = [
    iconButton(t("camera.duplicate"), icon("copy"), () => editor.duplicate()),
    iconButton(t("camera.remove"), icon("trash"), () => editor.remove(), { keys: "Del" }),
    iconButton(t("action.close"), icon("close"), close, { keys: "Esc" }),
  ];
  const form = el(
    "form",
    { class: "section-body camera-form", onsubmit: (event) => event.preventDefault() },
    el("div", { class: "camera-head" }, title, tools),
    figures,
    note,
    el(
      "div",
      { class: "pair" },
      first.map((each, i) => wide(each.element, i === 0)),
    ),
    el(
      "details",
      {},
      el("summary", {}, t("camera.more")),
      el(
        "div",
        { class: "pair" },
        [...more, ...place].map((each) => each.element),
      ),
    ),
  );
  const element = el("section", { class: "camera-part", "aria-label": t("camera.form"), hidden: true }, form);

  function show() {
    const { camera } = editor;
    element.hidden = !camera && !editor.fault;
    if (editor.fault)
      return fill(element, el("p", { class: "fault section-body", role: "alert" }, explain(editor.fault)));
    if (!camera) return undefined;
    if (!form.isConnected) fill(element, form);
    title.textContent = camera.properties.name || camera.id;
    for (const field of [...first, ...more]) {
      if (document.activeElement !== field.control || !field.control.matches(":user-invalid"))
        field.write(rounded(camera.properties[field.name]));
    }
    const [lon, lat] = camera.geometry.coordinates;
    place[0].write(lat);
    place[1].write(lon);
    note.textContent = tellAssumed(editor);
    return undefined;
  }

  editor.addEventListener("change", show);
  editor.addEventListener("reading", () => {
    element.hidden = false;
    fill(element, el("div", { class: "section-body" }, showLoading()));
  });
  const { preview } = editor;
  preview.addEventListener("change", () => {
    fill(figures, drawFigures(preview));
    note.textContent = tellAssumed(editor);
  });
  // most answers come at once; the first one in a part of the city takes longer
  preview.addEventListener("asked", () =>
    setTimeout(() => {
      if (preview.busy && !preview.answer) fill(figures, showLoading(t("camera.measuring")));
    }, PATIENCE_MS),
  );
  return { element, focus: () => title.focus() };
}

const rounded = (value) => (typeof value === "number" ? Math.round(value * 1000) / 1000 : value);
const wide = (element, whole) => {
  element.classList.toggle("whole", whole);
  return element;
};

/** What is not known of the camera in hand and was assumed: by its source, or else to measure it. */
function tellAssumed({ camera, preview, azimuth_deg }) {
  if (!camera) return "";
  const { answer } = preview;
  const assumed = answer?.camera_id === camera.id ? answer.assumed : (camera.properties.assumed ?? "").split(",");
  const names = assumed
    .filter(Boolean)
    .map((name) =>
      name === "azimuth_deg" && azimuth_deg !== null
        ? `${word("field", name)} ${degrees(azimuth_deg)}`
        : word("field", name),
    );
  return names.length ? t("camera.assumed", { names: names.join(", ") }) : "";
}

function drawFigures({ answer, fault }) {
  if (fault) return el("p", { class: "fault" }, explain(fault));
  if (!answer) return null;
  const { rate_before, rate } = answer.totals;
  const difference = (rate ?? 0) - (rate_before ?? 0);
  const cell = (value, label, name) =>
    el("div", { class: "figure", dataset: { figure: name } }, el("b", {}, value), el("span", {}, label));
  const parts = [
    el(
      "div",
      { class: "figures" },
      cell(`${percent(rate_before)} → ${percent(rate)}`, t("camera.rate_around"), "rate"),
      cell(points(difference), t("figure.difference"), "difference"),
      cell(squareMetres(answer.area_m2), t("camera.sees"), "area"),
      cell(metres(answer.range_m), t("camera.reach"), "range"),
    ),
  ];
  const told = [];
  if (!answer.measured) told.push(t("camera.not_measured", { reason: word("reason", answer.reason) }));
  if (answer.limited_m) told.push(t("camera.limited", { distance: metres(answer.limited_m) }));
  if (answer.moved_m > 0.05) told.push(t("camera.moved", { distance: metres(answer.moved_m) }));
  if (answer.azimuth_deg === null && answer.measured && !/panorama/.test(answer.model))
    told.push(t("camera.all_round"));
  return [...parts, ...told.map((text) => el("p", { class: "hint" }, text))];
}

/** The part of the panel that says whether all is saved, and undoes. */
export function makeSavingBar(editor, { retry, discard }) {
  const undo = iconButton(t("plan.undo"), icon("undo"), () => editor.undo(), { keys: "Ctrl+Z" });
  const redo = iconButton(t("plan.redo"), icon("redo"), () => editor.redo(), { keys: "Ctrl+Shift+Z" });
  const state = el("span", { class: "saving", role: "status" });
  const repair = el(
    "span",
    { class: "toolbar", hidden: true },
    button(t("action.retry"), retry, { kind: "quiet" }),
    button(t("plan.discard"), discard, { kind: "quiet" }),
  );
  const element = el("div", { class: "saving-bar" }, undo, redo, state, repair);
  const show = () => {
    const { saver, history } = editor;
    undo.disabled = !history.canUndo;
    redo.disabled = !history.canRedo;
    state.dataset.state = saver.state;
    const pictures = {
      saved: icon("check"),
      saving: el("span", { class: "spinner" }),
      failed: icon("warning"),
      conflict: icon("warning"),
    };
    const fault = saver.state === "failed" ? `: ${explain(saver.fault)}` : "";
    fill(state, saver.hasScenario ? [pictures[saver.state], `${t(`saving.${saver.state}`)}${fault}`] : []);
    repair.hidden = saver.state !== "failed" && saver.state !== "conflict";
  };
  editor.history.addEventListener("change", show);
  editor.saver.addEventListener("change", show);
  show();
  return element;
}
