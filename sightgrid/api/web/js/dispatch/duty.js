// Asking for a new plan: which shift, who is on duty, and then the search for routes.

import { el, fill, icon } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { button, iconButton, numberField, selectField, textField } from "../ui/fields.js";
import { makeRunner } from "../ui/jobs.js";
import { makeSection } from "../ui/section.js";

const SPEEDS_KPH = { foot: 4.5, bicycle: 14, car: 35 };
const modes = () => Object.keys(SPEEDS_KPH).map((each) => [each, t(`mode.${each}`)]);
const two = (value) => String(value).padStart(2, "0");

/** Make the section; `done(job)` is called when a plan was made. */
export function makeDuty(context, { done }) {
  const now = new Date();
  const tomorrow = new Date(now.getTime() + 86_400_000);
  const day = `${tomorrow.getFullYear()}-${two(tomorrow.getMonth() + 1)}-${two(tomorrow.getDate())}`;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const name = textField({
    name: "name",
    label: t("dispatch.name"),
    value: t("dispatch.name_default", { day }),
    required: true,
    maxLength: 120,
  });
  const date = textField({ name: "date", label: t("dispatch.date"), value: day, type: "date", required: true });
  const from = textField({ name: "from", label: t("dispatch.from"), value: "08:00", type: "time", required: true });
  const to = textField({ name: "to", label: t("dispatch.to"), value: "16:00", type: "time", required: true });
  const timeZone = textField({ name: "zone", label: t("dispatch.zone"), value: zone, required: true, maxLength: 64 });
  const seconds = numberField({
    name: "seconds",
    label: t("dispatch.seconds"),
    unit: "s",
    value: 12,
    min: 1,
    max: 600,
    required: true,
  });
  const counts = Object.keys(SPEEDS_KPH).map((mode) =>
    numberField({
      name: mode,
      label: t(`mode.${mode}`),
      value: mode === "foot" ? 4 : mode === "car" ? 2 : 0,
      min: 0,
      max: 100,
      step: 1,
      required: true,
    }),
  );
  const who = selectField({
    name: "who",
    label: t("dispatch.who"),
    value: "counts",
    options: [
      ["counts", t("dispatch.by_counts")],
      ["units", t("dispatch.by_units")],
    ],
    onchange: () => draw(),
  });
  const people = el("div", { class: "stack" });
  const units = [];
  let endPick = null;

  function draw() {
    const byUnits = who.read() === "units";
    if (byUnits && !units.length) addUnit();
    fill(
      people,
      byUnits
        ? [
            units.map((each) => each.element),
            button(
              t("dispatch.add_unit"),
              () => {
                addUnit();
                draw();
              },
              { picture: icon("plus"), kind: "quiet" },
            ),
          ]
        : [
            el(
              "div",
              { class: "row" },
              counts.map((each) => each.element),
            ),
            el("p", { class: "hint" }, t("dispatch.counts_hint")),
          ],
    );
  }

  function addUnit() {
    const center = context.map.getCenter();
    const number = units.length + 1;
    const unit = { point: [center.lng, center.lat] };
    const sign = textField({
      name: "unit_id",
      label: t("field.call_sign"),
      value: `U-${number}`,
      required: true,
      maxLength: 64,
    });
    const speed = numberField({
      name: "speed_kph",
      label: t("field.speed_kph"),
      unit: "km/h",
      value: SPEEDS_KPH.foot,
      min: 1,
      max: 200,
      required: true,
    });
    const mode = selectField({
      name: "mode",
      label: t("field.mode"),
      value: "foot",
      options: modes(),
      onchange: (chosen) => speed.write(SPEEDS_KPH[chosen]),
    });
    const where = el("output", { class: "hint" });
    const tellPlace = () => {
      where.textContent = t("dispatch.depot_at", { lat: unit.point[1].toFixed(5), lon: unit.point[0].toFixed(5) });
    };
    const pick = button(
      t("dispatch.pick"),
      () => {
        endPick?.();
        context.announce(t("dispatch.pick_hint"));
        where.textContent = t("dispatch.pick_hint");
        endPick = context.clicks.claim((event) => {
          unit.point = [event.lngLat.lng, event.lngLat.lat];
          tellPlace();
          endPick();
          endPick = null;
          return true;
        });
      },
      { picture: icon("point"), kind: "quiet" },
    );
    const remove = iconButton(t("dispatch.remove_unit"), icon("trash"), () => {
      units.splice(units.indexOf(unit), 1);
      draw();
    });
    unit.fields = [sign, mode, speed];
    unit.read = () => ({
      unit_id: sign.read(),
      mode: mode.read(),
      speed_kph: speed.read(),
      lon: unit.point[0],
      lat: unit.point[1],
    });
    unit.element = el(
      "fieldset",
      { class: "unit" },
      el("legend", {}, t("dispatch.unit", { number })),
      el("div", { class: "row" }, sign.element, mode.element, speed.element),
      el("div", { class: "toolbar" }, pick, where, remove),
    );
    tellPlace();
    units.push(unit);
  }

  const inputs = async () => {
    const byUnits = who.read() === "units";
    const fields = [
      name,
      date,
      from,
      to,
      timeZone,
      seconds,
      ...(byUnits ? units.flatMap((each) => each.fields) : counts),
    ];
    if (!fields.every((each) => each.control.reportValidity())) return null;
    const scenario = context.scenario();
    return {
      site_id: context.site().site_id,
      ...(scenario ? { scenario_id: scenario.scenario_id } : {}),
      name: name.read(),
      shift: `${date.read()}T${from.read()}/${to.read()}`,
      zone: timeZone.read(),
      seconds: seconds.read(),
      ...(byUnits
        ? { units: units.map((each) => each.read()) }
        : { counts: Object.fromEntries(counts.map((each) => [each.name, each.read()])) }),
    };
  };
  const runner = makeRunner({ process: "patrol", label: t("dispatch.run"), inputs, done });
  const part = makeSection(
    { title: t("dispatch.new"), id: "duty", open: true },
    name.element,
    el("div", { class: "row" }, date.element, from.element, to.element),
    timeZone.element,
    who.element,
    people,
    seconds.element,
    runner.element,
  );
  draw();
  return {
    element: part.element,
    open: part.open,
    end: () => {
      endPick?.();
      runner.stop();
    },
  };
}
