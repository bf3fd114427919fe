// Files in and out: layers from other programs, and layers for them.

import { api, download, link } from "../core/api.js";
import { el, icon } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { askFor } from "../ui/dialogs.js";
import { button, choicesField, fileField, selectField } from "../ui/fields.js";
import { toast } from "../ui/notices.js";
import { makeSection } from "../ui/section.js";
import { addSiteButton } from "../ui/sites.js";

const FORMATS = ["gpkg", "geojson", "csv", "kml"];
const ACCEPTED = ".gpkg,.geojson,.json,.csv,.kml,.kmz,.zip,.parquet";

const nameLayer = (layer) => [layer, t(`layer.${layer}`)];

/** Make the section; `settled()` resolves when all edits are saved. */
export function makeFilesSection(context, { settled }) {
  const { edit } = context.session.permissions;
  const buttons = [
    context.may("import_layer") &&
      edit.length > 0 &&
      button(t("files.import"), () => importLayer(context, settled), { picture: icon("upload") }),
    context.may("export_layers") &&
      button(t("files.export"), () => exportLayers(context, settled), { picture: icon("download") }),
    addSiteButton(context),
  ].filter(Boolean);
  buttons.forEach((each) => each.classList.remove("primary"));
  const part = makeSection(
    { title: t("files.title"), id: "files" },
    el("p", { class: "hint" }, t("files.hint")),
    el("div", { class: "toolbar" }, buttons),
  );
  return { element: part.element };
}

async function importLayer(context, settled) {
  if (!(await settled())) return;
  const { site_id } = context.site();
  const scenario = context.scenario();
  const layer = selectField({
    name: "layer",
    label: t("files.layer"),
    value: "cameras",
    options: context.session.permissions.edit.map(nameLayer),
  });
  const mode = selectField({
    name: "mode",
    label: t("files.mode"),
    value: "add",
    options: [
      ["add", t("files.add")],
      ["replace", t("files.replace")],
    ],
  });
  const file = fileField({ name: "file", label: t("files.file"), accept: ACCEPTED, hint: t("files.accepted") });
  const into =
    scenario &&
    selectField({
      name: "into",
      label: t("files.into"),
      value: "scenario",
      hint: t("files.into_hint"),
      options: [
        ["scenario", t("files.into_scenario", { name: scenario.name })],
        ["site", t("files.into_site")],
      ],
    });
  const save = (values) => {
    const form = new FormData();
    form.set("file", values.file);
    form.set("mode", values.mode);
    if (values.layer === "cameras" && values.into === "scenario") form.set("scenario_id", scenario.scenario_id);
    return api.post(`/sites/${site_id}/layers/${values.layer}`, form);
  };
  const fields = [layer, mode, ...(into ? [into] : []), file];
  const told = await askFor({ title: t("files.import"), fields, action: t("files.import"), save });
  if (!told) return;
  const count = told.imported ?? told.rows ?? told.count ?? 0;
  toast([t("files.imported", { count }), ...(told.notes ?? []).slice(0, 3)].join(" · "), { kind: "ok" });
  await context.reload();
  await context.layers.refresh(layer.read());
}

async function exportLayers(context, settled) {
  if (!(await settled())) return;
  const { site_id, name } = context.site();
  const scenario = context.scenario();
  const layers = choicesField({
    name: "layers",
    label: t("files.layers"),
    chosen: ["cameras"],
    options: context.session.permissions.read.map(nameLayer),
  });
  const format = selectField({
    name: "format",
    label: t("files.format"),
    value: "gpkg",
    options: FORMATS.map((each) => [each, t(`files.${each}`)]),
  });
  const save = async (values) => {
    if (!values.layers.length) throw new Error(t("files.choose_layer"));
    const query = { layers: values.layers.join(","), format: values.format, scenario_id: scenario?.scenario_id };
    await download(link(`/sites/${site_id}/export`, query), `${name}.${values.format}`);
    return true;
  };
  const note = scenario ? t("files.export_scenario", { name: scenario.name }) : undefined;
  await askFor({ title: t("files.export"), fields: [layers, format], action: t("files.export"), save, note });
}
