// The network's forward pass over many points, one layer after the other: A[l] = g(A[l−1] W[l]ᵀ + b[l]).

const sigmoid = (z) => 1 / (1 + Math.exp(-z));

export const FUNCTIONS = {
  identity: (z) => z,
  sigmoid,
  tanh: Math.tanh,
  relu: (z) => (z > 0 ? z : 0),
  leaky_relu: (z) => (z > 0 ? z : 0.01 * z),
  silu: (z) => z * sigmoid(z),
  softplus: (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  sin: Math.sin,
};

// Views of the flat vector W[1] row by row, b[1], W[2], …, as the package has it.
export function layersOf(sizes, params) {
  const layers = [];
  let at = 0;
  for (let l = 1; l < sizes.length; l++) {
    const n = sizes[l] * sizes[l - 1];
    layers.push({ W: params.subarray(at, at + n), b: params.subarray(at + n, at + n + sizes[l]) });
    at += n + sizes[l];
  }
  return layers;
}

// X is an array of columns, each a Float32Array over the points; so is every layer's output in the result.
export function forward(sizes, activations, params, X) {
  let A = X;
  const m = X[0].length;
  return layersOf(sizes, params).map(({ W, b }, l) => {
    const g = FUNCTIONS[activations[l]];
    const columns = [];
    for (let j = 0; j < sizes[l + 1]; j++) {
      const z = new Float32Array(m).fill(b[j]);
      for (let k = 0; k < sizes[l]; k++) {
        const w = W[j * sizes[l] + k];
        const a = A[k];
        for (let i = 0; i < m; i++) z[i] += w * a[i];
      }
      for (let i = 0; i < m; i++) z[i] = g(z[i]);
      columns.push(z);
    }
    A = columns;
    return columns;
  });
}

// The share of points (columns X) on the right side.
export function share(outputs, y) {
  if (!y.length) return null;
  let right = 0;
  for (let i = 0; i < y.length; i++) right += (outputs[i] > 0.5 ? 1 : 0) === y[i] ? 1 : 0;
  return right / y.length;
}
