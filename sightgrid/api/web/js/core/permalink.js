// The address of the page says what it shows:
// #map=15.2/60.17/24.94&site=1&scenario=3&place=plan&layers=cells:70,cameras

/** Read the hash of the page. */
export function readPermalink(hash = location.hash) {
  const found = new URLSearchParams(hash.replace(/^#/, ""));
  const view = (found.get("map") ?? "").split("/").map(Number);
  const whole = (name) => (/^\d{1,15}$/.test(found.get(name) ?? "") ? Number(found.get(name)) : null);
  return {
    view: view.length >= 3 && view.every(Number.isFinite) ? readView(view) : null,
    site_id: whole("site"),
    scenario_id: whole("scenario"),
    workplace: found.get("place"),
    language: found.get("lang"),
    camera_id: found.get("camera"),
    layers: found.has("layers") ? readLayers(found.get("layers")) : null,
  };
}

function readView([zoom, lat, lon, bearing = 0, pitch = 0]) {
  if (Math.abs(lat) > 85 || Math.abs(lon) > 180) return null;
  return {
    zoom: Math.min(Math.max(zoom, 0), 22),
    center: [lon, lat],
    bearing,
    pitch: Math.min(Math.max(pitch, 0), 60),
  };
}

function readLayers(text) {
  const shown = new Map();
  for (const part of text.split(",").filter(Boolean)) {
    const [id, opacity] = part.split(":");
    const share = Number(opacity) / 100;
    shown.set(id, opacity !== undefined && share >= 0 && share <= 1 ? share : null);
  }
  return shown;
}

/** Write the hash for what is shown; the history of the browser does not grow by it. */
export function writePermalink({ view, site_id, scenario_id, workplace, language, camera_id, layers }) {
  const parts = [];
  if (view) {
    const { zoom, center, bearing, pitch } = view;
    const numbers = [zoom.toFixed(2), center.lat.toFixed(5), center.lng.toFixed(5)];
    if (bearing || pitch) numbers.push(bearing.toFixed(0), pitch.toFixed(0));
    parts.push(`map=${numbers.join("/")}`);
  }
  const add = (name, value) =>
    value !== null && value !== undefined && parts.push(`${name}=${encodeURIComponent(value)}`);
  add("site", site_id);
  add("scenario", scenario_id);
  add("place", workplace);
  add("lang", language);
  add("camera", camera_id);
  if (layers) {
    const written = layers.map(({ id, opacity }) => (opacity === null ? id : `${id}:${Math.round(100 * opacity)}`));
    parts.push(`layers=${written.join(",")}`);
  }
  history.replaceState(null, "", `#${parts.join("&")}`);
}
