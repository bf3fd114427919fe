// The shell: header, panel, map, layers; it opens sites and scenarios and gives work places what they need.

import { api, watch } from "./core/api.js";
import { el, fill } from "./core/dom.js";
import { getLanguage, t } from "./core/i18n.js";
import { readPermalink, writePermalink } from "./core/permalink.js";
import { State } from "./core/state.js";
import { BASE_LAYERS } from "./map/basemap.js";
import { Layers } from "./map/layers.js";
import { goTo, makeMap, maplibregl } from "./map/map.js";
import { Clicks } from "./map/popups.js";
import { THEMATIC_LAYERS } from "./map/thematic.js";
import { openSite, readResults } from "./site.js";
import { makeHeader } from "./ui/header.js";
import { makeLayerPanel } from "./ui/layer_panel.js";
import { announce, report, showEmpty, toast } from "./ui/notices.js";
import { makePanel } from "./ui/panel.js";
import { addSiteButton } from "./ui/sites.js";
import { makeStatusBar } from "./ui/statusbar.js";
import { WORKPLACES } from "./workplaces.js";

const MARGIN = { top: 24, bottom: 24, left: 24 };

/** Build the page for who is signed in. */
export async function makeShell(app, session) {
  const asked = readPermalink();
  const [sites, legends] = await Promise.all([api.get("/sites"), api.get("/legends")]);
  const state = new State({ sites, site: null, scenario: null, results: {}, workplace: null, camera_id: null });
  const mapBox = el("div", { class: "map", id: "map" });
  const stage = el("div", { class: "stage" }, mapBox);
  const context = {
    api,
    session,
    state,
    legends,
    t,
    announce,
    toast,
    report,
    stage,
    may: (route) => session.permissions.routes.includes(route),
    site: () => state.get("site"),
    scenario: () => state.get("scenario"),
  };
  const workplaces = WORKPLACES.filter((each) => context.may(each.route));
  const header = makeHeader({ session, state, choose: (site_id) => change({ site_id }), find: (row) => show(row) });
  const panel = makePanel(workplaces, context);
  const banner = el("p", { class: "banner", role: "alert", hidden: true }, t("error.offline"));
  const main = el(
    "main",
    { class: workplaces.length ? "work" : "work no-panel", id: "main" },
    workplaces.length ? panel.element : null,
    stage,
  );
  fill(app, makeSkipLinks(), header.element, banner, main);
  watch("online", (now) => {
    banner.hidden = now;
  });

  const map = await makeMap(mapBox, { view: asked.view ?? {} });
  const layers = new Layers(map, { session, legends });
  Object.assign(context, { map, layers, clicks: new Clicks(map, layers), goTo: (place) => goTo(map, place) });
  [...THEMATIC_LAYERS, ...BASE_LAYERS].forEach((each) => layers.register({ ...each, source: { ...each.source } }));
  for (const { id } of layers.list()) {
    if (!asked.layers) break;
    layers.show(id, asked.layers.has(id));
    if (asked.layers.get(id) !== undefined && asked.layers.get(id) !== null) layers.fade(id, asked.layers.get(id));
  }
  const layerPanel = makeLayerPanel(layers);
  context.openLayerPanel = layerPanel.open;
  stage.append(layerPanel.element);
  mapBox.append(makeStatusBar(map));

  /** Open a site (its first view unless `view` keeps the map) or another scenario of it; null is the site as it is. */
  async function change({ site_id = state.get("site")?.site_id, scenario_id = null, keepView = false }) {
    try {
      const place = await openSite(context, { site_id, scenario_id });
      layers.setPlace({ site_id, scenario_id: place.scenario?.scenario_id ?? null, results: place.results });
      const moved = state.get("site")?.site_id !== site_id;
      state.set({ ...place, ...(moved ? { camera_id: null } : {}) });
      header.setSites(state.get("sites"), site_id);
      document.title = `${place.site.name} – ${t("title")}`;
      if (moved && !keepView && place.site.bounds)
        map.fitBounds(toBox(place.site.bounds), {
          animate: false,
          padding: { ...MARGIN, right: layerPanel.width + 24 },
        });
    } catch (error) {
      report(error);
    }
  }

  let pin = null;
  /** Show what a search has found. */
  function show({ kind, id, name, lon, lat }) {
    pin?.remove();
    pin = null;
    goTo(map, { center: [lon, lat], zoom: 17 });
    announce(t("search.shown", { name: name || id }));
    if (kind === "camera") state.set({ camera_id: id });
    else {
      pin = new maplibregl.Marker({ color: "#b3470a" }).setLngLat([lon, lat]).addTo(map);
      map.once("click", () => pin?.remove());
    }
  }

  Object.assign(context, {
    change,
    /** Read again what the site holds: after an import, or when somebody else may have changed it. */
    reload: () => change({ scenario_id: state.get("scenario")?.scenario_id ?? null }),
    /** Read again the newest results: after a job. */
    async reloadResults() {
      const results = await readResults(context, state.get("site"), state.get("scenario"));
      layers.setPlace({
        site_id: state.get("site").site_id,
        scenario_id: state.get("scenario")?.scenario_id ?? null,
        results,
      });
      state.set({ results });
    },
    async reloadSites() {
      state.set({ sites: await api.get("/sites") });
      header.setSites(state.get("sites"), state.get("site")?.site_id);
    },
  });
  globalThis.sightgrid = context; // for the console of the browser, and for tests
  keepPermalink(context);
  header.setSites(sites, null);
  const first = sites.find((each) => each.site_id === asked.site_id) ?? sites[0];
  if (!first) {
    stage.append(el("div", { class: "stage-note" }, showEmpty(t("site.none"), addSiteButton(context))));
    return;
  }
  await change({ site_id: first.site_id, scenario_id: asked.scenario_id, keepView: Boolean(asked.view) });
  if (asked.camera_id) state.set({ camera_id: asked.camera_id });
  panel.open(asked.workplace);
}

const toBox = ([west, south, east, north]) => [
  [west, south],
  [east, north],
];

function makeSkipLinks() {
  const jump = (find) => (event) => {
    event.preventDefault();
    find()?.focus();
  };
  return el(
    "nav",
    { class: "skip", "aria-label": t("skip.label") },
    el("a", { href: "#workplace", onclick: jump(() => document.getElementById("workplace")) }, t("skip.panel")),
    el("a", { href: "#map", onclick: jump(() => document.querySelector("#map canvas")) }, t("skip.map")),
  );
}

function keepPermalink({ map, layers, state }) {
  const write = () =>
    writePermalink({
      view: { zoom: map.getZoom(), center: map.getCenter(), bearing: map.getBearing(), pitch: map.getPitch() },
      site_id: state.get("site")?.site_id,
      scenario_id: state.get("scenario")?.scenario_id,
      workplace: state.get("workplace"),
      camera_id: state.get("camera_id"),
      language: getLanguage(),
      layers: layers
        .list()
        .filter((each) => each.on && !each.definition.hidden)
        .map(({ id, opacity, definition }) => ({
          id,
          opacity: opacity === (definition.opacity ?? 1) ? null : opacity,
        })),
    });
  map.on("moveend", write);
  layers.addEventListener("change", write);
  state.watch(["site", "scenario", "workplace", "camera_id"], write);
}
