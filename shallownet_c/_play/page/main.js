// The page: a change of a setting goes to the server, and what comes back is drawn.

import { box, list, nameOf, slider } from "./controls.js";
import { forward, layersOf, share } from "./net.js";
import * as pictures from "./pictures.js";
import { connect } from "./socket.js";
import { copy, DEFAULTS, fromQuery, LIMITS, PRESETS, toQuery } from "./state.js";
import { choose, count, has, language, say, translate } from "./words.js";

const by = (id) => document.getElementById(id);
const root = document.documentElement;

let asked = new URLSearchParams(location.search).get("lang");
const link = fromQuery(location.search);
let state = link.state;
let seq = 0; // of the newest request
let run = null; // the training that is shown: its points and its frames
let coming = null; // one whose points have come, and no frames yet
let before = null; // the costs of the run before this one
let cross = null; // where the keyboard would add a point
let notice = null; // what is wrong, to be said again in another language, and the request that it is about
let pending = false;
let csv = null; // the text of the CSV file, and whether the server has it from this connection
let csvSent = false;
let answered = false; // whether something has been trained to its end since the last attempt to connect again

const send = connect(receive, closed);

// A computer that has slept comes back to a closed connection, and the server is still there.
function closed(code, wasOpen) {
  csvSent = false;
  if (code === 1009) {
    csv = null;
    warn("too_large");
  } else if (wasOpen && answered) {
    answered = false;
    ask();
  } else warn("ended");
}

function warn(key, values = {}, about = seq) {
  notice = key ? { key, values, about } : null;
  by("notice").hidden = !key;
  const name = has(`name_${values.name}`) ? say(`name_${values.name}`) : values.name;
  by("notice").textContent = key ? say(key, { ...values, name }) : "";
}

// A change: train anew, and let the address follow.
function ask() {
  seq += 1;
  root.dataset.askedSeq = seq;
  send({ seq, state, ...(csv === null || csvSent ? {} : { csv }) });
  csvSent = true;
  follow();
}

let following = 0;
function follow() {
  clearTimeout(following);
  // Browsers refuse an address that changes too often.
  following = setTimeout(() => {
    const query = toQuery(state, asked);
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
    root.dataset.linked = query;
  }, 200);
}

function set(name, value) {
  state[name] = value;
  showPreset();
  ask();
}

// What the server has sent.

function receive({ header, numbers }) {
  answered ||= header.kind === "refused" || header.done === true;
  if (header.kind === "refused") {
    root.dataset.refusedSeq = header.seq;
    clearTimeout(speaking);
    run = blank(header.seq);
    coming = null;
    by("scrubber").max = 0;
    warn(header.code, header, header.seq);
    draw();
  } else if (header.kind === "run") {
    const [n, n_dev] = header.n;
    const cut = (from, to) => numbers.slice(from, to);
    const column = (from, m) => Float32Array.from({ length: m }, (_, i) => numbers[from + 2 * i]);
    const columns = (from, m) => [column(from, m), column(from + 1, m)];
    coming = {
      ...header,
      X: columns(0, n),
      y: cut(2 * n, 3 * n),
      X_dev: columns(3 * n, n_dev),
      y_dev: cut(3 * n + 2 * n_dev),
      at: [],
      cost: [],
      dev_cost: [],
      params: [],
      curves: {},
      drawn: 0,
      done: false,
    };
  } else if (header.kind === "frames") {
    if (coming) {
      if (run && run.done && !run.blank) before = { at: run.at, cost: run.cost, iterations: run.iterations };
      run = coming;
      coming = null;
      if (notice && notice.about < run.seq) warn(null);
    }
    take(header, numbers);
  } else if (header.kind === "curve" && run) {
    const line = (run.curves[header.name] ??= { at: [], cost: [] });
    line.at.push(...header.at);
    line.cost.push(...header.cost);
    root.dataset.curves = Object.values(run.curves).filter(({ at }) => at.at(-1) === run.iterations).length;
    draw();
  }
}

// What is shown where there is nothing to train on: an untrained network, and no points.
function blank(about) {
  const sizes = [2, ...state.layers.map(([units]) => units), 1];
  const n_params = sizes.slice(1).reduce((sum, n, l) => sum + n * (sizes[l] + 1), 0);
  const none = new Float32Array(0);
  return {
    seq: about,
    sizes,
    activations: [...state.layers.map(([, activation]) => activation), "sigmoid"],
    iterations: state.iterations,
    reach: 5,
    X: [none, none],
    y: none,
    X_dev: [none, none],
    y_dev: none,
    at: [0],
    cost: [null],
    dev_cost: [null],
    params: [new Float32Array(n_params)],
    curves: {},
    seconds: 0,
    done: true,
    blank: true,
  };
}

function take(header, numbers) {
  const size = header.at.length ? numbers.length / header.at.length : 0;
  header.at.forEach((at, i) => run.params.push(numbers.subarray(i * size, (i + 1) * size)));
  run.at.push(...header.at);
  run.cost.push(...header.cost);
  run.dev_cost.push(...header.dev_cost);
  run.done = header.done;
  run.seconds = header.seconds;
  run.diverged = header.diverged ?? null;
  if (run.diverged !== null) warn("diverged", { at: run.diverged }, run.seq);
  const scrubber = by("scrubber");
  scrubber.max = Math.max(0, run.at.length - 1);
  scrubber.value = scrubber.max;
  draw();
}

// What is drawn: at most once for each picture of the screen.

function draw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    if (run && run.params.length) drawNow();
  });
}

function drawNow() {
  const frame = Math.min(Number(by("scrubber").value), run.params.length - 1);
  const { sizes, activations, X, y, X_dev, y_dev, reach } = run;
  const params = run.params[frame];
  // Points of the grid in each direction: few enough for the picture to be there at once, more once it is at rest.
  const n = Math.max(24, Math.min(80, Math.round(Math.sqrt((run.done ? 2e7 : 2e6) / params.length))));
  const layers = forward(sizes, activations, params, pictures.grid(n, reach));
  // While a larger network is being trained, the region comes first, and all the rest with every fourth picture.
  const inHaste = !run.done && params.length > 400 && run.drawn++ % 4 < 3;
  const outputs = (columns) => forward(sizes, activations, params, columns).at(-1)[0];
  const [right, right_dev] = inHaste ? [null, null] : [share(outputs(X), y), share(outputs(X_dev), y_dev)];
  const shown = document.activeElement === by("region") ? cross : null;
  pictures.region(by("region"), { outputs: layers.at(-1)[0], n, reach, X, y, X_dev, y_dev, cross: shown });
  drawUnits(layers, n, sizes, activations, inHaste);
  if (!inHaste) pictures.network(by("net"), sizes, layersOf(sizes, params));
  drawCurve(frame);
  tell(frame, right, right_dev);
  root.dataset.shownSeq = run.seq;
  root.dataset.shownDone = run.done;
  root.dataset.shownAt = run.at[frame];
  root.dataset.shownCost = run.cost[frame];
  root.dataset.shownRight = right;
  document.dispatchEvent(new CustomEvent("shown", { detail: { seq: run.seq, done: run.done } }));
}

function drawUnits(layers, n, sizes, activations, inHaste) {
  const parent = by("units");
  const key = `${language()} ${sizes} ${activations}`;
  if (parent.dataset.key !== key) {
    parent.dataset.key = key;
    const rows = layers.slice(0, -1).map((_, l) => unitsOf(l, sizes, activations));
    parent.replaceChildren(...(rows.length ? rows : [paragraph(say("units_none"))]));
  }
  if (inHaste) return;
  const canvases = parent.querySelectorAll("canvas");
  let at = 0;
  layers.slice(0, -1).forEach((columns, l) => {
    for (const values of columns) pictures.unit(canvases[at++], values, n, activations[l]);
  });
}

function unitsOf(l, sizes, activations) {
  const box = document.createElement("div");
  const title = document.createElement("h3");
  title.textContent = say("units_layer", { l: l + 1, activation: nameOf("activation", activations[l]) });
  const tiles = document.createElement("div");
  tiles.className = "tiles";
  for (let j = 1; j <= sizes[l + 1]; j++) {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", say("unit_label", { l: l + 1, j }));
    tiles.append(canvas);
  }
  box.append(title, tiles);
  return box;
}

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

const COMPARED = {
  sigmoid: { colour: "curve-dev", dash: [2, 3] },
  tanh: { colour: "accent", dash: [] },
  relu: { colour: "ink", dash: [9, 4] },
};

function drawCurve(frame) {
  const lines = [];
  const compared = Object.keys(run.curves).length > 0;
  by("figures").classList.toggle("unlined", compared);
  if (compared) {
    for (const [name, line] of Object.entries(run.curves)) {
      lines.push({ ...line, ...COMPARED[name], name: nameOf("activation", name), wide: true });
    }
  } else {
    if (before && before.iterations === run.iterations) {
      lines.push({ ...before, colour: "ghost", name: run.done ? say("before") : "" });
    }
    lines.push({ at: run.at, cost: run.dev_cost, colour: "curve-dev", dash: [6, 4] });
    lines.push({ at: run.at, cost: run.cost, colour: "ink", wide: true });
  }
  pictures.curve(by("curve"), { lines, iterations: run.iterations, now: run.at[frame] });
}

const percent = (part) => (part === null ? "–" : `${(100 * part).toFixed(1)} %`);
const decimals = (cost) => (cost === null ? "–" : cost < 1000 ? cost.toFixed(3) : cost.toExponential(1));

let speaking = 0;
function tell(frame, right, right_dev) {
  const [train, dev] = [decimals(run.cost[frame]), decimals(run.dev_cost[frame])];
  const at = run.at[frame];
  by("sizes").textContent = run.sizes.join("–");
  by("iteration").textContent = say("iteration_of", { at, all: run.iterations });
  by("scrubber").setAttribute("aria-valuetext", by("iteration").textContent);
  by("cost-train").textContent = train;
  by("cost-dev").textContent = dev;
  by("right-train").textContent = percent(right);
  by("right-dev").textContent = percent(right_dev);
  by("n-train").textContent = count(run.y.length);
  by("n-dev").textContent = run.y_dev.length ? count(run.y_dev.length) : "–";
  by("seconds").textContent = run.done
    ? run.blank ? "" : say("seconds", { iterations: run.at.at(-1), ms: Math.round(1000 * run.seconds) })
    : say("seconds_running", { at: run.at.at(-1), iterations: run.iterations });
  const ones = run.y.reduce((sum, label) => sum + label, 0);
  const counts = { n0: run.y.length - ones, n1: ones };
  by("region").setAttribute("aria-label", say("region_label", { share: percent(right), ...counts }));
  by("net").setAttribute("aria-label", say("net_label", { sizes: run.sizes.join("–") }));
  by("curve").setAttribute("aria-label", say("curve_label", { train, dev }));
  ["x₁", "x₂"].forEach((name, c) => {
    const column = run.columns?.[c];
    // Columns of a file are scaled to lie between −4 and 4, constant ones as if they went one up and one down.
    const [middle, unit] = column
      ? [(column.least + column.most) / 2, column.most > column.least ? (column.most - column.least) / 8 : 1 / 4]
      : [0, 1];
    const texts = [shortly(middle - run.reach * unit), column?.name ?? name, shortly(middle + run.reach * unit)];
    texts.forEach((text, i) => (by(`axis-${c + 1}`).children[i].textContent = text));
  });
  for (const label of [0, 1]) by(`class-${label}`).textContent = run.classes ? `(${run.classes[label]})` : "";
  clearTimeout(speaking);
  // A screen reader is told of what has come to rest.
  const words = say("spoken", { at, cost: train, right: percent(right) });
  speaking = setTimeout(() => (by("spoken").textContent = words), 700);
}

const shortly = (number) => Number(number.toPrecision(3)).toString().replace("-", "−");

// The controls.

function build() {
  translate();
  for (const lang of ["en", "zh"]) by(`lang-${lang}`).setAttribute("aria-pressed", language() === lang);
  const [data, layers, training] = ["data", "layers", "training"].map((name) => by(`controls-${name}`));
  const had = document.activeElement?.id;
  for (const parent of [data, layers, training]) parent.replaceChildren();
  const plain = (kind, parent, setting) =>
    kind(parent, {
      id: setting,
      setting,
      text: say(`name_${setting}`),
      value: state[setting],
      change: (value) => change(setting, value),
    });
  plain(list, data, "data");
  if (!["csv", "none"].includes(state.data)) {
    plain(slider, data, "points");
    plain(slider, data, "noise");
  }
  by("csv-control").hidden = state.data !== "csv";
  const depth = { id: "layers", setting: "layers", text: say("name_layers"), value: state.layers.length };
  slider(layers, { ...depth, change: changeDepth });
  buildLayers();
  for (const setting of ["rate", "iterations", "l2", "batch"]) plain(slider, training, setting);
  for (const setting of ["init", "optimizer"]) plain(list, training, setting);
  plain(box, training, "compare");
  showPreset();
  if (had && by(had)) by(had).focus();
}

// The controls of each layer. The slider of their number, which may be under the mouse just now, stays what it is.
function buildLayers() {
  const parent = by("controls-layers");
  while (parent.children.length > 1) parent.lastElementChild.remove();
  state.layers.forEach((layer, i) => {
    const l = i + 1;
    ["units", "activation"].forEach((setting, part) => {
      const kind = part ? list : slider;
      const text = say(`name_${setting}`, { l });
      const change = (value) => changeLayer(i, part, value);
      kind(parent, { id: `${setting}-${l}`, setting, text, value: layer[part], change });
    });
  });
}

function change(setting, value) {
  state[setting] = value;
  if (setting === "data") build();
  else showPreset();
  ask();
}

function changeDepth(depth) {
  const last = state.layers.at(-1) || DEFAULTS.layers[0];
  state.layers = Array.from({ length: depth }, (_, l) => state.layers[l] || [...last]);
  buildLayers();
  showPreset();
  ask();
}

function changeLayer(l, part, value) {
  state.layers[l][part] = value;
  showPreset();
  ask();
}

const presetState = (name) => copy({ ...DEFAULTS, ...PRESETS.presets[name] });

function showPreset() {
  const query = toQuery({ ...state, added: [] });
  const current = Object.keys(PRESETS.presets).find((name) => toQuery(presetState(name)) === query);
  const parent = by("presets");
  if (!parent.childElementCount) {
    for (const name of Object.keys(PRESETS.presets)) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", id: `preset-${name}` });
      button.addEventListener("click", () => {
        state = { ...presetState(name), added: state.added };
        build();
        ask();
      });
      parent.append(button);
    }
  }
  for (const name of Object.keys(PRESETS.presets)) {
    by(`preset-${name}`).textContent = say(`preset_${name}`);
    by(`preset-${name}`).setAttribute("aria-pressed", name === current);
  }
  for (const id of ["undo", "clear"]) by(id).disabled = state.added.length === 0;
  by("batch").disabled = state.optimizer === "rprop"; // which takes all points
  by("compare").disabled = state.layers.length === 0;
  by("sentence").textContent = say(current ? `sentence_${current}` : "sentence_own");
}

// Points that are added by hand.

function add(x1, x2) {
  if (state.added.length >= LIMITS.added) {
    warn("added_full", { most: LIMITS.added });
    return;
  }
  const label = Number(document.querySelector("input[name=class]:checked").value);
  set("added", [...state.added, [Number(x1.toFixed(2)), Number(x2.toFixed(2)), label]]);
}

const undo = () => state.added.length && set("added", state.added.slice(0, -1));

function listen() {
  const region = by("region");
  const reach = () => run?.reach ?? 5;
  region.addEventListener("click", (event) => {
    const { left, top, width, height } = region.getBoundingClientRect();
    add(reach() * ((2 * (event.clientX - left)) / width - 1), reach() * (1 - (2 * (event.clientY - top)) / height));
  });
  region.addEventListener("keydown", (event) => {
    const step = (event.shiftKey ? 1 : 0.25) * (reach() / 5);
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    cross ??= [0, 0];
    if (move) {
      cross = cross.map((x, c) => Math.max(-reach(), Math.min(reach(), x + step * move[c])));
      by("spoken").textContent = say("cross_at", { x1: cross[0].toFixed(2), x2: cross[1].toFixed(2) });
      draw();
    } else if (event.key === "Enter" || event.key === " ") add(...cross);
    else if (event.key === "Delete" || event.key === "Backspace") undo();
    else if (["0", "1"].includes(event.key)) document.querySelectorAll("[name=class]")[event.key].checked = true;
    else return;
    event.preventDefault();
  });
  region.addEventListener("focus", () => {
    if (region.matches(":focus-visible")) cross ??= [0, 0];
    draw();
  });
  region.addEventListener("blur", draw);
  by("undo").addEventListener("click", undo);
  by("clear").addEventListener("click", () => state.added.length && set("added", []));
  by("scrubber").addEventListener("input", draw);
  by("redraw").addEventListener("click", () => set("seed", (state.seed + 1) % 10));
  by("copy").addEventListener("click", async () => {
    history.replaceState(null, "", `?${toQuery(state, asked)}`);
    const copied = await navigator.clipboard.writeText(location.href).then(() => "copied", () => "not_copied");
    by("copied").textContent = say(copied);
  });
  by("csv").addEventListener("click", () => (by("csv").value = "")); // the same file again is a change, too
  by("csv").addEventListener("change", readFile);
  for (const lang of ["en", "zh"]) {
    by(`lang-${lang}`).addEventListener("click", () => {
      asked = lang;
      choose(lang);
      build();
      if (notice) warn(notice.key, notice.values, notice.about);
      follow();
      draw();
    });
  }
  const recolour = () => {
    pictures.readColours();
    draw();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  new ResizeObserver(draw).observe(by("region"));
  new ResizeObserver(draw).observe(by("net"));
}

async function readFile() {
  const file = by("csv").files[0];
  if (!file) return;
  if (file.size > LIMITS.bytes) {
    warn("csv_bytes", { most: LIMITS.bytes });
    return;
  }
  try {
    csv = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    csvSent = false;
    by("csv-name").textContent = file.name;
    ask();
  } catch {
    warn("csv_read");
  }
}

choose(asked);
pictures.readColours();
build();
listen();
ask();
if (link.faults.length) {
  const nameOfFault = (fault) => {
    const [name, l] = fault.split(" ");
    return say(`name_${name}`, { l });
  };
  warn("link_changed", { names: link.faults.map(nameOfFault).join("; ") });
}
