"""Networks with scikit-learn's names, parameters and first values."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c.mlp import MLP
from shallownet_c.reference import _activations, _losses

#: The rows of the tables by scikit-learn's names.
ACTIVATIONS = {row.sklearn_name or row.name: row for row in _activations.ACTIVATIONS.values()}
LOSSES = {row.sklearn_name or row.name: row for row in _losses.LOSSES.values()}


def parameters(coefs: Any, intercepts: Any) -> tuple[list[Array], list[Array]]:
    """coefs_ and intercepts_, which may have been replaced, as arrays of one dtype that make a network."""
    named = [_arrays("coefs_", coefs), _arrays("intercepts_", intercepts)]
    if not named[0] or len(named[0]) != len(named[1]):
        lengths = " and ".join(str(len(arrays)) for arrays in named)
        raise ValueError(f"coefs_ and intercepts_ must hold an array for each layer, got {lengths}")
    single = all(array.dtype == np.float32 for arrays in named for array in arrays.values())
    dtype = np.dtype(np.float32 if single else np.float64)
    W, b = ([_validation.numbers(name, array, dtype) for name, array in arrays.items()] for arrays in named)
    for layer, (coef, intercept) in enumerate(zip(W, b, strict=True)):
        n_in = W[layer - 1].shape[-1] if layer else None
        if coef.ndim != 2 or (layer and len(coef) != n_in):
            raise ValueError(f"coefs_[{layer}] must have shape ({n_in or 'n_features'}, n), got {coef.shape}")
        if intercept.shape != coef.shape[1:]:
            raise ValueError(f"intercepts_[{layer}] must have shape {coef.shape[1:]}, got {intercept.shape}")
    return W, b


def _arrays(name: str, value: object) -> dict[str, Array]:
    items = _validation.sequence(name, value, "arrays")
    return {f"{name}[{layer}]": _validation.as_array(f"{name}[{layer}]", item) for layer, item in enumerate(items)}


def layer_sizes(coefs: Sequence[Array]) -> list[int]:
    """n_0, …, n_L"""
    return [len(coefs[0]), *(W.shape[1] for W in coefs)]


def activation_names(activations: Sequence[str], output: str) -> tuple[str, ...]:
    """An MLP's names of these activations."""
    return tuple(_ours(name, ACTIVATIONS) for name in (*activations, output))


def _ours(name: str, rows: Mapping[str, Any]) -> str:
    """The name that `MLP` has for it; a name that is not known stays as it is, for `MLP` to refuse."""
    return rows[name].name if name in rows else name


def network(
    coefs: Sequence[Array],
    intercepts: Sequence[Array],
    activations: Sequence[str],
    output: str,
    loss: str,
    dtype: Any = None,
    **options: Any,
) -> MLP:
    """An MLP with these coefs (n_{l−1}, n_l) and intercepts (n_l,), of their dtype unless another is given.

    All names are scikit-learn's.
    """
    names = activation_names(activations, output)
    net = MLP(
        layer_sizes(coefs), names[:-1], names[-1], loss=_ours(loss, LOSSES), init="zeros",
        dtype=coefs[0].dtype if dtype is None else dtype, **options,
    )  # fmt: skip
    for W, b, W_given, b_given in zip(net.weights, net.biases, coefs, intercepts, strict=True):
        W.T[...] = W_given
        b[...] = b_given
    return net


def converted(net: MLP, dtype: Any) -> MLP:
    """A copy of the network with parameters of another dtype."""
    copy = MLP(**net.model.description() | {"dtype": dtype}, init="zeros")
    with np.errstate(over="ignore", under="ignore"):  # callers that need finite parameters check for them
        copy.params[:] = net.params
    return copy


def first_parameters(
    sizes: Sequence[int], activations: Sequence[str], last: str, dtype: Any, rng: np.random.RandomState
) -> tuple[list[Any], list[Any]]:
    """coefs (n_{l−1}, n_l) and intercepts (n_l,), uniform in ±√(6 / (n_{l−1} + n_l)), 2 for 6 with logistic units.

    The output layer counts as one of the kind `last`.
    """
    coefs, intercepts = [], []
    for n_in, n_out, kind in zip(sizes[:-1], sizes[1:], [*activations, last], strict=True):
        bound = math.sqrt((2 if kind == "logistic" else 6) / (n_in + n_out))
        coefs.append(rng.uniform(-bound, bound, (n_in, n_out)).astype(dtype, copy=False))
        intercepts.append(rng.uniform(-bound, bound, n_out).astype(dtype, copy=False))
    return coefs, intercepts
