// Drawing zones and places on the map: new ones, and the shapes and attributes of those that are there.

import {
  TerraDraw,
  TerraDrawMapLibreGLAdapter,
  TerraDrawPointMode,
  TerraDrawPolygonMode,
  TerraDrawSelectMode,
  ValidateNotSelfIntersecting,
} from "../../vendor/vendor.mjs";
import { el, fill, icon } from "../core/dom.js";
import { t, word } from "../core/i18n.js";
import { askFor, confirmAction } from "../ui/dialogs.js";
import { button, numberField, selectField, textField } from "../ui/fields.js";
import { explain, report, toast } from "../ui/notices.js";
import { makeSection } from "../ui/section.js";
import { resolveConflict } from "./conflict.js";
import { addItem, deleteItem, makeId, readItem, replaceItem, tidy } from "./records.js";

const RULES = ["private", "forbidden", "consent", "observable", "study"];
const DECIMALS = 1e7;

const trim = (part) => (typeof part === "number" ? Math.round(part * DECIMALS) / DECIMALS : part.map(trim));

function makeFields(layer, { name, rule, category, priority } = {}) {
  const title = textField({ name: "name", label: t("field.name"), maxLength: 200, value: name });
  if (layer === "zones") {
    return [
      title,
      selectField({
        name: "rule",
        label: t("field.rule"),
        value: rule ?? "private",
        options: RULES.map((each) => [each, word("rule", each)]),
      }),
    ];
  }
  return [
    title,
    textField({
      name: "category",
      label: t("field.category"),
      required: true,
      maxLength: 100,
      value: category ?? "",
      hint: t("draw.category_hint"),
    }),
    numberField({
      name: "priority",
      label: t("field.priority"),
      min: 1,
      max: 1000,
      step: 1,
      value: priority ?? 1,
      required: true,
    }),
  ];
}

export class DrawingSection {
  #context;
  #pen = null;
  #layer = null;
  #item = null;
  #bar = null;
  #unclaim = () => {};

  constructor(context) {
    this.#context = context;
    const { edit } = context.session.permissions;
    const buttons = [
      edit.includes("zones") &&
        button(t("draw.zone"), () => this.#start("zones", "polygon"), { picture: icon("polygon") }),
      edit.includes("places") &&
        button(t("draw.place_area"), () => this.#start("places", "polygon"), { picture: icon("polygon") }),
      edit.includes("places") &&
        button(t("draw.place"), () => this.#start("places", "point"), { picture: icon("point") }),
      edit.includes("zones") &&
        button(t("draw.edit_zone"), () => this.#choose("zones"), { picture: icon("pencil"), kind: "quiet" }),
      edit.includes("places") &&
        button(t("draw.edit_place"), () => this.#choose("places"), { picture: icon("pencil"), kind: "quiet" }),
    ].filter(Boolean);
    const part = makeSection(
      { title: t("draw.title"), id: "drawing" },
      el("p", { class: "hint" }, t("draw.hint")),
      el("div", { class: "toolbar" }, buttons),
    );
    this.element = part.element;
    this.element.hidden = !buttons.length;
  }

  get active() {
    return this.#bar !== null;
  }

  get #collection() {
    return `${this.#context.site().site_id}.${this.#layer}`;
  }

  #makePen() {
    const modes = [
      new TerraDrawPolygonMode({
        validation: (feature, { updateType }) =>
          updateType === "finish" || updateType === "commit" ? ValidateNotSelfIntersecting(feature) : { valid: true },
      }),
      new TerraDrawPointMode(),
      new TerraDrawSelectMode({
        flags: {
          polygon: { feature: { draggable: true, coordinates: { midpoints: true, draggable: true, deletable: true } } },
          point: { feature: { draggable: true } },
        },
      }),
    ];
    const pen = new TerraDraw({ adapter: new TerraDrawMapLibreGLAdapter({ map: this.#context.map }), modes });
    pen.start();
    return pen;
  }

  /** Draw a new shape. */
  #start(layer, mode) {
    this.cancel();
    this.#layer = layer;
    this.#pen = this.#makePen();
    this.#pen.setMode(mode);
    this.#pen.on("finish", (id) => this.#finish(id));
    this.#claimAll();
    this.#showBar(t(mode === "point" ? "draw.click_point" : "draw.click_corners"), []);
  }

  async #finish(id) {
    const shape = this.#pen?.getSnapshot().find((each) => each.id === id);
    if (!shape || this.#item) return;
    const title = t(this.#layer === "zones" ? "draw.zone" : "draw.place");
    const save = (values) =>
      addItem(this.#collection, {
        id: makeId(this.#layer === "zones" ? "zone" : "place"),
        geometry: { type: shape.geometry.type, coordinates: trim(shape.geometry.coordinates) },
        properties: values,
      });
    const added = await askFor({ title, fields: makeFields(this.#layer), action: t("action.save"), save });
    const layer = this.#layer;
    this.cancel();
    if (added) await this.#noteChange(layer, t("draw.saved"));
  }

  /** Let a shape of a layer be chosen with a click, to be changed. */
  #choose(layer) {
    this.cancel();
    this.#layer = layer;
    this.#context.layers.show(layer);
    this.#showBar(t(`draw.choose_${layer}`), []);
    this.#unclaim = this.#context.clicks.claim((event) => {
      const names = this.#context.map
        .getStyle()
        .layers.filter((each) => each.source === layer && each.type !== "symbol")
        .map((each) => each.id);
      const [feature] = this.#context.map.queryRenderedFeatures(
        [
          [event.point.x - 4, event.point.y - 4],
          [event.point.x + 4, event.point.y + 4],
        ],
        { layers: names },
      );
      if (feature) this.#edit(layer, String(feature.properties.id));
      return true;
    });
  }

  async #edit(layer, id) {
    try {
      this.#layer = layer;
      const item = await readItem(this.#collection, id);
      this.#unclaim();
      this.#context.layers.hideFeatures(layer, [id]);
      this.#item = item;
      this.#pen = this.#makePen();
      const mode = item.geometry.type === "Point" ? "point" : "polygon";
      const [added] = this.#pen.addFeatures([{ type: "Feature", geometry: item.geometry, properties: { mode } }]);
      if (!added.valid) throw new Error(t("draw.too_complex"));
      this.#pen.setMode("select");
      this.#pen.selectFeature(added.id);
      this.#claimAll();
      this.#showBar(t("draw.drag_corners"), [
        button(t("draw.attributes"), () => this.#askAttributes(), { kind: "quiet" }),
        button(t("action.delete"), () => this.#remove(), { kind: "danger" }),
        button(t("action.save"), () => this.#save(), { kind: "primary" }),
      ]);
    } catch (error) {
      this.cancel();
      report(error);
    }
  }

  async #askAttributes() {
    const fields = makeFields(this.#layer, this.#item.properties);
    const values = await askFor({ title: t("draw.attributes"), fields, action: t("word.ok"), save: (given) => given });
    if (values) Object.assign(this.#item.properties, values);
  }

  async #save(version = this.#item.version) {
    const [shape] = this.#pen.getSnapshot().filter((each) => ["polygon", "point"].includes(each.properties.mode));
    const mine = {
      ...this.#item,
      geometry: { type: shape.geometry.type, coordinates: trim(shape.geometry.coordinates) },
    };
    const layer = this.#layer;
    try {
      await replaceItem(this.#collection, mine, version);
      this.cancel();
      await this.#noteChange(layer, t("draw.saved"));
    } catch (error) {
      if (error.status !== 412) return report(error);
      const theirs = error.body.feature ? tidy(error.body.feature) : null;
      const choice = await resolveConflict({ id: mine.id, mine, theirs });
      if (choice === "mine") await this.#save(error.body.current);
      else if (choice === "theirs") {
        this.cancel();
        await this.#noteChange(layer, t("conflict.took_theirs"));
      }
    }
    return undefined;
  }

  async #remove() {
    const { id, version, properties } = this.#item;
    const layer = this.#layer;
    const text = t("draw.delete_text", { name: properties.name || id });
    if (!(await confirmAction({ title: t("action.delete"), text, action: t("action.delete"), danger: true }))) return;
    try {
      await deleteItem(this.#collection, id, version);
      this.cancel();
      await this.#noteChange(layer, t("draw.deleted"));
    } catch (error) {
      toast(explain(error), { kind: "error" });
    }
  }

  async #noteChange(layer, text) {
    toast(text, { kind: "ok" });
    await this.#context.layers.refresh(layer);
  }

  #claimAll() {
    this.#unclaim();
    this.#unclaim = this.#context.clicks.claim(() => true);
  }

  #showBar(text, buttons) {
    this.#bar?.remove();
    this.#bar = el(
      "div",
      { class: "card draw-bar", role: "group", "aria-label": t("draw.title") },
      el("span", {}, text),
      buttons,
      button(t("action.cancel"), () => this.cancel(), { kind: "quiet" }),
    );
    this.#context.stage.append(this.#bar);
    this.#context.announce(text);
  }

  /** Put the pen away. */
  cancel() {
    this.#unclaim();
    this.#unclaim = () => {};
    this.#pen?.stop();
    this.#pen = null;
    if (this.#item) this.#context.layers.hideFeatures(this.#layer, []);
    this.#item = null;
    this.#bar?.remove();
    this.#bar = null;
  }

  end() {
    this.cancel();
    fill(this.element);
  }
}
