"""FitWarning: said once, with the remedy, at the line that fits, and only where it helps."""

import warnings

import networks
import numpy as np
import pytest
from stored import Stored

import shallownet_c as sn
from shallownet_c._model import check_loss
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

RNG = np.random.default_rng(0)
X = RNG.standard_normal((1200, 3))
y = X @ [1.0, -2.0, 3.0]
pytestmark = pytest.mark.filterwarnings("error::shallownet_c.FitWarning")


def network(output="identity", **options):
    return sn.MLP([3, 1], output=output, seed=0, **options)


def test_full_batch_by_omission():
    with pytest.warns(sn.FitWarning, match=r"batch_size=200 or so .*, and batch_size=1200 says") as caught:
        network().fit(X, y, optimizer=sn.Adam(0.1))
    (warning,) = caught
    assert warning.filename == __file__
    for arguments in (
        {"batch_size": 1200},
        {"batch_size": 100},
        {"optimizer": sn.SGD(0.1)},
        {"optimizer": "lbfgs", "epochs": 20},
        {"epochs": 1000},
    ):
        network().fit(X, y, **{"optimizer": sn.Adam(0.1), "epochs": 100, **arguments})
    network().fit(X[:1000], y[:1000], optimizer=sn.Adam(0.1))


@pytest.mark.parametrize("rows", [1200, 500])
def test_numbers_that_networks_learn_slowly_from(rows):
    wide = X[:rows] * [1.0, 1.0, 60.0]
    with pytest.warns(sn.FitWarning, match=r"Column 2 of X goes from -\d+.* to \d+.* \(X - mean\) / std"):
        network().fit(wide, y[:rows], optimizer=sn.SGD(1e-9))
    with pytest.warns(sn.FitWarning, match=r"Y has values as large as \d+.*Y\.mean\(\)"):
        network().fit(X[:rows], 1e4 * y[:rows], optimizer=sn.SGD(0.1))
    with pytest.warns(sn.FitWarning, match=r"batch_size=.*Column 2.*Y has values") as caught:
        network().fit(np.tile(wide, (3, 1)), np.tile(1e4 * y[:rows], 3))
    assert len(caught) == 1
    for offset in (2e3, -1e8):  # years, timestamps: large against their spread
        with pytest.warns(sn.FitWarning, match="Column 1 of X goes from"):
            network().fit(X[:rows] + np.array([0.0, offset, 0.0]), y[:rows], optimizer=sn.SGD(1e-20))
    huge = np.where(X[:rows] > 0, 1.5e308, -1.5e308)
    with pytest.raises(sn.DivergenceError), pytest.warns(sn.FitWarning, match=r"X goes from -1.5e\+308 to 1.5e\+308"):
        network().fit(huge, y[:rows], optimizer=sn.SGD())
    # A small offset is no wide range; classes, and rates with their logarithm, are no large targets.
    network().fit(X[:rows] * 10 + 30, X[:rows, 0], optimizer="lbfgs")
    labels = (y[:rows] > 0).astype(int)
    sn.MLP([3, 2], output="softmax", seed=0).fit(X[:rows], labels, optimizer=sn.SGD(0.5))
    network("exp").fit(X[:rows], np.exp(y[:rows]), optimizer="lbfgs")


@pytest.mark.parametrize("pair", networks.PAIRS, ids="-".join)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_fit_that_comes_to_nothing(pair, weighted):
    output, loss = pair
    inputs, width = X[:400], 3
    directions = np.random.default_rng(1).standard_normal((3, width))
    signs = inputs @ directions
    labels = (signs > 0).astype(float) if ACTIVATIONS[output].elementwise else signs.argmax(axis=1)
    if LOSSES[loss].logarithmic:  # no logarithm of a sigmoid's or ReLU's rate is below 0
        labels = 1 + 2 * labels
    weights = np.random.default_rng(2).random(400) if weighted else None
    net = sn.MLP([3, width], output=output, loss=loss, seed=0)
    hopeless = net.copy()
    hopeless.weights[0][:] = -2 * directions.T
    with pytest.warns(sn.FitWarning, match="no better than the mean of Y for every row"):
        hopeless.fit(inputs, labels, optimizer=sn.SGD(1e-12), epochs=3, sample_weight=weights)
    hopeless.fit(inputs, labels, optimizer=sn.SGD(1e-12), epochs=1, sample_weight=weights)  # a loop of one's own
    net.fit(inputs, labels, optimizer=sn.RPROP(), epochs=400, sample_weight=weights)


def test_the_cost_of_the_mean_is_that_of_a_network_that_says_the_mean():
    """At its own threshold: a network of zeros with the mean for bias is warned of, a slightly better one is not."""
    for loss, offset in (("squared_error", 0), ("squared_error", 290), ("log_loss", 0), ("poisson", 0)):
        output = "sigmoid" if loss == "log_loss" else "identity"
        assert check_loss(loss, output) == loss
        targets = 2.0 * (y[:300] > 1) + float(offset) if loss == "squared_error" else (y[:300] > 1) + float(offset)
        net = network(output, loss=loss, init="zeros")
        p = targets.mean()
        net.biases[0][0] = p if loss == "squared_error" else np.log(p / (1 - p) if loss == "log_loss" else p)
        better = net.copy()
        better.weights[0][:] = [[0.001, -0.002, 0.003]]
        with pytest.warns(sn.FitWarning, match="no better than the mean"):
            net.fit(X[:300], targets, optimizer=sn.SGD(1e-300), epochs=2)
        better.fit(X[:300], targets, optimizer=sn.SGD(1e-300), epochs=2)


def test_classes_that_are_taken_for_numbers():
    X, y = np.linspace(-1, 1, 60)[:, np.newaxis], np.arange(60) % 2
    for n_out, Y in ((1, y), (1, y.astype(bool)), (2, np.eye(2)[y])):
        with pytest.warns(sn.FitWarning, match=r"^Y has only 0 and 1, .*: classes go with output='sigmoid', or with"):
            sn.MLP([1, n_out], seed=0).fit(X, Y, epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sn.MLP([1, 1], seed=0).fit(X, y / 2, epochs=1)
        sn.MLP([1, 1], seed=0).fit(X, np.ones(60), epochs=1)
        sn.MLP([1, 1], output="sigmoid", seed=0).fit(X, y, epochs=1)
        sn.MLP([1, 2], seed=0).fit(X, np.stack([y, y], axis=1), epochs=1)
        sn.MLP([1, 1], loss="poisson", seed=0).fit(X, y, epochs=1)


def test_when_nothing_can_be_better_than_the_mean():
    for targets in (np.zeros(300), np.ones(300)):
        network().fit(X[:300], targets, optimizer=sn.SGD(1e-12), epochs=2)
        network("sigmoid").fit(X[:300], targets, optimizer=sn.SGD(1e-12), epochs=2)


def test_who_is_not_warned(capsys):
    wide, far = X * 1000, y * 1e6
    network().partial_fit(wide, far)
    network().fit(X, y, optimizer=sn.SGD(1e-12), epochs=2, callback=lambda *_: True)
    sn.compare_activations(wide, far, wide, far, hidden=3, epochs=2, optimizer=sn.SGD(1e-12))
    sklearn = pytest.importorskip("shallownet_c.sklearn")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pytest.importorskip("sklearn.exceptions").ConvergenceWarning)
        sklearn.MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0).fit(wide, far)


def test_as_an_error_it_changes_nothing():
    net, rng, optimizer = network(), np.random.default_rng(1), sn.Adam()
    before, state = net.params.copy(), rng.bit_generator.state
    with pytest.raises(sn.FitWarning):
        net.fit(X, y, seed=rng, optimizer=optimizer)
    np.testing.assert_array_equal(net.params, before)
    assert net.history is None
    assert rng.bit_generator.state == state
    assert optimizer.n_steps == 0


def test_rows_in_pieces_are_judged_by_their_first_piece(monkeypatch):
    monkeypatch.setattr("shallownet_c._fitting._sources.PIECE_BYTES", 3 * 8 * 100)

    with pytest.warns(sn.FitWarning, match="Column"):
        network().fit(Stored(X * 1000), y, optimizer=sn.SGD(1e-9), batch_size=100, epochs=2)


def test_chunks_are_judged_by_the_first_that_comes():
    buffer = np.empty((400, 3))

    def chunks():
        for first in range(0, 1200, 400):
            buffer[:] = X[first : first + 400] * [1, 1000, 1]  # the same array each time
            yield buffer, y[first : first + 400]

    with pytest.warns(sn.FitWarning, match=r"Column 1 of X goes from -\S+ to \S+, and") as caught:
        network().fit(chunks, epochs=2, batch_size=50)
    (warning,) = caught
    assert warning.filename == __file__
    with pytest.warns(sn.FitWarning, match="no better than the mean of Y"):
        network().fit(lambda: [(X, 100.0 + np.arange(1200) % 3)], epochs=2)
    network().fit(lambda: [(X, y)], optimizer=sn.Adam(0.1), epochs=20, batch_size=50)
