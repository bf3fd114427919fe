// A part of a panel that folds.

import { el, icon } from "../core/dom.js";

/** Make a section from {title, id, open} and its content; returns {element, body, open(now)}. */
export function makeSection({ title, id, open = false }, ...content) {
  const body = el("div", { class: "section-body" }, content);
  const element = el(
    "details",
    { class: "section", open, dataset: { section: id } },
    el("summary", {}, el("h2", {}, title), icon("down")),
    body,
  );
  return {
    element,
    body,
    open: (now = true) => {
      element.open = now;
    },
  };
}
