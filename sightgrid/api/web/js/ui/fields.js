// Fields of forms: a label, a control, its unit and a hint; each has `name`, `element`, `control`, `read()` and
// `write(value)`.

import { el, nameId } from "../core/dom.js";
import { t } from "../core/i18n.js";

function wrap({ name, label, control, unit, hint, read, write }) {
  const id = nameId(name);
  control.id = id;
  const notes = hint ? el("p", { class: "hint", id: `${id}-hint` }, hint) : null;
  if (notes) control.setAttribute("aria-describedby", notes.id);
  const body = unit ? el("span", { class: "with-unit" }, control, el("span", { class: "field-unit" }, unit)) : control;
  const element = el(
    "div",
    { class: "field", dataset: { field: name } },
    el("label", { htmlFor: id }, label),
    body,
    notes,
  );
  return { name, element, control, read, write };
}

/** A number with its unit; empty means not known, read() gives null. */
export function numberField({
  name,
  label,
  unit,
  value = null,
  min,
  max,
  step = "any",
  hint,
  placeholder,
  required,
  onchange,
}) {
  const control = el("input", {
    type: "number",
    class: "input",
    min,
    max,
    step,
    placeholder,
    required,
    inputMode: "decimal",
  });
  const write = (given) => {
    control.value = given ?? "";
  };
  const read = () => (control.value === "" || Number.isNaN(control.valueAsNumber) ? null : control.valueAsNumber);
  write(value);
  if (onchange)
    control.addEventListener("change", () => {
      if (control.reportValidity()) onchange(read());
    });
  return wrap({ name, label, control, unit, hint, read, write });
}

/** A line of text, or several with `rows`. */
export function textField({
  name,
  label,
  value = "",
  hint,
  placeholder,
  required,
  rows,
  maxLength,
  type = "text",
  autocomplete = "off",
  onchange,
}) {
  const shared = { class: "input", value: value ?? "", placeholder, required, maxLength, autocomplete };
  const control = rows ? el("textarea", { ...shared, rows }) : el("input", { ...shared, type });
  if (onchange)
    control.addEventListener("change", () => {
      if (control.reportValidity()) onchange(control.value.trim());
    });
  const write = (given) => {
    control.value = given ?? "";
  };
  return wrap({
    name,
    label,
    control,
    hint,
    read: () => (type === "password" ? control.value : control.value.trim()),
    write,
  });
}

/** One of several: `options` are [value, label]; a value "" stands for none, read() gives null for it. */
export function selectField({ name, label, value, options, hint, onchange }) {
  const control = el("select", { class: "input" });
  const write = (given) => {
    control.value = given ?? "";
  };
  const offer = (offered, chosen) => {
    control.replaceChildren(...offered.map(([each, text]) => el("option", { value: each ?? "" }, text)));
    write(chosen);
  };
  offer(options, value);
  const read = () => (control.value === "" ? null : control.value);
  if (onchange) control.addEventListener("change", () => onchange(read()));
  return { ...wrap({ name, label, control, hint, read, write }), offer };
}

/** Yes or no. */
export function checkField({ name, label, value = false, hint, onchange }) {
  const control = el("input", { type: "checkbox", checked: Boolean(value) });
  if (onchange) control.addEventListener("change", () => onchange(control.checked));
  const id = nameId(name);
  control.id = id;
  const element = el(
    "div",
    { class: "field check", dataset: { field: name } },
    el("label", { htmlFor: id }, control, label),
    hint ? el("p", { class: "hint" }, hint) : null,
  );
  return {
    name,
    element,
    control,
    read: () => control.checked,
    write: (given) => {
      control.checked = Boolean(given);
    },
  };
}

/** One or more files; `accept` as in HTML. */
export function fileField({ name, label, accept, hint, required = true, multiple = false }) {
  const control = el("input", { type: "file", class: "input", accept, required, multiple });
  const read = () => (multiple ? [...control.files] : (control.files[0] ?? null));
  return wrap({ name, label, control, hint, read, write: () => {} });
}

/** Several of a list: `options` are [value, label]; read() gives the chosen values. */
export function choicesField({ name, label, options, chosen = [] }) {
  const boxes = options.map(([value, text]) => {
    const control = el("input", { type: "checkbox", value, checked: chosen.includes(value) });
    return { control, element: el("label", { class: "choice" }, control, text) };
  });
  const element = el(
    "fieldset",
    { class: "field choices", dataset: { field: name } },
    el("legend", {}, label),
    boxes.map((each) => each.element),
  );
  const read = () => boxes.filter((each) => each.control.checked).map((each) => each.control.value);
  return { name, element, control: boxes[0]?.control, read, write: () => {} };
}

/** A button: icon (optional), label, what it does; `kind` is primary, danger, quiet or none. */
export function button(label, run, { kind = "", picture, hint, disabled = false } = {}) {
  return el(
    "button",
    { class: `button ${kind}`, type: "button", onclick: run, title: hint, disabled },
    picture ?? null,
    label,
  );
}

/** A button that shows a picture only; its label is read to who cannot see it. */
export function iconButton(label, picture, run, { kind = "quiet", keys } = {}) {
  const title = keys ? t("action.with_keys", { action: label, keys }) : label;
  return el(
    "button",
    { class: `button icon-only ${kind}`, type: "button", onclick: run, "aria-label": label, title },
    picture,
  );
}
