// Cameras of a scenario in the store: reading one, and writing it from the version that it was read with.

import { api, send } from "../core/api.js";

/** Return the name of the collection of a site's cameras, or of a scenario's. */
export function nameCollection(site_id, scenario_id) {
  return scenario_id === null || scenario_id === undefined ? `${site_id}.cameras` : `${site_id}.cameras.${scenario_id}`;
}

/** Return an id for a new feature. */
export function makeId(stem) {
  const numbers = crypto.getRandomValues(new Uint32Array(2));
  return `${stem}-${[...numbers].map((each) => each.toString(36)).join("")}`;
}

const pathOf = (collection, id) =>
  `/collections/${collection}/items${id === undefined ? "" : `/${encodeURIComponent(id)}`}`;

/** Read one feature; `version` is a member of it. */
export async function readItem(collection, id, options) {
  const response = await send("GET", pathOf(collection, id), options);
  return withVersion(await response.json(), response);
}

function withVersion(feature, response) {
  const told = /"(\d+)"/.exec(response.headers.get("etag") ?? "")?.[1];
  return { ...tidy(feature), version: told === undefined ? feature.version : Number(told) };
}

/** Bring a feature of the server into the shape that is kept here: its version beside its properties only. */
export function tidy({ id, geometry, properties: { version: known, ...properties }, version = known }) {
  return { type: "Feature", id: String(id), geometry, properties, version };
}

const strip = ({ id, geometry, properties }) => ({ type: "Feature", id, geometry, properties });

/** Add a feature; resolves with it as it was stored. */
export async function addItem(collection, feature) {
  const response = await send("POST", pathOf(collection), { body: strip(feature), type: "application/geo+json" });
  const location = response.headers.get("location");
  const id = location ? decodeURIComponent(location.split("/").at(-1)) : feature.id;
  return readItem(collection, id);
}

/** Replace a feature; resolves with its new version. */
export async function replaceItem(collection, feature, version) {
  const options = { body: strip(feature), version, type: "application/geo+json" };
  const response = await send("PUT", pathOf(collection, feature.id), options);
  const told = /"(\d+)"/.exec(response.headers.get("etag") ?? "")?.[1];
  return told === undefined ? (await readItem(collection, feature.id)).version : Number(told);
}

/** Take a feature out. */
export function deleteItem(collection, id, version) {
  return send("DELETE", pathOf(collection, id), { version });
}

/** Return what a scenario does to a camera, {change: added | removed | changed, version}; undefined for nothing. */
export async function findChange(scenario_id, id) {
  const { changes } = await api.get(`/scenarios/${scenario_id}/changes`);
  return changes.find((each) => each.camera_id === id);
}

/** Let a camera of a scenario be again as the site has it, or gone. */
export function resetCamera(scenario_id, id, version) {
  return api.post(`/scenarios/${scenario_id}/reset`, { versions: { [id]: version } });
}
