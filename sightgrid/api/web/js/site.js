// A site as the page shows it: the site, one of its scenarios or none, and the newest results of each kind.

import { api, link } from "./core/api.js";

const MOST_RESULTS = 100;

/** Read a site with a scenario and results; a scenario that is not there any more is left out. */
export async function openSite(context, { site_id, scenario_id }) {
  const site = await api.get(`/sites/${site_id}`);
  let scenario = null;
  if (scenario_id !== null && context.may("show_scenario")) {
    scenario = await api.get(`/scenarios/${scenario_id}`).catch((error) => {
      if (error.status !== 404) throw error;
      return null;
    });
    if (scenario && scenario.site_id !== site_id) scenario = null;
  }
  return { site, scenario, results: await readResults(context, site, scenario) };
}

/**
 * Return the newest result of each kind, with its layers. Where the scenario has none, that of the site stands in: it
 * says what the cameras see that the scenario leaves alone.
 */
export async function readResults(context, { site_id }, scenario) {
  const path = `/sites/${site_id}/results`;
  const scenario_id = scenario?.scenario_id ?? null;
  const lists = await Promise.all([
    api.get(link(path, { limit: MOST_RESULTS })),
    scenario ? api.get(link(path, { limit: MOST_RESULTS, scenario_id })) : { results: [] },
  ]);
  const newest = {};
  for (const each of lists.flatMap((list) => list.results)) {
    if (each.scenario_id !== scenario_id && each.scenario_id !== null) continue;
    const before = newest[each.kind];
    const own = each.scenario_id === scenario_id;
    const ownBefore = before && before.scenario_id === scenario_id;
    if (!before || (own && !ownBefore) || (own === ownBefore && each.result_id > before.result_id))
      newest[each.kind] = each;
  }
  const found = await Promise.all(Object.values(newest).map((each) => api.get(`/results/${each.result_id}`)));
  return Object.fromEntries(found.map((each) => [each.kind, each]));
}
