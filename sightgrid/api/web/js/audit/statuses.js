// The states of cameras: in words, as badges, in colours of the server's legend.

import { el } from "../core/dom.js";
import { word } from "../core/i18n.js";

export const STATUSES = ["offline", "fault", "warning", "not_checkable", "ok", "not_probed"]; // the worst first
const KINDS = { offline: "badge-bad", fault: "badge-bad", warning: "badge-warn", ok: "badge-ok" };
// told apart without colour
const SHAPES = { offline: "■", fault: "▲", warning: "◆", not_checkable: "○", ok: "●", not_probed: "·" };

/** Make a badge of a status. */
export function statusBadge(status) {
  return el("span", { class: `badge ${KINDS[status] ?? ""}` }, `${SHAPES[status] ?? ""} ${word("status", status)}`);
}

/** Return the colour of each status as the server's legend has it. */
export function coloursOf(legend) {
  return new Map((legend?.classes ?? []).map(({ value, colour }) => [value, colour]));
}
