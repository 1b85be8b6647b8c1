"""How good predictions are: calibration and confusion by scikit-learn's displays; predicted against true numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c import _scores
from shallownet_c._checks import _extras, _validation
from shallownet_c._checks._validation import Array
from shallownet_c.plot import _drawing, _subjects
from shallownet_c.plot._subjects import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from shallownet_c.ensemble import Ensemble
    from shallownet_c.mlp import MLP


def calibration(
    net_or_estimator: MLP | Ensemble | Any,
    X: ArrayLike,
    y: ArrayLike,
    ax: Axes | None = None,
    *,
    n_bins: int = 10,
    output: int | None = None,
    class_names: Sequence[object] | None = None,
) -> Axes:
    """How often a class occurs among the rows for which it is predicted with about the same probability.

    A curve on the diagonal means that probabilities can be taken at their word; below it they are too high. Two classes
    have one curve, that of the second class; more have one for each class against all others. They are drawn by
    scikit-learn's `CalibrationDisplay`, from bins of equal width; bins without rows have no point.

    Parameters
    ----------
    net_or_estimator : MLP, Ensemble or fitted classifier with `predict_proba`
    X : array_like (m, n_0)
    y : array_like
        The classes, as `MLP.cost` takes them, or an estimator's own labels.
    ax : matplotlib Axes, optional
        By default those of a new figure.
    n_bins : int, default 10
    output : int, optional
        Which output to draw, of a network that has several sigmoids.
    class_names : sequence of str, optional
        What the legend calls the classes, by default their numbers or the estimator's labels.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError, TypeError
        If no probabilities are predicted, or an argument does not fit.
    ImportError
        Without matplotlib or scikit-learn: ``pip install 'shallownet-c[plot,sklearn]'``.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> from shallownet_c import plot
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
    >>> _ = net.fit(X, y, optimizer=sn.RPROP(), epochs=300)
    >>> plot.calibration(net, X, y).get_xlabel()
    'predicted probability'
    """
    _drawing.check_ax(ax, "calibration")
    n_bins = _validation.integer("n_bins", n_bins, 1, 10_000)
    subject = _classifier("calibration", net_or_estimator, output, class_names)
    if not subject.has_probabilities:
        raise ValueError(f"net_or_estimator must have predict_proba, got {type(net_or_estimator).__name__}")
    display = _extras.library("sklearn.calibration", "sklearn", "plot.calibration").CalibrationDisplay
    numbers, P = subject.targets(X, y), np.clip(subject.outputs(X), 0.0, 1.0)
    ax = _drawing.one(ax, "calibration")
    before = len(ax.lines)
    drawn = [1] if subject.n_classes == 2 else list(range(subject.n_classes))
    for number in drawn:
        colour = _drawing.class_colour(number)
        line, edge = (_drawing.mixed(colour, _drawing.ink(ax), share) for share in (0.35, 0.65))
        display.from_predictions(
            numbers == number, P[:, number], n_bins=n_bins, pos_label=True, ax=ax, ref_line=number == drawn[0],
            color=line, linewidth=1.2, marker=_drawing.class_marker(number), markersize=5, markerfacecolor=colour,
            markeredgecolor=edge,
        )  # fmt: skip
    lines = ax.lines[before:]  # the diagonal first
    lines[0].set_color(_drawing.ink(ax))
    _drawing.legend(ax, lines, ["perfect", *(subject.names[number] for number in drawn)])
    ax.set(xlabel="predicted probability", ylabel="share of the class", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    return ax


def confusion(
    net_or_estimator: MLP | Ensemble | Any,
    X: ArrayLike,
    y: ArrayLike,
    ax: Axes | None = None,
    *,
    normalize: str | None = None,
    output: int | None = None,
    class_names: Sequence[object] | None = None,
) -> Axes:
    """How many rows of each class are taken for which class, drawn by scikit-learn's `ConfusionMatrixDisplay`.

    Parameters
    ----------
    net_or_estimator : MLP, Ensemble or fitted classifier
    X : array_like (m, n_0)
    y : array_like
        The classes, as `MLP.cost` takes them, or an estimator's own labels.
    ax : matplotlib Axes, optional
        By default those of a new figure.
    normalize : {"true", "pred", "all"}, optional
        Shares of each class's rows, of the rows that are taken for a class, or of all rows, in the place of numbers.
    output : int, optional
        Which output to draw, of a network that has several sigmoids.
    class_names : sequence of str, optional
        By default their numbers or the estimator's labels.

    Returns
    -------
    matplotlib Axes
        Where cells are too small for their numbers, a colour bar has the scale.

    Raises
    ------
    ValueError, TypeError
        If no classes are predicted, or an argument does not fit.
    ImportError
        Without matplotlib or scikit-learn: ``pip install 'shallownet-c[plot,sklearn]'``.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> from shallownet_c import plot
    >>> X, y = sn.datasets.load_digits()
    >>> net = sn.MLP([64, 32, 10], "relu", "softmax", seed=0)
    >>> _ = net.fit(X / 16, y, epochs=20, batch_size=100, seed=0)
    >>> plot.confusion(net, X / 16, y).images[0].get_array().shape
    (10, 10)
    """
    _drawing.check_ax(ax, "confusion")
    normalize = None if normalize is None else _validation.choice("normalize", normalize, ("true", "pred", "all"))
    subject = _classifier("confusion", net_or_estimator, output, class_names)
    display = _extras.library("sklearn.metrics", "sklearn", "plot.confusion").ConfusionMatrixDisplay
    numbers, found = subject.targets(X, y), subject.classify(X)
    ax = _drawing.one(ax, "confusion")
    n = subject.n_classes
    digits = 4 if normalize else len(str(len(numbers)))
    # Small print of digits that take 0.65 of its size each fits into a cell, unless that is tiny.
    size = min(10.0, 72 * min(_drawing.inches(ax)) / n * 0.9 / (0.65 * max(digits, 2)))
    made = display.from_predictions(
        numbers, found, labels=range(n), normalize=normalize, ax=ax, include_values=size >= 4, colorbar=False,
        cmap=_drawing.from_ground(ax), values_format=".2f" if normalize else "d", text_kw={"fontsize": size},
    )  # fmt: skip
    colours = _drawing.ink(ax), _drawing.ground(ax)
    for cell, text in np.ndenumerate(made.text_ if size >= 4 else np.empty((0, 0), object)):
        text.set_color(_drawing.readable(colours, made.im_.cmap(made.im_.norm(made.confusion_matrix[cell]))))
    if size < 4:
        _drawing.colour_bar(ax, made.im_)
    _name_classes(ax, subject.names)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.grid(False)
    return ax


def _name_classes(ax: Axes, names: Sequence[object]) -> None:
    """Ticks with the names of classes: upright below the matrix, or not each one, where they would overlap."""
    width, height = _drawing.inches(ax)
    step = max(1, round(0.14 * len(names) / height))
    shown = range(0, len(names), step)
    longest = max(6, int(0.35 * height / 0.07))
    texts = [_drawing.short(names[number], longest) for number in shown]
    upright = max(map(len, texts)) * 0.085 > step * min(width, height) / len(names)  # the cells are squares
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(list(shown), texts)
        axis.set_tick_params(labelsize="small" if len(texts) <= 10 else "x-small")
        for text, name in zip(axis.get_ticklabels(), shown, strict=True):
            _drawing.literal(text, names[name], longest)
    ax.tick_params(axis="x", labelrotation=90 if upright else 0)


def predicted_vs_true(
    net_or_estimator: MLP | Ensemble | Any,
    X: ArrayLike,
    y: ArrayLike,
    ax: Any = None,
    *,
    output: int | None = None,
) -> Any:
    """Predicted numbers against the true ones: perfect predictions lie on the diagonal.

    Parameters
    ----------
    net_or_estimator : MLP, Ensemble or fitted regressor
    X : array_like (m, n_0)
    y : array_like (m,) or (m, n_L)
    ax : matplotlib Axes, or an array of as many as there are outputs, optional
        By default those of a new figure.
    output : int, optional
        Which output to draw; by default each has a panel.

    Returns
    -------
    matplotlib Axes, or ndarray (n_L,) of them if there are several outputs
        The title has R², as `MLP.score` computes it, of all rows. Of more than 5,000 rows that many are drawn, always
        the same ones, and a note says so. For the loss poisson with a logarithmic rate a, e^a stands for a.

    Raises
    ------
    ValueError, TypeError
        If classes are predicted and not numbers, or an argument does not fit.
    ImportError
        Without matplotlib: ``pip install 'shallownet-c[plot]'``.

    Examples
    --------
    >>> import numpy as np, shallownet_c as sn
    >>> from shallownet_c import plot
    >>> X = np.linspace(-1, 1, 100)[:, np.newaxis]
    >>> y = np.sin(3 * X[:, 0])
    >>> net = sn.MLP([1, 8, 1], seed=0)
    >>> _ = net.fit(X, y, optimizer=sn.RPROP(), epochs=300)
    >>> plot.predicted_vs_true(net, X, y).get_ylabel()
    'predicted'
    """
    subject = _subjects.subject(net_or_estimator, output)
    if subject.n_classes:
        raise ValueError(
            f"plot.predicted_vs_true draws numbers, but {type(net_or_estimator).__name__} predicts classes: "
            f"plot.confusion and plot.calibration draw those"
        )
    subject.feature_names(X)
    Y, A = subject.targets(X, y), subject.outputs(X)
    if Y.shape != A.shape:
        raise ValueError(f"y must have shape {A.shape}, as the predictions have, got {Y.shape}")
    n = A.shape[1]
    if n == 1:
        axes = np.array([_drawing.one(ax, "predicted_vs_true")], object)
    else:
        units = _subjects.check_units("output", None, n)
        axes = _drawing.panels(ax, len(units), "predicted_vs_true", size=(2.2, 2.0), share=False)
    for k, panel in enumerate(axes):
        _draw_numbers(panel, Y[:, k], A[:, k], f"output {k}, " if n > 1 else "")
    return axes[0] if n == 1 else axes


def _draw_numbers(ax: Axes, y: Array, a: Array, title: str) -> None:
    chosen = _drawing.some_rows(len(y))
    least, greatest = float(min(y.min(), a.min())), float(max(y.max(), a.max()))
    margin = 0.05 * (greatest - least) or max(1.0, 0.1 * abs(greatest))
    ends = (least - margin, greatest + margin)
    ax.plot(ends, ends, "--", color=_drawing.ink(ax), linewidth=1.0)
    ax.plot(
        y[chosen], a[chosen], "o", color=_drawing.accent(ax), markersize=_drawing.marker_size(ax, len(y)),
        alpha=0.6 if len(y) > 50 else 0.9, markeredgewidth=0, rasterized=len(chosen) > 500,
    )  # fmt: skip
    r2 = _scores.r_squared(a[:, np.newaxis], y[:, np.newaxis], None)
    ax.set_title(title + (f"R² = {r2:.3f}" if np.isfinite(r2) else "no R² of one row"), fontsize="medium")
    ax.set(xlim=ends, ylim=ends, xlabel="true", ylabel="predicted")
    _drawing.say_how_many(ax, len(chosen), len(y))


def _classifier(function: str, predictor: object, output: object, class_names: Any) -> Subject:
    subject = _subjects.subject(predictor, output, class_names)
    if not subject.n_classes:
        raise ValueError(
            f"plot.{function} draws classes, but {type(predictor).__name__} predicts numbers: "
            f"plot.predicted_vs_true draws those"
        )
    return subject
