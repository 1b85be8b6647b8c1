"""Columns of mean 0 and spread 1 for the training, and after it a network that takes them as they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from shallownet_c._command._input import InputError
from shallownet_c.mlp import MLP

Array = np.ndarray[Any, Any]

#: By how much rounding may change a column or a predicted number, in units of its spread, or a probability.
TOLERANCE = 0.01


class Standard:
    """Mean and spread of each column; one that never changes tells nothing, and its spread counts as 1."""

    def __init__(self, source: str, name: Callable[[int], str], X: Array) -> None:
        self.name = name
        least, greatest = X.min(axis=0), X.max(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, spread = X.mean(axis=0), X.std(axis=0)
        if not np.isfinite(spread).all():
            j = int(np.argmin(np.isfinite(spread)))
            raise InputError(f"{source}: {name(j)}: the squares of its numbers are too large for float64")
        # Mean and deviation of a constant such as 0.1 are 0.1 and 0 up to rounding, which must not become a signal.
        self.varies = (greatest > least) & (spread > 0)
        self.shift = np.where(self.varies, mean, least)
        self.scale = np.where(self.varies, spread, 1.0)
        self.sizes = np.where(self.varies, np.maximum(np.abs(least), np.abs(greatest)), 0.0)

    def apply(self, X: Array) -> Array:
        with np.errstate(over="ignore"):  # other rows than those it was made from may be far away
            standard: Array = X - self.shift
            standard /= self.scale
        return standard

    def lost(self, dtype: np.dtype[Any]) -> Array:
        """What rounding to `dtype` changes each column by, in spreads."""
        lost: Array = np.finfo(dtype).eps * self.sizes / self.scale
        return lost


@dataclass
class Scaling:
    """The inputs' standard, and the target's if it is numbers."""

    source: str
    inputs: Standard
    target: Standard | None

    def check(self, dtype: np.dtype[Any]) -> None:
        """Refuse columns in which rounding is too large against their spread."""
        if any(standard.lost(dtype).max() > TOLERANCE for standard in self._standards()):
            self.refuse(dtype)

    def refuse(self, dtype: np.dtype[Any]) -> NoReturn:
        """Blame the column that loses most by rounding."""
        worst = max(self._standards(), key=lambda standard: standard.lost(dtype).max())
        j = int(worst.lost(dtype).argmax())
        remedy = "subtract an offset from it" if dtype == np.float64 else "train with --dtype float64"
        raise InputError(
            f"{self.source}: {worst.name(j)} has mean {worst.shift[j]:.6g} and spread {worst.scale[j]:.3g}, too far "
            f"apart for a network in {dtype} that takes it as it is: {remedy}"
        )

    def ignore_constants(self, net: MLP) -> None:
        """Give columns that never change a weight of 0, which the training keeps: any other would only be noise."""
        net.weights[0][:, ~self.inputs.varies] = 0

    def folded(self, net: MLP) -> MLP:
        """The network that takes inputs, and predicts a target, as they are.

        W[1] (x − shift) / scale + b[1] = W' x + b' with W' = W[1] / scale, b' = b[1] − W' shift, and likewise for the
        output: in float64, since the difference cancels, and with W' as the network's dtype rounds it.
        """
        net = net.copy()
        W, b = net.weights[0], net.biases[0]
        with np.errstate(over="ignore", invalid="ignore"):
            W[...] = W / self.inputs.scale
            b[...] = b - W.astype(np.float64) @ self.inputs.shift
            if self.target is not None:
                W, b = net.weights[-1], net.biases[-1]
                W[...] = W * self.target.scale
                b[...] = b * self.target.scale + self.target.shift
        if not np.isfinite(net.params).all():
            raise InputError(f"{self.source}: a network in {net.dtype} has no weights for numbers of such size")
        return net

    def agree(self, trained: Array, folded: Array) -> bool:
        """Whether the outputs of the trained network are those of the folded one, up to rounding."""
        if self.target is not None:
            folded = self.target.apply(folded)
        return bool((np.abs(folded - trained) <= TOLERANCE * np.maximum(1, np.abs(trained))).all())

    def _standards(self) -> list[Standard]:
        return [self.inputs] if self.target is None else [self.inputs, self.target]
