// The page's words, in the language that is chosen.

const WORDS = await (await fetch("words.json")).json();
let lang = "en";

export const language = () => lang;

export function choose(asked) {
  const wished = asked || navigator.language || "en";
  lang = wished.toLowerCase().startsWith("zh") ? "zh" : "en";
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
}

// The text of a key, with values in the places that have names.
export function say(key, values = {}) {
  const shown = (value) => (typeof value === "number" ? count(value) : (value ?? ""));
  return (WORDS[lang][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => shown(values[name]));
}

export const has = (key) => key in WORDS.en;

export const count = (number) => number.toLocaleString(lang === "zh" ? "zh-CN" : "en", { maximumFractionDigits: 3 });

export function translate() {
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = say(element.dataset.word);
  for (const element of document.querySelectorAll("[data-word-label]")) {
    element.setAttribute("aria-label", say(element.dataset.wordLabel));
  }
}
