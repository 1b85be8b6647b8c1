"""What `fit` does besides descending: schedules, penalties, dropout, validation, patience, watching, divergence."""

import contextlib
import itertools
import math
import signal
import sys
import threading
import time
import traceback

import networks
import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c import _core, _kernels
from shallownet_c._fitting._settings import Settings

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 4))
Y = np.column_stack([np.sin(X).sum(axis=1), X[:, 0] * X[:, 1]])


def network(**options):
    return sn.MLP([4, 7, 5, 2], ["tanh", "relu"], seed=3, **options)


def descend(net, update, epochs, batch=None, penalty=lambda net, w: 0.0):
    """Descent by an update rule in NumPy on the package's own gradients, in the rows' own order."""
    for epoch in range(epochs):
        for first in range(0, len(X), batch or len(X)):
            rows = slice(first, first + (batch or len(X)))
            _, g = net.cost_and_grad(X[rows], Y[rows])
            net.params[:] += update(epoch, g + penalty(net, net.params) / len(X[rows]))


def on_weights(net, values):
    """The values where W stands, 0 where b does."""
    kept = np.zeros(net.n_params)
    at = 0
    for W, b in zip(net.weights, net.biases, strict=True):
        kept[at : at + W.size] = values[at : at + W.size]
        at += W.size + b.size
    return kept


# Optimizers and schedules


def test_rprop_against_its_rule():
    net, twin = network(), network()
    net.fit(X, Y, optimizer=sn.RPROP(0.02, step_max=0.03), epochs=60)
    last, step = np.zeros(net.n_params), np.full(net.n_params, 0.02)

    def update(_, g):
        nonlocal last, step
        step = np.clip(step * np.select([g * last > 0, g * last < 0], [1.2, 0.5], 1.0), 1e-6, 0.03)
        last = np.where(g * last < 0, 0, g)
        return -np.sign(last) * step

    descend(twin, update, 60)
    np.testing.assert_allclose(net.params, twin.params, rtol=0, atol=1e-12)


def test_lbfgs_is_scipys():
    optimize = pytest.importorskip("scipy.optimize")
    net, twin = network(), network()
    history = net.fit(X, Y, optimizer=sn.LBFGS(max_fun=10_000), epochs=40, l2=0.3)

    def objective(w):
        twin.params[:] = w
        J, g = twin.cost_and_grad(X, Y)
        W = on_weights(twin, w)
        return J + 0.15 * W @ W / len(X), g + 0.3 * W / len(X)

    result = optimize.minimize(
        objective, network().params.copy(), jac=True, method="L-BFGS-B", options={"maxiter": 40, "maxcor": 10}
    )
    np.testing.assert_allclose(net.params, result.x, rtol=1e-7, atol=1e-9)
    assert history.n_epochs == result.nit == len(history.cost) == 40
    assert history.cost[0] == network().cost(X, Y)
    assert history.stopped == "epochs"


def test_lbfgs_ends_by_itself():
    pytest.importorskip("scipy")
    net = sn.MLP([4, 2], seed=0)
    history = net.fit(X, Y, optimizer="lbfgs")
    assert history.stopped == "converged"
    assert net.cost(X, Y) == pytest.approx(sn.MLP([4, 2], seed=1).fit(X, Y, optimizer="lbfgs").cost[-1], rel=1e-6)
    assert sn.MLP([4, 9, 2], seed=0).fit(X, Y, optimizer=sn.LBFGS(max_fun=5)).stopped == "max_fun"


RATES = {
    "constant": lambda t: 0.1,
    "invscaling": lambda t: 0.1 / (t + 1) ** 0.5,
    "cosine": lambda t: 0.05 * (1 + np.cos(np.pi * t / 20)),
    "function": lambda t: 0.1 * 0.9**t,
}


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("batch", [None, 32])
def test_schedules(name, batch):
    net, twin = network(), network()
    schedule = RATES[name] if name == "function" else name
    net.fit(X, Y, optimizer=sn.SGD(0.1, schedule=schedule), epochs=20, batch_size=batch, shuffle=False)
    descend(twin, lambda epoch, g: -RATES[name](epoch) * g, 20, batch)
    np.testing.assert_allclose(net.params, twin.params, rtol=0, atol=1e-12)


def test_a_schedule_goes_on_where_the_optimizer_stopped():
    whole, halves = network(), network()
    make = lambda: sn.Adam(0.05, schedule="invscaling")  # noqa: E731
    whole.fit(X, Y, optimizer=make(), epochs=20)
    optimizer = make()
    halves.fit(X, Y, optimizer=optimizer, epochs=8)
    halves.fit(X, Y, optimizer=optimizer, epochs=12)
    np.testing.assert_array_equal(whole.params, halves.params)


@pytest.mark.parametrize("validated", [False, True])
def test_adaptive_divides_where_there_is_no_progress(validated):
    net, twin = network(), network()
    # The rate is far too great on purpose: costs go up and down.
    schedule = sn.schedules.Adaptive(factor=0.5, patience=2, tol=0.01)
    options = {"validation_data": (X[:20], Y[:20])} if validated else {}
    history = net.fit(X, Y, optimizer=sn.SGD(0.4, schedule=schedule), epochs=30, **options)
    rate, best, wait, cuts = 0.4, np.inf, 0, 0
    for epoch in range(30):
        descend(twin, lambda _, g: -rate * g, 1)  # noqa: B023
        cost = (history.val_cost if validated else history.cost)[epoch]
        wait = 0 if cost < best - 0.01 else wait + 1
        best = min(best, cost)
        if wait >= 2:
            rate, wait, cuts = rate / 2, 0, cuts + 1
    assert cuts > 1
    np.testing.assert_allclose(net.params, twin.params, rtol=1e-9, atol=1e-9)


def test_bad_schedules():
    with pytest.raises(ValueError, match="schedule must be one of 'constant', 'invscaling'"):
        sn.SGD(schedule="linear")
    with pytest.raises(TypeError, match="schedule must be one of"):
        sn.Adam(schedule=0.1)
    net = network()
    before = net.params.copy()
    with pytest.raises(ValueError, match="the rate of schedule must be > 0, got -1"):
        net.fit(X, Y, optimizer=sn.SGD(schedule=lambda t: -1), epochs=3)
    np.testing.assert_array_equal(net.params, before)


# Regularisation


@pytest.mark.parametrize("batch", [None, 32])
def test_l1(batch):
    net, twin = network(), network()
    net.fit(X, Y, optimizer=sn.SGD(0.1), epochs=20, l1=0.5, l2=0.3, batch_size=batch, shuffle=False)
    descend(twin, lambda _, g: -0.1 * g, 20, batch, lambda net, w: on_weights(net, 0.3 * w + 0.5 * np.sign(w)))
    np.testing.assert_allclose(net.params, twin.params, rtol=0, atol=1e-12)


def test_clip_norm():
    net, twin = network(), network()
    net.fit(X, Y, optimizer=sn.SGD(0.1, momentum=0.5), epochs=20, clip_norm=0.05, l2=2.0)
    v = np.zeros(net.n_params)

    def update(_, g):
        nonlocal v
        v = 0.5 * v - 0.1 * g * min(1, 0.05 / np.linalg.norm(g))
        return v

    descend(twin, update, 20, None, lambda net, w: on_weights(net, 2.0 * w))
    np.testing.assert_allclose(net.params, twin.params, rtol=0, atol=1e-12)
    plain, clipped = network(), network()
    plain.fit(X, Y, epochs=5)
    clipped.fit(X, Y, epochs=5, clip_norm=1e6)  # never reached
    np.testing.assert_allclose(plain.params, clipped.params, rtol=1e-12)


def masks(net, p, seed, X):
    """Which hidden units a step with dropout keeps, read off the gradient of the output's weights."""
    probe = net.copy()
    before = probe.params.copy()
    probe.fit(X, np.ones((len(X), 1)), optimizer=sn.SGD(1.0), epochs=1, dropout=p, seed=seed)
    return before - probe.params


def test_dropout_is_inverted_and_independent():
    """A linear network with one output whose gradient by its last weights is a[1] of one sample, kept or not."""
    n, m = 4000, 1
    net = sn.MLP([1, n, 1], "identity", init="zeros")
    net.weights[0][...] = 1
    kept = []
    for seed in range(5):
        change = masks(net, 0.3, seed, np.ones((m, 1)))
        a = -change[2 * n : 3 * n]  # dW[2] = (0 - 1) a
        np.testing.assert_allclose(np.unique(a), [0, 1 / 0.7], rtol=1e-12)
        kept.append(a > 0)
        assert abs((a > 0).mean() - 0.7) < 5 * np.sqrt(0.21 / n)
    for one, other in itertools.combinations(kept, 2):
        assert abs((one & other).mean() - 0.49) < 0.05
    # Two samples of a batch, and two steps, are told apart.
    change = -masks(net, 0.5, 0, np.ones((2, 1)))[2 * n : 3 * n]
    np.testing.assert_allclose(np.unique(change), [0, 1, 2], atol=1e-12)


@pytest.mark.parametrize("hidden", _kernels.HIDDEN)
def test_gradient_with_dropout(hidden):
    """The step goes downhill on the very cost it reports: central differences with the same masks."""
    X = RNG.standard_normal((50, 3))
    Y = RNG.standard_normal((50, 2))
    net = sn.MLP([3, 20, 9, 2], hidden, seed=1)
    options = {"optimizer": "sgd", "epochs": 1, "dropout": [0.4, 0.2], "seed": 11}

    def step(params, alpha=1e-300):
        probe = net.copy()
        probe.params[:] = params
        history = probe.fit(X, Y, **{**options, "optimizer": sn.SGD(alpha)})
        return history.cost[0], probe.params

    w = net.params.copy()
    grad = w - step(w, 1.0)[1]
    for i in RNG.integers(0, len(w), 25):
        h = np.zeros(len(w))
        h[i] = 1e-6
        assert grad[i] == pytest.approx((step(w + h)[0] - step(w - h)[0]) / 2e-6, abs=2e-7)


@pytest.mark.parametrize(("sizes", "m", "batch"), [((10, 33, 21, 3), 2000, None), ((200, 300, 40, 5), 150, 150)])
def test_dropout_is_the_same_for_every_number_of_threads(sizes, m, batch):
    X, Y = RNG.standard_normal((m, sizes[0])), RNG.standard_normal((m, sizes[-1]))
    results = set()
    for n_threads in (1, 2, 3):
        net = sn.MLP(sizes, seed=0)
        net.fit(X, Y, epochs=3, batch_size=batch, dropout=0.5, l1=0.1, clip_norm=0.5, seed=1, n_threads=n_threads)
        results.add(net.params.tobytes())
    assert len(results) == 1


#: How many of 130 samples keep each of 40 units, with the seed and the probability below. A fit that goes on from its
#: checkpoint, with another build or version, leaves out the same units.
KEPT = [
    *(66, 58, 69, 65, 60, 63, 62, 73, 58, 56, 73, 64, 72, 67, 64, 64, 66, 66, 73, 58),
    *(62, 61, 59, 67, 69, 64, 54, 59, 63, 74, 62, 58, 60, 72, 63, 61, 56, 65, 82, 63),
]


def test_dropout_is_the_same_on_every_build(build):
    """float32, float64, any vector width: the same units."""
    n, P = 40, 40 * 2 + 41
    params = np.zeros(P, build.dtype)
    params[:n] = 1
    net = networks.bound(build.kernels, (1, n, 1), ["identity"] * 2, params)
    rows = _core.Rows(np.ones((130, 1), build.dtype), np.ones((130, 1), build.dtype), None, None)
    networks.train(net, rows, sn.SGD(1.0), 1, 130, dropout=np.array([0.5]), dropout_seed=77)
    counts = params[2 * n : 3 * n].astype(float) * 130 / 2  # dW = sum of (0 - 1) a / m, and a is 0 or 2
    np.testing.assert_allclose(counts, KEPT, rtol=1e-5)


def test_bad_dropout():
    for value, match in (
        (1.0, r"in \[0, 1\)"),
        (-0.1, r"in \[0, 1\)"),
        ([0.1], "2 hidden layers"),
        ("half", "a number"),
    ):
        with pytest.raises((TypeError, ValueError), match=match):
            network().fit(X, Y, dropout=value)


# Weights


def test_a_weight_of_two_is_the_sample_twice_and_zero_its_absence():
    w = RNG.integers(0, 3, len(X)).astype(float)
    repeated = np.repeat(np.arange(len(X)), w.astype(int))
    for options in ({"optimizer": "adam"}, {"optimizer": "rprop", "l2": 0.5}, {"optimizer": sn.SGD(0.1), "l1": 0.2}):
        one, other = network(), network()
        one.fit(X, Y, epochs=15, sample_weight=w, **options)
        if not isinstance(options["optimizer"], str):
            options["optimizer"].reset()
        other.fit(X[repeated], Y[repeated], epochs=15, **options)
        np.testing.assert_allclose(one.params, other.params, rtol=1e-8, atol=1e-10)


# Validation, patience, watching


def test_validation_cost_is_that_after_each_epoch():
    wv = RNG.random(30)
    net, seen = network(), []
    history = net.fit(
        X[30:], Y[30:], epochs=6, batch_size=20, seed=0, validation_data=(X[:30], Y[:30], wv),
        callback=lambda epoch, history, net: seen.append((epoch, net.cost(X[:30], Y[:30], wv), len(history.cost))),
    )  # fmt: skip
    assert [cost for _, cost, _ in seen] == history.val_cost
    assert [(epoch, n) for epoch, _, n in seen] == [(i, i + 1) for i in range(6)]
    plain = network()
    plain.fit(X[30:], Y[30:], epochs=6, batch_size=20, seed=0)
    np.testing.assert_array_equal(net.params, plain.params)  # watching changes nothing


def test_patience_restores_the_best():
    net, params = network(), []
    history = net.fit(
        X[:12], Y[:12], optimizer=sn.Adam(0.1), epochs=500, validation_data=(X[12:], Y[12:]), patience=7,
        callback=lambda epoch, history, net: params.append(net.params.copy()),
    )  # fmt: skip
    best = int(np.argmin(history.val_cost))
    assert history.stopped == "patience"
    assert history.n_epochs == len(history.cost) == best + 8 < 500
    np.testing.assert_array_equal(net.params, params[best])


def test_patience_and_tol_on_the_training_cost():
    history = network().fit(X, Y, optimizer=sn.SGD(1e-9), patience=3, tol=1e-3, epochs=100)
    assert (history.stopped, history.n_epochs) == ("patience", 4)
    assert network().fit(X, Y, optimizer=sn.SGD(0.05), patience=3, epochs=50).n_epochs == 50


def test_callback_stops():
    net = network()
    history = net.fit(X, Y, epochs=50, callback=lambda epoch, history, net: epoch == 3)
    assert (history.stopped, history.n_epochs, len(history.cost)) == ("callback", 4, 4)
    assert net.history is history


def test_history_can_be_read_in_another_thread():
    net = network()
    thread = threading.Thread(target=net.fit, args=(X, Y), kwargs={"epochs": 40_000})
    thread.start()
    seen = []
    while thread.is_alive():
        if net.history is not None:
            seen.append(len(net.history.cost))
        time.sleep(0.005)
    thread.join()
    assert seen == sorted(seen)
    assert any(0 < n < 40_000 for n in seen)
    assert net.history.n_epochs == 40_000


def test_progress_in_plain_lines(capfd):
    network().fit(X, Y, epochs=30, progress=True, validation_data=(X, Y))
    out, err = capfd.readouterr()
    assert out == ""
    assert "epoch 30/30  cost " in err
    for word in ("validation", "rows/s", "s left"):
        assert word in err


def test_progress_bar(capfd, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    network().fit(X, Y, epochs=30, progress=True)
    err = capfd.readouterr().err
    assert "30/30" in err
    assert "rows/s" in err
    assert "cost" in err


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_ctrl_c_stops_within_a_step_which_then_has_not_been(optimizer):
    """The signal comes while the kernel computes the first step, and the kernel itself raises what its handler does."""
    X, Y = np.random.default_rng(1).standard_normal((80_000, 10)), np.zeros((80_000, 1))
    net = sn.MLP([10, 512, 512, 1], seed=0)
    start = net.params.copy()
    sn.MLP([10, 1], seed=0).fit(X[:9], Y[:9], optimizer=optimizer, epochs=1)  # imports what a fit needs
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt) as caught:
            net.fit(X, Y, optimizer=optimizer, epochs=10_000, n_threads=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert traceback.extract_tb(caught.tb)[-1].filename.endswith(".pyx")
    assert net.history.n_epochs == 0
    np.testing.assert_array_equal(net.params, start)


# Divergence


@pytest.mark.parametrize("batch", [None, 30])
@pytest.mark.parametrize("watched", [False, True])
def test_divergence(batch, watched):
    """It blows up after a while: parameters are those that the last epoch with a finite cost began with."""
    order = np.tile(np.arange(90), (3000, 1))
    options = {"batch_size": batch, "order": order, "callback": (lambda *_: None) if watched else None}
    net = sn.MLP([4, 7, 2], "relu", seed=3)
    optimizer = sn.SGD(0.7, momentum=0.9)
    with pytest.raises(sn.DivergenceError, match="learning_rate") as caught:
        net.fit(X * 8, Y, optimizer=optimizer, epochs=3000, **options)
    error = caught.value
    costs = net.history.cost
    assert net.history.stopped == "diverged"
    assert len(costs) == error.epoch
    assert error.last_cost == costs[-1]
    assert np.isfinite(costs).all()
    twin = sn.MLP([4, 7, 2], "relu", seed=3)
    if error.epoch > 1:
        again = twin.fit(
            X * 8, Y, optimizer=sn.SGD(0.7, momentum=0.9), epochs=error.epoch - 1, batch_size=batch,
            order=order[: error.epoch - 1],
        )  # fmt: skip
        assert again.cost == costs[:-1]
    np.testing.assert_array_equal(net.params, twin.params)
    assert np.isfinite(net.params).all()
    assert optimizer.n_steps == (error.epoch - 1) * (1 if batch is None else 3)


def test_divergence_at_once():
    net = sn.MLP([4, 2], seed=0)
    before = net.params.copy()
    with pytest.raises(sn.DivergenceError) as caught:
        net.fit(X * 1e200, Y, epochs=5)
    assert (caught.value.epoch, caught.value.last_cost) == (0, None)
    np.testing.assert_array_equal(net.params, before)
    with pytest.raises(sn.DivergenceError):  # all costs finite, the parameters after the last step not
        sn.MLP([4, 2], seed=0).fit(X, Y, optimizer=sn.SGD(1e308), epochs=1, clip_norm=1e300)
    pytest.importorskip("scipy")
    with pytest.raises(sn.DivergenceError):
        net.fit(X * 1e200, Y, optimizer="lbfgs")
    np.testing.assert_array_equal(net.params, before)


# Arguments


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"optimizer": "rprop", "batch_size": 10}, "batch_size must be None for RPROP"),
        ({"optimizer": "lbfgs", "batch_size": 10}, "batch_size must be None for LBFGS"),
        ({"optimizer": "lbfgs", "l1": 0.1}, "l1 does not go with LBFGS"),
        ({"optimizer": "lbfgs", "dropout": 0.1}, "dropout does not go with LBFGS"),
        ({"optimizer": "lbfgs", "clip_norm": 1}, "clip_norm does not go with LBFGS"),
        ({"l1": -1}, "l1 must be >= 0"),
        ({"clip_norm": 0}, "clip_norm must be > 0"),
        ({"label_smoothing": 1.0}, r"label_smoothing must be in \[0, 1\), got 1.0"),
        (
            {"label_smoothing": 0.1},
            "label_smoothing must be 0 for loss 'squared_error', got 0.1: it goes with log_loss",
        ),
        ({"validation_data": (X,)}, r"validation_data must be \(X, Y\) or"),
        ({"validation_data": (X, Y[:5])}, "validation_data: Y must have shape"),
        ({"validation_data": 5}, "validation_data must be a sequence"),
        ({"patience": 0}, "patience must be at least 1"),
        ({"tol": -1}, "tol must be >= 0"),
        ({"callback": "print"}, "callback must be callable"),
        ({"progress": "yes"}, "progress must be True or False"),
        ({"checkpoint": 5}, "checkpoint must be a path"),
        ({"checkpoint_every": -1}, "checkpoint_every must be >= 0"),
    ],
)
def test_bad_arguments_change_nothing(arguments, match):
    net = network()
    before = net.params.copy()
    with pytest.raises((TypeError, ValueError), match=match):
        net.fit(X, Y, **arguments)
    np.testing.assert_array_equal(net.params, before)
    assert net.history is None


SETTINGS = {
    "epochs": 1, "batch_size": 5, "shuffle": True, "l2": 0.0, "l1": 0.0, "dropout": [0.5], "dropout_seed": 0,
    "clip_norm": math.inf, "patience": None, "tol": 0.0, "objective_scale": 1.0, "label_smoothing": 0.1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("epochs", [0, 1.0, True, sys.maxsize]),
        ("batch_size", [0, -1, False, 1.5, sys.maxsize + 1]),
        ("shuffle", [1, None]),
        ("l2", [-1, math.nan, math.inf]),
        ("l1", [-1, True]),
        ("dropout", [[1.0], [-0.5], 0.5, [None]]),
        ("dropout_seed", [-1, 2**32]),
        ("clip_norm", [0, -math.inf, math.nan]),
        ("patience", [0, 10**400]),
        ("tol", [-1]),
        ("objective_scale", [-1, math.inf]),
        ("label_smoothing", [-0.1, 1, math.nan, None, True]),
    ],
)
def test_settings_check_themselves(name, values):
    """Every fit's arguments pass there, whoever begins it: fit or resume."""
    assert Settings(**SETTINGS).batch_size == 5
    for value in values:
        with pytest.raises((TypeError, ValueError), match=f"^{name} must be"):
            Settings(**SETTINGS | {name: value})


def test_lbfgs_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"shallownet-c\[scipy\]"):
        network().fit(X, Y, optimizer="lbfgs")


def test_partial_fit_goes_on():
    net, twin = network(), network()
    adam = sn.Adam()
    for first in range(0, 90, 30):
        assert net.partial_fit(X[first : first + 30], Y[first : first + 30], batch_size=10) is net
        twin.fit(X[first : first + 30], Y[first : first + 30], optimizer=adam, epochs=1, batch_size=10, shuffle=False)
    np.testing.assert_array_equal(net.params, twin.params)
    with contextlib.suppress(ValueError):
        net.partial_fit(X, Y[:3])
    np.testing.assert_array_equal(net.params, twin.params)


def test_same_seed_same_bits():
    results = set()
    for n_threads in (1, 2):
        net = network()
        net.fit(X, Y, epochs=10, batch_size=7, dropout=0.2, seed=4, n_threads=n_threads)
        results.add(net.params.tobytes())
    assert len(results) == 1
    other = network()
    other.fit(X, Y, epochs=10, batch_size=7, dropout=0.2, seed=5)
    assert other.params.tobytes() not in results
