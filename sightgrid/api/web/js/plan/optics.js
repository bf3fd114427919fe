// What is taken for a camera whose own figures are not known, only to draw handles; the server measures by itself.

export const DEFAULTS = {
  fixed: { mount_height_m: 4, hfov_deg: 68 },
  dome: { mount_height_m: 4, hfov_deg: 60 },
  ptz: { mount_height_m: 6, hfov_deg: 60 },
  panorama: { mount_height_m: 4, hfov_deg: 360 },
};
const LOOKS_AT_M = 1.5; // the height that the axis is drawn to, as the server measures by default
const UNKNOWN_REACH_M = 40;
const LEAST_REACH_M = 2;
const MOST_REACH_M = 400;
const RAD = Math.PI / 180;

/** A camera that is added by hand: a common fixed one, looking north and a little down. */
export const NEW_CAMERA = {
  name: null,
  kind: "fixed",
  mount: "pole",
  mount_height_m: 5,
  azimuth_deg: 0,
  tilt_deg: 12,
  hfov_deg: 80,
  vfov_deg: null,
  sensor_width_mm: null,
  focal_mm: null,
  width_px: 1920,
  height_px: 1080,
  ir_range_m: null,
  max_range_m: null,
  owner_class: null,
  purpose: null,
  assumed: "",
  indoor: false,
};

/** Return what the handles of a camera stand at. */
export function readPose(properties) {
  const given = DEFAULTS[properties.kind] ?? DEFAULTS.fixed;
  const height_m = Math.max((properties.mount_height_m ?? given.mount_height_m) - LOOKS_AT_M, 0.2);
  const width_deg = properties.hfov_deg ?? given.hfov_deg;
  return {
    round: properties.kind === "panorama" || width_deg >= 360,
    azimuth_deg: properties.azimuth_deg ?? 0,
    width_deg,
    height_m,
    tilts: typeof properties.tilt_deg === "number",
    aim_m: findAim(properties, height_m),
  };
}

/** How far away the axis meets the height that is looked at; for a camera without a tilt, its range. */
function findAim({ tilt_deg, max_range_m }, height_m) {
  if (typeof tilt_deg !== "number") return Math.min(max_range_m ?? UNKNOWN_REACH_M, MOST_REACH_M);
  const far_m = tilt_deg > 0 ? height_m / Math.tan(tilt_deg * RAD) : MOST_REACH_M;
  return Math.min(Math.max(far_m, LEAST_REACH_M), MOST_REACH_M);
}

/** Return the attributes of a camera whose axis is to end so far away: its tilt, or its range if it has no tilt. */
export function aimAt(properties, distance_m) {
  const { height_m, tilts, round } = readPose(properties);
  const reach_m = Math.min(Math.max(distance_m, LEAST_REACH_M), MOST_REACH_M);
  if (!tilts || round) return { max_range_m: Math.round(reach_m) };
  return { tilt_deg: Math.round((Math.atan2(height_m, reach_m) / RAD) * 10) / 10 };
}
