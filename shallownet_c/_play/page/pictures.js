// Everything that is drawn on canvases, in the colours of the style sheet.

const NAMES = "zero one zero-mark one-mark middle ink faint paper accent curve-dev ghost".split(" ");
const SHADES = 255; // from class 0 to class 1
let colours = {};
let shades = new Uint32Array(SHADES);

export function readColours() {
  const style = getComputedStyle(document.documentElement);
  colours = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  colours.font = style.fontFamily;
  const [zero, one, middle] = ["zero", "one", "middle"].map((name) => rgb(colours[name]));
  shades = Uint32Array.from({ length: SHADES }, (_, i) => {
    const value = (2 * i) / (SHADES - 1) - 1;
    const end = value < 0 ? zero : one;
    const [r, g, b] = middle.map((c, k) => Math.round(c + Math.abs(value) * (end[k] - c)));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// A canvas as sharp as the screen, cleared, whose unit is a CSS pixel.
function prepared(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Columns x₁ and x₂ of a square grid, row by row from the top.
export function grid(n, reach) {
  const [x1, x2] = [new Float32Array(n * n), new Float32Array(n * n)];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      x1[i * n + k] = reach * ((2 * k) / (n - 1) - 1);
      x2[i * n + k] = reach * (1 - (2 * i) / (n - 1));
    }
  }
  return [x1, x2];
}

const spare = document.createElement("canvas");
let image = null;

// Values on the grid as a picture of as many pixels, the colour of each going by scale · value + shift from −1 to 1.
function field(values, n, scale, shift) {
  const context = spare.getContext("2d");
  if (image === null || spare.width !== n) {
    [spare.width, spare.height] = [n, n];
    image = context.createImageData(n, n);
  }
  const pixels = new Uint32Array(image.data.buffer);
  const half = (SHADES - 1) / 2;
  for (let i = 0; i < n * n; i++) {
    const value = Math.max(-1, Math.min(1, scale * values[i] + shift));
    pixels[i] = shades[Math.round(half * (value + 1)) || 0];
  }
  context.putImageData(image, 0, 0);
  return spare;
}

// Where values on the grid cross zero, as line segments (marching squares).
function contour(context, values, n, size) {
  const step = size / (n - 1);
  context.beginPath();
  for (let i = 0; i < n - 1; i++) {
    for (let k = 0; k < n - 1; k++) {
      const at = i * n + k;
      const corner = [values[at], values[at + 1], values[at + n + 1], values[at + n]];
      const ends = [];
      for (let e = 0; e < 4; e++) {
        const [a, b] = [corner[e], corner[(e + 1) % 4]];
        if (a > 0 === b > 0) continue;
        const t = a / (a - b);
        ends.push([[k + t, i], [k + 1, i + t], [k + 1 - t, i + 1], [k, i + 1 - t]][e]);
      }
      for (let e = 0; e + 1 < ends.length; e += 2) {
        context.moveTo(ends[e][0] * step, ends[e][1] * step);
        context.lineTo(ends[e + 1][0] * step, ends[e + 1][1] * step);
      }
    }
  }
  context.stroke();
}

function marker(context, x, y, one, radius, hollow) {
  context.beginPath();
  if (one) {
    context.moveTo(x, y - 1.25 * radius);
    context.lineTo(x + 1.15 * radius, y + 0.8 * radius);
    context.lineTo(x - 1.15 * radius, y + 0.8 * radius);
    context.closePath();
  } else context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = hollow ? "transparent" : colours[one ? "one-mark" : "zero-mark"];
  context.strokeStyle = hollow ? colours[one ? "one-mark" : "zero-mark"] : colours.paper;
  context.lineWidth = hollow ? 1 : 0.8;
  context.fill();
  context.stroke();
}

export function region(canvas, { outputs, n, reach, X, y, X_dev, y_dev, cross }) {
  const size = canvas.clientWidth;
  const context = prepared(canvas, size, size);
  context.imageSmoothingEnabled = true;
  context.drawImage(field(outputs, n, 2, -1), 0, 0, size, size);
  const place = (x1, x2) => [(size * (1 + x1 / reach)) / 2, (size * (1 - x2 / reach)) / 2];
  const radius = y.length > 1000 ? 1.6 : y.length > 500 ? 2.4 : y.length > 100 ? 3.2 : 4.2;
  for (let i = 0; i < Math.min(y_dev.length, 400); i++) {
    marker(context, ...place(X_dev[0][i], X_dev[1][i]), y_dev[i] === 1, 0.6 * radius, true);
  }
  for (let i = 0; i < y.length; i++) marker(context, ...place(X[0][i], X[1][i]), y[i] === 1, radius, false);
  context.strokeStyle = colours.ink;
  context.lineWidth = 2;
  // z instead of a = σ(z): it crosses zero where a crosses ½, and between two points it is much nearer to a line.
  const z = outputs.map((a) => Math.max(-16, Math.min(16, Math.log(a / (1 - a)))));
  contour(context, z, n, size);
  if (cross) {
    const [x, y_] = place(...cross);
    context.lineWidth = 2;
    context.strokeStyle = colours.ink;
    context.beginPath();
    context.moveTo(x - 9, y_);
    context.lineTo(x + 9, y_);
    context.moveTo(x, y_ - 9);
    context.lineTo(x, y_ + 9);
    context.stroke();
  }
}

// What a hidden unit answers over the plane; answers without bounds are scaled to the greatest.
export function unit(canvas, values, n, activation) {
  let most = 1;
  if (!["sigmoid", "tanh", "sin"].includes(activation)) {
    most = 1e-9;
    for (const v of values) if (Math.abs(v) > most) most = Math.abs(v);
  }
  const [scale, shift] = activation === "sigmoid" ? [2, -1] : [1 / most, 0];
  if (canvas.width !== n) [canvas.width, canvas.height] = [n, n];
  canvas.getContext("2d").drawImage(field(values, n, scale, shift), 0, 0);
}

export function network(canvas, sizes, layers) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const context = prepared(canvas, width, height);
  const most = Math.max(...sizes);
  const radius = Math.max(2, Math.min(14, (height - 24) / most / 2.6));
  const x = (l) => 30 + ((width - 60) * l) / (sizes.length - 1);
  const step = (l) => Math.min(56, (height - 2 * radius - 8) / sizes[l]);
  const y = (l, j) => height / 2 + (j - (sizes[l] - 1) / 2) * step(l);
  layers.forEach(({ W }, l) => {
    const crowded = W.length > 400; // lines that nobody can tell apart, and that take long to draw
    let greatest = 1e-9;
    for (const w of W) greatest = Math.max(greatest, Math.abs(w));
    for (let j = 0; j < sizes[l + 1]; j++) {
      for (let k = 0; k < sizes[l]; k++) {
        const w = W[j * sizes[l] + k] / greatest;
        if (crowded && Math.abs(w) < 0.1) continue;
        context.strokeStyle = colours[w < 0 ? "zero-mark" : "one-mark"];
        context.setLineDash(w < 0 && !crowded ? [6, 3] : []);
        context.globalAlpha = 0.25 + 0.65 * Math.abs(w);
        context.lineWidth = 0.4 + 4 * Math.abs(w) * Math.min(1, radius / 8);
        context.beginPath();
        context.moveTo(x(l), y(l, k));
        context.lineTo(x(l + 1), y(l + 1, j));
        context.stroke();
      }
    }
  });
  context.setLineDash([]);
  context.globalAlpha = 1;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `12px ${colours.font}`;
  sizes.forEach((n, l) => {
    for (let j = 0; j < n; j++) {
      context.beginPath();
      context.arc(x(l), y(l, j), radius, 0, 2 * Math.PI);
      context.fillStyle = colours.paper;
      context.strokeStyle = colours.ink;
      context.lineWidth = radius > 5 ? 1.5 : 0.8;
      context.fill();
      context.stroke();
      const label = l === 0 ? ["x₁", "x₂"][j] : l === sizes.length - 1 ? "a" : "";
      context.fillStyle = colours.ink;
      if (!label) continue;
      if (radius >= 10) context.fillText(label, x(l), y(l, j));
      else context.fillText(label, x(l) + (l === 0 ? -16 : 14), y(l, j));
    }
  });
}

const SHORT = new Intl.NumberFormat("en", { notation: "compact" });

// The costs over the iterations; `lines` are {at, cost, name, colour, dash}, `now` is the iteration that is shown.
export function curve(canvas, { lines, iterations, now }) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const context = prepared(canvas, width, height);
  const named = lines.filter(({ name, cost }) => name && cost.length);
  const [left, right, top, bottom] = [38, named.length ? 64 : 10, 10, 22];
  let most = 0.75;
  for (const { cost } of lines) for (const c of cost) if (c !== null && c > most) most = c;
  const beyond = most > 3;
  most = Math.min(most, 3);
  const px = (t) => left + ((width - left - right) * Math.log1p(t)) / Math.log1p(iterations);
  const py = (c) => top + (height - top - bottom) * (1 - Math.min(c, most) / most);
  context.font = `12px ${colours.font}`;
  context.fillStyle = colours.ink;
  context.strokeStyle = colours.faint;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  const step = most <= 1 ? 0.25 : most <= 2 ? 0.5 : 1;
  for (let c = 0; c <= most + 1e-9; c += step) {
    context.beginPath();
    context.moveTo(left, py(c));
    context.lineTo(width - right, py(c));
    context.stroke();
    context.fillText(beyond && c === 3 ? "≥ 3" : String(c), left - 6, py(c));
  }
  context.textAlign = "center";
  for (let t = 1; t <= iterations; t *= 10) context.fillText(SHORT.format(t), px(t), height - 8);
  for (const { at, cost, colour, dash, wide } of lines) {
    context.strokeStyle = colours[colour];
    context.setLineDash(dash || []);
    context.lineWidth = wide ? 2.2 : 1.6;
    context.beginPath();
    let pen = false;
    at.forEach((t, i) => {
      if (cost[i] === null) return;
      if (pen) context.lineTo(px(t), py(cost[i]));
      else context.moveTo(px(t), py(cost[i]));
      pen = true;
    });
    context.stroke();
  }
  context.setLineDash([]);
  // Names stand where their lines end, moved apart where these are close.
  named.sort((a, b) => b.cost.at(-1) - a.cost.at(-1));
  let lowest = top;
  context.textAlign = "left";
  named.forEach(({ name, at, cost, colour }, i) => {
    const room = height - 8 - 15 * (named.length - 1 - i); // below which those that follow would be cut off
    const y = Math.min(room, Math.max(lowest, py(cost.at(-1))));
    context.fillStyle = colours[colour];
    context.fillText(name, px(at.at(-1)) + 6, y);
    lowest = y + 15;
  });
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(px(now), top);
  context.lineTo(px(now), height - bottom);
  context.stroke();
}
