"""Many networks at once: the bits of fitting each alone, whatever its neighbours do, and who may stop whom."""

import contextlib
import inspect
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc

import numpy as np
import pytest
from test_hostile_values import VALUES, OwnError

import shallownet_c as sn
from shallownet_c import _core, _threads, many
from shallownet_c._checks._validation import shown

RNG = np.random.default_rng(3)
M = 90
X = RNG.standard_normal((M, 4))
Y = np.sin(X[:, :2]) + 0.1 * RNG.standard_normal((M, 2))
LABELS = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)
WEIGHTS = RNG.random(M)
FOLDS = [np.arange(M) % 5 == fold for fold in range(5)]
BOOTSTRAPS = [RNG.integers(0, M, M + extra) for extra in (-30, 0, 0, 30, 200)]


@pytest.fixture(params=[1, 2, 3])
def n_threads(request, monkeypatch):
    """As many members of the team, on however few processors, and however little there is to do."""
    monkeypatch.setattr(many, "LEAST_WORK", 0)
    monkeypatch.setattr(_threads, "allowed", lambda n=None: request.param)
    return request.param


def networks(n=5, sizes=(4, 7, 2), dtypes=("float64",), **arguments):
    return [
        sn.MLP(sizes, seed=seed, dtype=dtype, **arguments) for seed, dtype in zip(range(n), itertools.cycle(dtypes))
    ]


def outcome(net, history):
    return net.params.tobytes(), history.cost, history.val_cost, history.n_epochs, history.stopped


def alone(nets, X=X, Y=Y, each=({},) * 5, **arguments):
    """What a loop over `fit` gives for copies of the networks."""
    found = []
    for net, own in zip(nets, each, strict=True):
        copy = net.copy()
        given = {"X": X, "Y": Y, **arguments, **own}
        X_, Y_ = given.pop("X"), given.pop("Y")
        if isinstance(given.get("optimizer"), sn.Optimizer):
            given["optimizer"] = given["optimizer"].__copy__()
        with contextlib.suppress(sn.DivergenceError):
            copy.fit(X_, Y_, **given)
        found.append(outcome(copy, copy.history))
    return found


def together(nets, X=X, Y=Y, **arguments):
    histories = sn.fit_many(nets, X, Y, **arguments)
    assert all(net.history is history for net, history in zip(nets, histories, strict=True))
    return [outcome(net, history) for net, history in zip(nets, histories, strict=True)]


# The same bits


@pytest.mark.parametrize(
    "arguments",
    [
        {"batch_size": 20, "seed": 1},
        {"batch_size": 20, "seed": 1, "shuffle": False, "optimizer": sn.SGD(0.05, 0.9, schedule="adaptive")},
        {"optimizer": "rprop"},
        {
            "batch_size": 17,
            "seed": 2,
            "dropout": 0.3,
            "l2": 0.1,
            "l1": 0.01,
            "clip_norm": 0.5,
            "sample_weight": WEIGHTS,
        },
        {"batch_size": 32, "seed": 3, "patience": 3, "tol": 0.02, "optimizer": sn.Adam(0.05, schedule="cosine")},
        {"batch_size": 32, "seed": 3, "patience": 2, "validation_data": (X[:20] + 0.3, Y[:20]), "epochs": 60},
        {"order": np.stack([RNG.permutation(M) for _ in range(8)]), "batch_size": 20},
        {"order": lambda epoch: np.roll(np.arange(M), epoch), "batch_size": 20},
    ],
    ids=["minibatches", "schedule", "full batch", "penalties", "patience", "validation", "order", "order by epoch"],
)
def test_bits_of_a_loop(n_threads, arguments):
    nets = networks(dtypes=("float64", "float32"))
    arguments = {"epochs": 8} | arguments
    expected = alone(nets, **arguments)
    assert together(nets, **arguments) == expected
    assert len({bits for bits, *_ in expected}) == 5


def test_networks_that_differ_in_everything(n_threads):
    nets = [
        sn.MLP([4, 3], output="softmax", seed=0),
        sn.MLP([4, 30, 20, 2], "relu", seed=1, dtype="float32"),
        sn.MLP([4, 8, 2], "silu", loss="huber", delta=0.3, seed=2),
        sn.MLP([4, 9, 3], output="softmax", seed=3, dtype="float32"),
        sn.MLP([4, 5, 5, 2], ["tanh", "elu"], output="sigmoid", seed=4),
    ]
    each = [
        {"Y": LABELS, "optimizer": "adam", "epochs": 3, "label_smoothing": 0.1, "seed": 5, "batch_size": 10},
        {"Y": Y, "optimizer": sn.Adam(0.01), "epochs": 9, "dropout": (0.2, 0.1), "seed": 6, "batch_size": 50},
        {"Y": Y, "optimizer": sn.RPROP(), "epochs": 20, "l2": 0.3},
        {"Y": np.eye(3)[LABELS], "optimizer": sn.SGD(0.1, 0.5), "epochs": 4, "sample_weight": WEIGHTS},
        {
            "Y": (Y > 0).astype(float),
            "optimizer": sn.NAdam(),
            "epochs": 5,
            "validation_data": (X[:9], (Y[:9] > 0) * 1.0),
        },
    ]
    defaults = {
        "label_smoothing": 0.0, "seed": None, "batch_size": None, "dropout": 0.0, "l2": 0.0, "sample_weight": None,
        "validation_data": None,
    }  # fmt: skip
    expected = alone(nets, each=each)
    lists = {name: [(defaults | own)[name] for own in each] for name in (*defaults, "Y", "optimizer", "epochs")}
    assert together(nets, **lists) == expected
    # The objects of a list have gone on with their own state.
    assert [own["optimizer"].n_steps for own in each[1:]] == [18, 20, 4, 5]


def test_inputs_of_their_own(n_threads):
    inputs = [X * factor for factor in (1, 2, 0.5, 0.1, 3)]
    nets = networks()
    expected = alone(nets, each=[{"X": own} for own in inputs], epochs=5)
    assert together(nets, inputs, epochs=5) == expected


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("chosen", [[~fold for fold in FOLDS], BOOTSTRAPS], ids=["folds", "bootstraps"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_chosen_rows(n_threads, batch_size, chosen, dtype):
    nets = networks(dtypes=(dtype,))
    arguments = {"epochs": 6, "batch_size": batch_size, "seed": 4}
    each = [
        {"X": X[rows], "Y": Y[rows], "sample_weight": WEIGHTS[rows], "validation_data": (X[fold], Y[fold])}
        for rows, fold in zip(chosen, FOLDS, strict=True)
    ]
    expected = alone(nets, each=each, **arguments)
    found = together(nets, rows=chosen, validation_rows=FOLDS, sample_weight=WEIGHTS, **arguments)
    assert found == expected
    assert all(len(history[2]) == 6 for history in found)


def test_chosen_rows_of_classes_and_one_column(n_threads):
    """Rows of fewer elements than a vector have, and the numbers of classes."""
    rows = [np.arange(M)[::-1], np.array([M - 1] * 3), np.arange(0, M, 7), None, np.array([0])]
    places = [np.arange(M) if own is None else own for own in rows]
    order = [np.stack([RNG.permutation(len(own)) for _ in range(4)]) for own in places]
    x = X[:, :1].copy()
    nets = networks(sizes=(1, 6, 3), output="softmax")
    each = [{"X": x[own], "Y": LABELS[own], "order": o} for own, o in zip(places, order, strict=True)]
    expected = alone(nets, each=each, epochs=4, batch_size=5)
    assert together(nets, x, LABELS, rows=rows, order=order, epochs=4, batch_size=5) == expected


def test_validation_data_that_are_made_when_they_are_looked_at():
    """X and Y of an array of both are new objects each time."""
    columns = [np.stack([X[:, :1] * factor, Y[:, :1]]) for factor in range(1, 6)]
    nets = networks(sizes=(1, 3, 1))
    each = [{"validation_data": both} for both in columns]
    expected = alone(nets, X[:, 1:2], Y[:, 1:], each=each, epochs=3)
    assert together(nets, X[:, 1:2], Y[:, 1:], validation_data=columns, epochs=3) == expected


def test_the_same_rows_for_all(n_threads):
    nets = networks()
    expected = alone(nets, X[::2], Y[::2], epochs=5)
    assert together(nets, rows=np.arange(0, M, 2), epochs=5) == expected


def test_any_order_of_the_networks(n_threads):
    nets = networks(6)
    seeds = list(range(6))
    expected = alone(nets, each=[{"seed": seed} for seed in seeds], batch_size=9, epochs=4)
    turned = [4, 2, 5, 0, 1, 3]
    found = together([nets[i] for i in turned], seed=[seeds[i] for i in turned], batch_size=9, epochs=4)
    assert found == [expected[i] for i in turned]


def test_sources_of_random_numbers_of_their_own():
    def sources():
        return [np.random.default_rng(1), np.random.RandomState(2), 3, None, np.random.Generator(np.random.MT19937(4))]

    nets = networks()
    mine, theirs = sources(), sources()
    expected = alone(nets, each=[{"seed": seed} for seed in theirs], batch_size=9, epochs=4)
    found = together(nets, seed=mine, batch_size=9, epochs=4)
    assert found[:3] + found[4:] == expected[:3] + expected[4:]
    assert mine[0].random() == theirs[0].random()


def test_one_optimizer_is_copied_with_its_state():
    nets = networks()
    optimizer = sn.Adam(0.02)
    networks()[0].fit(X, Y, optimizer=optimizer, epochs=3)
    expected = alone(nets, optimizer=optimizer, epochs=3)
    assert together(nets, optimizer=optimizer, epochs=3) == expected
    assert optimizer.n_steps == 3


def test_tables_hand_on_the_names_of_their_columns():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    nets = networks()
    expected = alone(nets, table, epochs=3)
    assert together(nets, table, epochs=3) == expected
    assert {net.feature_names for net in nets} == {("a", "b", "c", "d")}
    with pytest.raises(ValueError, match=r"nets\[0\]: validation_data: X must have the columns of the fit"):
        sn.fit_many(nets, table, Y, validation_data=(table.rename(columns={"a": "z"}), Y))


def test_a_network_alone_may_have_all_threads(n_threads):
    net = sn.MLP([4, 64, 64, 2], seed=0)
    many = np.tile(X, (40, 1)), np.tile(Y, (40, 1))
    expected = alone([net], *many, each=[{}], epochs=3)
    assert together([net], *many, epochs=3) == expected


# What happens to one and not to others


def test_divergence_of_one(n_threads):
    """It stops alone, with finite parameters and the history of `fit`."""
    nets = networks()
    rates = [sn.SGD(rate, 0.9) for rate in (0.01, 5.0, 0.02, 1e6, 0.03)]
    expected = alone(nets, each=[{"optimizer": rate} for rate in rates], epochs=400)
    found = together(nets, optimizer=rates, epochs=400)
    assert found == expected
    assert [stopped for *_, stopped in found] == ["epochs", "diverged", "epochs", "diverged", "epochs"]
    assert all(np.isfinite(net.params).all() for net in nets)


def test_callbacks_know_their_network(n_threads):
    nets = networks()
    seen = []

    def callback(i, epoch, history, net):
        assert net is nets[i]
        assert history.n_epochs == epoch + 1
        seen.append((i, epoch))
        return epoch == i

    histories = sn.fit_many(nets, X, Y, epochs=4, callback=callback)
    assert sorted(seen) == [(i, epoch) for i in range(5) for epoch in range(min(i + 1, 4))]
    assert [history.stopped for history in histories] == ["callback"] * 4 + ["epochs"]


def test_callback_of_one_network():
    nets, seen = networks(), []
    sn.fit_many(nets, X, Y, epochs=3, callback=[None, lambda i, *_: seen.append(i), None, None, None])
    assert seen == [1, 1, 1]


class Trouble(Exception):
    pass


def test_an_error_of_a_callback_stops_all(n_threads):
    """It is raised when all have stopped, and those that had not begun are as they were."""
    nets = networks(12)
    before = [net.params.copy() for net in nets]
    epochs = [100_000] * 12
    epochs[2] += 1  # it is the first to begin

    def callback(i, epoch, history, net):
        if i == 2 and epoch == 3:
            raise Trouble("here")

    with pytest.raises(Trouble, match="here") as caught:
        sn.fit_many(nets, X, Y, epochs=epochs, callback=callback, optimizer=sn.Adam(1e-6))
    assert caught.value.__notes__ == ["in the fit of nets[2]"]
    assert nets[2].history.stopped == "error"
    assert nets[2].history.n_epochs == 4
    for i, net in enumerate(nets):
        if net.history is None:
            np.testing.assert_array_equal(net.params, before[i])
        elif i != 2:
            assert net.history.stopped == "interrupted"
            assert net.history.n_epochs == len(net.history.cost) < 100_000
    params = [net.params.copy() for net in nets]
    time.sleep(0.05)
    assert all((net.params == was).all() for net, was in zip(nets, params, strict=True))


def test_no_optimizer_is_in_the_way_after_an_error():
    """What a function of the caller's returns for the first step is refused as an argument is."""
    net, optimizer = sn.MLP([4, 2], seed=0), sn.Adam()
    before = net.params.copy()
    with pytest.raises(ValueError, match="order must hold row numbers"):
        sn.fit_many([net], X, Y, optimizer=[optimizer], order=lambda epoch: np.full(M, M), epochs=3)
    np.testing.assert_array_equal(net.params, before)
    assert optimizer.n_steps == 0
    assert net.history is None


@pytest.mark.parametrize("busy", ["kernels", "validation", "waiting"])
def test_ctrl_c(n_threads, busy):
    """Within 0.2 s, wherever the threads are; the parameters are those of a finished step."""
    big, epochs = (4, 300, 300, 2), 10**7
    X, Y = RNG.standard_normal((4000, 4)), np.zeros((4000, 2))
    arguments = {"epochs": [epochs] * 4, "optimizer": sn.SGD(1e-9)}
    if busy == "validation":
        wide = RNG.standard_normal((400_000, 4))
        arguments |= {"validation_data": (wide, np.zeros((400_000, 2)))}
    elif busy == "waiting":
        # The thread that has begun the team runs out of networks at once: the others are smaller.
        if n_threads == 1:
            pytest.skip("one thread never waits")
        arguments["epochs"] = [epochs] * (n_threads - 1) + [1] * (5 - n_threads)
    nets = networks(4, big)
    stopped = []

    def interrupt(*_):
        stopped.append(time.perf_counter())
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            sn.fit_many(nets, X, Y, **arguments)
        ended = time.perf_counter()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    params = [net.params.copy() for net in nets]
    assert "interrupted" in [net.history.stopped for net in nets if net.history is not None]
    assert ended - stopped[0] < 5  # the limit itself is measured by benchmarks/many.py: this machine may be busy
    time.sleep(0.05)
    assert all((net.params == was).all() for net, was in zip(nets, params, strict=True))


def test_ctrl_c_leaves_the_last_finished_step():
    """A step's worth of rows cannot be done in the time: nothing has changed."""
    net = sn.MLP([4, 300, 300, 2], seed=0)
    twin = net.copy()
    rows = np.tile(np.arange(M), 30_000)
    stop = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGALRM))
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        stop.start()
        with pytest.raises(KeyboardInterrupt):
            sn.fit_many([net], X, Y, rows=rows, epochs=1000, n_threads=1)
    finally:
        stop.cancel()
        signal.signal(signal.SIGALRM, before)
    assert net.history.stopped == "interrupted"
    assert net.history.n_epochs == 0
    np.testing.assert_array_equal(net.params, twin.params)


def test_the_flag_ends_calls_of_the_kernels():
    stop = np.zeros(1, np.intc)
    net = sn.MLP([4, 2], seed=0)
    stop[0] = 1
    rows = _core.Rows(X, Y, None, None)
    with pytest.raises(KeyboardInterrupt, match="another member"):
        _core.gradient(net, rows, None, 1, False, stop)
    rule = _core.Rule(sn.SGD.code, np.array([0.1, 0, 0]), np.empty((0, net.n_params)), np.zeros(1, np.int64))
    before = net.params.copy()
    with pytest.raises(KeyboardInterrupt, match="another member"):
        _core.train(net, rows, rule, _core.Run(M, stop=stop), None, np.ones(1), np.ones(1))
    np.testing.assert_array_equal(net.params, before)


def test_members_of_the_team(n_threads):
    """Each has a number of its own, and the first error reaches the caller when all are done."""
    team = sn.MLP([2, 1]).model.kernels.team
    seen, threads = [], set()
    barrier = threading.Barrier(n_threads)

    def part(member):
        barrier.wait()
        seen.append(member)
        threads.add(threading.get_ident())
        if member == n_threads - 1:
            raise Trouble

    stop = np.zeros(1, np.intc)
    with pytest.raises(Trouble):
        team(part, n_threads, stop)
    assert sorted(seen) == list(range(n_threads))
    assert len(threads) == n_threads
    assert threading.get_ident() in threads
    assert stop[0] == 1


def test_n_threads_is_a_limit(monkeypatch):
    at_a_time, most = [], []

    def callback(i, epoch, *_):
        at_a_time.append(i)
        most.append(len(at_a_time))
        time.sleep(0.001)
        at_a_time.remove(i)

    for n in (1, 2, 3):
        for least, expected in ((0, n), (10**12, 1)):
            monkeypatch.setattr(many, "LEAST_WORK", least)
            monkeypatch.setattr(_threads, "allowed", lambda given=None, n=n: min(given, n))
            most.clear()
            sn.fit_many(networks(6), X, Y, epochs=20, callback=callback, n_threads=n)
            assert max(most) == expected
    monkeypatch.undo()
    with pytest.raises(ValueError, match="n_threads must be at least 1, got 0"):
        sn.fit_many(networks(), X, Y, n_threads=0)


def test_the_longest_fit_begins_first():
    begun = []

    def callback(i, epoch, *_):
        if epoch == 0:
            begun.append(i)

    nets = [sn.MLP([4, width, 2], seed=0) for width in (3, 50, 9, 9, 3)]
    rows = [None, None, None, np.arange(9), np.tile(np.arange(M), 50)]
    sn.fit_many(nets, X, Y, rows=rows, epochs=[9, 2, 2, 2, 9], callback=callback, n_threads=1)
    assert begun == [4, 1, 0, 2, 3]


def test_numpys_error_handling_is_the_callers(n_threads):
    def callback(*_):
        np.float64(1e308) * np.float64(10)

    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        sn.fit_many(networks(12), X, Y, epochs=1, callback=[None] * 11 + [callback])


# Refused


class Own:
    """An array that is read in pieces."""

    shape, dtype = X.shape, X.dtype

    def __array__(self, *_):
        raise AssertionError

    __getitem__ = __array__


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"nets": []}, ValueError, "nets must hold at least one MLP"),
        ({"nets": 3}, TypeError, "nets must be a sequence of MLP, got 3"),
        ({"epochs": [1, 2]}, ValueError, "epochs must be one value for all networks.*each of the 5.*a list of 2"),
        ({"X": X.tolist()}, ValueError, r"X must be one value for all networks.* a list of 90; np.array\(X\) is one"),
        ({"seed": range(5)}, TypeError, r"seed must be an integer, got range\(0, 5\)"),
        ({"epochs": [1, 2, 3, 0, 5]}, ValueError, r"nets\[3\]: epochs must be at least 1, got 0"),
        ({"seed": [1, 2, 3, 4, -5]}, ValueError, r"nets\[4\]: seed must be at least 0"),
        ({"seed": np.random.default_rng(0)}, ValueError, r"seed must not be one object .* nets\[0\] and nets\[1\]"),
        ({"seed": [1, 2, *[np.random.RandomState(0)] * 2, 3]}, ValueError, r"seed .* nets\[2\] and nets\[3\]"),
        ({"optimizer": [sn.Adam()] * 5}, ValueError, r"optimizer must not be one object .* nets\[0\] and nets\[1\]"),
        ({"optimizer": "lbfgs"}, ValueError, "optimizer must not be LBFGS, which is for MLP.fit alone"),
        ({"optimizer": [*["adam"] * 4, sn.LBFGS()]}, ValueError, r"nets\[4\]: optimizer must not be LBFGS"),
        ({"optimizer": "best"}, ValueError, "optimizer must be one of"),
        ({"optimizer": "rprop", "batch_size": [None] * 4 + [8]}, ValueError, r"nets\[4\]: batch_size must be None"),
        ({"X": lambda: [(X, Y)]}, TypeError, "X must be an array in memory for many networks at once"),
        ({"X": Own()}, TypeError, "X must be an array in memory .* MLP.fit reads rows in pieces"),
        ({"X": [X] * 4 + [X[:, :3]]}, ValueError, r"nets\[4\]: X must have shape \(m, 4\), got \(90, 3\)"),
        ({"Y": [Y] * 4 + [Y[:5]]}, ValueError, r"nets\[4\]: Y must have shape"),
        ({"Y": None}, TypeError, "Y must be given with X"),
        ({"rows": np.arange(M + 1)}, ValueError, r"rows must hold row numbers 0 … 89, got 0 … 90"),
        ({"rows": np.arange(-1, 3)}, ValueError, r"rows must hold row numbers 0 … 89, got -1 … 2"),
        ({"rows": np.ones(8, bool)}, ValueError, r"rows must have 90 elements if they are True and False, got 8"),
        ({"rows": np.zeros(M, bool)}, ValueError, "rows must choose at least one row"),
        ({"rows": np.zeros((2, 2), int)}, TypeError, r"rows must be an array \(k,\) of row numbers"),
        ({"rows": [0, 1, 2, 3, 4]}, TypeError, r"nets\[0\]: rows must be an array \(k,\) of row numbers"),
        ({"rows": np.ones(3)}, TypeError, "rows must be an array"),
        ({"rows": [[1, 2]] * 4 + [[99]]}, ValueError, r"nets\[4\]: rows must hold row numbers"),
        ({"validation_rows": [[]] * 5}, TypeError, r"validation_rows must be an array"),
        ({"validation_rows": [[M]] * 5}, ValueError, r"validation_rows must hold row numbers"),
        ({"validation_rows": FOLDS, "validation_data": (X, Y)}, ValueError, "validation_rows must be None where"),
        ({"validation_data": (X,)}, ValueError, r"validation_data must be \(X, Y\) or"),
        ({"validation_data": (X, Y[:3])}, ValueError, "validation_data: Y must have shape"),
        ({"validation_data": (Own(), Y)}, TypeError, "validation_data: X must be an array in memory"),
        (
            {"sample_weight": (np.arange(M) > 5) * 1.0, "rows": [[1, 2]] * 5},
            ValueError,
            "sample_weight must not be zero",
        ),
        ({"sample_weight": np.ones(3)}, ValueError, r"sample_weight must have shape \(90,\)"),
        ({"order": np.zeros((200, M - 1), int)}, ValueError, r"order must have shape \(200, 90\)"),
        ({"order": np.zeros((200, M), int), "rows": FOLDS}, ValueError, r"order must have shape \(200, 18\)"),
        ({"dropout": [0.1, 0.2, 0.3, 0.4, 1.5]}, ValueError, r"nets\[4\]: dropout must be in \[0, 1\)"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"progress": 1}, TypeError, "progress must be True or False"),
        ({"checkpoint": "fit"}, TypeError, r"fit_many\(\) has no argument 'checkpoint'"),
        ({"learning_rate": 1}, TypeError, r"has no argument 'learning_rate': give it to the optimizer"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_refused_arguments_change_nothing(arguments, error, message):
    nets = networks()
    before = [net.params.copy() for net in nets]
    with pytest.raises(error, match=message):
        sn.fit_many(**{"nets": nets, "X": X, "Y": Y} | arguments)
    assert all((net.params == was).all() and net.history is None for net, was in zip(nets, before, strict=True))


ARGUMENTS = list(inspect.signature(sn.fit_many).parameters)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_values_that_nobody_expects(name):
    """For all networks and as one of two: taken, or refused with the argument's name before anything has changed."""
    for value in VALUES:
        if value is object or (name == "epochs" and isinstance(value, int) and 1000 < value < 2**60):
            continue  # a function that takes no arguments, and a fit without end
        for given in (value, [value, value]):
            nets = networks(2)
            before = [net.params.tobytes() for net in nets]
            try:
                sn.fit_many(**{"nets": nets, "X": X, "Y": Y, "epochs": 2, "batch_size": 50} | {name: given})
                continue
            except (TypeError, ValueError) as error:
                message = str(error)
            except OwnError:
                continue
            assert name in message, shown(given)
            assert [net.params.tobytes() for net in nets] == before, shown(given)
            assert [net.history for net in nets] == [None, None], shown(given)


def test_refused_networks():
    nets = networks()
    with pytest.raises(ValueError, match=r"nets .*the same for nets\[1\] and nets\[5\]"):
        sn.fit_many([*nets, nets[1]], X, Y)
    with pytest.raises(TypeError, match=r"nets must hold MLP, got 'net' as nets\[5\]"):
        sn.fit_many([*nets, "net"], X, Y)


def test_generators_that_share_their_bits_are_refused():
    bits = np.random.PCG64(0)
    with pytest.raises(ValueError, match="seed must not be one object for several networks"):
        sn.fit_many(networks(2), X, Y, seed=[np.random.Generator(bits), np.random.Generator(bits)])


def test_a_schedule_that_learns_costs_is_for_one_network():
    learning, plain = sn.schedules.Adaptive(), sn.schedules.Cosine()
    with pytest.raises(ValueError, match="the schedule of optimizer must not be one object for several networks"):
        sn.fit_many(networks(2), X, Y, optimizer=[sn.SGD(0.1, schedule=learning) for _ in range(2)])
    nets = networks()
    rules = [sn.SGD(0.1, schedule=plain) for _ in nets]
    expected = alone(nets, each=[{"optimizer": rule} for rule in rules], epochs=5)
    assert together(nets, optimizer=rules, epochs=5) == expected


def test_a_state_of_another_size_is_refused():
    optimizer = sn.Adam()
    sn.MLP([4, 2], seed=0).fit(X, Y, optimizer=optimizer, epochs=1)
    with pytest.raises(ValueError, match=r"nets\[1\]: optimizer carries the state of another fit"):
        sn.fit_many([sn.MLP([4, 2]), sn.MLP([4, 3, 2])], X, Y, optimizer=optimizer)


@pytest.mark.parametrize("name", ["X", "Y", "sample_weight"])
def test_views_of_parameters_are_refused(name):
    """Of any network's: it may change while another one is trained."""
    nets = [sn.MLP([1, 1], seed=seed) for seed in range(5)]
    column = np.ones((2, 1))
    arguments = {"X": column, "Y": column, "sample_weight": np.ones(2)}
    view = nets[3].params
    view[:] = 1
    arguments[name] = view if name == "sample_weight" else view[:, np.newaxis]
    with pytest.raises(ValueError, match=rf"{name} must not share memory with the params of nets\[3\]"):
        sn.fit_many(nets, **arguments)


def test_advice_comes_once():
    nets = networks()
    with pytest.warns(sn.FitWarning) as caught:
        sn.fit_many(nets, X * 1e4, Y, batch_size=30, epochs=2)
    assert len(caught) == 1
    assert caught[0].filename == __file__


# Memory, processes, what is shown


def test_rows_are_not_copied():
    """Five networks on parts of 16 MB of rows need no megabyte."""
    m = 200_000
    X, Y = np.ones((m, 10)), np.ones((m, 1))
    rows = [np.arange(i, m, 5) for i in range(5)]
    nets = [sn.MLP([10, 4, 1], seed=seed) for seed in range(5)]
    sn.fit_many(networks(), *(array[:M] for array in (globals()["X"], globals()["Y"])), epochs=1)  # imports
    tracemalloc.start()
    try:
        sn.fit_many(nets, X, Y, rows=rows, batch_size=1000, epochs=2, validation_rows=rows, seed=0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The numbers of a part's rows, as they are chosen and as an epoch takes them, 320 KB each, for each of two threads.
    assert most < 4e6


def test_rows_are_converted_once():
    m = 100_000
    X, Y = np.ones((m, 10)), np.ones((m, 1))
    nets = [sn.MLP([10, 4, 1], seed=seed, dtype=dtype) for seed in range(5) for dtype in ("float32", "float64")]
    tracemalloc.start()
    try:
        sn.fit_many(nets, X, Y, batch_size=1000, epochs=1, seed=0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 4e6 < most < 8e6  # 4.4 MB of float32, and the orders of two threads


def test_in_a_forked_process():
    """Also after the parent has used threads: the child works alone."""
    script = """
        import multiprocessing, numpy as np, shallownet_c as sn

        X, Y = np.random.default_rng(0).random((50, 2)), np.zeros((50, 1))

        def fit(_):
            nets = [sn.MLP([2, 3, 1], seed=seed) for seed in range(4)]
            sn.fit_many(nets, X, Y, epochs=5, batch_size=10, seed=0, n_threads=2)
            return [net.params.tobytes() for net in nets]

        if __name__ == "__main__":
            here = fit(0)
            with multiprocessing.get_context("fork").Pool(2) as pool:
                print(all(there == here for there in pool.map(fit, range(4))))
    """
    run = [sys.executable, "-P", "-W", "ignore", "-c", textwrap.dedent(script)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "True\n", done.stderr


def test_progress_in_plain_lines(capfd):
    sn.fit_many(networks(7), X, Y, epochs=2, progress=True)
    err = capfd.readouterr().err
    assert err.splitlines()[-1].startswith("net 7/7  cost ")
    assert "epoch" not in err


def test_progress_of_networks_without_a_finite_cost(capfd):
    huge = np.full((M, 2), 1e300)
    sn.fit_many(networks(2), X, huge, epochs=2, progress=True)
    assert "net 2/2  no cost" in capfd.readouterr().err


def test_it_can_be_called_in_a_thread():
    nets = networks()
    expected = alone(nets, epochs=5, batch_size=10, seed=1)
    found = []
    thread = threading.Thread(target=lambda: found.extend(together(nets, epochs=5, batch_size=10, seed=1)))
    thread.start()
    thread.join(60)
    assert found == expected


def test_within_a_callback_of_its_own():
    inner = networks()
    expected = alone(inner, epochs=2)
    found = []
    callback = [lambda *_: found.extend(together(inner, epochs=2)), None, None, None, None]
    sn.fit_many(networks(), X, Y, epochs=1, callback=callback)
    assert found == expected
