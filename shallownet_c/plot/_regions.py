"""The plane of two inputs: what a network says everywhere in it, and what each hidden unit responds to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c.kernels import dense_forward
from shallownet_c.plot import _drawing, _subjects
from shallownet_c.plot._subjects import Subject
from shallownet_c.reference._activations import ACTIVATIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from shallownet_c.ensemble import Ensemble
    from shallownet_c.mlp import MLP

#: How opaque a region is where its class is certain: the points must stand out.
STRONGEST = 0.55


class Plane(NamedTuple):
    """A grid of n × n points around the rows of X (m, 2)."""

    x: Array
    y: Array

    @classmethod
    def around(cls, X: Array, n: int) -> Plane:
        sides = []
        for i, (least, greatest) in enumerate(zip(X.min(axis=0).tolist(), X.max(axis=0).tolist(), strict=True)):
            margin = 0.06 * (greatest - least)
            if margin == 0:  # a constant column, or a single row
                margin = max(1.0, 0.1 * abs(greatest))
            if not np.isfinite(margin) or least - margin == greatest + margin:
                raise ValueError(f"X must span a range that can be drawn, got {least} to {greatest} in column {i}")
            sides.append(np.linspace(least - margin, greatest + margin, n))
        return cls(*sides)

    @property
    def points(self) -> Array:
        """(n², 2), row by row from the lowest."""
        return np.stack(np.meshgrid(self.x, self.y), axis=-1).reshape(-1, 2)

    def image(self, ax: Axes, values: Array, **options: Any) -> Any:
        """Values (n², ) as pixels whose middles are the points."""
        n, half = len(self.x), [(side[1] - side[0]) / 2 for side in self]
        extent = (self.x[0] - half[0], self.x[-1] + half[0], self.y[0] - half[1], self.y[-1] + half[1])
        image = ax.imshow(
            values.reshape(n, n), origin="lower", extent=extent, aspect="auto", interpolation="nearest", **options
        )
        self.frame(ax)
        return image

    def frame(self, ax: Axes) -> None:
        """The limits, without a grid, which some styles would draw across the colours."""
        ax.set(xlim=(self.x[0], self.x[-1]), ylim=(self.y[0], self.y[-1]))
        ax.grid(False)

    def line(self, ax: Axes, values: Array, level: float, **options: Any) -> Any:
        """Where values (n², ) cross a level; None if they do not."""
        if not values.min() < level < values.max():  # of which matplotlib would warn
            return None
        return ax.contour(
            self.x, self.y, values.reshape(len(self.x), -1), levels=[level],
            **{"colors": [_drawing.ink(ax)], "linewidths": 1.2} | options,
        )  # fmt: skip


def decision_regions(
    net_or_estimator: MLP | Ensemble | Any,
    X: ArrayLike,
    y: ArrayLike,
    ax: Axes | None = None,
    *,
    output: int | None = None,
    class_names: Sequence[object] | None = None,
    resolution: int = 200,
) -> Axes:
    """What a network or an estimator of two inputs says in the plane of the inputs, and the data.

    Classes are regions, the paler the less certain, with a line where two of them are equally likely; for two classes
    that is where the probability is ½. Numbers are filled contours, and the points have the colours of their y.

    Parameters
    ----------
    net_or_estimator : MLP, Ensemble or fitted estimator
        Of this package or with scikit-learn's `predict`, pipelines included. The regions of a classifier follow
        `predict_proba` if it has that.
    X : array_like (m, 2)
        A table's columns name the axes.
    y : array_like (m,) or as `MLP.cost` takes it
        The classes, for an estimator by its own labels, or the numbers.
    ax : matplotlib Axes, optional
        By default those of a new figure.
    output : int, optional
        Which output to draw, of a network that has several and is no softmax.
    class_names : sequence of str, optional
        What the legend calls the classes, by default their numbers or the estimator's labels.
    resolution : int, default 200
        The grid has so many points each way, all of which are predicted by one call.

    Returns
    -------
    matplotlib Axes
        Of more than 5,000 rows that many are drawn, chosen at random but always the same ones, and a note says so.

    Raises
    ------
    ValueError, TypeError
        If there are not two inputs, X, y or an output is not finite, or an argument does not fit.
    ImportError
        Without matplotlib: ``pip install 'shallownet-c[plot]'``.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> from shallownet_c import plot
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
    >>> _ = net.fit(X, y, optimizer=sn.RPROP(), epochs=300)
    >>> ax = plot.decision_regions(net, X, y)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0', '1']
    """
    _drawing.check_ax(ax, "decision_regions")
    resolution = _validation.integer("resolution", resolution, 2, 2000)
    rows = _subjects.plane(X, "decision_regions")
    subject = _subjects.subject(net_or_estimator, output, class_names)
    names = subject.feature_names(X)
    targets = subject.targets(X, y)
    if not subject.n_classes and targets.shape[1] != 1:
        raise ValueError(f"output must say which of {targets.shape[1]} outputs to draw, got None")
    plane = Plane.around(rows, resolution)
    table = X if isinstance(subject, _subjects.Estimator) else rows
    A = subject.outputs(_subjects.table_like(table, plane.points))
    if len(A) != resolution**2 or (not subject.n_classes and A.shape[1] != 1):
        raise ValueError(f"output must say which of {A.shape[1]} outputs to draw, got None")
    ax = _drawing.one(ax, "decision_regions")
    chosen = _drawing.some_rows(len(rows))
    if subject.n_classes == 2:
        _draw_probability(ax, plane, A[:, 1])
    elif subject.n_classes:
        _draw_classes(ax, plane, A)
    else:
        _draw_numbers(ax, plane, A[:, 0], rows[chosen], targets[chosen, 0], len(rows))
    if subject.n_classes:
        _draw_points(ax, subject, rows[chosen], targets[chosen], len(rows))
    _drawing.name_axes((ax.xaxis.label, ax.yaxis.label), names)
    _drawing.say_how_many(ax, len(chosen), len(rows))
    return ax


def _draw_probability(ax: Axes, plane: Plane, p: Array) -> None:
    """The probability of the second class, and the line where it is ½."""
    from matplotlib.colors import LinearSegmentedColormap

    ends = [(*_drawing.class_colour(number), STRONGEST) for number in (0, 1)]
    middle = (*_drawing.ground(ax), 0.0)
    colours = LinearSegmentedColormap.from_list("probability", [ends[0], middle, ends[1]])
    plane.image(ax, p, cmap=colours, vmin=0.0, vmax=1.0)
    plane.line(ax, p, 0.5)


def _draw_classes(ax: Axes, plane: Plane, A: Array) -> None:
    """The likeliest class by its colour, as opaque as it is certain, and lines between the classes."""
    from matplotlib.colors import ListedColormap

    n = A.shape[1]
    likeliest = A.argmax(axis=1)
    certain = (A.max(axis=1) - 1 / n) / (1 - 1 / n) if n > 1 else np.ones(len(A))
    side = len(plane.x)
    colours = ListedColormap([_drawing.class_colour(number) for number in range(n)])
    alpha = STRONGEST * (0.25 + 0.75 * np.clip(certain, 0, 1)).reshape(side, side)
    plane.image(ax, likeliest, cmap=colours, vmin=-0.5, vmax=n - 0.5, alpha=alpha)
    for number in np.unique(likeliest).tolist():
        others = np.delete(A, number, axis=1).max(axis=1, initial=0.0)
        plane.line(ax, A[:, number] - others, 0.0, linewidths=0.8)


def _draw_points(ax: Axes, subject: Subject, X: Array, numbers: Array, m: int) -> None:
    """The rows by class, and the legend of all classes, those without rows by a marker that is not drawn."""
    lines = _drawing.class_points(ax, X, numbers, _drawing.marker_size(ax, m))
    shown = sorted(lines)
    if subject.n_classes <= 20:
        for number in range(subject.n_classes):
            if number not in lines:
                lines.update(_drawing.class_points(ax, np.full((1, 2), np.nan), np.array([number])))
        shown = list(range(subject.n_classes))
    _drawing.legend(ax, [lines[number] for number in shown], [subject.names[number] for number in shown])


def _draw_numbers(ax: Axes, plane: Plane, a: Array, X: Array, y: Array, m: int) -> None:
    """Filled contours of the outputs, and the rows in the colours of their targets on the same scale."""
    from matplotlib.ticker import MaxNLocator

    least, greatest = min(a.min(), y.min()), max(a.max(), y.max())
    levels = MaxNLocator(11).tick_values(least, greatest)
    side = len(plane.x)
    filled: Any = ax.contourf(plane.x, plane.y, a.reshape(side, side), levels=levels, cmap="cividis")
    ax.scatter(
        X[:, 0], X[:, 1], c=y, cmap=filled.cmap, norm=filled.norm, s=_drawing.marker_size(ax, m) ** 2,
        edgecolors=[_drawing.ink(ax)], linewidths=0.5, rasterized=len(X) > 500,
    )  # fmt: skip
    plane.frame(ax)
    _drawing.colour_bar(ax, filled)


def hidden_units(
    net: MLP,
    X: ArrayLike,
    y: ArrayLike,
    ax: Any = None,
    *,
    layer: int = 1,
    units: Sequence[int] | None = None,
    resolution: int = 100,
) -> Array:
    """What each unit of a hidden layer responds to, for a network of two inputs: its output a in their plane.

    All panels have one scale, whose middle is g(0). The line is where the unit's z is 0: in the first layer it is a
    straight one, at right angles to the unit's weights.

    Parameters
    ----------
    net : MLP
    X : array_like (m, 2)
    y : array_like
        As in `MLP.cost`; classes are told apart by colour and marker.
    ax : array of matplotlib Axes, optional
        One for each unit; by default those of a new figure.
    layer : int, default 1
        Which hidden layer, counted from 1.
    units : sequence of int, optional
        Which of its units, counted from 0; by default all of them, at most 100.
    resolution : int, default 100
        The grid has so many points each way.

    Returns
    -------
    ndarray (n,) of matplotlib Axes
        Of more than 500 rows that many are drawn, always the same ones.

    Raises
    ------
    ValueError, TypeError
        If the network has not two inputs or no hidden layer, or an argument does not fit.
    ImportError
        Without matplotlib: ``pip install 'shallownet-c[plot]'``.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> from shallownet_c import plot
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
    >>> [ax.get_title() for ax in plot.hidden_units(net, X, y)]
    ['unit 0', 'unit 1', 'unit 2', 'unit 3']
    """
    net = _subjects.check_net(net)
    sizes = net.layer_sizes
    if sizes[0] != 2:
        _subjects.refuse_dimensions("net must have two inputs", sizes[0], "hidden_units")
    if len(sizes) == 2:
        raise ValueError("net must have a hidden layer, got none: plot.decision_regions shows its output")
    layer = _validation.integer("layer", layer, 1, len(sizes) - 2)
    chosen_units = _subjects.check_units("units", units, sizes[layer])
    resolution = _validation.integer("resolution", resolution, 2, 2000)
    _drawing.check_panels(ax, len(chosen_units), "hidden_units")
    rows = _subjects.plane(X, "hidden_units")
    subject = _subjects.Network(net, 0 if sizes[-1] > 1 and net.activations[-1] != "softmax" else None, None)
    names = subject.feature_names(X)
    targets = subject.targets(X, y)
    plane = Plane.around(rows, resolution)
    below, A = net.layer_outputs(plane.points)[layer - 1 : layer + 1]
    A = subject.finite(A.astype(np.float64))
    Z = dense_forward(below, net.weights[layer - 1], net.biases[layer - 1], "identity")
    row = ACTIVATIONS[net.activations[layer - 1]]
    norm = _drawing.symmetric(A[:, chosen_units], float(row.value(0.0, *row.arguments(net.leak))))
    axes = _drawing.panels(ax, len(chosen_units), "hidden_units")
    chosen = _drawing.some_rows(len(rows), 500)
    numbers = targets[chosen] if subject.n_classes else np.zeros(len(chosen), int)
    size = 0.7 * _drawing.marker_size(axes[0], len(chosen))
    for panel, unit in zip(axes, chosen_units, strict=True):
        image = plane.image(panel, A[:, unit], cmap=_drawing.diverging(panel), norm=norm, alpha=0.6)
        plane.line(panel, Z[:, unit], 0.0)
        _drawing.class_points(panel, rows[chosen], numbers, size)
        panel.set_title(f"unit {unit}", fontsize="small", pad=3)
        panel.tick_params(labelsize="x-small")
    if ax is None:
        figure = axes[0].figure
        labels = figure.supxlabel("x", fontsize="medium"), figure.supylabel("x", fontsize="medium")
    else:
        labels = axes[0].xaxis.label, axes[0].yaxis.label
    _drawing.name_axes(labels, names)
    bar = _drawing.colour_bar(axes, image, f"a, layer {layer}")
    bar.ax.set_ylim(*_range(A[:, chosen_units]))
    return axes


def _range(values: Array) -> tuple[float, float]:
    """The least and the greatest, or something around them if they are the same."""
    least, greatest = float(values.min()), float(values.max())
    return (least, greatest) if least < greatest else (least - 1, greatest + 1)
