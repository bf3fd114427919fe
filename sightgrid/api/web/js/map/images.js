// Small pictures of the map, drawn here: fans that show where a camera looks, patterns for zones.

const SIZE = 72;
const FANS_DEG = [30, 60, 90, 130, 180];
const FAN = "#0b5cad";

function draw(width, height, paint) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  paint(pen);
  return pen.getImageData(0, 0, width, height);
}

function drawFan(width_deg, colour) {
  const middle = SIZE / 2;
  return draw(SIZE, SIZE, (pen) => {
    const half = ((width_deg / 2) * Math.PI) / 180;
    const shade = pen.createRadialGradient(middle, middle, 6, middle, middle, middle);
    shade.addColorStop(0, `${colour}cc`);
    shade.addColorStop(1, `${colour}22`);
    pen.beginPath();
    pen.moveTo(middle, middle);
    pen.arc(middle, middle, middle - 1, -Math.PI / 2 - half, -Math.PI / 2 + half);
    pen.closePath();
    pen.fillStyle = shade;
    pen.fill();
    pen.strokeStyle = colour;
    pen.globalAlpha = 0.75;
    pen.lineWidth = 2;
    pen.stroke();
  });
}

function drawHatch(colour) {
  const side = 16;
  return draw(side, side, (pen) => {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    for (const shift of [-side, 0, side]) {
      pen.beginPath();
      pen.moveTo(shift - 2, side + 2);
      pen.lineTo(shift + side + 2, -2);
      pen.stroke();
    }
  });
}

/** Add the pictures to a map. */
export function addImages(map) {
  for (const width_deg of FANS_DEG) {
    map.addImage(`fan-${width_deg}`, drawFan(width_deg, FAN), { pixelRatio: 2 });
  }
  map.addImage("hatch-private", drawHatch("#8a3ea8"), { pixelRatio: 2 });
  map.addImage("hatch-forbidden", drawHatch("#a8321f"), { pixelRatio: 2 });
}

/** The fan that is nearest to a camera's field of view; none without a direction. */
export const FAN_IMAGE = [
  "case",
  ["!", ["==", ["typeof", ["get", "azimuth_deg"]], "number"]],
  "",
  [
    "step",
    ["coalesce", ["to-number", ["get", "hfov_deg"], 90], 90],
    "fan-30",
    ...FANS_DEG.slice(1).flatMap((width_deg, i) => [(FANS_DEG[i] + width_deg) / 2, `fan-${width_deg}`]),
  ],
];
