// The plans of a site: choose one, rename or delete it, take its GPX tracks and cards.

import { api, download } from "../core/api.js";
import { el, fill, icon } from "../core/dom.js";
import { moment } from "../core/format.js";
import { t } from "../core/i18n.js";
import { askFor, confirmAction } from "../ui/dialogs.js";
import { button, selectField, textField } from "../ui/fields.js";
import { report, showEmpty, showFailed, showLoading } from "../ui/notices.js";

/** Make the list; `choose(plan | null)` is told which plan was chosen, as the server tells it in short. */
export function makePlans(context, { choose }) {
  const element = el("div", { class: "stack" });
  let plans = [];
  let chosen = null;

  /** Read the list; the plan of a result is chosen, or the one with an id, or the newest. */
  async function load({ plan_id = null, result_id = null } = {}) {
    if (!plans.length) fill(element, showLoading());
    try {
      ({ plans } = await api.get(`/sites/${context.site().site_id}/patrol-plans?limit=200`));
    } catch (error) {
      fill(
        element,
        showFailed(error, () => load({ plan_id, result_id })),
      );
      return;
    }
    const asked = plans.find((each) => each.plan_id === plan_id || each.result_id === result_id);
    const wanted = asked ?? plans[0] ?? null; // the newest comes first
    draw(wanted);
    take(wanted);
  }

  function take(plan) {
    chosen = plan;
    choose(plan);
  }

  function draw(plan) {
    if (!plan) {
      fill(element, showEmpty(t("dispatch.none")));
      return;
    }
    const pick = selectField({
      name: "plan",
      label: t("dispatch.plan"),
      value: String(plan.plan_id),
      options: plans.map((each) => [String(each.plan_id), each.name]),
      onchange: (id) => take(plans.find((each) => String(each.plan_id) === id)),
    });
    fill(
      element,
      pick.element,
      el("p", { class: "hint" }, t("dispatch.made", { moment: moment(plan.made_at) })),
      el(
        "div",
        { class: "toolbar" },
        button(t("dispatch.gpx"), () => save("gpx", "tracks.zip"), { picture: icon("download") }),
        button(t("dispatch.cards"), () => save("cards", "cards.zip"), { picture: icon("print") }),
        button(t("dispatch.rename_action"), rename, { picture: icon("pencil"), kind: "quiet" }),
        button(t("action.delete"), remove, { picture: icon("trash"), kind: "quiet" }),
      ),
    );
  }

  const save = (what, fallback) => download(`/patrol-plans/${chosen.plan_id}/${what}`, fallback).catch(report);

  async function rename() {
    const field = textField({
      name: "name",
      label: t("dispatch.name"),
      value: chosen.name,
      required: true,
      maxLength: 120,
    });
    const send = ({ name }) => api.patch(`/patrol-plans/${chosen.plan_id}`, { name, version: chosen.version });
    const changed = await askFor({
      title: t("dispatch.rename"),
      fields: [field],
      action: t("dispatch.rename_action"),
      save: send,
    });
    if (changed) await load({ plan_id: chosen.plan_id });
  }

  async function remove() {
    const sure = await confirmAction({
      title: t("dispatch.delete"),
      text: t("dispatch.delete_text", { name: chosen.name }),
      action: t("action.delete"),
      danger: true,
    });
    if (!sure) return;
    try {
      await api.delete(`/patrol-plans/${chosen.plan_id}`, { version: chosen.version });
      plans = [];
      await load();
    } catch (error) {
      report(error);
    }
  }

  return { element, load };
}
