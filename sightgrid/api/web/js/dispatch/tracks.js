// Where units are when: read from a plan as the server tells it, asked at any moment.

/**
 * A plan for the map and the timeline. Every unit has `times` (seconds after the plan's start, rising) and `points`
 * (lon, lat) of the same number.
 */
export function readPlan(told) {
  const start = Date.parse(told.start_at);
  const seconds = (text) => (Date.parse(text) - start) / 1000;
  const units = told.units.map((unit) => ({
    ...unit,
    times: unit.moves.seconds.map((each) => seconds(unit.moves.start_at) + each),
    points: unit.moves.coordinates,
    stops: unit.visits.filter((visit) => visit.what === "visit").length,
    visits: unit.visits.map((visit) => ({ ...visit, from: seconds(visit.arrive_at), to: seconds(visit.leave_at) })),
  }));
  return { ...told, units, start, length_s: (latest(told) - start) / 1000 };
}

/** Units may be back after the shift has ended. */
const latest = (told) =>
  Math.max(...[told.end_at, ...told.units.map((unit) => unit.back_at)].map((text) => Date.parse(text)));

/** Return where a unit is `at` seconds after the start; null before it begins and after it has ended. */
export function placeAt({ times, points }, at) {
  if (!times.length || at < times[0] || at > times.at(-1)) return null;
  let low = 0;
  let high = times.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= at) low = middle;
    else high = middle;
  }
  const span = times[high] - times[low];
  const share = span > 0 ? Math.min(1, (at - times[low]) / span) : 0;
  return points[low].map((value, axis) => value + share * (points[high][axis] - value));
}

/** Return what a unit does at a moment: one of its visits, or null while it is on its way. */
export function doingAt(unit, at) {
  return unit.visits.find((visit) => visit.from <= at && at < visit.to) ?? null;
}
