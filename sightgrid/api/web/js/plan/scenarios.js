// Scenarios: choose one, begin, copy, rename or delete one.

import { api } from "../core/api.js";
import { el, fill, icon } from "../core/dom.js";
import { moment } from "../core/format.js";
import { t } from "../core/i18n.js";
import { askFor, confirmAction } from "../ui/dialogs.js";
import { iconButton, textField } from "../ui/fields.js";
import { explain, report, toast } from "../ui/notices.js";
import { makeSection } from "../ui/section.js";

const MOST_NAME = 200;

export class Scenarios {
  #context;
  #picker = el("select", { class: "input", "aria-label": t("scenario.choose") });
  #note = el("p", { class: "hint" });
  #buttons;
  #end;
  list = [];

  /** `leave()` is asked before another scenario is chosen; it resolves with false to stay. */
  constructor(context, { leave }) {
    this.#context = context;
    this.#picker.addEventListener("change", async () => {
      const scenario_id = this.#picker.value === "" ? null : Number(this.#picker.value);
      if (await leave()) context.change({ scenario_id });
      else this.#show();
    });
    this.#buttons = {
      add: iconButton(t("scenario.add"), icon("plus"), () => this.add()),
      copy: iconButton(t("scenario.copy"), icon("copy"), () => this.add(context.scenario())),
      rename: iconButton(t("scenario.rename"), icon("pencil"), () => this.#rename()),
      remove: iconButton(t("scenario.delete"), icon("trash"), () => this.#remove()),
    };
    const part = makeSection(
      { title: t("scenario.title"), id: "scenario", open: true },
      el("div", { class: "scenario-row" }, this.#picker, Object.values(this.#buttons)),
      this.#note,
    );
    this.element = part.element;
    this.#end = context.state.watch(["site", "scenario"], ({ site, scenario }, before) => {
      if (site?.site_id !== before.site?.site_id) this.load();
      else if (scenario && !this.list.some((each) => each.scenario_id === scenario.scenario_id)) this.load();
      else this.#show();
    });
    this.load();
  }

  async load() {
    const site = this.#context.site();
    if (!site) return;
    try {
      const told = await api.get(`/sites/${site.site_id}/scenarios`);
      this.list = told.scenarios ?? told;
      this.#show();
    } catch (error) {
      fill(this.#note, el("span", { class: "fault" }, explain(error)));
    }
  }

  #show() {
    const scenario = this.#context.scenario();
    fill(
      this.#picker,
      el("option", { value: "" }, t("scenario.none")),
      this.list.map((each) => el("option", { value: each.scenario_id }, each.name)),
    );
    this.#picker.value = scenario?.scenario_id ?? "";
    for (const name of ["copy", "rename", "remove"]) this.#buttons[name].disabled = !scenario;
    const told = scenario
      ? [scenario.note, t("scenario.edited", { count: scenario.edited }), moment(scenario.changed_at)]
      : [t("scenario.none_hint")];
    this.#note.textContent = told.filter(Boolean).join(" · ");
  }

  /** Begin a scenario, empty or as a copy; resolves with it, null if it was given up. */
  async add(copied = null, note) {
    const { site_id } = this.#context.site();
    const name = textField({
      name: "name",
      label: t("field.name"),
      required: true,
      maxLength: MOST_NAME,
      value: this.#suggestName(copied),
    });
    const words = textField({ name: "note", label: t("scenario.note"), rows: 2, maxLength: 2000 });
    const save = async (values) => {
      const made = await api.post(`/sites/${site_id}/scenarios`, { ...values, copy_of: copied?.scenario_id });
      await this.load();
      await this.#context.change({ scenario_id: made.scenario_id, keepView: true });
      return made;
    };
    const title = copied ? t("scenario.copy") : t("scenario.add");
    const scenario = await askFor({ title, fields: [name, words], action: t("scenario.create"), save, note });
    if (scenario) toast(t("scenario.added", { name: scenario.name }), { kind: "ok" });
    return scenario;
  }

  #suggestName(copied) {
    if (copied) return t("scenario.copy_of", { name: copied.name }).slice(0, MOST_NAME);
    const taken = new Set(this.list.map((each) => each.name));
    for (let number = 1; ; number += 1) {
      const name = t("scenario.draft", { number });
      if (!taken.has(name)) return name;
    }
  }

  async #rename() {
    const scenario = this.#context.scenario();
    const name = textField({
      name: "name",
      label: t("field.name"),
      required: true,
      maxLength: MOST_NAME,
      value: scenario.name,
    });
    const note = textField({ name: "note", label: t("scenario.note"), rows: 2, maxLength: 2000, value: scenario.note });
    // edits of cameras count the version on as well: only this dialog's own fields are at stake
    const { version } = await api.get(`/scenarios/${scenario.scenario_id}`).catch((error) => {
      report(error);
      return {};
    });
    if (version === undefined) return;
    const save = async (values) => {
      this.#context.state.set({
        scenario: await api.patch(`/scenarios/${scenario.scenario_id}`, { ...values, version }),
      });
      await this.load();
      return true;
    };
    await askFor({ title: t("scenario.rename"), fields: [name, note], action: t("action.save"), save });
  }

  async #remove() {
    const scenario = this.#context.scenario();
    const yes = await confirmAction({
      title: t("scenario.delete"),
      text: t("scenario.delete_text", { name: scenario.name }),
      action: t("action.delete"),
      danger: true,
    });
    if (!yes) return;
    try {
      const { version } = await api.get(`/scenarios/${scenario.scenario_id}`);
      await api.delete(`/scenarios/${scenario.scenario_id}`, { version });
      await this.#context.change({ scenario_id: null, keepView: true });
      await this.load();
      toast(t("scenario.deleted", { name: scenario.name }), { kind: "ok" });
    } catch (error) {
      report(error);
    }
  }

  end() {
    this.#end();
  }
}
