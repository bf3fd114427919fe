// Requests to our own server. Every failure is an ApiError whose `message` is one line for people.

export class ApiError extends Error {
  /** `status` is 0 if the server did not answer; `body` is the problem as the server told it. */
  constructor(status, detail, body = {}) {
    super(detail);
    this.status = status;
    this.body = body;
  }
}

const watchers = { online: new Set(), signed_out: new Set() };

/** Call back with true or false when the server answers again or does not; with nothing when signing in is needed. */
export function watch(event, callback) {
  watchers[event].add(callback);
  return () => watchers[event].delete(callback);
}

let online = true;

function noteOnline(now) {
  if (now === online) return;
  online = now;
  for (const each of watchers.online) each(now);
}

async function readProblem(response) {
  let body = {};
  if (/json/.test(response.headers.get("content-type") ?? "")) body = await response.json().catch(() => ({}));
  return new ApiError(response.status, body.detail || body.title || `HTTP ${response.status}`, body);
}

/**
 * Ask the server. Options: `body` (an object as JSON, or a FormData as it is), `version` (sent as If-Match),
 * `signal`, `type` of the JSON. Returns the response.
 */
export async function send(method, path, { body, version, signal, type = "application/json" } = {}) {
  const headers = { Accept: "application/json, application/geo+json, application/problem+json" };
  const init = { method, headers, signal, credentials: "same-origin", cache: "no-cache" };
  if (body instanceof FormData) init.body = body;
  else if (body !== undefined) {
    headers["Content-Type"] = type;
    init.body = JSON.stringify(body);
  }
  if (version !== undefined && version !== null) headers["If-Match"] = `"${version}"`;
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    noteOnline(false);
    throw new ApiError(0, "");
  }
  noteOnline(true);
  if (response.ok) return response;
  const problem = await readProblem(response);
  if (response.status === 401) for (const each of watchers.signed_out) each();
  throw problem;
}

async function read(method, path, options) {
  const response = await send(method, path, options);
  if (response.status === 204 || response.headers.get("content-length") === "0") return null;
  return response.json();
}

export const api = {
  get: (path, options) => read("GET", path, options),
  post: (path, body, options) => read("POST", path, { body, ...options }),
  put: (path, body, options) => read("PUT", path, { body, ...options }),
  patch: (path, body, options) => read("PATCH", path, { body, ...options }),
  delete: (path, options) => read("DELETE", path, options),
};

/** Write a path with a query; what is undefined, null or "" is left out, a list is joined by commas. */
export function link(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

/** Read all pages of a list of features by their "next" links, at most `most` features. */
export async function readAll(path, { most = 5000, signal } = {}) {
  const features = [];
  let next = path;
  while (next && features.length < most) {
    const page = await api.get(next, { signal });
    features.push(...page.features);
    const href = page.links?.find((each) => each.rel === "next")?.href;
    next = href && toPath(href);
  }
  return features.slice(0, most);
}

/** Keep path and query of an address of the server: behind a proxy it may not know its own name. */
export function toPath(address) {
  const { pathname, search } = new URL(address, location.href);
  return decodeURI(pathname) + search;
}

/** Save a file that the server makes; a problem is an ApiError as anywhere else. */
export async function download(path, fallback) {
  const response = await send("GET", path);
  const told = /filename\*?=(?:UTF-8'')?"?([^";]+)/i.exec(response.headers.get("content-disposition") ?? "");
  const address = URL.createObjectURL(await response.blob());
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = told ? decodeURIComponent(told[1]) : fallback;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Look every few seconds whether the server is back, for as long as it is not. */
export function keepLooking(every_ms = 4000) {
  setInterval(() => {
    if (!online) send("GET", "/healthz").catch(() => {});
  }, every_ms);
}
