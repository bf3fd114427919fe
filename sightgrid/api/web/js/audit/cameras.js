// The table of the cameras' health: filtered by status and text, page by page, linked to the map.

import { api, download, link } from "../core/api.js";
import { el, fill, icon, settle } from "../core/dom.js";
import { moment, number } from "../core/format.js";
import { t, word } from "../core/i18n.js";
import { button, selectField, textField } from "../ui/fields.js";
import { report, showFailed, showLoading } from "../ui/notices.js";
import { makeTable } from "../ui/tables.js";
import { STATUSES, statusBadge } from "./statuses.js";

const PAGE = 200;

/** Make the table; `counted(counts)` is told the numbers by status, `listed(rows)` what is shown. */
export function makeCameras(context, { counted, listed, point }) {
  const state = selectField({
    name: "status",
    label: t("field.status"),
    value: "",
    options: [["", t("audit.any")], ...STATUSES.map((each) => [each, word("status", each)])],
    onchange: () => load(),
  });
  const words = textField({ name: "text", label: t("audit.find"), maxLength: 100 });
  words.control.addEventListener(
    "input",
    settle(() => load(), 250),
  );
  const place = el("div", { class: "stack" });
  const more = button(t("audit.more"), () => load({ after: next }), { kind: "quiet" });
  const save = button(
    t("audit.export"),
    () => download(link(`${path()}.csv`, { status: state.read(), q: words.read() }), "health.csv").catch(report),
    { picture: icon("download") },
  );
  const element = el(
    "div",
    { class: "stack" },
    el("div", { class: "row" }, state.element, words.element),
    place,
    el("div", { class: "toolbar" }, more, save),
  );
  let rows = [];
  let next = null;
  let asked = 0;
  const table = makeTable({
    caption: t("audit.cameras"),
    key: (row) => row.camera_id,
    sorted: { name: "status" },
    choose,
    hover: point,
    empty: t("audit.none_found"),
    columns: [
      {
        name: "status",
        label: t("field.status"),
        sort: (row) => STATUSES.indexOf(row.status),
        show: (row) => statusBadge(row.status),
      },
      {
        name: "name",
        label: t("field.camera"),
        sort: (row) => row.name || row.camera_id,
        show: (row) => row.name || row.camera_id,
      },
      { name: "reason", label: t("field.reason"), sort: true, show: (row) => row.reason },
      { name: "checked_at", label: t("field.checked_at"), sort: true, show: (row) => moment(row.checked_at) },
    ],
  });

  const path = () => `/sites/${context.site().site_id}/health`;

  function choose(row) {
    context.state.set({ camera_id: row.camera_id });
    if (row.lon !== null && row.lon !== undefined) context.goTo({ center: [row.lon, row.lat], zoom: 17 });
  }

  async function load({ after = null } = {}) {
    asked += 1;
    const mine = asked;
    if (!after) fill(place, showLoading());
    try {
      const page = await api.get(link(path(), { status: state.read(), q: words.read(), limit: PAGE, after }));
      if (mine !== asked) return;
      rows = after ? [...rows, ...page.cameras] : page.cameras;
      next = page.after;
      more.hidden = !next;
      if (page.counts) counted(page.counts);
      listed(rows);
      table.update(rows);
      table.mark(context.state.get("camera_id"));
      const probed = rows.some((row) => row.checked_at) || state.read() || words.read();
      fill(
        place,
        probed ? null : el("p", { class: "hint" }, t("audit.no_probes")),
        el("p", { class: "hint" }, t("audit.shown", { count: rows.length })),
        table.element,
      );
    } catch (error) {
      if (mine === asked)
        fill(
          place,
          showFailed(error, () => load({ after })),
        );
    }
  }

  return {
    element,
    load,
    filter(status) {
      state.write(status);
      return load();
    },
    mark: (camera_id) => table.mark(camera_id),
  };
}

/** Draw the numbers of cameras by status; pressing one filters the table. */
export function drawCounts(counts, colours, choose) {
  const total = STATUSES.reduce((sum, status) => sum + (counts[status] ?? 0), 0);
  if (!total) return null;
  return el(
    "div",
    { class: "figures" },
    STATUSES.map((status) => {
      const mark = el("i", { class: "swatch" });
      mark.style.background = colours.get(status);
      return el(
        "button",
        { class: "figure", type: "button", dataset: { status }, onclick: () => choose(status) },
        el("b", {}, number(counts[status] ?? 0)),
        el("span", {}, mark, word("status", status)),
      );
    }),
  );
}
