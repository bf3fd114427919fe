// Words in the language of the reader. A text is a string with {names}, or an object of plural forms.

import en from "../i18n/en.js";
import zh from "../i18n/zh.js";

export const LANGUAGES = { en: { words: en, name: "English" }, "zh-CN": { words: zh, name: "简体中文" } };

let language = "en";
let plurals = new Intl.PluralRules("en");

/** Return the language that is set: "en" or "zh-CN". */
export function getLanguage() {
  return language;
}

/** Set the language of the page. */
export function setLanguage(name) {
  language = name in LANGUAGES ? name : "en";
  plurals = new Intl.PluralRules(language);
  document.documentElement.lang = language;
}

/** Choose the language that was asked for, kept, or that the browser prefers. */
export function chooseLanguage(asked) {
  if (asked in LANGUAGES) return asked;
  const kept = localStorage.getItem("sightgrid.language");
  if (kept in LANGUAGES) return kept;
  return navigator.languages.some((each) => /^zh\b/i.test(each)) && !/^en\b/i.test(navigator.language) ? "zh-CN" : "en";
}

/** Return a text with its {names} filled in; a number given as `count` chooses the plural form. */
export function t(key, given = {}) {
  const found = LANGUAGES[language].words[key] ?? LANGUAGES.en.words[key];
  if (found === undefined) return key;
  const text = typeof found === "string" ? found : (found[plurals.select(given.count ?? 0)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = given[name];
    return value === undefined ? whole : typeof value === "number" ? value.toLocaleString(language) : String(value);
  });
}

/** Return the word for a value of the data ("kind.dome"), the value itself if there is none. */
export function word(group, value) {
  const key = `${group}.${value}`;
  return key in LANGUAGES.en.words ? t(key) : String(value);
}

/** Return a text of the server in the language of the reader: `{en, "zh-CN"}` or a plain string. */
export function pick(text) {
  if (text === null || text === undefined || typeof text === "string") return text ?? "";
  return text[language] ?? text[language.split("-")[0]] ?? text.en ?? Object.values(text)[0] ?? "";
}
