// Tables that sort, whose rows can be chosen with mouse and keyboard.

import { el, icon } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { showEmpty } from "./notices.js";

/**
 * Make a table. `columns` are {name, label, align: "right", show(row) -> text or element, sort: true | (row) -> value};
 * `key(row)` is the row's id; `choose(row)` is called on click or Enter, `hover(row | null)` when pointed at or
 * focused.
 * Returns {element, update(rows), mark(id | null)}.
 */
export function makeTable({
  caption,
  columns,
  rows = [],
  key = (row) => row.id,
  choose,
  hover,
  empty = t("state.empty"),
  sorted,
}) {
  const body = el("tbody");
  const bodyless = el("div");
  const heads = columns.map((column) => makeHead(column, () => turnTo(column)));
  const table = el(
    "table",
    { class: "table" },
    el("caption", { class: "unseen" }, caption),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        heads.map((each) => each.head),
      ),
    ),
    body,
  );
  const element = el(
    "div",
    { class: "table-box", tabIndex: 0, role: "region", "aria-label": caption },
    table,
    bodyless,
  );
  let shown = rows;
  let marked = null;
  let order = sorted ? { column: columns.find((each) => each.name === sorted.name), down: Boolean(sorted.down) } : null;

  function turnTo(column) {
    order = { column, down: order?.column === column ? !order.down : column.align === "right" };
    draw();
  }

  function draw() {
    heads.forEach(({ column, head, mark }) => {
      const active = order?.column === column;
      if (column.sort) head.setAttribute("aria-sort", active ? (order.down ? "descending" : "ascending") : "none");
      mark?.replaceChildren(...(active ? [icon(order.down ? "down" : "up")] : []));
    });
    const list = order ? sortRows(shown, order) : shown;
    body.replaceChildren(...list.map(drawRow));
    bodyless.replaceChildren(...(list.length ? [] : [showEmpty(empty)]));
  }

  function drawRow(row) {
    const cells = columns.map((column) =>
      el(
        "td",
        { class: column.align === "right" ? "right" : "" },
        column.show ? column.show(row) : (row[column.name] ?? "–"),
      ),
    );
    const line = el("tr", { dataset: { id: key(row) }, class: key(row) === marked ? "marked" : "" }, cells);
    if (hover) {
      line.addEventListener("pointerenter", () => hover(row));
      line.addEventListener("pointerleave", () => hover(null));
      line.addEventListener("focusin", () => hover(row));
      line.addEventListener("focusout", () => hover(null));
    }
    if (choose) {
      line.tabIndex = 0;
      line.classList.add("choosable");
      line.addEventListener("click", (event) => {
        if (!event.target.closest("button, a, input, select")) choose(row);
      });
      line.addEventListener("keydown", (event) => {
        if (event.target !== line) return;
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          choose(row);
        }
        if (event.key === "ArrowDown") {
          event.preventDefault();
          line.nextElementSibling?.focus();
        }
        if (event.key === "ArrowUp") {
          event.preventDefault();
          line.previousElementSibling?.focus();
        }
      });
    }
    return line;
  }

  draw();
  return {
    element,
    update(given) {
      shown = given;
      draw();
    },
    mark(id) {
      marked = id;
      for (const line of body.children) {
        line.classList.toggle("marked", line.dataset.id === String(id));
        if (line.dataset.id === String(id)) line.scrollIntoView({ block: "nearest" });
      }
    },
  };
}

function makeHead(column, turn) {
  const head = el("th", { scope: "col", class: column.align === "right" ? "right" : "" });
  if (!column.sort) {
    head.append(column.label);
    return { column, head };
  }
  const mark = el("span", { class: "sort-mark" });
  head.append(el("button", { type: "button", class: "sort", onclick: turn }, column.label, mark));
  return { column, head, mark };
}

function sortRows(rows, { column, down }) {
  const value = typeof column.sort === "function" ? column.sort : (row) => row[column.name];
  const known = (row) => value(row) !== null && value(row) !== undefined && !Number.isNaN(value(row));
  const compare = (a, b) => {
    if (known(a) !== known(b)) return known(a) ? -1 : 1; // what is not known comes last either way
    if (!known(a)) return 0;
    const [left, right] = [value(a), value(b)];
    const side =
      typeof left === "number" && typeof right === "number"
        ? left - right
        : String(left).localeCompare(String(right), undefined, { numeric: true });
    return down ? -side : side;
  };
  return [...rows].sort(compare);
}
