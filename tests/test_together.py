"""Networks of one shape that `fit_many` trains together in the lanes of a vector (src/together.pxd), as if alone."""

import contextlib
import itertools
import signal
import time

import networks
import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c import _core, _engine, _threads, many
from shallownet_c._fitting import _together
from shallownet_c.optimizers import SGD, Adam

RNG = np.random.default_rng(5)
M, MANY = 23, 19


@pytest.fixture(autouse=True)
def whether_or_not_it_pays(monkeypatch):
    """All networks that can be trained together are."""
    monkeypatch.setattr(_threads, "allowed", lambda n=None: 1)
    for gain in ("GAIN", "GAIN_OF_SMALL"):
        monkeypatch.setattr(_together, gain, 100.0)


@pytest.fixture
def calls(monkeypatch):
    """How many networks each call has trained together."""
    sizes, kernels = [], _core.train_together

    def train_together(nets, *arguments):
        taken = kernels(nets, *arguments)
        sizes.append(len(nets) if taken else 0)
        return taken

    monkeypatch.setattr(_engine._core, "train_together", train_together, raising=True)
    return sizes


def few(dtype):
    """The greatest batch that goes through the network row by row."""
    return sn.MLP([1, 1], dtype=dtype).model.kernels.lanes // 2


def data(sizes, output, dtype, m=M):
    X = RNG.standard_normal((m, sizes[0])).astype(dtype)
    if output == "softmax":
        return X, RNG.integers(0, sizes[-1], m)
    Y = RNG.standard_normal((m, sizes[-1])).astype(dtype)
    return X, np.abs(Y) if output == "exp" else (Y > 0).astype(dtype) if output == "sigmoid" else Y


def outcome(net):
    history = net.history
    return net.params.tobytes(), history.cost, history.n_epochs, history.stopped


def compare(calls, sizes, dtype, batch_size, output="identity", hidden="tanh", m=M, each=None, n=MANY, **arguments):
    """The networks after `fit_many`, and after `fit` of each: the same bits"""
    if sum((a + 1) * b for a, b in itertools.pairwise(sizes)) > 48 * 2 * few(dtype):
        pytest.skip("too large for the vectors of this CPU")
    X, Y = data(sizes, output, dtype, m)
    each = [{"seed": seed} for seed in range(n)] if each is None else each
    arguments = {"epochs": 3, "batch_size": batch_size, "optimizer": "adam"} | arguments
    nets = [sn.MLP(sizes, hidden, output, seed=seed, dtype=dtype) for seed in range(n)]
    alone = []
    for net, own in zip(nets, each, strict=True):
        twin, given = net.copy(), arguments | own
        rows = given.pop("rows", slice(None))
        if isinstance(given["optimizer"], sn.Optimizer):
            given["optimizer"] = given["optimizer"].__copy__()
        with contextlib.suppress(sn.DivergenceError):
            twin.fit(X[rows], Y[rows], **given)
        alone.append(outcome(twin))
    lists = {name: [own[name] for own in each] for name in each[0]}
    sn.fit_many(nets, X, Y, **arguments, **lists)
    assert [outcome(net) for net in nets] == alone
    assert max(calls) > 1
    return nets


DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@DTYPES
@pytest.mark.parametrize("part", [1, 0.5, 0], ids=["the largest", "half of it", "1"])
@pytest.mark.parametrize(
    "sizes",
    [(4, 16, 1), (2, 4, 1), (8, 8, 1), (1, 1), (3, 5, 7, 2), (17, 9, 3), (5, 33, 4), (40, 3, 1), (9, 2, 8)],
    ids=str,
)
def test_shapes_and_batches(calls, dtype, sizes, part):
    compare(calls, sizes, dtype, max(1, int(few(dtype) * part)))


@DTYPES
@pytest.mark.parametrize("hidden", networks.HIDDEN)
def test_activations(calls, dtype, hidden):
    compare(calls, (3, 5, 4, 2), dtype, few(dtype), hidden=hidden)


@DTYPES
@pytest.mark.parametrize("output", ["softmax", "sigmoid", "exp", "tanh"])
def test_outputs(calls, dtype, output):
    compare(calls, (4, 9, 3), dtype, few(dtype), output)
    if output in ("softmax", "sigmoid"):
        compare(calls, (4, 9, 3), dtype, few(dtype), output, label_smoothing=0.1)


@DTYPES
@pytest.mark.parametrize("optimizer", networks.rules(), ids=lambda rule: f"{type(rule).__name__}-{id(rule) % 97}")
def test_update_rules(calls, dtype, optimizer):
    whole = optimizer.full_batch
    compare(calls, (4, 9, 3), dtype, None if whole else 1, m=few(dtype), optimizer=optimizer)
    compare(calls, (4, 9, 3), dtype, None if whole else 1, m=few(dtype), optimizer=optimizer, l2=0.1)


@DTYPES
def test_rows_orders_and_sources_of_random_numbers(calls, dtype):
    rows = [np.flatnonzero(np.random.default_rng(i).permutation(M) < 9)[::-1] for i in range(MANY)]
    compare(calls, (4, 9, 3), dtype, 1, each=[{"seed": i, "rows": chosen} for i, chosen in enumerate(rows)])
    compare(calls, (4, 9, 3), dtype, 1, shuffle=False)
    compare(calls, (4, 9, 3), dtype, None, m=few(dtype))
    orders = [np.stack([RNG.permutation(M) for _ in range(3)]) if i % 2 else None for i in range(MANY)]
    compare(calls, (4, 9, 3), dtype, 1, each=[{"seed": i, "order": order} for i, order in enumerate(orders)])
    compare(calls, (4, 9, 3), dtype, 1, optimizer=Adam(0.01, schedule="cosine"))


def test_more_epochs_than_orders_are_drawn_at_a_time(calls, monkeypatch):
    monkeypatch.setattr("shallownet_c._fitting._together.CHUNK", 4 * MANY * M)
    compare(calls, (4, 9, 1), "float32", 1, epochs=11)
    assert len(calls) >= 3


def test_an_optimizer_goes_on_with_its_state(calls):
    optimizer = Adam(0.02)
    X, Y = data((4, 9, 1), "identity", "float32")
    sn.MLP([4, 9, 1], seed=0, dtype="float32").fit(X, Y, epochs=2, optimizer=optimizer)
    compare(calls, (4, 9, 1), "float32", 1, optimizer=optimizer)
    assert optimizer.n_steps == 2


def test_networks_that_do_not_stay_finite_end_as_alone(calls):
    """The others go on together. A Generator is put back for the run alone."""
    X, Y = data((4, 9, 1), "identity", "float32")
    nets = [sn.MLP([4, 9, 1], "relu", seed=seed, dtype="float32") for seed in range(MANY)]
    for net in nets[3::7]:
        net.params[:] *= 1e12
    twins = [net.copy() for net in nets]
    for seed, twin in enumerate(twins):
        with contextlib.suppress(sn.DivergenceError):
            twin.fit(X, Y, epochs=4, batch_size=1, optimizer=SGD(1e-3), seed=np.random.default_rng(seed))
    seeds = [np.random.default_rng(seed) for seed in range(MANY)]
    sn.fit_many(nets, X, Y, epochs=4, batch_size=1, optimizer=SGD(1e-3), seed=seeds)
    assert [outcome(net) for net in nets] == [outcome(twin) for twin in twins]
    assert [net.history.stopped for net in nets].count("diverged") == 3
    assert max(calls) > 1


def test_what_a_callers_schedule_returns_is_refused_as_alone(calls):
    """Nothing has changed, and the message is that of `fit`."""

    class Wrong(sn.schedules.Constant):
        def rates(self, *_):
            return np.full(1, -1.0)

    X, Y = data((4, 9, 1), "identity", "float32")
    nets = [sn.MLP([4, 9, 1], seed=seed, dtype="float32") for seed in range(MANY)]
    before = [net.params.copy() for net in nets]
    with pytest.raises(ValueError, match=r"learning rate|rates|schedule"):
        sn.fit_many(nets, X, Y, batch_size=1, optimizer=Adam(schedule=Wrong()))
    assert all((net.params == was).all() and net.history is None for net, was in zip(nets, before, strict=True))


def test_ctrl_c(calls):
    """All networks stop at a finished step."""
    X, Y = data((4, 9, 1), "identity", "float32", 20_000)
    nets = [sn.MLP([4, 9, 1], seed=seed, dtype="float32") for seed in range(MANY)]
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        start = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            sn.fit_many(nets, X, Y, batch_size=1, epochs=10**7)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.perf_counter() - start < 5
    stopped = [net.history.stopped for net in nets if net.history is not None]
    assert len(stopped) > 1
    assert set(stopped) == {"interrupted"}
    assert all(np.isfinite(net.params).all() for net in nets)


def test_some_are_for_themselves(calls):
    """What is watched, weighted, clipped or dropped, or differs in more than rows, is trained alone."""
    X, Y = data((4, 9, 1), "identity", "float32")
    for arguments in (
        {"callback": lambda *_: None}, {"patience": 3}, {"validation_rows": np.arange(4)},
        {"sample_weight": np.ones(M)}, {"clip_norm": 1.0}, {"l1": 0.1}, {"dropout": 0.1}, {"batch_size": 17},
        {"epochs": list(range(1, MANY + 1))},
        {"optimizer": [Adam() for _ in range(MANY)]}, {"order": lambda epoch: np.arange(M)},
        {"optimizer": SGD(schedule="adaptive")},
    ):  # fmt: skip
        nets = [sn.MLP([4, 9, 1], seed=seed, dtype="float32") for seed in range(MANY)]
        sn.fit_many(nets, X, Y, **({"batch_size": 1, "epochs": 2} | arguments))
    assert calls == []


def bound(kernels, dtype, n=2, sizes=(4, 3, 1), codes=(1, 0), m=5):
    params = RNG.standard_normal((n, 19)).astype(dtype)
    nets = [_core.Network(kernels, p, np.array(sizes), np.array(codes, np.intc), 0.01, 0, 0.0) for p in params]
    rows = [_core.Rows(np.ones((m, 4), dtype), np.ones((m, 1), dtype)) for _ in nets]
    rules = [_core.Rule(SGD.code, np.array([0.1, 0, 0]), np.empty((0, 19), dtype), np.zeros(1, np.int64)) for _ in nets]
    return params, nets, rows, rules


def test_the_kernels_check_what_goes_together(build):
    params, nets, rows, rules = bound(build.kernels, build.dtype)
    run, rates, costs, orders = _core.Run(1), np.ones(2), np.zeros((2, 2)), [None, None]
    for refused in (
        (nets[:1], rows, rules, run, orders, rates, costs),
        (nets, rows, rules, run, [None, np.zeros((1, 5), np.int64)], rates, costs),
        (nets, rows, rules, run, orders, rates[:1], costs),
        (nets, rows, rules, run, orders, rates, costs[:1]),
        ([], [], [], run, [], rates, np.zeros((0, 2))),
        ([nets[0]] * 17, [rows[0]] * 17, [rules[0]] * 17, run, [None] * 17, rates, np.zeros((17, 2))),
    ):
        with pytest.raises(ValueError, match=r"network|order"):
            _core.train_together(*refused)
    before = params.copy()
    other = _core.Rows(np.ones((6, 4), build.dtype), np.ones((6, 1), build.dtype))
    weighted = _core.Rows(np.ones((5, 4), build.dtype), np.ones((5, 1), build.dtype), weights=np.ones(5, build.dtype))
    stepped = _core.Rule(SGD.code, np.array([0.1, 0, 0]), np.empty((0, 19), build.dtype), np.ones(1, np.int64))
    for alone in (
        (nets, [rows[0], other], rules, run),
        (nets, [rows[0], weighted], rules, run),
        (nets, rows, [rules[0], stepped], run),
        (nets, rows, rules, _core.Run(1, objective_scale=1.0)),
    ):
        assert not _core.train_together(*alone, orders, rates, costs)
    assert (params == before).all()
    assert _core.how_many_together(nets[0], max(1, build.kernels.lanes // 2)) == build.kernels.lanes
    assert _core.how_many_together(nets[0], build.kernels.lanes) == 1
    assert _core.train_together(nets, rows, rules, run, orders, rates, costs)
    assert (params != before).any()


def test_groups_leave_no_thread_idle(monkeypatch):
    """Few networks are shared out among the threads, many are trained together by each."""
    monkeypatch.undo()
    monkeypatch.setattr(many, "LEAST_WORK", 0)
    lanes = 2 * few("float32")
    sizes = []
    monkeypatch.setattr(_together, "run", lambda fits: sizes.append(len(fits)))
    X, Y = data((4, 5, 1), "identity", "float32")
    for n, n_threads, expected in (
        (lanes // 2 - 1, 1, []), (lanes, 1, [lanes]), (lanes, 4, []), (4 * lanes, 4, [lanes] * 4),
    ):  # fmt: skip
        sizes.clear()
        monkeypatch.setattr(_threads, "allowed", lambda given=None, n=n_threads: n)
        nets = [sn.MLP([4, 5, 1], seed=seed, dtype="float32") for seed in range(n)]
        sn.fit_many(nets, X, Y, batch_size=1, epochs=1)
        assert sizes == expected
        assert all(net.history.stopped == "epochs" for net in nets)
