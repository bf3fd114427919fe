// The search box of the header: cameras, places, streets and cells by name, coordinates as they are typed.

import { api, link } from "../core/api.js";
import { el, fill, icon, isTyping, nameId, settle } from "../core/dom.js";
import { readCoordinates } from "../core/geo.js";
import { t } from "../core/i18n.js";
import { explain } from "./notices.js";

const MOST = 12;

/**
 * Make the box. `site()` gives the site to search; `choose({kind, id, name, lon, lat})` is called with what was chosen.
 */
export function makeSearch({ site, choose }) {
  const listId = nameId("search");
  const input = el("input", {
    class: "input search-input",
    type: "search",
    role: "combobox",
    placeholder: t("search.placeholder"),
    "aria-label": t("search.label"),
    "aria-expanded": "false",
    "aria-controls": listId,
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: false,
    title: t("action.with_keys", { action: t("search.label"), keys: "/" }),
  });
  const list = el("ul", {
    class: "search-list",
    id: listId,
    role: "listbox",
    "aria-label": t("search.results"),
    hidden: true,
  });
  const element = el("div", { class: "search", role: "search" }, icon("search"), input, list);
  let found = [];
  let active = -1;
  let request = null;

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };

  function open(rows, words) {
    found = rows;
    active = -1;
    const note = words && el("li", { class: "search-note", role: "option", "aria-disabled": "true" }, words);
    fill(list, rows.map(drawOption), note);
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }

  function drawOption(row, i) {
    const option = el(
      "li",
      { role: "option", id: `${listId}-${i}`, "aria-selected": "false" },
      el("span", { class: `kind kind-${row.kind}` }, t(`search.${row.kind}`)),
      el("span", { class: "name" }, row.name || row.id),
    );
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      take(row);
    });
    return option;
  }

  function take(row) {
    input.value = row.kind === "coordinates" ? input.value : row.name || row.id;
    close();
    choose(row);
  }

  function step(by) {
    if (!found.length) return;
    active = (active + by + found.length) % found.length;
    [...list.children].forEach((each, i) => each.setAttribute("aria-selected", String(i === active)));
    input.setAttribute("aria-activedescendant", `${listId}-${active}`);
    list.children[active].scrollIntoView({ block: "nearest" });
  }

  async function look() {
    const text = input.value.trim();
    request?.abort();
    if (!text) return close();
    const point = readCoordinates(text);
    if (point) return open([{ kind: "coordinates", id: text, name: text, lon: point[0], lat: point[1] }]);
    if (!site()) return close();
    request = new AbortController();
    try {
      const rows = await api.get(link(`/sites/${site().site_id}/search`, { q: text, limit: MOST }), {
        signal: request.signal,
      });
      if (document.activeElement === input) open(rows, rows.length ? null : t("search.nothing"));
    } catch (error) {
      if (error.name !== "AbortError") open([], explain(error));
    }
  }

  const lookSoon = settle(look, 160);
  input.addEventListener("input", lookSoon);
  input.addEventListener("focus", () => {
    if (input.value.trim()) lookSoon();
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", async (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (list.hidden || !found.length) await look();
      const row = found[Math.max(active, 0)];
      if (row && !list.hidden) take(row);
    } else if (event.key === "Escape") {
      if (list.hidden) input.blur();
      close();
      event.stopPropagation();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
  return element;
}
