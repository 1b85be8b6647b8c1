"""A fit at its edges: where numbers overflow, where it is broken off, where it is taken up again."""

import dataclasses
import pickle
import signal
import threading

import numpy as np
import pytest
from stored import Stored

import shallownet_c as sn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 4))
Y = np.column_stack([np.sin(X).sum(axis=1), X[:, 0] * X[:, 1]])


def network(**options):
    return sn.MLP([4, 7, 2], seed=3, **options)


def far_away():
    """A saturated output: the cost stays finite when the parameters no longer are."""
    X = np.abs(RNG.standard_normal((50, 1))) * 1e3 + 500
    return sn.MLP([1, 1], output="sigmoid", loss="squared_error", init="zeros"), X, np.ones(50)


def test_diverged_parameters_come_back_finite_although_the_cost_was(tmp_path):
    net, far, labels = far_away()
    with pytest.raises(sn.DivergenceError):
        net.fit(far, labels, optimizer=sn.SGD(1e308), epochs=60)
    assert np.isfinite(net.params).all()
    assert net.history.n_epochs == len(net.history.cost)

    net, far, labels = far_away()
    path = tmp_path / "fit"
    with pytest.raises(sn.DivergenceError):
        net.fit(far, labels, optimizer=sn.SGD(1e308), epochs=60, checkpoint=path, checkpoint_every=0)
    assert np.isfinite(net.params).all()
    assert not path.exists()


def test_nobody_is_shown_parameters_that_are_not_finite():
    net = sn.MLP([1, 1], seed=0)
    seen = []
    with pytest.raises(sn.DivergenceError):
        net.fit([[1e140], [2e140]], [1.0, 2.0], optimizer=sn.SGD(1e30), callback=lambda *_: seen.append(1) or True)
    assert not seen
    assert np.isfinite(net.params).all()


@pytest.mark.parametrize("watched", [False, True])
def test_history_of_a_diverged_fit(watched):
    net = sn.MLP([4, 7, 2], "relu", seed=3)
    with pytest.raises(sn.DivergenceError):
        net.fit(X * 8, Y, optimizer=sn.SGD(0.7, 0.9), epochs=3000, callback=(lambda *_: None) if watched else None)
    assert net.history.n_epochs == len(net.history.cost) > 0
    assert net.history.stopped == "diverged"


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("identity", "squared_error"),
        ("identity", "huber"),
        ("exp", "poisson"),
        ("exp", "squared_error"),
        ("softmax", None),
    ],
)
@pytest.mark.parametrize("rows", [3, 40])
def test_an_absent_sample_may_overflow(output, loss, rows):
    """Its loss, and what it would have given to the gradient, are infinite or no number; its weight is 0."""
    net = sn.MLP([2, 2], output=output, loss=loss, seed=0)
    data, targets = RNG.standard_normal((rows, 2)), np.full((rows, 2), 0.5)
    weights = np.ones(rows)
    weights[-1] = 0
    data[-1] = 1e200
    J, grad = net.cost_and_grad(data, targets, weights)
    expected, expected_grad = net.cost_and_grad(data[:-1], targets[:-1])
    assert pytest.approx(expected, rel=1e-12) == J
    np.testing.assert_allclose(grad, expected_grad, rtol=1e-12)


def test_a_cost_that_no_number_can_hold_is_infinite():
    net = sn.MLP([1, 1], output="exp", init="zeros")
    net.params[:] = [1, 0]
    for rows in (1, 5):
        assert net.cost(np.full((rows, 1), 1000.0), np.ones(rows)) == np.inf


def test_the_answer_of_a_callback_may_be_numpys():
    for answer in (True, np.True_):
        assert network().fit(X, Y, epochs=9, callback=lambda *_, a=answer: a).n_epochs == 1
    for answer in (None, False, np.False_, 1, "yes"):
        assert network().fit(X, Y, epochs=9, callback=lambda *_, a=answer: a).n_epochs == 9


def test_ctrl_c_leaves_history_and_optimizer_in_step():
    net, optimizer = network(), sn.SGD(1e-3, schedule="invscaling")
    blow = threading.Timer(0.4, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    blow.start()
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, optimizer=optimizer, epochs=10_000_000, batch_size=30, seed=0)
    done = optimizer.n_steps // 3
    assert net.history.n_epochs == optimizer._epoch == len(net.history.cost) == done > 0
    assert net.history.stopped == "interrupted"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers of a Unix")
@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_ctrl_c_at_any_moment_of_a_tiny_fit(optimizer):
    """Between any two lines of Python, too: what has been counted agrees with the steps that have been done."""
    net, moments = network(), np.random.default_rng(0).uniform(1e-6, 1.5e-3, 1500)
    ended = set()
    net.fit(X, Y, optimizer=optimizer, epochs=1)  # imports what it needs
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for moment in moments:
            rule = sn.LBFGS() if optimizer == "lbfgs" else sn.SGD(1e-3)
            net._history = None
            try:
                signal.setitimer(signal.ITIMER_REAL, moment)
                net.fit(X, Y, optimizer=rule, epochs=40, callback=lambda *_: None)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                pass
            history = net.history or sn.History()
            assert history.n_epochs == len(history.cost) == rule._epoch
            if optimizer == "sgd":
                assert rule.n_steps == rule._epoch
            ended.add(history.stopped)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert "interrupted" in ended


def test_ctrl_c_leaves_a_checkpoint(tmp_path):
    """Of the end of the last epoch; going on from there ends at the bits of a fit that nobody broke off."""
    options = {"optimizer": sn.Adam(0.01), "epochs": 400, "batch_size": 3, "dropout": 0.1, "seed": 3}
    wide, path = RNG.standard_normal((3000, 4)), tmp_path / "fit"
    targets = np.sin(wide[:, :2])
    whole, net = network(), network()
    whole.fit(wide, targets, **{**options, "optimizer": sn.Adam(0.01)})
    blow = threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    blow.start()
    with pytest.raises(KeyboardInterrupt):
        net.fit(wide, targets, checkpoint=path, **options)
    assert net.history.n_epochs < 400
    np.testing.assert_array_equal(sn.resume(path, wide, targets).params, whole.params)


def test_resume_sees_other_data(tmp_path):
    network().fit(X, Y, epochs=3, checkpoint=tmp_path / "fit")
    for data, targets in ((X * 16, Y), (X[::-1], Y[::-1]), (X, -Y)):
        with pytest.raises(ValueError, match="must be those of the fit"):
            sn.resume(tmp_path / "fit", data, targets)
    with pytest.raises(ValueError, match="which resume goes on with"):
        sn.load(tmp_path / "fit")


def test_what_a_callback_raises_ends_the_history():
    net = network()
    with pytest.raises(ZeroDivisionError):
        net.fit(X, Y, callback=lambda *_: 1 / 0)
    assert net.history.stopped == "error"


def test_long_orders_can_be_interrupted(monkeypatch):
    """Drawn by another thread, the permutations are the same."""
    results = []
    for least in (10**9, 10):
        monkeypatch.setattr("shallownet_c._fitting._orders.LONG", least)
        net = network()
        net.fit(X, Y, epochs=5, batch_size=30, seed=3)
        results.append(net.params.tobytes())
    assert results[0] == results[1]


def test_a_second_fit_with_the_cosine_begins_anew():
    net, adam = network(), sn.Adam(0.05, schedule="cosine")
    net.fit(X, Y, optimizer=adam, epochs=30)
    before = net.params.copy()
    net.fit(X, Y, optimizer=adam, epochs=30)
    assert np.abs(net.params - before).max() > 0.01
    for _ in range(3):
        before = net.params.copy()
        net.partial_fit(X, Y, optimizer=adam)
        assert np.abs(net.params - before).max() > 1e-3
    # Its own T counts from the optimizer's first epoch.
    late = sn.SGD(0.05, schedule=sn.schedules.Cosine(epochs=10))
    net.fit(X, Y, optimizer=late, epochs=10)
    before = net.params.copy()
    net.fit(X, Y, optimizer=late, epochs=10)
    np.testing.assert_array_equal(net.params, before)


def test_a_function_is_asked_for_the_rate_when_its_epoch_comes():
    net, asked = network(), []

    def rate(epoch):
        asked.append((epoch, net.history.n_epochs))
        return 1e-3

    net.fit(X, Y, optimizer=sn.SGD(schedule=rate), epochs=300)
    assert asked == [(epoch, epoch) for epoch in range(300)]


def test_tables_of_several_types_are_numbers():
    mixed = np.array([[1, 2.5, True, np.False_], [np.float32(3), np.int8(4), False, True]], object)
    np.testing.assert_array_equal(network()(mixed), network()(mixed.astype(float)))


def test_a_refused_fit_leaves_everything_alone():
    net, adam, rng = network(), sn.Adam(), np.random.default_rng(5)
    sn.MLP([3, 2], seed=0).fit(X[:, :3], Y, optimizer=adam, epochs=1)
    state = rng.bit_generator.state
    with pytest.raises(ValueError, match="state of another fit"):
        net.fit(X, Y, optimizer=adam, dropout=0.5, seed=rng)
    assert net.history is None
    assert rng.bit_generator.state == state


#: Arguments that are refused late, and what of: all others are right.
REFUSED = {
    "weights": ({"sample_weight": -np.ones(90)}, "sample_weight must be"),
    "dropout of another length": ({"dropout": [0.5, 0.5]}, "dropout must be"),
    "dropout of pieces": ({"X": Stored(X), "dropout": 0.5, "batch_size": None}, "dropout needs a batch_size"),
    "validation data": ({"validation_data": (X, Y[:-1])}, "validation_data: Y must have"),
    "order": ({"order": np.full((5, 90), 90)}, "order must hold"),
    "order of the first epoch": ({"order": lambda epoch: np.full(90, 90)}, "order must hold"),
    "rate of the first epoch": ({"optimizer": sn.SGD(schedule=lambda epoch: -1.0)}, "the rate of schedule"),
    "chunk": ({"X": lambda: [(X[:, :3], Y)], "Y": None, "batch_size": None}, "X must have shape"),
    "chunks": ({"X": lambda: [], "Y": None, "batch_size": None}, "at least one chunk"),
    "callback": ({"callback": 3}, "callback must be"),
    "checkpoint": ({"checkpoint": "no folder/fit"}, "checkpoint must be"),
    "checkpoint of a function": (
        {"optimizer": type("Own", (sn.SGD,), {})(), "checkpoint": "fit"},
        "one of the package's own classes",
    ),
    "optimizer": ({"optimizer": "rprop"}, "needs the full batch"),
    "last": ({"progress": 1}, "progress must be"),
}


@pytest.mark.parametrize("which", REFUSED)
@pytest.mark.parametrize("fitted", [False, True])
def test_a_refused_argument_changes_nothing(tmp_path, monkeypatch, which, fitted):
    """Neither the network nor its history, its optimizer, the optimizer given or the source of random numbers."""
    monkeypatch.chdir(tmp_path)
    refused, match = REFUSED[which]
    net, rng = network(), np.random.default_rng(5)
    if fitted:
        net.fit(X, Y, epochs=3)
        net.partial_fit(X, Y)
    arguments = {"X": X, "Y": Y, "epochs": 5, "batch_size": 30, "seed": rng, "optimizer": sn.Adam(), "dropout": 0.1}
    arguments |= refused
    optimizer = arguments["optimizer"]
    before = pickle.dumps(net), dict(rng.bit_generator.state)
    with pytest.raises((TypeError, ValueError), match=match):
        net.fit(arguments.pop("X"), arguments.pop("Y"), **arguments)
    assert (pickle.dumps(net), rng.bit_generator.state) == before
    if not isinstance(optimizer, str):
        assert optimizer._state is None
        assert optimizer.n_steps == optimizer._epoch == 0
    assert not any(tmp_path.iterdir())


def test_a_refused_partial_fit_changes_nothing():
    net = network()
    net.partial_fit(X, Y)
    before = pickle.dumps(net)
    for targets, options in ((Y[:-1], {}), (Y, {"sample_weight": -np.ones(90)}), (Y, {"l2": -1.0}), (Y * np.nan, {})):
        for optimizer in ("adam", "sgd"):
            with pytest.raises(ValueError, match="must"):
                net.partial_fit(X, targets, optimizer=optimizer, **options)
            assert pickle.dumps(net) == before


def test_attributes_of_an_optimizer_are_taken_as_arguments_are():
    optimizer = sn.SGD(0.1)
    optimizer.schedule = "cosine"
    assert optimizer.schedule == sn.schedules.Cosine()
    with pytest.raises(ValueError, match="schedule must be one of"):
        optimizer.schedule = "sine"


def test_checkpoint_of_numpys_numbers(tmp_path):
    optimizer = sn.SGD(np.float32(0.01), np.array(0.5), np.bool_(True))
    net = network()
    net.fit(X, Y, optimizer=optimizer, epochs=2, checkpoint=tmp_path / "fit")
    np.testing.assert_array_equal(sn.resume(tmp_path / "fit", X, Y).params, net.params)


def test_checkpoint_where_none_can_be(tmp_path):
    net = network()
    before = net.params.copy()
    for path in (tmp_path / "no" / "fit", "", tmp_path, "a\0b"):
        with pytest.raises(ValueError, match="checkpoint must be the path of a file in a folder that exists"):
            net.fit(X, Y, checkpoint=path)
    np.testing.assert_array_equal(net.params, before)
    assert net.history is None


def test_checkpoint_of_classes_of_ones_own(tmp_path):
    class Slower(sn.Adam):
        pass

    class Step(sn.schedules.Constant):
        pass

    for optimizer in (Slower(), sn.Adam(schedule=Step())):
        with pytest.raises(ValueError, match="the package's own classes"):
            network().fit(X, Y, optimizer=optimizer, checkpoint=tmp_path / "fit")


def test_resume_wants_what_the_fit_had(tmp_path):
    path, order = tmp_path / "fit", np.tile(np.arange(90), (3, 1))
    given = {"validation_data": (X, Y), "sample_weight": np.ones(90), "order": order}
    network().fit(X, Y, epochs=3, checkpoint=path, batch_size=30, **given)
    for name in given:
        less = {key: value for key, value in given.items() if key != name}
        with pytest.raises(ValueError, match=f"{name} must be given again"):
            sn.resume(path, X, Y, **less)
    assert sn.resume(path, X, Y, **given).history.n_epochs == 3
    network().fit(X, Y, epochs=3, checkpoint=path)
    for name, value in given.items():
        with pytest.raises(ValueError, match=f"{name} must be left out"):
            sn.resume(path, X, Y, **{name: value})


def test_chunks_without_weight_or_rows_are_skipped():
    whole, net = network(), network()
    whole.fit(lambda: [(X, Y)], epochs=5)
    net.fit(lambda: [[X, Y], (X, Y, np.zeros(90)), (X[:0], Y[:0])], epochs=5)
    np.testing.assert_array_equal(net.params, whole.params)
    np.testing.assert_allclose(net.history.cost, whole.history.cost, rtol=1e-14)


class ReadInPieces:
    """Rows that must not be copied whole."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, rows):
        return self.array[rows]

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("copied whole")


def test_validation_data_and_costs_are_read_in_pieces(monkeypatch):
    monkeypatch.setattr("shallownet_c._fitting._sources.PIECE_BYTES", 1000)
    net, twin = network(), network()
    lazy = ReadInPieces(X)
    history = net.fit(X, Y, epochs=4, validation_data=(lazy, Y))
    np.testing.assert_allclose(history.val_cost, twin.fit(X, Y, epochs=4, validation_data=(X, Y)).val_cost, rtol=1e-13)
    assert net.cost(lazy, Y) == pytest.approx(net.cost(X, Y), rel=1e-13)
    np.testing.assert_allclose(net.cost_and_grad(lazy, Y)[1], net.cost_and_grad(X, Y)[1], rtol=1e-9)


def test_gradients_of_a_saturated_output():
    net = sn.MLP([1, 1], output="sigmoid", init="zeros")
    net.params[:] = [1000, 0]
    assert net.layer_gradients([[1.0]], [1])[0].dA == -1
    assert net.layer_gradients([[-1.0]], [0])[0].dA == 1
    softmax = sn.MLP([1, 3], output="softmax", init="zeros")
    softmax.weights[0][0] = 1000
    np.testing.assert_array_equal(softmax.layer_gradients([[1.0]], [0])[0].dA, [[-1, 0, 0]])


def test_comparison_of_activations_takes_what_numpy_gives():
    labels = X[:, 0] > 0
    tables = [
        sn.compare_activations(X[:60], y[:60], X[60:], y[60:], hidden=hidden, output="sigmoid", epochs=20)
        for y, hidden in ((labels, np.int64(4)), (labels.astype(float), 4))
    ]
    one, other = ([dataclasses.replace(row, seconds=0.0) for row in table] for table in tables)
    assert one == other
    with pytest.raises(ValueError, match="Y must have shape"):
        sn.compare_activations(X, 3.0, X, 3.0)
    with pytest.raises(ValueError, match="X must have shape"):
        sn.compare_activations(X, labels, X[:, :2], labels, epochs=10**9)
