// What the page shows, as one value: from a link, and back into it.

const fetched = async (name) => (await fetch(name)).json();
export const CHOICES = await fetched("choices.json");
export const PRESETS = await fetched("presets.json");
export const LIMITS = CHOICES.limits;

export const DEFAULTS = PRESETS.defaults;
const PLAIN = Object.keys(DEFAULTS).filter((name) => name !== "layers" && name !== "added");

export const copy = (state) => structuredClone(state);

// The choice that is nearest to a number, or null for text that is none.
function nearest(choices, text) {
  const number = Number(text);
  if (text.trim() === "" || Number.isNaN(number)) return null;
  return choices.reduce((best, choice) => (Math.abs(choice - number) < Math.abs(best - number) ? choice : best));
}

function chosen(name, text, fallback, faults) {
  const choices = CHOICES[name];
  const exact = choices.find((choice) => String(choice) === text);
  if (exact !== undefined) return exact;
  faults.push(name);
  const near = typeof choices[0] === "number" ? nearest(choices, text) : null;
  return near === null ? fallback : near;
}

function layersOf(text, faults) {
  if (text === "none") return [];
  const parts = text.split("-");
  const most = Math.max(...CHOICES.layers);
  if (parts.length > most) faults.push("layers");
  return parts.slice(0, most).map((part, i) => {
    const [units, activation = ""] = part.split(".", 2);
    const found = [];
    const layer = [chosen("units", units, 4, found), chosen("activation", activation, "tanh", found)];
    faults.push(...found.map((name) => `${name} ${i + 1}`));
    return layer;
  });
}

function addedOf(text, faults) {
  const points = text.split("*").map((part) => part.split("_").map(Number));
  const isNear = (x) => Math.abs(x) <= LIMITS.range;
  const isPoint = ([x1, x2, label]) => isNear(x1) && isNear(x2) && (label === 0 || label === 1);
  const good = points.filter((point) => point.length === 3 && isPoint(point));
  if (good.length < points.length || good.length > LIMITS.added) faults.push("added");
  return good.slice(0, LIMITS.added);
}

// The state of a link's query, and the names of what it has had to change, followed by the layer if there is one.
export function fromQuery(query) {
  const state = copy(DEFAULTS);
  const faults = [];
  const given = new URLSearchParams(query);
  for (const name of PLAIN) {
    if (given.has(name)) state[name] = chosen(name, given.get(name), DEFAULTS[name], faults);
  }
  if (given.has("layers")) state.layers = layersOf(given.get("layers"), faults);
  if (given.has("added")) state.added = addedOf(given.get("added"), faults);
  return { state, faults: [...new Set(faults)] };
}

// The query of a link: what differs from the defaults.
export function toQuery(state, lang) {
  const query = new URLSearchParams();
  for (const name of PLAIN) if (state[name] !== DEFAULTS[name]) query.set(name, state[name]);
  const layers = state.layers.map((layer) => layer.join(".")).join("-") || "none";
  if (layers !== DEFAULTS.layers.map((layer) => layer.join(".")).join("-")) query.set("layers", layers);
  if (state.added.length) query.set("added", state.added.map((point) => point.join("_")).join("*"));
  if (lang) query.set("lang", lang);
  return query.toString();
}
