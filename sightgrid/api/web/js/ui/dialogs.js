// Dialogs over the page: the browser's own <dialog>, so that Esc closes and focus stays inside.

import { el, icon, nameId } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { explain } from "./notices.js";

/**
 * Open a dialog; resolves with the value of the action that closed it, null if it was given up.
 * `actions` are {label, value, kind}: kind is primary, danger or none. `check(value)` may do the work of an action: the
 * dialog stays open with the error if it fails, and resolves with what it returns otherwise.
 */
export function openDialog({ title, body, actions, check, wide = false, closable = true }) {
  const heading = nameId("dialog");
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = el("dialog", { class: wide ? "dialog wide" : "dialog", "aria-labelledby": heading });
  return new Promise((resolve) => {
    let answer = null;
    const buttons = actions.map(({ label, value, kind = "" }) =>
      el("button", { class: `button ${kind}`, type: "submit", value }, label),
    );
    const submit = async (event) => {
      event.preventDefault();
      const value = event.submitter?.value ?? actions.at(-1).value;
      buttons.forEach((each) => {
        each.disabled = true;
      });
      fault.hidden = true;
      try {
        answer = check ? await check(value) : value;
        dialog.close();
      } catch (error) {
        fault.textContent = explain(error);
        fault.hidden = false;
      } finally {
        buttons.forEach((each) => {
          each.disabled = false;
        });
      }
    };
    const cross = el(
      "button",
      {
        class: "button icon-only quiet",
        type: "button",
        "aria-label": t("action.close"),
        onclick: () => dialog.close(),
      },
      icon("close"),
    );
    dialog.append(
      el(
        "form",
        { onsubmit: submit, noValidate: false },
        el("header", {}, el("h2", { id: heading }, title), closable ? cross : null),
        el("div", { class: "dialog-body" }, body, fault),
        el("footer", {}, buttons),
      ),
    );
    dialog.addEventListener("cancel", (event) => {
      if (!closable) event.preventDefault();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("[autofocus], input, select, textarea, footer .button")?.focus();
  });
}

/** Ask whether to go on; resolves with true or false. */
export async function confirmAction({ title, text, action, danger = false }) {
  const actions = [
    { label: t("action.cancel"), value: "" },
    { label: action, value: "yes", kind: danger ? "danger" : "primary" },
  ];
  return (await openDialog({ title, body: el("p", {}, text), actions })) === "yes";
}

/**
 * Ask for what some fields hold (see fields.js); resolves with what `save(values)` returns, null if it was given up.
 * `fields` have `name` and `read()`.
 */
export function askFor({ title, fields, action, save, note }) {
  const actions = [
    { label: t("action.cancel"), value: "cancel" },
    { label: action, value: "save", kind: "primary" },
  ];
  const body = [note ? el("p", { class: "hint" }, note) : null, fields.map((each) => each.element)];
  const read = () => Object.fromEntries(fields.map((each) => [each.name, each.read()]));
  const check = (value) => (value === "save" ? save(read()) : null);
  const promise = openDialog({ title, body, actions, check });
  // giving up needs no valid fields
  document.querySelector('dialog:last-of-type button[value="cancel"]').formNoValidate = true;
  return promise;
}
