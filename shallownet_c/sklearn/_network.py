"""Networks with scikit-learn's names, parameters and first values."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from shallownet_c.mlp import MLP

#: Where scikit-learn has another name.
ACTIVATIONS = {"logistic": "sigmoid"}
LOSSES = {"quantile": "pinball"}


def network(
    coefs: Sequence[Any],
    intercepts: Sequence[Any],
    activations: Sequence[str],
    output: str,
    loss: str,
    **options: float,
) -> MLP:
    """An MLP with these coefs (n_{l−1}, n_l) and intercepts (n_l,); all names are scikit-learn's."""
    sizes = [coefs[0].shape[0], *(W.shape[1] for W in coefs)]
    names = [ACTIVATIONS.get(name, name) for name in (*activations, output)]
    net = MLP(sizes, names[:-1], names[-1], loss=LOSSES.get(loss, loss), init="zeros", dtype=coefs[0].dtype, **options)
    for layer, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        for name, parameter, given in (("coefs_", W.T, coefs[layer]), ("intercepts_", b, intercepts[layer])):
            if np.shape(given) != parameter.shape:
                raise ValueError(f"{name}[{layer}] must have shape {parameter.shape}, got {np.shape(given)}")
            parameter[...] = given
    return net


def first_parameters(
    sizes: Sequence[int], activations: Sequence[str], dtype: Any, rng: np.random.RandomState
) -> tuple[list[Any], list[Any]]:
    """coefs (n_{l−1}, n_l) and intercepts (n_l,), uniform in ±√(6 / (n_{l−1} + n_l)), 2 for 6 with logistic units.

    The output layer counts as one of the last hidden layer's kind.
    """
    coefs, intercepts = [], []
    kinds = [*activations, activations[-1] if activations else ""]
    for n_in, n_out, kind in zip(sizes[:-1], sizes[1:], kinds, strict=True):
        bound = math.sqrt((2 if kind == "logistic" else 6) / (n_in + n_out))
        coefs.append(rng.uniform(-bound, bound, (n_in, n_out)).astype(dtype, copy=False))
        intercepts.append(rng.uniform(-bound, bound, n_out).astype(dtype, copy=False))
    return coefs, intercepts
