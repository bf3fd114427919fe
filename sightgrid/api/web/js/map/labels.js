// Labels in the shipped font. MapLibre draws a character once and keeps it, so the part of the font that holds it has
// to be loaded before; when a map brings characters that were not loaded, they are loaded and labels are drawn anew.

import { FONT } from "./font.js";

const SAMPLE = "AaZz09Ää ŁłŠšŽž–’";
const FAMILY = `16px "${FONT[0]}"`;

/** Load the parts of the font that nearly every map needs. */
export async function loadLatin() {
  await document.fonts.load(FAMILY, SAMPLE).catch(() => []);
}

/** Watch what labels of a map say. */
export function keepLabelsReadable(map) {
  const loaded = new Set(SAMPLE);
  let generation = 0;
  let busy = false;
  map.on("idle", async () => {
    if (busy) return;
    const fresh = findCharacters(map).filter((each) => !loaded.has(each));
    if (!fresh.length) return;
    busy = true;
    fresh.forEach((each) => loaded.add(each));
    const faces = await document.fonts.load(FAMILY, fresh.join("")).catch(() => []);
    busy = false;
    if (!faces.length || fresh.every((each) => each < "\u024f")) return;
    generation += 1; // another name of the stack makes MapLibre forget the characters it drew with a font of the system
    for (const { id } of listLabels(map)) map.setLayoutProperty(id, "text-font", [...FONT, `again-${generation}`]);
  });
}

function listLabels(map) {
  return map.getStyle().layers.filter((each) => each.type === "symbol" && each.layout?.["text-field"] !== undefined);
}

function findCharacters(map) {
  const layers = listLabels(map).map((each) => each.id);
  const names = map.queryRenderedFeatures({ layers }).map((each) => each.properties.name ?? "");
  return [...new Set(names.join(""))];
}
