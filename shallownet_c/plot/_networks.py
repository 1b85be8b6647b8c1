"""The network itself: its units and weights as a drawing, and weights as images."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._pictures import shown_units
from shallownet_c.plot import _drawing, _subjects

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from shallownet_c.mlp import MLP

#: Columns and rows of an image that have their names; more would overlap.
MOST_NAMES = 30
#: The height that the legend above a network takes, in inches.
LEGEND = 0.35
#: How many units are drawn of a layer that has too many.
FEW_UNITS = 16


def network(net: MLP, ax: Axes | None = None, *, max_units: int = 50, class_names: Any = None) -> Axes:
    """The network as a drawing: a circle for each unit, a line for each weight, the inputs on the left.

    A line is as wide as |w|, compared with the greatest |w| of the whole network, and has the colour of the sign: blue
    for negative, vermilion for positive. A unit has the colour of its bias on the same scale of colours, whose ends
    are the greatest |b|.

    Parameters
    ----------
    net : MLP
    ax : matplotlib Axes, optional
        By default those of a new figure.
    max_units : int, default 50
        Of a layer that has more units sixteen are drawn, or that many if it is less, from both ends of the layer and
        with dots between them.
    class_names : sequence of str, optional
        What to write beside the outputs. Inputs have the names that the network was fitted with.

    Returns
    -------
    matplotlib Axes
        Its collections are, layer by layer, the lines; then, layer by layer, the units.

    Raises
    ------
    ValueError, TypeError
        If the parameters are not finite or an argument does not fit.
    ImportError
        Without matplotlib: ``pip install 'shallownet-c[plot]'``.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> from shallownet_c import plot
    >>> ax = plot.network(sn.MLP([2, 4, 1], output="sigmoid", seed=0))
    >>> [len(lines.get_segments()) for lines in ax.collections[:2]]
    [8, 4]
    """
    net = _finite(net)
    _drawing.check_ax(ax, "network")
    max_units = _validation.integer("max_units", max_units, 2)
    sizes = net.layer_sizes
    if class_names is not None:
        class_names = _validation.sequence("class_names", class_names, "names")
        if len(class_names) != sizes[-1]:
            raise ValueError(f"class_names must have a name for each of {sizes[-1]} outputs, got {len(class_names)}")
    ax = _drawing.one(ax, "network")
    shown = [shown_units(n, n if n <= max_units else min(max_units, FEW_UNITS)) for n in sizes]
    # A layer whose middle is left out has a place more, for the dots.
    heights = [_heights(n, len(units)) for n, units in zip(sizes, shown, strict=True)]
    width, height = _drawing.inches(ax)
    height -= LEGEND
    room = [min(height / len(ys), 0.7 * width / len(sizes)) for ys in heights]  # for a unit, in inches
    diameters = 72 * np.clip(0.62 * np.array(room), 0.04, 0.32)
    _draw_weights(ax, net, shown, heights, math.sqrt(diameters.min() * diameters.max()) / 5)
    _draw_units(ax, net, shown, heights, diameters)
    _name_inputs_and_outputs(ax, net, shown, heights, diameters, class_names)
    _name_layers(ax, net, width)
    return ax


def _finite(net: object) -> MLP:
    net = _subjects.check_net(net)
    if not np.isfinite(net.params).all():
        raise ValueError("net must have finite parameters, but some are NaN or infinite")
    return net


def _heights(n: int, n_shown: int) -> Array:
    """Where the units of a layer stand, from the top, as parts of the height."""
    places = n_shown + (n > n_shown)
    heights = 1 - (np.arange(places) + 0.5) / places
    return heights if places == n_shown else np.delete(heights, (n_shown + 1) // 2)


def _draw_weights(ax: Axes, net: MLP, shown: list[list[int]], heights: list[Array], widest: float) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    greatest = max(float(np.abs(W).max()) for W in net.weights)
    neutral = _drawing.mixed(_drawing.ink(ax), _drawing.ground(ax), 0.5)
    colours = {-1: _drawing.rgb(_drawing.NEGATIVE), 0: neutral, 1: _drawing.rgb(_drawing.POSITIVE)}
    for layer, W in enumerate(net.weights):
        W = W[np.ix_(shown[layer + 1], shown[layer])]
        ends = itertools.product(heights[layer + 1].tolist(), heights[layer].tolist())
        segments = [((layer, below), (layer + 1, above)) for above, below in ends]
        w = W.ravel().astype(np.float64)
        order = np.argsort(np.abs(w), kind="stable")  # the strongest on top
        strength = np.abs(w) / greatest if greatest > 0 else np.zeros_like(w)
        ax.add_collection(
            LineCollection(
                [segments[i] for i in order], linewidths=(0.2 + (widest - 0.2) * strength)[order], zorder=1,
                colors=[(*colours[int(np.sign(w[i]))], 0.2 + 0.8 * strength[i]) for i in order],
                capstyle="round", rasterized=w.size > 2000,
            )
        )  # fmt: skip
    colour = [colours[1], colours[-1], "none"]
    ax.legend(
        [Line2D([], [], color=c, linewidth=2) for c in colour], ["w > 0", "w < 0", f"|w| ≤ {greatest:.3g}"], ncols=3,
        loc="upper center", fontsize="x-small", handlelength=1.2, columnspacing=1.0, **_drawing.legend_colours(ax),
    )  # fmt: skip


def _draw_units(ax: Axes, net: MLP, shown: list[list[int]], heights: list[Array], diameters: Array) -> None:
    biases = [np.zeros(len(shown[0])), *(b[units] for b, units in zip(net.biases, shown[1:], strict=True))]
    norm = _drawing.symmetric(np.concatenate(net.biases))
    for layer, (ys, b) in enumerate(zip(heights, biases, strict=True)):
        ax.scatter(
            np.full(len(ys), layer), ys, s=diameters[layer] ** 2, c=b, cmap=_drawing.diverging(ax), norm=norm,
            zorder=2, edgecolors=[_drawing.ink(ax)], linewidths=min(1.0, diameters[layer] / 12),
        )  # fmt: skip
        if net.layer_sizes[layer] > len(ys):
            gap = (ys[(len(ys) + 1) // 2 - 1] + ys[(len(ys) + 1) // 2]) / 2
            ax.text(layer, gap, "⋮", ha="center", va="center", color=_drawing.ink(ax), fontsize="large")


def _name_inputs_and_outputs(
    ax: Axes, net: MLP, shown: list[list[int]], heights: list[Array], diameters: Array, class_names: Any
) -> None:
    """Names beside the units of both ends, unless there are so many that they would overlap."""
    n_in, n_out = net.layer_sizes[0], net.layer_sizes[-1]
    inputs = net.feature_names or [f"$x_{{{i + 1}}}$" for i in range(n_in)]
    outputs = class_names or ([r"$\hat{y}$"] if n_out == 1 else [rf"$\hat{{y}}_{{{i + 1}}}$" for i in range(n_out)])
    ends = [
        (0, inputs, net.feature_names is None, "right", -1),
        (len(shown) - 1, outputs, class_names is None, "left", 1),
    ]
    line = 0.15  # inches that a line of small print takes
    longest = _drawing.LONGEST if _drawing.is_laid_out(ax) else 12
    for layer, names, formula, side, sign in ends:
        if len(shown[layer]) > _drawing.inches(ax)[1] / line:
            continue
        for unit, y in zip(shown[layer], heights[layer].tolist(), strict=True):
            text = ax.annotate(
                names[unit], (layer, y), (sign * (diameters[layer] / 2 + 3), 0), textcoords="offset points", ha=side,
                va="center", fontsize="small", color=_drawing.ink(ax), annotation_clip=False,
            )  # fmt: skip
            if not formula:
                _drawing.literal(text, names[unit], longest)


def _name_layers(ax: Axes, net: MLP, width: float) -> None:
    """What each layer is, and how many units it has, below it; nothing else of the frame."""
    names = ["inputs", *net.activations]
    room = width / len(names) / max(map(len, names))  # inches that a character has
    upright = room < 0.068
    labels = [f"{name}{' ' if upright else chr(10)}{n}" for name, n in zip(names, net.layer_sizes, strict=True)]
    ax.set_xticks(range(len(labels)), labels)
    ax.tick_params(axis="x", labelsize="small" if room > 0.085 else "x-small", labelrotation=90 if upright else 0)
    ax.set_yticks([])
    ax.grid(False)
    ax.tick_params(length=0)
    ax.set(xlim=(-0.35, len(labels) - 0.65), ylim=(0, 1 + LEGEND / _drawing.inches(ax)[1]))
    ax.spines[:].set_visible(False)


def weights(
    net: MLP,
    layer: int = 1,
    shape: tuple[int, int] | None = None,
    ax: Any = None,
    *,
    units: Sequence[int] | None = None,
) -> Any:
    """The weights W of a layer as an image: blue for negative, vermilion for positive, the background's colour for 0.

    Parameters
    ----------
    net : MLP
    layer : int, default 1
        1, …, L.
    shape : tuple (height, width), optional
        Draw the weights of each unit as an image of its own of that shape: (8, 8) for the handwritten digits. By
        default all of W (n_l, n_{l−1}) is one image, a row for each unit.
    ax : matplotlib Axes, or with `shape` an array of as many as there are units, optional
    units : sequence of int, optional
        Which units of the layer, counted from 0; by default all of them, with `shape` at most 100.

    Returns
    -------
    matplotlib Axes, or with `shape` ndarray (n,) of them
        All panels have one scale.

    Raises
    ------
    ValueError, TypeError
        If the parameters are not finite or an argument does not fit.
    ImportError
        Without matplotlib: ``pip install 'shallownet-c[plot]'``.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> from shallownet_c import plot
    >>> net = sn.MLP([64, 12, 10], output="softmax", seed=0)
    >>> plot.weights(net, shape=(8, 8)).shape
    (12,)
    """
    net = _finite(net)
    layer = _validation.integer("layer", layer, 1, len(net.weights))
    W = net.weights[layer - 1]
    n_out, n_in = W.shape
    if shape is None:
        chosen = _subjects.check_units("units", range(n_out) if units is None else units, n_out)
        return _draw_matrix(net, layer, chosen, ax)
    sides = [_validation.integer("shape", n, 1) for n in _validation.sequence("shape", shape, "two integers")]
    if len(sides) != 2 or math.prod(sides) != n_in:
        raise ValueError(f"shape must be two integers whose product is {n_in}, got {_validation.shown(shape)}")
    chosen = _subjects.check_units("units", units, n_out)
    _drawing.check_panels(ax, len(chosen), "weights")
    axes = _drawing.panels(ax, len(chosen), "weights", size=(0.9, 1.0))
    norm = _drawing.symmetric(W[chosen])
    for panel, unit in zip(axes, chosen, strict=True):
        image = panel.imshow(W[unit].reshape(sides), cmap=_drawing.diverging(panel), norm=norm)
        panel.set_title(f"unit {unit}", fontsize="x-small", pad=2)
        panel.set(xticks=[], yticks=[])
    _drawing.colour_bar(axes, image, f"W, layer {layer}")
    return axes


def _draw_matrix(net: MLP, layer: int, units: list[int], ax: Axes | None) -> Axes:
    from matplotlib.ticker import MaxNLocator

    ax = _drawing.one(ax, "weights")
    W = net.weights[layer - 1][units]
    image = ax.imshow(
        W, cmap=_drawing.diverging(ax), norm=_drawing.symmetric(W), aspect="auto", interpolation="nearest"
    )
    names = net.feature_names if layer == 1 else None
    ax.set_xlabel("input" if layer == 1 else f"unit of layer {layer - 1}")
    ax.set_ylabel(f"unit of layer {layer}")
    ax.grid(False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    if len(units) <= MOST_NAMES and units != list(range(len(net.weights[layer - 1]))):
        ax.set_yticks(range(len(units)), list(map(str, units)))
    if names is not None and len(names) <= MOST_NAMES:
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize="small")
        for text, name in zip(ax.get_xticklabels(), names, strict=True):
            _drawing.literal(text, name)
        ax.set_xlabel("")
    _drawing.colour_bar(ax, image, f"W, layer {layer}")
    return ax
