// The shift on a line of time: a slider that moves the units on the map, and a row for each unit: what it does when.

import { el, fill, icon } from "../core/dom.js";
import { getLanguage, t, word } from "../core/i18n.js";
import { iconButton, selectField } from "../ui/fields.js";
import { doingAt, placeAt } from "./tracks.js";

const PACES = [60, 300, 1200]; // seconds of the shift in one second
const STEP_S = 30;

/** Make the timeline; `move(features, at)` is told where units are, `choose(visit, unit)` what was chosen. */
export function makeTimeline({ move, choose }) {
  const clock = el("output", { class: "clock" });
  const slider = el("input", {
    type: "range",
    min: 0,
    step: STEP_S,
    class: "scrubber",
    "aria-label": t("dispatch.time"),
  });
  const pace = selectField({
    name: "pace",
    label: t("dispatch.pace"),
    value: String(PACES[1]),
    options: PACES.map((each) => [String(each), `× ${each}`]),
  });
  const play = iconButton(t("dispatch.play"), icon("play"), () => (running ? stop() : start()));
  const hand = el("div", { class: "hand", "aria-hidden": "true" });
  const rows = el("div", { class: "timeline-rows", role: "list" });
  const element = el(
    "div",
    { class: "timeline" },
    el("div", { class: "row" }, play, clock, pace.element),
    slider,
    rows,
  );
  let plan = null;
  let colours = new Map();
  let running = 0;

  slider.addEventListener("input", () => show(slider.valueAsNumber));

  function say(at) {
    return sayTime(plan, at);
  }

  function show(at) {
    clock.textContent = say(at);
    slider.setAttribute("aria-valuetext", say(at));
    hand.style.left = `${(100 * at) / plan.length_s}%`;
    const features = [];
    for (const unit of plan.units) {
      const point = placeAt(unit, at);
      if (!point) continue;
      const visit = doingAt(unit, at);
      features.push({
        type: "Feature",
        geometry: { type: "Point", coordinates: point },
        properties: { unit_id: unit.unit_id, doing: visit ? tell(visit) : t("doing.travel") },
      });
    }
    move(features, at);
  }

  function start() {
    if (!plan) return;
    let last = performance.now();
    if (slider.valueAsNumber >= plan.length_s) slider.value = 0;
    let at = slider.valueAsNumber;
    const step = (now) => {
      at += ((now - last) / 1000) * Number(pace.read());
      last = now;
      slider.value = Math.min(at, plan.length_s);
      show(Math.min(at, plan.length_s));
      if (at >= plan.length_s) stop();
      else running = requestAnimationFrame(step);
    };
    running = requestAnimationFrame(step);
    label("stop", "dispatch.pause");
  }

  function stop() {
    cancelAnimationFrame(running);
    running = 0;
    label("play", "dispatch.play");
  }

  function label(picture, words) {
    fill(play, icon(picture));
    play.setAttribute("aria-label", t(words));
    play.title = t(words);
  }

  function drawRow(unit) {
    const bars = unit.visits
      .filter((visit) => visit.to > visit.from && visit.what !== "start" && visit.what !== "end")
      .map((visit) => {
        const bar = el("button", {
          class: `bar bar-${visit.what}`,
          type: "button",
          title: `${say(visit.from)} ${tell(visit)}`,
          "aria-label": `${unit.unit_id}, ${say(visit.from)}, ${tell(visit)}`,
          tabIndex: -1,
          onclick: () => {
            seek(visit.from);
            choose(visit, unit);
          },
        });
        bar.style.left = `${(100 * visit.from) / plan.length_s}%`;
        bar.style.width = `${Math.max(0.4, (100 * (visit.to - visit.from)) / plan.length_s)}%`;
        if (visit.what === "visit") bar.style.background = colours.get(unit.unit_id);
        return bar;
      });
    const track = el("div", { class: "track" }, bars);
    const name = el("span", { class: "track-name" }, el("i", { class: "swatch" }), unit.unit_id);
    name.firstChild.style.background = colours.get(unit.unit_id);
    return el("div", { class: "track-row", role: "listitem" }, name, track);
  }

  function drawHours() {
    const marks = [];
    const hour = 3600;
    const first = Math.ceil(plan.start / 1000 / hour) * hour - plan.start / 1000;
    const every = plan.length_s > 6 * hour ? 2 * hour : hour;
    for (let at = first; at < plan.length_s; at += every) {
      const mark = el("span", { class: "hour" }, say(at));
      mark.style.left = `${(100 * at) / plan.length_s}%`;
      marks.push(mark);
    }
    return el(
      "div",
      { class: "track-row hours", "aria-hidden": "true" },
      el("span", { class: "track-name" }),
      el("div", { class: "track" }, marks, hand),
    );
  }

  function seek(at) {
    stop();
    slider.value = at;
    show(at);
  }

  return {
    element,
    /** Show a plan (tracks.js) whose units have these colours. */
    open(given, unitColours) {
      stop();
      plan = given;
      colours = unitColours;
      slider.max = Math.ceil(plan.length_s / STEP_S) * STEP_S;
      slider.value = 0;
      fill(rows, drawHours(), plan.units.map(drawRow));
      show(0);
    },
    seek,
    end: stop,
  };
}

/** Return the time of day, in the zone of the plan, `at` seconds after its start. */
export function sayTime(plan, at) {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zoneOf(plan.clock) };
  return new Date(plan.start + 1000 * at).toLocaleTimeString(getLanguage(), options);
}

/** Return the time zone of a plan if the browser knows it; else times are those of the reader's clock. */
function zoneOf(name) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return name || undefined;
  } catch {
    return undefined;
  }
}

/** Say what a unit does during a visit. */
export function tell(visit) {
  const what = word("doing", visit.what);
  return visit.what === "visit" ? visit.name || visit.stop_id : what;
}
