// The panel beside the map (under it on a narrow page) with the tabs of the work places.

import { el, fill, icon } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { report } from "./notices.js";

/** Make the panel; `open(id)` shows a work place. */
export function makePanel(workplaces, context) {
  const narrow = matchMedia("(max-width: 760px)");
  const sheet = el("button", {
    class: "button icon-only quiet sheet-toggle",
    type: "button",
    "aria-controls": "workplace",
  });
  const content = el("div", { class: "panel-content", id: "workplace", role: "tabpanel", tabIndex: -1 });
  const tabs = workplaces.map((each) =>
    el(
      "button",
      {
        class: "tab",
        type: "button",
        role: "tab",
        id: `tab-${each.id}`,
        "aria-controls": "workplace",
        onclick: () => open(each.id),
      },
      t(each.title),
    ),
  );
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": t("panel.tabs") }, tabs);
  const element = el(
    "section",
    { class: "panel", "aria-label": t("panel.label") },
    el("div", { class: "panel-head" }, list, sheet),
    content,
  );
  let mounted = null;

  function size(now) {
    element.dataset.size = now;
    const small = now === "small";
    fill(sheet, icon(narrow.matches ? (small ? "up" : "down") : small ? "right" : "left"));
    sheet.setAttribute("aria-expanded", String(!small));
    sheet.setAttribute("aria-label", t(small ? "panel.show" : "panel.hide"));
    context.map?.resize();
  }
  sheet.addEventListener("click", () => size(element.dataset.size === "small" ? "open" : "small"));
  narrow.addEventListener("change", () => size(element.dataset.size));

  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    tabs.at(to % tabs.length).focus();
    tabs.at(to % tabs.length).click();
  });

  function open(id) {
    const workplace = workplaces.find((each) => each.id === id) ?? workplaces[0];
    if (!workplace) return;
    if (element.dataset.size === "small") size("open");
    if (mounted === workplace) return;
    mounted?.unmount();
    mounted = workplace;
    tabs.forEach((tab, i) => {
      const chosen = workplaces[i] === workplace;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    });
    content.setAttribute("aria-labelledby", `tab-${workplace.id}`);
    content.replaceChildren();
    context.state.set({ workplace: workplace.id });
    try {
      workplace.mount(content, context);
    } catch (error) {
      report(error);
    }
  }

  size("open");
  return { element, open, size };
}
