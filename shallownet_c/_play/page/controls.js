// Sliders, lists and boxes, one for each setting; all take their values from lists of choices.

import { CHOICES } from "./state.js";
import { count, has, say } from "./words.js";

const SHORT = { leaky_relu: "leaky ReLU", relu: "ReLU", elu: "ELU", silu: "SiLU" };

export function nameOf(setting, choice) {
  const key = `${setting}_${choice}`;
  if (has(key)) return say(key);
  return typeof choice === "number" ? count(choice) : SHORT[choice] || choice;
}

function labelled(parent, id, text) {
  const box = document.createElement("div");
  box.className = "control";
  const label = document.createElement("label");
  label.htmlFor = id;
  label.textContent = text;
  box.append(label);
  parent.append(box);
  return box;
}

// A range whose positions are the choices, with the chosen one beside its label.
export function slider(parent, { id, setting, text, value, change }) {
  const choices = CHOICES[setting];
  const box = labelled(parent, id, text);
  const output = document.createElement("output");
  output.htmlFor = id;
  const input = document.createElement("input");
  Object.assign(input, { type: "range", id, min: 0, max: choices.length - 1, step: 1 });
  const show = (choice) => {
    input.value = choices.indexOf(choice);
    output.textContent = nameOf(setting, choice);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => {
    const choice = choices[Number(input.value)];
    show(choice);
    change(choice);
  });
  show(value);
  box.append(output, input);
}

export function list(parent, { id, setting, text, value, change }) {
  const box = labelled(parent, id, text);
  const select = document.createElement("select");
  select.id = id;
  for (const choice of CHOICES[setting]) select.append(new Option(nameOf(setting, choice), choice));
  select.value = value;
  select.addEventListener("change", () => change(select.value));
  box.append(select);
}

export function box(parent, { id, text, value, change }) {
  const label = document.createElement("label");
  label.className = "control check";
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", id, checked: Boolean(value) });
  input.addEventListener("change", () => change(input.checked ? 1 : 0));
  label.append(input, document.createTextNode(` ${text}`));
  parent.append(label);
}
