"""Curves: the course of a training, and the activations with their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c.plot import _drawing
from shallownet_c.reference._activations import ACTIVATIONS, Activation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: matplotlib computes margins beyond the values, which must be finite, too.
LARGEST = 1e200
#: From where to where the activations are drawn.
Z_RANGE, A_RANGE = (-3.0, 3.0), (-1.6, 3.1)


def cost(history: Any, ax: Axes | None = None, *, label: str | None = None) -> Axes:
    """The cost of each epoch, and that on validation data if there are any.

    Parameters
    ----------
    history : History
        Of a fit, be it over or not; also whatever has lists `cost` and, perhaps, `val_cost`.
    ax : matplotlib Axes, optional
        By default those of a new figure. Histories that are drawn into the same Axes, each with a label, can be
        compared.
    label : str, optional
        What the legend calls this history.

    Returns
    -------
    matplotlib Axes
        The scale of the cost is logarithmic if the costs of this call are all positive and the greatest is more than
        ten times the least. Costs that are not finite, or beyond 1e200, are left out.

    Raises
    ------
    ValueError, TypeError
        If the history has no `cost` or no epoch yet, or an argument does not fit.
    ImportError
        Without matplotlib: ``pip install 'shallownet-c[plot]'``.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> from shallownet_c import plot
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> history = sn.MLP([2, 4, 1], output="sigmoid", seed=0).fit(X, y, epochs=100)
    >>> ax = plot.cost(history)  # history.plot() does the same
    >>> len(ax.lines[0].get_ydata())
    100
    """
    _drawing.check_ax(ax, "cost")
    if not hasattr(history, "cost") or callable(history.cost):
        raise TypeError(f"history must be a History, as fit returns it, got {_validation.shown(history)}")
    courses = [_course("cost", history.cost), _course("val_cost", getattr(history, "val_cost", ()))]
    if len(courses[0]) == 0:
        raise ValueError("history must have at least one epoch, got none")
    if label is not None and not isinstance(label, str):
        raise TypeError(f"label must be a string or None, got {_validation.shown(label)}")
    from matplotlib.ticker import MaxNLocator

    ax = _drawing.one(ax, "cost")
    (train,) = ax.plot(np.arange(1, len(courses[0]) + 1), courses[0], label=label or "training")
    few = len(courses[0]) == 1  # which no line shows
    train.set_marker("o" if few else "")
    if len(courses[1]):
        (validation,) = ax.plot(
            np.arange(1, len(courses[1]) + 1),
            courses[1],
            "--",
            label="validation" if not label else f"{label}, validation",
        )
        validation.set_marker("s" if few else "")
    finite = np.concatenate(courses)
    finite = finite[np.isfinite(finite)]
    if finite.size and finite.min() > 0 and finite.max() > 10 * finite.min():
        ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True, min_n_ticks=1))
    ax.set_xlabel("epoch")
    ax.set_ylabel("cost J")
    if len(ax.lines) > 1 or label:
        lines = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
        _drawing.legend(ax, lines, [line.get_label() for line in lines])
    return ax


def _course(name: str, values: Any) -> Array:
    """The costs of a history; as NaN, which no line goes through, those that are not finite or too large to draw."""
    items = _validation.sequence(f"history.{name}", values, "numbers")
    costs = _validation.numbers(f"history.{name}", items, np.dtype(np.float64))
    if costs.ndim != 1:
        raise ValueError(f"history.{name} must have a number for each epoch, got shape {costs.shape}")
    return np.where(np.abs(costs) < LARGEST, costs, np.nan)


def activations(names: str | Sequence[str] | None = None, ax: Any = None, *, leak: float = 0.01) -> Any:
    """Activations g(z) with their derivatives g′(z), a panel for each.

    Parameters
    ----------
    names : str or sequence of str, optional
        Which ones, see `MLP`; by default all that are functions of one z.
    ax : matplotlib Axes, or an array of as many as there are names, optional
    leak : float, default 0.01
        Of leaky ReLU.

    Returns
    -------
    ndarray (n,) of matplotlib Axes
        In the order of the names; for a single string the Axes themselves. A derivative that jumps is drawn with a gap.

    Raises
    ------
    ValueError, TypeError
        If a name is not an activation, or is softmax, which is a function of all z of a layer; if `ax` does not fit.
    ImportError
        Without matplotlib: ``pip install 'shallownet-c[plot]'``.

    Examples
    --------
    >>> from shallownet_c import plot
    >>> axes = plot.activations(["sigmoid", "tanh", "relu"])
    >>> [ax.get_title() for ax in axes]
    ['sigmoid', 'tanh', 'relu']
    """
    single = isinstance(names, str)
    valid = [name for name, row in ACTIVATIONS.items() if row.elementwise]
    chosen = [names] if single else valid if names is None else _validation.sequence("names", names, "names")
    if "softmax" in [name for name in chosen if isinstance(name, str)]:
        raise ValueError("names must not have 'softmax': it is a function of all z of a layer, not of one")
    chosen = [_validation.choice("names", name, valid) for name in chosen]
    if not chosen:
        raise ValueError("names must name at least one activation, got none")
    leak = _validation.real_number("leak", leak, "in [0, 1)", lambda x: 0 <= x < 1)
    if single:
        _drawing.check_ax(ax, "activations")
        axes = np.array([_drawing.one(ax, "activations")], object)
    else:
        axes = _drawing.panels(ax, len(chosen), "activations", size=(1.7, 1.5))
    for panel, name in zip(axes, chosen, strict=True):
        _draw_activation(panel, ACTIVATIONS[name], leak)
    axes[0].legend(
        handles=axes[0].lines[-2:], loc="upper left", fontsize="x-small", handlelength=1.5,
        borderaxespad=0.2, frameon=False, labelcolor=_drawing.ink(axes[0]),
    )  # fmt: skip
    return axes[0] if single else axes


def _draw_activation(ax: Axes, row: Activation, leak: float) -> None:
    assert row.derivatives is not None
    z = np.linspace(*Z_RANGE, 301)
    right = np.nextafter(0.0, 1.0)  # where the derivatives are those of the right side
    z = np.insert(z, 151, right)  # behind 0
    a = row.values(z, *row.arguments(leak))
    slopes = row.derivatives(z, *row.arguments(leak))
    if abs(slopes[151] - slopes[150]) > 1e-6:
        z_slopes, slopes = np.insert(z, 151, 0.0), np.insert(slopes, 151, np.nan)
    else:
        z_slopes = z
    faint = _drawing.mixed(_drawing.ink(ax), _drawing.ground(ax), 0.7)
    ax.axhline(0, color=faint, linewidth=0.6)
    ax.axvline(0, color=faint, linewidth=0.6)
    ax.plot(z, a, color=_drawing.POSITIVE, label="g(z)")
    ax.plot(z_slopes, slopes, "--", color=_drawing.OKABE_ITO[3], label="g′(z)")
    ax.set(xlim=Z_RANGE, ylim=A_RANGE)
    ax.set_title(row.name, fontsize="medium")
