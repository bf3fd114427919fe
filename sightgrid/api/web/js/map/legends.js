// Legends as the server gives them (GET /legends), as entries to show and as colours for the map.

/**
 * Return the colour of a feature by its legend: classes between breaks of a number, or one colour for each value.
 * A value on a break belongs to the class below, as in the reports.
 */
export function colourOf(legend, { column = legend.column, none = "rgba(0,0,0,0)" } = {}) {
  const value = ["get", column];
  if (legend.type === "categories") {
    const pairs = legend.classes.flatMap(({ value: each, colour }) => [each, colour]);
    return ["match", ["to-string", value], ...pairs, none];
  }
  const { classes } = legend;
  const cases = classes.slice(0, -1).flatMap(({ to, colour }) => [["<=", ["to-number", value], to], colour]);
  return ["case", ["!", isNumber(value)], none, ...cases, classes.at(-1).colour];
}

const isNumber = (value) => ["==", ["typeof", value], "number"];

/** Return a filter for features whose value of the legend is known. */
export function known(legend, column = legend.column) {
  return legend.type === "categories" ? ["has", column] : isNumber(["get", column]);
}
