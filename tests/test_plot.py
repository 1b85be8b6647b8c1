"""What the pictures' artists hold: the numbers of the network, and colours, names and notes that go with them."""

import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from scipy.sparse import csr_array
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import shallownet_c as sn
from shallownet_c import plot
from shallownet_c.plot import _drawing
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.sklearn import MLPClassifier

pyplot.switch_backend("agg")

X, Y = sn.datasets.make_flower(120, seed=1)
RNG = np.random.default_rng(0)
BINARY = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
HISTORY = BINARY.fit(X, Y, optimizer=sn.RPROP(), epochs=30, validation_data=(X[::3], Y[::3]))
LABELS = (Y + (X[:, 0] > 1)).astype(int)
SOFTMAX = sn.MLP([2, 5, 3], "relu", "softmax", seed=0)
SOFTMAX.fit(X, LABELS, optimizer=sn.RPROP(), epochs=30)
NUMBERS = np.sin(X[:, 0])
REGRESSION = sn.MLP([2, 6, 1], seed=0)
REGRESSION.fit(X, NUMBERS, optimizer=sn.RPROP(), epochs=30)
TABLE = pd.DataFrame(X, columns=["cost in $", "$x$"])
WORDS = np.array(["setosa", "versicolor", "virginica"])[LABELS]
OF_TABLE = sn.MLP([2, 3, 1], output="sigmoid", seed=0)
OF_TABLE.fit(TABLE, Y, epochs=1)
PIPELINE = make_pipeline(StandardScaler(), LogisticRegression()).fit(TABLE, WORDS)


@pytest.fixture(autouse=True)
def _close():
    before = dict(mpl.rcParams)
    yield
    pyplot.close("all")
    assert dict(mpl.rcParams) == before


def drawn(axes):
    """The figure has been drawn by the backend, without a warning."""
    axes = np.ravel(axes)
    axes[0].figure.savefig(io.BytesIO(), dpi=40)
    return axes


def grid(ax, n=200):
    """The points that an image's pixels stand for."""
    xs, ys = (np.linspace(*limits, n) for limits in (ax.get_xlim(), ax.get_ylim()))
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


#: One call of each function, which takes the rest of its arguments.
CALLS = {
    "cost": lambda **more: plot.cost(HISTORY, **more),
    "activations": lambda **more: plot.activations(["tanh", "relu", "sin"], **more),
    "decision_regions": lambda **more: plot.decision_regions(SOFTMAX, X, LABELS, **more),
    "hidden_units": lambda **more: plot.hidden_units(SOFTMAX, X, LABELS, **more),
    "network": lambda **more: plot.network(SOFTMAX, **more),
    "weights": lambda **more: plot.weights(SOFTMAX, **more),
    "weights of units": lambda **more: plot.weights(SOFTMAX, shape=(1, 2), **more),
    "gradients": lambda **more: plot.gradients(SOFTMAX, X, LABELS, **more),
    "calibration": lambda **more: plot.calibration(SOFTMAX, X, LABELS, **more),
    "confusion": lambda **more: plot.confusion(SOFTMAX, X, LABELS, **more),
    "predicted_vs_true": lambda **more: plot.predicted_vs_true(REGRESSION, X, NUMBERS, **more),
}
PANELS = {"activations": 3, "hidden_units": 5, "weights of units": 5, "gradients": 2}


def test_every_function_is_called_here():
    assert {name.partition(" ")[0] for name in CALLS} == set(plot.__all__)
    assert sn.plot is plot


@pytest.mark.parametrize("name", CALLS)
def test_a_new_figure_or_the_callers_axes(name):
    n = PANELS.get(name)
    axes = CALLS[name]()
    assert len(pyplot.get_fignums()) == 1
    assert np.shape(axes) == (() if n is None else (n,))
    drawn(axes)
    pyplot.close("all")
    # Axes of a figure that pyplot knows nothing of: of a subfigure, or of a program's own window.
    own = Figure(figsize=(8, 6)).subfigures(1, 2)[0].subplots(n or 1, 1)
    found = CALLS[name](ax=own)
    assert list(np.ravel(found)) == list(np.ravel(own))
    assert pyplot.get_fignums() == []
    np.ravel(own)[0].get_figure(root=True).savefig(io.BytesIO(), dpi=40)


@pytest.mark.parametrize("name", CALLS)
def test_axes_that_do_not_fit(name):
    n = PANELS.get(name)
    with pytest.raises(TypeError, match="ax must be a"):
        CALLS[name](ax="figure")
    if n is not None:
        axes = Figure().subplots(1, n + 1)
        with pytest.raises(ValueError, match=rf"ax must be an array of {n} Axes, one for each panel, got {n + 1}"):
            CALLS[name](ax=axes)
        assert not any(panel.has_data() for panel in axes)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("name", CALLS)
def test_light_and_dark(name):
    """Text, lines and backgrounds are those of the Axes, whatever style is on when the function is called."""
    for style, ink, ground in (("default", "black", "white"), ("dark_background", "white", "black")):
        with pyplot.style.context(style):
            axes = pyplot.subplots(1, PANELS.get(name, 1), figsize=(3, 2), squeeze=False, layout="constrained")[1]
        axes = drawn(CALLS[name](ax=axes[0] if name in PANELS else axes[0, 0]))
        assert _drawing.ink(axes[0]) == ink
        for ax in axes:
            texts = ax.texts + ([] if ax.get_legend() is None else ax.get_legend().get_texts())
            for text in () if name == "confusion" else texts:
                assert to_rgb(text.get_color()) == to_rgb(ink)
            if ax.get_legend() is not None and ax.get_legend().get_frame_on():
                assert ax.get_legend().get_frame().get_facecolor()[:3] == to_rgb(ground)
            for contour in [c for c in ax.collections if hasattr(c, "levels") and not c.filled]:
                assert to_rgb(contour.get_edgecolor()[0]) == to_rgb(ink)


@pytest.mark.parametrize("name", ["decision_regions", "hidden_units", "network", "weights", "confusion"])
def test_no_grid_is_drawn_across_colours(name):
    with pyplot.style.context({"axes.grid": True}):
        (ax, *_) = drawn(CALLS[name]())
    assert not any(line.get_visible() for line in ax.get_xgridlines() + ax.get_ygridlines())


def contrast(colour, other):
    one, two = sorted(map(_drawing.luminance, (colour, other)))
    return (two + 0.05) / (one + 0.05)


def as_seen(colour):
    """By somebody without the cones for green: Machado, Oliveira and Fernandes (2009), severity 1."""
    matrix = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    c = np.array(to_rgb(colour))
    return np.matmul(matrix, np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4))


def test_colours_and_markers_tell_classes_and_signs_apart():
    colours = [_drawing.class_colour(i) for i in range(21)]
    assert len(set(colours)) == 21
    assert len({(_drawing.class_colour(i), _drawing.class_marker(i)) for i in range(77)}) == 77
    for i in range(4):
        for j in range(i):
            assert np.abs(as_seen(colours[i]) - as_seen(colours[j])).max() > 0.15, (i, j)
    assert np.abs(as_seen(_drawing.NEGATIVE) - as_seen(_drawing.POSITIVE)).max() > 0.15
    for ground in ("white", "black"):
        assert min(contrast(c, ground) for c in (_drawing.NEGATIVE, _drawing.POSITIVE)) > 3


def test_costs():
    ax = plot.cost(HISTORY)
    train, validation = ax.lines
    np.testing.assert_array_equal(train.get_ydata(), HISTORY.cost)
    np.testing.assert_array_equal(validation.get_ydata(), HISTORY.val_cost)
    np.testing.assert_array_equal(train.get_xdata(), np.arange(1, 31))
    assert legend(ax) == ["training", "validation"]
    assert train.get_linestyle() != validation.get_linestyle()
    assert ax.get_yscale() == "linear"
    own = Figure().subplots()
    assert HISTORY.plot(own, label="tanh") is own
    HISTORY.plot(own, label="relu")
    assert legend(own) == ["tanh", "tanh, validation", "relu", "relu, validation"]
    assert own.figure.get_layout_engine() is None


def test_costs_of_every_kind():
    ax = plot.cost(sn.History(cost=[100.0, 10.0, float("nan"), float("inf"), 0.1]))
    assert ax.get_yscale() == "log"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [100.0, 10.0, np.nan, np.nan, 0.1])
    assert ax.get_legend() is None
    (ax,) = drawn(plot.cost(sn.History(cost=[-3.0])))
    assert ax.lines[0].get_marker() == "o"  # a line of one point could not be seen
    drawn(plot.cost(sn.History(cost=[float("nan")] * 3, val_cost=[0.0] * 3)))
    with pytest.raises(ValueError, match="history must have at least one epoch"):
        plot.cost(sn.History())
    for value in (BINARY, [1.0, 2.0], None):
        with pytest.raises(TypeError, match="history must be a History"):
            plot.cost(value)
    with pytest.raises(TypeError, match="label must be a string"):
        plot.cost(HISTORY, label=3)


def test_epochs_inputs_and_units_are_counted_in_whole_numbers():
    for ax in (plot.cost(sn.History(cost=[3.0])), plot.cost(sn.History(cost=[3.0, 2.0, 1.0]))):
        assert [tick % 1 for tick in ax.get_xticks()] == [0] * len(ax.get_xticks())
    ax = plot.weights(sn.MLP([1, 1]))
    for axis in (ax.xaxis, ax.yaxis):
        assert 0 in axis.get_ticklocs()
        assert all(tick % 1 == 0 for tick in axis.get_ticklocs())


@pytest.mark.parametrize("name", [name for name, row in ACTIVATIONS.items() if row.elementwise])
def test_activations(name):
    ax = plot.activations(name, leak=0.25)
    assert ax.get_title() == name
    row = ACTIVATIONS[name]
    value, slope = ax.lines[-2:]
    assert legend(ax) == ["g(z)", "g′(z)"]
    for line, function in ((value, row.value), (slope, row.derivative)):
        for z, a in zip(*line.get_data(), strict=True):
            if not np.isnan(a):
                assert a == pytest.approx(function(z, *row.arguments(0.25)), abs=1e-12)
    # A jump is a gap, at 0 alone.
    gaps = slope.get_xdata()[np.isnan(slope.get_ydata())].tolist()
    assert gaps == ([0.0] if name in ("relu", "leaky_relu", "selu") else [])


def test_all_activations_and_none():
    axes = drawn(plot.activations())
    assert [ax.get_title() for ax in axes] == [name for name, row in ACTIVATIONS.items() if row.elementwise]
    with pytest.raises(ValueError, match="'softmax': it is a function of all z"):
        plot.activations(["tanh", "softmax"])
    with pytest.raises(ValueError, match="did you mean 'sigmoid'"):
        plot.activations("logistic")
    with pytest.raises(ValueError, match="at least one activation"):
        plot.activations([])
    with pytest.raises(ValueError, match=r"leak must be in \[0, 1\)"):
        plot.activations("tanh", leak=1)


def test_regions_of_a_sigmoid_have_its_probabilities_and_the_line_where_they_are_a_half():
    ax = plot.decision_regions(BINARY, X, Y)
    (image,) = ax.images
    p = image.get_array()
    np.testing.assert_allclose(p.ravel(), BINARY(grid(ax))[:, 0], atol=1e-9)
    assert (image.norm.vmin, image.norm.vmax) == (0, 1)
    assert [to_rgb(image.cmap(end)) for end in (0.0, 1.0)] == [_drawing.class_colour(i) for i in (0, 1)]
    assert image.cmap(0.5)[3] < 0.01 < image.cmap(0.75)[3] < image.cmap(1.0)[3]
    on_the_line = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
    np.testing.assert_allclose(BINARY(on_the_line), 0.5, atol=0.1)  # between the points of the grid
    for number, line in enumerate(ax.lines):
        np.testing.assert_array_equal(line.get_xydata(), X[np.equal(Y, number)])
    assert legend(ax) == ["0", "1"]
    assert ax.lines[0].get_marker() != ax.lines[1].get_marker()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_1$", "$x_2$")


def test_regions_of_a_softmax_are_the_likeliest_classes():
    names = ["a name that is so long that nobody wants to read it", "_hidden", "$3"]
    ax = plot.decision_regions(SOFTMAX, TABLE, LABELS, class_names=names, resolution=50)
    (image,) = ax.images
    P = SOFTMAX(grid(ax, 50))
    np.testing.assert_array_equal(image.get_array().ravel(), P.argmax(axis=1))
    sure, unsure = P.max(axis=1).argmax(), P.max(axis=1).argmin()
    assert image.get_alpha().ravel()[sure] > image.get_alpha().ravel()[unsure]
    first, *others = legend(ax)
    assert others == ["_hidden", "$3"]
    assert (first[:6], first[-7:]) == ("a name", "read it")
    assert len(first) <= _drawing.LONGEST
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("cost in $", "$x$")
    assert not ax.yaxis.label.get_parse_math()
    drawn(ax)


def test_regions_of_numbers_are_contours_and_points_on_one_scale():
    ax = plot.decision_regions(REGRESSION, X, NUMBERS, resolution=60)
    contours, points = ax.collections
    A = REGRESSION(grid(ax, 60))[:, 0]
    assert contours.levels[0] <= min(A.min(), NUMBERS.min())
    assert contours.levels[-1] >= max(A.max(), NUMBERS.max())
    assert (contours.zmin, contours.zmax) == (pytest.approx(A.min()), pytest.approx(A.max()))
    np.testing.assert_array_equal(points.get_array(), NUMBERS)
    assert points.norm is contours.norm
    assert len(ax.figure.axes) == 2  # the colour bar


class Counting:
    """An estimator that counts its calls."""

    classes_ = np.array(["a", "b"])

    def __init__(self):
        self.calls = []

    def predict(self, X):
        self.calls.append(len(X))
        return self.classes_[(X[:, 0] > 0).astype(int)]


def test_the_grid_is_predicted_by_one_call():
    estimator = Counting()
    ax = plot.decision_regions(estimator, X, estimator.classes_[Y], resolution=30)
    assert estimator.calls == [900]
    np.testing.assert_array_equal(ax.images[0].get_array().ravel(), grid(ax, 30)[:, 0] > 0)


def test_estimators():
    ax = plot.decision_regions(PIPELINE, TABLE, WORDS, resolution=40)
    table = pd.DataFrame(grid(ax, 40), columns=TABLE.columns)
    np.testing.assert_array_equal(PIPELINE.classes_[ax.images[0].get_array().ravel()], PIPELINE.predict(table))
    assert legend(ax) == ["setosa", "versicolor", "virginica"]
    svc = LinearSVC().fit(X, WORDS)  # which has no probabilities
    ax = plot.decision_regions(svc, X, WORDS, resolution=40)
    np.testing.assert_array_equal(svc.classes_[ax.images[0].get_array().ravel()], svc.predict(grid(ax, 40)))
    ours = MLPClassifier((4,), solver="lbfgs", max_iter=500, random_state=0).fit(X, WORDS)
    ax = plot.decision_regions(ours, X, WORDS, resolution=40)
    np.testing.assert_array_equal(ours.classes_[ax.images[0].get_array().ravel()], ours.predict(grid(ax, 40)))
    ax = plot.decision_regions(LinearRegression().fit(TABLE, NUMBERS), TABLE, NUMBERS)
    np.testing.assert_array_equal(ax.collections[1].get_array(), NUMBERS)
    with pytest.raises(ValueError, match=r"y must hold classes that the estimator knows, .*, got 'rose'"):
        plot.decision_regions(PIPELINE, TABLE, np.where(Y == 0, WORDS, "rose"))
    with pytest.raises(ValueError, match="y must have a value for each of 120 rows of X, got 3"):
        plot.decision_regions(PIPELINE, TABLE, WORDS[:3])
    with pytest.raises(TypeError, match="net_or_estimator must be an MLP, an Ensemble or a fitted estimator"):
        plot.decision_regions(LogisticRegression, X, WORDS)


def test_an_ensemble_and_several_labels():
    both = sn.Ensemble([BINARY, sn.MLP([2, 3, 1], output="sigmoid", seed=1)])
    ax = plot.decision_regions(both, X, Y, resolution=20)
    np.testing.assert_allclose(ax.images[0].get_array().ravel(), both.predict(grid(ax, 20))[:, 0], atol=1e-9)
    labels = sn.MLP([2, 3, 2], output="sigmoid", seed=0)
    twice = np.stack([Y, 1 - Y], axis=1)
    with pytest.raises(ValueError, match="output must say which of 2 labels to draw, 0 to 1, got None"):
        plot.decision_regions(labels, X, twice)
    ax = plot.decision_regions(labels, X, twice, output=1, resolution=20)
    np.testing.assert_allclose(ax.images[0].get_array().ravel(), labels(grid(ax, 20))[:, 1], atol=1e-9)
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), X[Y == 0])
    drawn(plot.hidden_units(labels, X, twice))
    numbers = sn.MLP([2, 3, 2], seed=0)
    with pytest.raises(ValueError, match="output must say which of 2 outputs to draw"):
        plot.decision_regions(numbers, X, twice)
    plot.decision_regions(numbers, X, twice, output=1)
    with pytest.raises(ValueError, match="output must be at most 1, got 2"):
        plot.decision_regions(numbers, X, twice, output=2)
    with pytest.raises(ValueError, match="output must be None for softmax"):
        plot.decision_regions(SOFTMAX, X, LABELS, output=0)


@pytest.mark.parametrize("n_in", [1, 3])
def test_who_has_not_two_inputs_is_told_what_to_plot_instead(n_in):
    net = sn.MLP([n_in, 3, 1], seed=0)
    rows = RNG.standard_normal((10, n_in))
    cases = (plot.decision_regions, "X must have two columns"), (plot.hidden_units, "net must have two inputs")
    for draw, must in cases:
        with pytest.raises(ValueError, match=rf"{must} .*, got {n_in}: plot.confusion.*plot.predicted_vs_true.*plot.w"):
            draw(net, rows, rows[:, 0])
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("message", "rows", "targets"),
    [
        (r"X must be finite, got \[nan, 1.0\] in row 1", [[0, 0], [np.nan, 1]], [0, 1]),
        (r"X must have shape \(m, 2\), got \(2,\)", [0, 1], [1]),
        ("X must have at least one row", np.empty((0, 2)), []),
        ("Y must be finite, got nan", [[0, 0], [1, 1]], [0, np.nan]),
        (r"Y must have shape", [[0, 0], [1, 1]], [0]),
        (r"Y must lie in \[0, 1\]", [[0, 0], [1, 1]], [0, 2]),
        ("X must span a range that can be drawn", [[0, 0], [1.7e308, 1], [-1.7e308, 1]], [0, 1, 1]),
    ],
)
def test_data_that_cannot_be_drawn(message, rows, targets):
    with pytest.raises(ValueError, match=message):
        plot.decision_regions(BINARY, rows, targets)
    with pytest.raises(ValueError, match=message):
        plot.hidden_units(BINARY, rows, targets)
    assert pyplot.get_fignums() == []


def test_outputs_that_are_not_finite():
    net = BINARY.copy()
    net.params[:] = np.nan
    with pytest.raises(ValueError, match="the outputs of MLP must be finite"):
        plot.decision_regions(net, X, Y)
    for draw in (plot.network, plot.weights):
        with pytest.raises(ValueError, match="net must have finite parameters"):
            draw(net)
    with pytest.raises(ValueError, match="net must have finite derivatives"):
        plot.gradients(net, X, Y)
    with pytest.raises(ValueError, match="must be finite"):
        plot.confusion(net, X, Y)
    assert pyplot.get_fignums() == []


def test_gradients_of_sparse_rows_are_refused():
    with pytest.raises(TypeError, match=r"X must be a dense array, got csr_array: X\.toarray\(\) is one"):
        plot.gradients(SOFTMAX, csr_array(X), LABELS)


@pytest.mark.parametrize("net", [BINARY, SOFTMAX, REGRESSION], ids=["sigmoid", "softmax", "numbers"])
@pytest.mark.parametrize("rows", [[[1.0, 2.0]], [[3.0, 1.0], [3.0, 2.0]], [[0.0, 0.0]] * 3, [[1e9, -1e-9]] * 2])
def test_one_row_constant_columns_and_constant_outputs(net, rows):
    zeros = net.copy()
    zeros.params[:] = 0
    axes = Figure(figsize=(4, 3)).subplots(2, 6).ravel()
    for ax, one in zip(axes, (net, zeros), strict=False):
        plot.decision_regions(one, rows, [1] * len(rows), ax=ax, resolution=10)
        assert ax.get_xlim()[0] < rows[0][0] < ax.get_xlim()[1]
        assert ax.get_ylim()[0] < rows[0][1] < ax.get_ylim()[1]
    n = net.layer_sizes[1]
    plot.hidden_units(zeros, rows, [1] * len(rows), axes[2 : 2 + n], resolution=10)
    plot.gradients(zeros, rows, [1] * len(rows), axes[8:10])
    drawn(axes)


def test_of_many_rows_some_are_drawn_and_it_says_so():
    rows = RNG.standard_normal((20_000, 2))
    for draw, net, targets in (
        (plot.decision_regions, BINARY, rows[:, 0] > 0),
        (plot.decision_regions, REGRESSION, rows[:, 0]),
        (plot.predicted_vs_true, REGRESSION, rows[:, 0]),
    ):
        ax = draw(net, rows, targets)
        assert ax.texts[-1].get_text() == "5,000 of 20,000 rows drawn"
        points = [line for line in ax.lines if line.get_marker() not in ("None", "")]
        scatter = [c for c in ax.collections if len(c.get_offsets()) > 1]
        assert sum(len(line.get_xdata()) for line in points) + sum(len(c.get_offsets()) for c in scatter) == 5000
        assert all(artist.get_rasterized() for artist in (*points, *scatter))
    assert len(plot.decision_regions(BINARY, rows[:5000], rows[:5000, 0] > 0).texts) == 0


def test_twenty_classes_and_one():
    net = sn.MLP([2, 8, 20], output="softmax", seed=0)
    ax = plot.decision_regions(net, X, np.arange(120) % 19)  # one of them has no rows
    assert legend(ax) == [str(i) for i in range(20)]
    looks = {(line.get_color(), line.get_marker()) for line in ax.lines}
    assert len(looks) == 20
    drawn(ax)
    drawn(plot.confusion(net, X, np.arange(120) % 20, class_names=["a long name, number " + str(i) for i in range(20)]))
    only = LogisticRegression().fit(X, Y)
    only.classes_ = np.array(["all"])
    only.predict_proba = lambda X: np.ones((len(X), 1))
    assert legend(drawn(plot.decision_regions(only, X, ["all"] * len(X)))[0]) == ["all"]


def test_hidden_units_have_their_outputs_and_the_line_where_z_is_0():
    axes = plot.hidden_units(BINARY, TABLE.to_numpy(), Y, resolution=40)
    points = grid(axes[0], 40)
    A = BINARY.layer_outputs(points)[1]
    for unit, ax in enumerate(axes):
        assert ax.get_title() == f"unit {unit}"
        (image,) = ax.images
        np.testing.assert_allclose(image.get_array().ravel(), A[:, unit], atol=1e-9)
        assert image.norm.vmin == -image.norm.vmax == -np.abs(A).max()
        vertices = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
        np.testing.assert_allclose(vertices @ BINARY.weights[0][unit] + BINARY.biases[0][unit], 0, atol=1e-6)
        np.testing.assert_array_equal(ax.lines[0].get_xydata(), X[Y == 0])


def test_hidden_units_of_other_layers_and_activations():
    net = sn.MLP([2, 3, 50, 1], ["tanh", "sigmoid"], seed=0)
    axes = plot.hidden_units(net, X, NUMBERS, layer=2, resolution=10)
    assert len(axes) == 50
    norm = axes[0].images[0].norm
    assert (norm.vmin + norm.vmax) / 2 == pytest.approx(0.5)  # σ(0)
    axes = plot.hidden_units(net, X, NUMBERS, layer=2, units=[7, 3], resolution=10)
    assert [ax.get_title() for ax in axes] == ["unit 7", "unit 3"]
    np.testing.assert_allclose(axes[1].images[0].get_array().ravel(), net.layer_outputs(grid(axes[1], 10))[2][:, 3])
    with pytest.raises(ValueError, match=r"net must have a hidden layer, got none: plot.decision_regions"):
        plot.hidden_units(sn.MLP([2, 1]), X, NUMBERS)
    with pytest.raises(ValueError, match="layer must be at most 2, got 3"):
        plot.hidden_units(net, X, NUMBERS, layer=3)
    with pytest.raises(ValueError, match="units must be at most 49, got 50"):
        plot.hidden_units(net, X, NUMBERS, layer=2, units=[50])
    with pytest.raises(ValueError, match=r"units must say which ones to draw .* more than 100, got None for 101"):
        plot.hidden_units(sn.MLP([2, 101, 1]), X, NUMBERS)
    with pytest.raises(
        TypeError, match="net must be an MLP, got MLPClassifier; the estimator's network is its network_"
    ):
        plot.hidden_units(MLPClassifier((3,), solver="lbfgs", max_iter=500).fit(X, Y), X, Y)


def test_weights_are_widths_and_signs_colours():
    net = sn.MLP([2, 3, 2], seed=0)
    net.weights[0][:] = [[1.0, -2.0], [0.0, 4.0], [-0.5, 3.0]]
    net.biases[1][:] = [-1.0, 2.0]
    ax = plot.network(net)
    first, _second, *units = ax.collections
    widths, colours = first.get_linewidths(), first.get_colors()
    order = np.argsort(np.abs(net.weights[0].ravel()), kind="stable")  # the strongest lies on top
    w = net.weights[0].ravel()[order]
    np.testing.assert_allclose((widths - widths[0]) / (widths[-1] - widths[0]), np.abs(w) / 4)
    for value, colour in zip(w, colours, strict=True):
        expected = _drawing.POSITIVE if value > 0 else _drawing.NEGATIVE if value < 0 else (0.5, 0.5, 0.5)
        np.testing.assert_allclose(colour[:3], to_rgb(expected), atol=1e-6)
    ends = [(tuple(a), tuple(b)) for a, b in first.get_segments()]
    below, above = units[0].get_offsets(), units[1].get_offsets()
    assert ends == [(tuple(below[i % 2]), tuple(above[i // 2])) for i in order]
    assert [len(c.get_offsets()) for c in units] == [2, 3, 2]
    np.testing.assert_array_equal(units[2].get_array(), [-1.0, 2.0])
    assert legend(ax) == ["w > 0", "w < 0", "|w| ≤ 4"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["inputs\n2", "tanh\n3", "identity\n2"]


@pytest.mark.parametrize("size", [(6.4, 4.8), (3, 2)])
@pytest.mark.parametrize("hidden", [[], [1], [50], [6, 5, 4, 50, 3]])
def test_networks_of_any_size(hidden, size):
    with pyplot.rc_context({"figure.figsize": size}):
        net = sn.MLP([2, *hidden, 1], output="sigmoid", seed=0)
        ax = plot.network(net)
    drawn(ax)
    sizes = net.layer_sizes
    assert [len(c.get_offsets()) for c in ax.collections[len(sizes) - 1 :]] == list(sizes)
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_large_networks_have_dots_and_names_are_those_of_the_columns():
    net = sn.MLP([2, 64, 3], seed=0)
    net.fit(TABLE, np.eye(3)[LABELS], epochs=1)
    ax = plot.network(net, class_names=["one", "two", "a name that is far too long for any picture"])
    assert [len(c.get_offsets()) for c in ax.collections[2:]] == [2, 16, 3]
    assert len(ax.collections[0].get_segments()) == 32
    texts = [text.get_text() for text in ax.texts]
    assert texts[:4] == ["⋮", "cost in $", "$x$", "one"]
    drawn(ax)
    assert [len(c.get_offsets()) for c in plot.network(net, max_units=64).collections[2:]] == [2, 64, 3]
    drawn(plot.network(sn.MLP([2, 3, 1], init="zeros")))
    with pytest.raises(ValueError, match="class_names must have a name for each of 3 outputs, got 1"):
        plot.network(net, class_names=["one"])
    with pytest.raises(ValueError, match="max_units must be at least 2"):
        plot.network(net, max_units=1)
    with pytest.raises(TypeError, match="net must be an MLP, got LogisticRegression"):
        plot.network(LogisticRegression())


def test_weights():
    net = sn.MLP([6, 4, 3], "relu", "softmax", seed=0)
    ax = plot.weights(net, 2)
    np.testing.assert_array_equal(ax.images[0].get_array(), net.weights[1])
    assert ax.images[0].norm.vmax == -ax.images[0].norm.vmin == np.abs(net.weights[1]).max()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("unit of layer 1", "unit of layer 2")
    axes = plot.weights(net, shape=(2, 3))
    for unit, panel in enumerate(axes):
        np.testing.assert_array_equal(panel.images[0].get_array(), net.weights[0][unit].reshape(2, 3))
        assert panel.images[0].norm is axes[0].images[0].norm
    (panel,) = plot.weights(net, shape=(3, 2), units=[3])
    assert panel.get_title() == "unit 3"
    assert plot.weights(net, units=[3, 0]).images[0].get_array().shape == (2, 6)
    for shape in ((2, 2), (6,), (1, 2, 3)):
        with pytest.raises(ValueError, match="shape must be two integers whose product is 6"):
            plot.weights(net, shape=shape)
    with pytest.raises(ValueError, match="layer must be at least 1, got 0"):
        plot.weights(net, 0)
    ax = plot.weights(OF_TABLE)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cost in $", "$x$"]
    drawn(ax)


def test_gradients():
    net = sn.MLP([2, 16, 16, 1], "relu", "sigmoid", seed=0)
    net.biases[1][:3] = -100.0
    axes = drawn(plot.gradients(net, TABLE.to_numpy(), Y))
    sizes = [np.abs(layer.dW).ravel() for layer in net.layer_gradients(X, Y)]
    for ax, values in zip(axes, sizes, strict=True):
        bars = ax.patches
        edges = [bar.get_x() for bar in bars] + [bars[-1].get_x() + bars[-1].get_width()]
        counts = np.histogram(values[values > 1e-300], edges)[0]
        np.testing.assert_allclose([bar.get_height() for bar in bars], counts / values.size, atol=0.01)
        assert ax.lines[0].get_xdata()[0] == pytest.approx(np.median(values[values > 1e-300]), rel=0.05)
        assert ax.get_xscale() == "log"
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles[0].startswith("layer 1, relu")
    assert "3 of 16 units dead" in titles[1]
    assert "dead" not in titles[0] + titles[2]
    assert "of 256 dJ/dW are 0" in titles[1]


def test_gradients_that_vanish_and_such_that_are_all_zero():
    net = sn.MLP([2, *[20] * 5, 1], "sigmoid", "sigmoid", seed=0)
    axes = plot.gradients(net, X, Y)
    medians = [ax.lines[0].get_xdata()[0] for ax in axes]
    assert medians == sorted(medians)
    assert medians[0] < 1e-3 * medians[-1]
    zeros = sn.MLP([2, 3, 1], init="zeros")
    axes = drawn(plot.gradients(zeros, X, np.zeros(len(X))))
    assert [ax.get_title(loc="left") for ax in axes] == [
        "layer 1, tanh, 6 of 6 dJ/dW are 0",
        "layer 2, identity, 3 of 3 dJ/dW are 0",
    ]
    with pytest.raises(TypeError, match="net must be an MLP"):
        plot.gradients(PIPELINE, X, Y)


def test_calibration():
    ax = plot.calibration(BINARY, X, Y, n_bins=4)
    perfect, curve = ax.lines
    assert list(perfect.get_xdata()) == [0, 1]
    p = BINARY(X)[:, 0]
    inside = np.digitize(p, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(curve.get_xdata(), [p[inside == k].mean() for k in np.unique(inside)])
    np.testing.assert_allclose(curve.get_ydata(), [Y[inside == k].mean() for k in np.unique(inside)])
    assert legend(ax) == ["perfect", "1"]
    assert legend(plot.calibration(PIPELINE, TABLE, WORDS)) == ["perfect", "setosa", "versicolor", "virginica"]
    assert len(plot.calibration(SOFTMAX, X, LABELS).lines) == 4
    with pytest.raises(ValueError, match="must have predict_proba, got LinearSVC"):
        plot.calibration(LinearSVC().fit(X, Y), X, Y)
    with pytest.raises(ValueError, match=r"draws classes, but MLP predicts numbers: plot.predicted_vs_true draws"):
        plot.calibration(REGRESSION, X, NUMBERS)


def test_lines_of_many_classes_stand_out():
    """From light and dark backgrounds by the contrast of 3 that the Web Content Accessibility Guidelines want."""
    net = sn.MLP([2, 14], output="softmax", seed=0)
    for style, ground in (("default", "white"), ("dark_background", "black")):
        with pyplot.style.context(style):
            _, *curves = plot.calibration(net, X, np.arange(len(X)) % 14).lines
        assert len(curves) == 14
        assert min(contrast(curve.get_color(), ground) for curve in curves) > 3


def test_confusion():
    ax = plot.confusion(SOFTMAX, X, LABELS, class_names=["a", "$b$", "_c"])
    expected = confusion_matrix(LABELS, SOFTMAX.classify(X))
    np.testing.assert_array_equal(ax.images[0].get_array(), expected)
    assert [text.get_text() for text in ax.texts] == [str(n) for n in expected.ravel()]
    for axis in (ax.xaxis, ax.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == ["a", "$b$", "_c"]
    for text, cell in zip(ax.texts, expected.ravel(), strict=True):
        background = ax.images[0].cmap(ax.images[0].norm(cell))
        assert contrast(to_rgba(text.get_color()), background) > 4
    drawn(ax)
    ax = plot.confusion(PIPELINE, TABLE, WORDS, normalize="true")
    np.testing.assert_allclose(ax.images[0].get_array().sum(axis=1), 1)
    np.testing.assert_array_equal(
        ax.images[0].get_array(), confusion_matrix(WORDS, PIPELINE.predict(TABLE), normalize="true")
    )
    drawn(plot.confusion(BINARY, X[:1], Y[:1]))
    with pytest.raises(ValueError, match="normalize must be one of 'true', 'pred', 'all', got 'rows'"):
        plot.confusion(SOFTMAX, X, LABELS, normalize="rows")
    with pytest.raises(ValueError, match="class_names must have a name for each of 3 classes, got 2"):
        plot.confusion(SOFTMAX, X, LABELS, class_names=["a", "b"])
    with pytest.raises(ValueError, match=r"but LinearRegression predicts numbers"):
        plot.confusion(LinearRegression().fit(X, NUMBERS), X, NUMBERS)


def test_predicted_against_true():
    ax = plot.predicted_vs_true(REGRESSION, X, NUMBERS)
    diagonal, points = ax.lines
    np.testing.assert_array_equal(*diagonal.get_data())
    np.testing.assert_array_equal(points.get_xdata(), NUMBERS)
    np.testing.assert_array_equal(points.get_ydata(), REGRESSION(X)[:, 0])
    assert ax.get_title() == f"R² = {REGRESSION.score(X, NUMBERS):.3f}"
    two = sn.MLP([2, 3, 2], seed=0)
    both = np.stack([NUMBERS, X[:, 1]], axis=1)
    axes = drawn(plot.predicted_vs_true(two, X, both))
    assert [ax.get_title().partition(",")[0] for ax in axes] == ["output 0", "output 1"]
    ax = plot.predicted_vs_true(two, X, both, output=1)
    np.testing.assert_array_equal(ax.lines[1].get_data(), (X[:, 1], two(X)[:, 1]))
    assert drawn(plot.predicted_vs_true(REGRESSION, X[:1], [2.0]))[0].get_title() == "no R² of one row"
    rates = sn.MLP([2, 3, 1], loss="poisson", seed=0)  # whose output is the logarithm
    ax = plot.predicted_vs_true(rates, X, np.arange(120))
    np.testing.assert_allclose(ax.lines[1].get_ydata(), np.exp(rates(X)[:, 0]))
    assert ax.get_title() == f"R² = {rates.score(X, np.arange(120)):.3f}"
    regression = LinearRegression().fit(TABLE, both)
    np.testing.assert_allclose(plot.predicted_vs_true(regression, TABLE, both, output=0).lines[1].get_xdata(), NUMBERS)
    with pytest.raises(ValueError, match=r"y must have shape \(120, 2\), as the predictions have, got \(120, 1\)"):
        plot.predicted_vs_true(regression, TABLE, NUMBERS)
    with pytest.raises(ValueError, match=r"MLP predicts classes: plot.confusion and plot.calibration draw those"):
        plot.predicted_vs_true(BINARY, X, Y)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "history.cost must be a sequence of numbers, got 3", lambda: plot.cost(sn.History(cost=3))),
        (TypeError, "history.val_cost must be real numbers", lambda: plot.cost(sn.History([1.0], ["a"]))),
        (ValueError, "history.cost must have a number for each", lambda: plot.cost(sn.History([[1.0, 2.0]]))),
        (TypeError, "names must be a sequence of names, got 3", lambda: plot.activations(3)),
        (TypeError, "resolution must be an integer", lambda: plot.decision_regions(BINARY, X, Y, resolution=1.5)),
        (ValueError, "resolution must be at most 2000", lambda: plot.hidden_units(BINARY, X, Y, resolution=10**6)),
        (TypeError, "output must be an integer", lambda: plot.decision_regions(BINARY, X, Y, output="a")),
        (TypeError, "class_names must be a sequence", lambda: plot.confusion(BINARY, X, Y, class_names="ab")),
        (
            ValueError,
            "class_names must be None where",
            lambda: plot.decision_regions(REGRESSION, X, Y, class_names="a"),
        ),
        (TypeError, "y must hold labels", lambda: plot.confusion(PIPELINE, TABLE, [{}] * 120)),
        (ValueError, r"y must have shape \(m,\)", lambda: plot.confusion(PIPELINE, TABLE, [["a"], ["a", "b"]])),
        (
            ValueError,
            "y must have no masked",
            lambda: plot.confusion(PIPELINE, TABLE, np.ma.array([1, 2], mask=[0, 1])),
        ),
        (ValueError, "n_bins must be at least 1", lambda: plot.calibration(BINARY, X, Y, n_bins=0)),
        (ValueError, "X must have the columns of the fit", lambda: plot.gradients(OF_TABLE, TABLE[["$x$"]], Y)),
        (TypeError, "shape must be a sequence", lambda: plot.weights(BINARY, shape=2)),
        (ValueError, "units must name at least one", lambda: plot.weights(BINARY, units=[])),
    ],
)
def test_arguments_of_other_kinds(error, message, call):
    with pytest.raises(error, match=message):
        call()
    assert pyplot.get_fignums() == []


def test_names_that_are_no_strings_and_costs_that_are_too_large():
    ax = plot.decision_regions(BINARY, X, Y, class_names=[10**5000, None], resolution=5)
    assert legend(ax) == ["<an integer of 16610 bits>", "None"]
    (ax,) = drawn(plot.cost(sn.History(cost=[1e308, 1.0])))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [np.nan, 1.0])


def test_nothing_that_a_caller_passes_changes():
    rows, targets, before = X.copy(), LABELS.copy(), SOFTMAX.params.copy()
    table = TABLE.copy()
    for name in CALLS:
        CALLS[name]()
    plot.decision_regions(PIPELINE, table, WORDS)
    np.testing.assert_array_equal(X, rows)
    np.testing.assert_array_equal(LABELS, targets)
    np.testing.assert_array_equal(SOFTMAX.params, before)
    pd.testing.assert_frame_equal(table, TABLE)


@pytest.mark.parametrize(
    ("hidden", "extra", "call"),
    [
        ("matplotlib", "plot", "plot.network(sn.MLP([2, 1]))"),
        ("matplotlib", "plot", "sn.History(cost=[1.0]).plot()"),
        ("sklearn", "sklearn", "plot.confusion(sn.MLP([2, 1], output='sigmoid'), [[1.0, 2.0]], [1])"),
    ],
)
def test_a_missing_library_is_an_error_that_names_the_extra(hidden, extra, call):
    code = (
        f"import sys; sys.modules[{hidden!r}] = None; import shallownet_c as sn; from shallownet_c import plot; {call}"
    )
    process = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    last = process.stderr.splitlines()[-1]
    assert f"needs {hidden}: pip install 'shallownet-c[{extra}]'" in last


def test_the_package_imports_matplotlib_only_to_draw():
    code = "import sys; import shallownet_c.plot; print('matplotlib' in sys.modules)"
    process = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "False\n"
