// Numbers as people read them, with their units; the same rounding as in the reports.

import { getLanguage, t } from "./i18n.js";

const NONE = "–";
const HECTARE_M2 = 1e4;
const SQUARE_KILOMETRE_M2 = 1e6;
const TENTH_POINT = 1e-3;

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** Return a number with at most `digits` decimals. */
export function number(value, digits = 0) {
  if (!isNumber(value)) return NONE;
  return value.toLocaleString(getLanguage(), { maximumFractionDigits: digits });
}

/** Return a share (0..1) as per cent with one decimal. */
export function percent(share, digits = 1) {
  if (!isNumber(share)) return NONE;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${(100 * share).toLocaleString(getLanguage(), options)} %`;
}

/** Return a difference of two shares in percentage points, with its sign; a small one with another decimal. */
export function points(difference) {
  if (!isNumber(difference)) return NONE;
  const digits = difference && Math.abs(difference) < TENTH_POINT ? 2 : 1;
  const rounded = (100 * difference).toFixed(digits);
  const sign = Number(rounded) > 0 ? "+" : Number(rounded) < 0 ? "−" : "±";
  const size = Math.abs(Number(rounded)).toLocaleString(getLanguage(), { minimumFractionDigits: digits });
  return `${sign}${size} ${t("unit.points")}`;
}

export function metres(length_m) {
  if (!isNumber(length_m)) return NONE;
  if (Math.abs(length_m) >= 1e4) return `${number(length_m / 1000, 1)} km`;
  return `${number(length_m, Math.abs(length_m) < 10 ? 1 : 0)} m`;
}

export function squareMetres(area_m2) {
  if (!isNumber(area_m2)) return NONE;
  if (Math.abs(area_m2) >= SQUARE_KILOMETRE_M2) return `${number(area_m2 / SQUARE_KILOMETRE_M2, 2)} km²`;
  if (Math.abs(area_m2) >= HECTARE_M2) return `${number(area_m2 / HECTARE_M2, 2)} ha`;
  return `${number(area_m2)} m²`;
}

export function degrees(angle_deg) {
  return isNumber(angle_deg) ? `${number(angle_deg)}°` : NONE;
}

/** Return a length of time: "45 s", "12 min", "3 h 20 min". */
export function duration(length_s) {
  if (!isNumber(length_s)) return NONE;
  if (length_s < 60) return `${number(length_s)} s`;
  const minutes = Math.round(length_s / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ""}`;
}

/** Return a moment (ISO 8601) as date and time of the reader's clock. */
export function moment(text) {
  const time = new Date(text);
  if (!text || Number.isNaN(time.getTime())) return NONE;
  return time.toLocaleString(getLanguage(), { dateStyle: "medium", timeStyle: "short" });
}

export function coordinates({ lng, lat }) {
  return `${lat.toFixed(5)}, ${lng.toFixed(5)}`;
}
