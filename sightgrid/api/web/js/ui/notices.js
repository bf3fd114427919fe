// What the page tells: toasts, words for screen readers, and the states of a part that loads, is empty or failed.

import { el, icon } from "../core/dom.js";
import { getLanguage, t, word } from "../core/i18n.js";

const SHOWN_MS = { info: 5000, ok: 4000, warning: 9000, error: 12_000 };

let shelf = null;
let voice = null;

/** Make the places where notices appear; once, at the start of the page. */
export function makeNotices() {
  voice = el("div", { class: "unseen", "aria-live": "polite", role: "status" });
  shelf = el("div", { class: "toasts", "aria-live": "polite", role: "log", "aria-label": t("notices") });
  return [voice, shelf];
}

/** Tell a screen reader. */
export function announce(text) {
  voice.textContent = text;
}

/** Show a notice for some seconds: kind is info, ok, warning or error; `action` is {label, run}. */
export function toast(text, { kind = "info", action } = {}) {
  const note = el("div", { class: `toast toast-${kind}` });
  const close = () => note.remove();
  note.append(el("p", {}, text));
  if (action) {
    const run = () => {
      close();
      action.run();
    };
    note.append(el("button", { class: "button quiet", type: "button", onclick: run }, action.label));
  }
  note.append(
    el(
      "button",
      { class: "button icon-only quiet", type: "button", onclick: close, "aria-label": t("action.close") },
      icon("close"),
    ),
  );
  shelf.append(note);
  while (shelf.children.length > 4) shelf.firstChild.remove();
  let timer = setTimeout(close, SHOWN_MS[kind]);
  note.addEventListener("pointerenter", () => clearTimeout(timer));
  note.addEventListener("pointerleave", () => {
    timer = setTimeout(close, SHOWN_MS[kind]);
  });
}

/** Return one line for people about an error: the server's own words, or that it does not answer. */
export function explain(error) {
  if (error?.status === 0) return t("error.offline");
  const told = error?.message || t("error.unknown");
  const known = getLanguage() === "en" || error?.status === undefined; // what the server tells is English
  return known ? told : t("error.told", { kind: word("problem", error.status), told });
}

/** Show an error as a notice, unless it only means that something was given up. */
export function report(error) {
  if (error?.name === "AbortError") return;
  if (error?.status === undefined) console.error(error); // a fault of the page, not of the server
  toast(explain(error), { kind: "error" });
}

/** The state of a part that waits for the server. */
export function showLoading(text = t("state.loading")) {
  return el("p", { class: "state", role: "status" }, el("span", { class: "spinner", "aria-hidden": "true" }), text);
}

/** The state of a part that has nothing to show, with what can be done about it. */
export function showEmpty(text, ...actions) {
  return el("div", { class: "state state-empty" }, el("p", {}, text), actions);
}

/** The state of a part that could not be loaded. */
export function showFailed(error, retry) {
  const again =
    retry && el("button", { class: "button", type: "button", onclick: retry }, icon("refresh"), t("action.retry"));
  return el("div", { class: "state state-failed", role: "alert" }, el("p", {}, icon("warning"), explain(error)), again);
}

/** Put into `place` what `load` resolves to, with the states on the way. */
export async function fillWhenLoaded(place, load) {
  place.replaceChildren(showLoading());
  try {
    place.replaceChildren(...[await load()].flat());
  } catch (error) {
    place.replaceChildren(showFailed(error, () => fillWhenLoaded(place, load)));
  }
}
