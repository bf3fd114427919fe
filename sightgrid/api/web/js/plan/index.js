// The work place Plan: scenarios, cameras in hand, coverage, placement, comparison, drawing, files.

import { api } from "../core/api.js";
import { el, icon, settle } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { button } from "../ui/fields.js";
import { confirmAction } from "../ui/dialogs.js";
import { toast } from "../ui/notices.js";
import { makeSection } from "../ui/section.js";
import { makeCameraForm, makeSavingBar } from "./camera_form.js";
import { ComparisonSection } from "./comparison.js";
import { resolveConflict } from "./conflict.js";
import { makeCoverageSection } from "./coverage.js";
import { DrawingSection } from "./drawing.js";
import { Editor } from "./editor.js";
import { makeFilesSection } from "./files.js";
import { Handles } from "./handles.js";
import { listenToKeys } from "./keys.js";
import { PlacementSection } from "./placement.js";
import { Preview } from "./preview.js";
import { Saver } from "./saver.js";
import { Scenarios } from "./scenarios.js";
import { snapToPost } from "./posts.js";

const REFRESH_MS = 800;

let ends = [];

/** Show the work place. */
function mount(panel, context) {
  const { state, map, layers, clicks } = context;
  const saver = new Saver({ resolve: resolveConflict });
  const preview = new Preview(context);
  const scenarios = new Scenarios(context, { leave: () => settled() });
  let entering = false;

  async function ensureScenario() {
    if (context.scenario()) return context.scenario();
    entering = true;
    try {
      return await scenarios.add(null, t("scenario.first"));
    } finally {
      entering = false;
    }
  }

  const editor = new Editor(context, { saver, preview, ensureScenario });
  const handles = new Handles(context, editor);
  const close = () => state.set({ camera_id: null });

  /** Wait until all is saved; false if the planner wants to go on editing. */
  async function settled() {
    if (saver.busy)
      await new Promise((done) => {
        saver.addEventListener("change", done, { once: true });
        setTimeout(done, 3000);
      });
    while (saver.state === "saving")
      await new Promise((done) => {
        setTimeout(done, 50);
      });
    if (!saver.busy) return true;
    const text = t("plan.unsaved_text");
    if (!(await confirmAction({ title: t("plan.unsaved"), text, action: t("plan.discard"), danger: true })))
      return false;
    await editor.discard();
    return true;
  }

  const adding = makeAdding(context, editor);
  const form = makeCameraForm(editor, { close });
  const bar = makeSavingBar(editor, { retry: () => saver.retry(), discard: () => editor.discard() });
  const coverage = makeCoverageSection(context, { settled });
  const refresh = settle(() => refreshScenario(context).catch(context.report), REFRESH_MS);
  const written = () => {
    layers.refresh("cameras");
    refresh();
  };
  const placement = new PlacementSection(context, { editor, settled, ensureScenario, refresh: written });
  const comparison = new ComparisonSection(context, { scenarios, settled });
  const drawing = new DrawingSection(context);
  const tools = el("div", { class: "plan-bar" }, adding.element, bar);
  panel.append(
    scenarios.element,
    tools,
    form.element,
    coverage.element,
    placement.element,
    comparison.element,
    drawing.element,
    makeFilesSection(context, { settled }).element,
    makeKeysSection(),
  );

  const draw = () => {
    const ids = new Set([...saver.unsaved.keys(), ...(editor.camera ? [editor.camera.id] : [])]);
    layers.hideFeatures("cameras", [...ids]);
  };
  editor.addEventListener("change", draw);
  saver.addEventListener("written", written);
  saver.addEventListener("change", draw);
  const warn = (event) => {
    if (saver.busy) event.preventDefault();
  };
  addEventListener("beforeunload", warn);
  let pointedAt = null;
  ends = [
    () => removeEventListener("beforeunload", warn),
    clicks.claim((event, found) => {
      if (drawing.active) return false;
      if (adding.take(event)) return true;
      if (found?.definition.id !== "cameras" || found.feature.properties.count) return false;
      pointedAt = String(found.feature.properties.id);
      clicks.close();
      state.set({ camera_id: pointedAt });
      return true;
    }),
    state.watch(["camera_id"], async ({ camera_id }) => {
      await editor.select(camera_id);
      if (camera_id && camera_id === editor.camera?.id)
        context.announce(t("camera.selected", { name: editor.camera.properties.name || camera_id }));
      if (camera_id && camera_id !== pointedAt) form.focus();
      pointedAt = null;
    }),
    state.watch(["site", "scenario"], async (now, before) => {
      const same =
        now.site?.site_id === before.site?.site_id && now.scenario?.scenario_id === before.scenario?.scenario_id;
      if (same) return;
      editor.enter({ keep: entering });
      if (!entering) await editor.select(state.get("camera_id"));
    }),
    listenToKeys(editor, {
      adding,
      close: () => {
        if (adding.active) adding.cancel();
        else if (drawing.active) drawing.cancel();
        else close();
      },
    }),
    () => [saver, scenarios, coverage, placement, comparison, drawing].forEach((each) => each.end()),
    () => {
      handles.end();
      preview.end();
      layers.hideFeatures("cameras", []);
      adding.cancel();
    },
  ];
  if (context.site()) {
    editor.enter();
    editor.select(state.get("camera_id"));
  }
  map.getCanvas().setAttribute("aria-describedby", "plan-keys");
}

/** After a change: what is known of the scenario, and whether results still hold. */
async function refreshScenario(context) {
  const scenario = context.scenario();
  if (!scenario) return;
  const fresh = await api.get(`/scenarios/${scenario.scenario_id}`);
  if (context.scenario()?.scenario_id !== fresh.scenario_id) return;
  context.state.set({ scenario: fresh });
  await context.reloadResults();
}

/** Adding a camera with a click on the map, on a post if one is there. */
function makeAdding(context, editor) {
  const start = button(t("camera.add"), () => (adding.active ? adding.cancel() : adding.begin()), {
    picture: icon("plus"),
    kind: "primary",
    hint: "N",
  });
  const adding = {
    element: start,
    active: false,
    begin() {
      adding.active = true;
      start.setAttribute("aria-pressed", "true");
      context.layers.show("posts");
      context.map.getCanvas().classList.add("adding");
      toast(t("camera.add_hint"));
    },
    cancel() {
      adding.active = false;
      start.removeAttribute("aria-pressed");
      context.map.getCanvas().classList.remove("adding");
    },
    /** Put it into the middle of the map: for who cannot point. */
    place() {
      adding.cancel();
      editor.add(context.map.getCenter().toArray());
    },
    take(event) {
      if (!adding.active) return false;
      adding.cancel();
      const { coordinates, properties } = snapToPost(context.map, event);
      editor.add(coordinates, properties);
      return true;
    },
  };
  return adding;
}

function makeKeysSection() {
  const keys = [
    ["/", "keys.search"],
    ["N", "keys.add"],
    ["← ↑ → ↓", "keys.move"],
    ["Shift", "keys.shift"],
    ["[ ]", "keys.turn"],
    ["Del", "keys.delete"],
    ["Esc", "keys.close"],
    ["Ctrl+Z", "keys.undo"],
    ["Ctrl+Shift+Z", "keys.redo"],
  ];
  const list = el(
    "dl",
    { class: "keys", id: "plan-keys" },
    keys.flatMap(([key, words]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, t(words))]),
  );
  return makeSection({ title: t("keys.title"), id: "keys" }, list).element;
}

/** Leave the work place. */
function unmount() {
  ends.forEach((end) => end());
  ends = [];
}

export const workplace = { id: "plan", title: "tab.plan", route: "list_scenarios", mount, unmount };
