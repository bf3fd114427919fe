// Adding a site from a file.

import { api } from "../core/api.js";
import { icon } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { askFor } from "./dialogs.js";
import { button, fileField, textField } from "./fields.js";
import { toast } from "./notices.js";

/** Make the button that adds a site; null for who may not. */
export function addSiteButton(context) {
  if (!context.may("add_site")) return null;
  return button(t("site.add"), () => addSite(), { picture: icon("upload"), kind: "primary" });
}

async function addSite() {
  const name = textField({ name: "name", label: t("field.name"), maxLength: 200, required: true });
  const file = fileField({
    name: "file",
    label: t("files.file"),
    accept: ".gpkg",
    hint: t("site.file_hint"),
  });
  const save = (values) => {
    const form = new FormData();
    form.set("name", values.name);
    form.set("file", values.file);
    return api.post("/sites", form);
  };
  const site = await askFor({ title: t("site.add"), fields: [name, file], action: t("site.add"), save });
  if (!site) return;
  toast(t("site.added", { name: site.name }), { kind: "ok" });
  location.hash = `site=${site.site_id}`;
  location.reload();
}
