// Features in collections; distances and directions on the ground, good for the few kilometres around a camera.

const RADIUS_M = 6_371_008.8;
const RAD = Math.PI / 180;
export const METRES_PER_DEGREE = RADIUS_M * RAD;

export const collect = (features) => ({ type: "FeatureCollection", features });
export const EMPTY = collect([]);

/** Return the point that lies `distance_m` from a point in a direction (degrees clockwise from north). */
export function move([lon, lat], azimuth_deg, distance_m) {
  const north = distance_m * Math.cos(azimuth_deg * RAD);
  const east = distance_m * Math.sin(azimuth_deg * RAD);
  return [lon + east / (METRES_PER_DEGREE * Math.cos(lat * RAD)), lat + north / METRES_PER_DEGREE];
}

/** Return direction (0 to 360) and distance from one point to another. */
export function measure([lon, lat], [lon2, lat2]) {
  const east = (lon2 - lon) * METRES_PER_DEGREE * Math.cos(((lat + lat2) / 2) * RAD);
  const north = (lat2 - lat) * METRES_PER_DEGREE;
  return { azimuth_deg: turn(Math.atan2(east, north) / RAD), distance_m: Math.hypot(east, north) };
}

/** Bring a direction into 0 <= azimuth < 360. */
export function turn(azimuth_deg) {
  const turned = ((azimuth_deg % 360) + 360) % 360;
  return turned >= 360 ? 0 : turned;
}

/** Return how far one direction is from another, -180 to 180, clockwise positive. */
export function turnBetween(from_deg, to_deg) {
  return turn(to_deg - from_deg + 180) - 180;
}

/** Return a ring of a sector (a whole circle from 360 degrees on) around a point. */
export function sector(center, azimuth_deg, width_deg, radius_m, steps = 48) {
  const whole = width_deg >= 360;
  const first = whole ? 0 : azimuth_deg - width_deg / 2;
  const arc = Array.from({ length: steps + 1 }, (_, i) =>
    move(center, first + (Math.min(width_deg, 360) * i) / steps, radius_m),
  );
  return whole ? arc : [center, ...arc, center];
}

/** Read "60.17, 24.94" (latitude first, as people write it); null if it is no pair of coordinates. */
export function readCoordinates(text) {
  const found = /^\s*(-?\d{1,3}(?:\.\d+)?)\s*°?\s*([NS])?[\s,;]+(-?\d{1,3}(?:\.\d+)?)\s*°?\s*([EW])?\s*$/i.exec(text);
  if (!found) return null;
  const lat = Number(found[1]) * (/S/i.test(found[2] ?? "") ? -1 : 1);
  const lon = Number(found[3]) * (/W/i.test(found[4] ?? "") ? -1 : 1);
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? [lon, lat] : null;
}

/** Return [west, south, east, north] of a GeoJSON geometry. */
export function boundsOf(geometry) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const visit = (part) => {
    if (typeof part[0] === "number") {
      box[0] = Math.min(box[0], part[0]);
      box[1] = Math.min(box[1], part[1]);
      box[2] = Math.max(box[2], part[0]);
      box[3] = Math.max(box[3], part[1]);
    } else part.forEach(visit);
  };
  (geometry.geometries ?? [geometry]).forEach((each) => visit(each.coordinates));
  return box;
}
