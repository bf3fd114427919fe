// The header: site, search, language, account.

import { el, icon } from "../core/dom.js";
import { getLanguage, LANGUAGES, t } from "../core/i18n.js";
import { iconButton } from "./fields.js";
import { toast } from "./notices.js";
import { makeSearch } from "./search.js";
import { makeAccount } from "./signin.js";

/** Make the choice of language; the page starts again in it, at the same place. */
export function makeLanguageSwitch() {
  const choose = () => {
    localStorage.setItem("sightgrid.language", select.value);
    const hash = location.hash.replace(/(^#|&)lang=[^&]*/, "$1");
    location.hash = `${hash.replace(/^#/, "").replace(/&$/, "")}&lang=${select.value}`.replace(/^&/, "");
    location.reload();
  };
  const options = Object.entries(LANGUAGES).map(([value, { name }]) => el("option", { value, lang: value }, name));
  const select = el(
    "select",
    { class: "input language", "aria-label": t("header.language"), onchange: choose },
    options,
  );
  select.value = getLanguage();
  return select;
}

/** Make the header. `choose(site_id)` opens a site, `find` what a search has found. Returns {element, setSites}. */
export function makeHeader({ session, state, choose, find }) {
  const picker = el("select", {
    class: "input site-picker",
    "aria-label": t("header.site"),
    onchange: () => choose(Number(picker.value)),
  });
  const search = makeSearch({ site: () => state.get("site"), choose: find });
  const share = iconButton(t("header.link"), icon("link"), async () => {
    await navigator.clipboard?.writeText(location.href).catch(() => {});
    toast(t("header.copied"), { kind: "ok" });
  });
  const print = iconButton(t("header.print"), icon("print"), () => window.print());
  print.classList.add("wide-only");
  const element = el(
    "header",
    { class: "header" },
    el(
      "div",
      { class: "brand" },
      el("img", { src: "/web/icon.svg", alt: "", width: 26, height: 26 }),
      el("h1", {}, "sightgrid"),
    ),
    picker,
    search,
    el("div", { class: "header-tools" }, share, print, makeLanguageSwitch(), makeAccount(session)),
  );
  const setSites = (sites, site_id) => {
    picker.replaceChildren(...sites.map((each) => el("option", { value: each.site_id }, each.name)));
    picker.value = String(site_id ?? "");
    picker.disabled = !sites.length;
  };
  return { element, setSites };
}
