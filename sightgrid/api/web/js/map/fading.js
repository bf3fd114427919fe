// Opacity of a whole layer, over whatever its styles say themselves.

const OPACITIES = {
  fill: ["fill-opacity"],
  line: ["line-opacity"],
  circle: ["circle-opacity", "circle-stroke-opacity"],
  symbol: ["icon-opacity", "text-opacity"],
};

/** Multiply an opacity, which may be a number or an expression; one over the zoom keeps the zoom on top. */
export function scale(value, share) {
  if (typeof value === "number") return value * share;
  const [operator, , input] = value;
  if (operator === "interpolate" && input?.[0] === "zoom") {
    return value.map((each, i) => (i >= 4 && i % 2 === 0 ? scale(each, share) : each));
  }
  if (operator === "step" && value[1]?.[0] === "zoom") {
    return value.map((each, i) => (i >= 2 && i % 2 === 0 ? scale(each, share) : each));
  }
  return ["*", share, value];
}

/** Return the paint properties of a style layer that fade it, with their values. */
export function fade(style, share) {
  return OPACITIES[style.type].map((name) => [name, scale(style.paint?.[name] ?? 1, share)]);
}
