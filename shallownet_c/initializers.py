"""First values of the weights; the biases start at zero."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array

Draw = Callable[["np.random.Generator | np.random.RandomState", int, int], Array]

#: name -> (rng, n_out, n_in) -> W (n_out, n_in) float64. The bounds of the uniform ones are those that give the
#: normal ones' variance: 2 / (n_in + n_out) for tanh and sigmoid (Glorot and Bengio, 2010), 2 / n_in for ReLU (He et
#: al., 2015).
INITIALIZERS: dict[str, Draw] = {
    "glorot_uniform": lambda rng, n_out, n_in: _uniform(rng, n_out, n_in, 6 / (n_in + n_out)),
    "glorot_normal": lambda rng, n_out, n_in: _normal(rng, n_out, n_in, 2 / (n_in + n_out)),
    "he_normal": lambda rng, n_out, n_in: _normal(rng, n_out, n_in, 2 / n_in),
    "he_uniform": lambda rng, n_out, n_in: _uniform(rng, n_out, n_in, 6 / n_in),
    "zeros": lambda rng, n_out, n_in: np.zeros((n_out, n_in)),
}


def _uniform(rng: np.random.Generator | np.random.RandomState, n_out: int, n_in: int, square: float) -> Array:
    return rng.uniform(-math.sqrt(square), math.sqrt(square), (n_out, n_in))


def _normal(rng: np.random.Generator | np.random.RandomState, n_out: int, n_in: int, variance: float) -> Array:
    return math.sqrt(variance) * rng.standard_normal((n_out, n_in))


def filler(init: str | float, seed: object, dtype: np.dtype[Any]) -> Callable[[Iterable[Array]], None]:
    """What fills the weights of a network, which are zeros: the arguments are checked at once, but nothing is drawn."""
    draw = initializer(init, dtype)
    if isinstance(init, str) and init == "zeros":
        if seed is not None:  # numpy.random is slow to import, and a network that draws nothing can do without
            _validation.random_generator(seed)
        return lambda weights: None
    rng = _validation.random_generator(seed)

    def fill(weights: Iterable[Array]) -> None:
        for W in weights:
            W[...] = draw(rng, *W.shape)

    return fill


def initializer(init: str | float, dtype: np.dtype[Any]) -> Draw:
    """The function behind `init`: a name, or a number s for s · randn (the notes' 0.01), finite in that dtype."""
    if isinstance(init, str):
        return INITIALIZERS[_validation.choice("init", init, INITIALIZERS)]
    most = float(np.finfo(dtype).max) / 64  # no number that NumPy draws is as large as that
    takes = f"one of {', '.join(INITIALIZERS)} or a number in [0, {most:.3g}]"
    scale = _validation.real_number("init", init, takes, lambda s: 0 <= s <= most)

    def draw(rng: np.random.Generator | np.random.RandomState, n_out: int, n_in: int) -> Array:
        with np.errstate(under="ignore"):
            return (scale * rng.standard_normal((n_out, n_in))).astype(dtype)

    return draw
