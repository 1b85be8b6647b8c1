"""Gradients, layer by layer: how large they are, and which units learn nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c._checks import _features, _sparse
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _sources
from shallownet_c.plot import _drawing, _subjects

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from shallownet_c.mlp import MLP

#: Rows of X whose outputs of all layers are in memory at a time.
PIECE = 4096


def gradients(net: MLP, X: ArrayLike, Y: ArrayLike, ax: Any = None) -> Array:
    """Histograms of |dJ/dW| on a logarithmic scale, a panel for each layer, with the first layer on top.

    The bars are shares of the layer's weights. Where gradients vanish, the histograms of the first layers lie farther
    to the left than those of the last ones. The dashed line is the median of the derivatives that are not zero. Above
    each panel stand how many of the layer's ReLU units are dead, that is, 0 for every row of X, and how many
    derivatives are exactly zero, which a logarithmic scale cannot show.

    Parameters
    ----------
    net : MLP
    X, Y
        As in `MLP.cost`; all rows count.
    ax : array of matplotlib Axes, optional
        One for each layer; by default those of a new figure, one above the other.

    Returns
    -------
    ndarray (L,) of matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        As `MLP.cost`; if a derivative is not finite, or `ax` does not fit.
    ImportError
        Without matplotlib: ``pip install 'shallownet-c[plot]'``.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> from shallownet_c import plot
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> net = sn.MLP([2, 16, 16, 1], "relu", "sigmoid", seed=0)
    >>> net.biases[1][:3] = -100.0
    >>> axes = plot.gradients(net, X, y)
    >>> "3 of 16 units dead" in axes[1].get_title(loc="left")
    True
    """
    net = _subjects.check_net(net)
    n_layers = len(net.weights)
    _drawing.check_panels(ax, n_layers, "gradients")
    _features.Names(net.feature_names).checked(X)
    _sparse.refuse("X", X)
    rows = _sources.check(net.model, X, Y, None)
    inputs = np.asarray(rows.X)
    grad = net.cost_and_grad(inputs, rows.targets)[1]
    if not np.isfinite(grad).all():
        raise ValueError("net must have finite derivatives for X and Y, but some are NaN or infinite")
    sizes = [np.abs(dW).ravel().astype(np.float64) for dW in net.model.views(grad)[0]]
    dead = _dead(net, inputs)
    axes = _drawing.panels(ax, n_layers, "gradients", columns=1, size=(3.0, 1.3))
    # Nothing is narrower than a factor of ten, so that equal derivatives are one bar in the middle.
    known = np.log10(np.concatenate([values[values > 0] for values in sizes]))
    least, greatest = (float(known.min()) - 0.5, float(known.max()) + 0.5) if known.size else (-1.0, 0.0)
    bins = np.logspace(least, greatest, int(np.clip(np.sqrt(4 * known.size), 10, 40)) + 1)
    for layer, (panel, values) in enumerate(zip(axes, sizes, strict=True)):
        _draw(panel, values, bins)
        notes = [
            f"layer {layer + 1}, {net.activations[layer]}",
            *_notes(dead[layer], net.layer_sizes[layer + 1], values),
        ]
        title = ", ".join(notes)
        fits = 0.075 * len(title) < _drawing.inches(panel)[0]  # inches that a character takes
        panel.set_title(title if fits else "\n".join(notes), loc="left", fontsize="small")
    axes[-1].set_xlabel("|dJ/dW|")
    return axes


def _dead(net: MLP, X: Array) -> list[int]:
    """How many units of each layer are 0 for all rows and have ReLU, whose derivative is 0, too, then."""
    alive = [np.zeros(n, bool) for n in net.layer_sizes[1:]]
    for first in range(0, len(X), PIECE):
        for some, A in zip(alive, net.layer_outputs(X[first : first + PIECE])[1:], strict=True):
            some |= (A != 0).any(axis=0)
    relu = [name == "relu" for name in net.activations]
    return [int((~some).sum()) if of_relu else 0 for some, of_relu in zip(alive, relu, strict=True)]


def _notes(n_dead: int, n_units: int, values: Array) -> list[str]:
    zeros = int((values == 0).sum())
    dead = [f"{n_dead} of {n_units} units dead"] if n_dead else []
    return dead + ([f"{zeros:,} of {values.size:,} dJ/dW are 0"] if zeros else [])


def _draw(ax: Axes, values: Array, bins: Array) -> None:
    ax.set_xscale("log")
    ax.set_xlim(bins[0], bins[-1])
    known = values[values > 0]
    ax.hist(known, bins=bins.tolist(), weights=np.full(len(known), 1 / len(values)), color=_drawing.accent(ax))
    if known.size:
        ax.axvline(float(np.median(known)), linestyle="--", linewidth=1.2, color=_drawing.ink(ax))
    else:
        ax.set_ylim(0, 1)
    ax.set_ylabel("share", fontsize="small")
    ax.tick_params(labelsize="small")
