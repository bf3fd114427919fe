// Two versions of one thing: mine and that of somebody else, side by side, and which of them is to stay.

import { el } from "../core/dom.js";
import { coordinates, number } from "../core/format.js";
import { t, word } from "../core/i18n.js";
import { openDialog } from "../ui/dialogs.js";

const LABELS = { kind: "kind", mount: "mount", rule: "rule", category: "category" };

function show(name, value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return t(value ? "word.yes" : "word.no");
  if (typeof value === "number") return number(value, 2);
  return LABELS[name] ? word(LABELS[name], value) : String(value);
}

function placeOf(feature) {
  if (!feature) return "–";
  if (feature.geometry.type !== "Point") return word("shape", feature.geometry.type);
  const [lng, lat] = feature.geometry.coordinates;
  return coordinates({ lng, lat });
}

/** Return the rows [label, mine, theirs, differs] of two versions; those that differ first. */
export function compareVersions(mine, theirs) {
  const names = [...new Set([...Object.keys(mine?.properties ?? {}), ...Object.keys(theirs?.properties ?? {})])];
  const rows = names.map((name) => {
    const [left, right] = [mine, theirs].map((each) => (each ? show(name, each.properties[name]) : t("conflict.gone")));
    return [word("field", name), left, right, left !== right];
  });
  const place = JSON.stringify(mine?.geometry) !== JSON.stringify(theirs?.geometry);
  rows.unshift([t("field.place"), placeOf(mine), placeOf(theirs), place]);
  return rows.filter(([, left, right]) => left !== "–" || right !== "–").sort((a, b) => Number(b[3]) - Number(a[3]));
}

/** Ask which version is to stay; resolves with "mine", "theirs", or null for not yet. */
export function resolveConflict({ id, mine, theirs }) {
  const rows = compareVersions(mine, theirs).map(([label, left, right, differs]) =>
    el(
      "tr",
      { class: differs ? "differs" : "" },
      el("th", { scope: "row" }, label),
      el("td", {}, left),
      el("td", {}, right),
    ),
  );
  const heads = [t("conflict.attribute"), t("conflict.mine"), t("conflict.theirs")].map((text) =>
    el("th", { scope: "col" }, text),
  );
  const table = el("table", { class: "table" }, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows));
  const name = mine?.properties.name || theirs?.properties.name || id;
  return openDialog({
    title: t("conflict.title"),
    wide: true,
    body: [
      el("p", {}, t("conflict.text", { name })),
      el("div", { class: "versions table-box", tabIndex: 0, role: "region", "aria-label": t("conflict.title") }, table),
    ],
    actions: [
      { label: t("conflict.later"), value: "later" },
      { label: t("conflict.take_theirs"), value: "theirs" },
      { label: t("conflict.keep_mine"), value: "mine", kind: "primary" },
    ],
  }).then((answer) => (answer === "later" ? null : answer));
}
