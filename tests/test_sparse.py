"""Sparse rows give the numbers that dense ones give, in every form and by any number of threads."""

import itertools
import pickle
import signal
import sys
import tracemalloc
import warnings

import networks
import numpy as np
import pytest
import scipy.sparse
import tolerances

import shallownet_c as sn
from shallownet_c import _core
from shallownet_c._checks._sparse import SparseRows
from shallownet_c.optimizers import RPROP, SGD, Adam, RMSprop


def untidy(m, n, per_row, dtype, seed=0):
    """Rows with columns in any order, twice, with zeros among their numbers, and every seventh row empty."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 2 * per_row, m)
    counts[::7] = 0
    indptr = np.concatenate(([0], np.cumsum(counts)))
    indices = rng.integers(0, n, indptr[-1]).astype(np.int32)
    indices[1::5] = indices[::5][: len(indices[1::5])]
    data = rng.standard_normal(indptr[-1]).astype(dtype)
    data[::11] = 0
    return scipy.sparse.csr_array((data, indices, indptr), shape=(m, n))


def held(X):
    return SparseRows(X.data, X.indices.astype(np.int32), X.indptr.astype(np.int64), X.shape)


def pair(build, sizes, m, per_row, weighted, output=("sigmoid", "log_loss")):
    """A network, the same rows sparse and dense, and what builds networks of the same parameters."""
    case = networks.make(sizes, (["tanh", "relu", "silu"] * 2)[: len(sizes) - 2], output, m, build.dtype)
    X = untidy(m, sizes[0], per_row, build.dtype)
    weights = None
    if weighted:
        weights = np.random.default_rng(5).random(m).astype(build.dtype)
        weights[::3] = 0
    Y = case.Y.astype(build.dtype)
    rows = [_core.Rows(x, Y, None, weights) for x in (held(X), X.toarray())]
    return case, X, rows


#: n_1 below a vector, of whole vectors, with a rest, of several strips; rows that use few columns and all of them.
SHAPES = [
    ((30, 1), 40, 3),
    ((30, 3, 2), 61, 3),
    ((300, 50, 10), 130, 6),
    ((40, 16, 8, 3), 520, 8),
    ((3000, 64, 4), 12, 5),
    ((200, 131, 9, 2), 97, 20),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("sizes", "m", "per_row"), SHAPES, ids=str)
def test_predictions_and_gradients(build, sizes, m, per_row, weighted):
    case, X, rows = pair(build, sizes, m, per_row, weighted)
    net = case.network(build.kernels)
    tolerance = tolerances.network(build.dtype, sizes, m)
    outs = [np.full((m, sizes[-1]), np.nan, build.dtype) for _ in range(2)]
    for x, out in zip((held(X), X.toarray()), outs, strict=True):
        _core.predict(net, x, out)
    networks.close(*outs, tolerance)
    grads = [np.ones(len(case.params), build.dtype) for _ in range(2)]
    sums = [_core.gradient(net, row, grad) for row, grad in zip(rows, grads, strict=True)]
    networks.close(*(np.array(one) for one in sums), tolerance)
    networks.close(*grads, tolerance)
    assert _core.gradient(net, rows[0], None) == sums[0]


@pytest.mark.parametrize("optimizer", [Adam(), SGD(0.1), SGD(0.01, momentum=0.9, nesterov=True), RMSprop()], ids=repr)
@pytest.mark.parametrize(("sizes", "m", "per_row"), SHAPES, ids=str)
def test_training(build, sizes, m, per_row, optimizer):
    case, _, rows = pair(build, sizes, m, per_row, True)
    order = np.stack([np.random.default_rng(i).permutation(m) for i in range(3)])
    dropout = None if len(sizes) == 2 else np.full(len(sizes) - 2, 0.2)
    for penalties in ({}, {"l2": 0.1}, {"l2": 0.1, "l1": 0.01, "clip_norm": 0.5}):
        done = [
            networks.train(
                case.network(build.kernels), row, optimizer, 3, max(1, m // 3), order=order, penalties=penalties,
                dropout=dropout, dropout_seed=3, objective_scale=1.0,
            )
            for row in rows
        ]  # fmt: skip
        steps = int(done[1].step[0])
        assert done[0].step[0] == steps > 3
        tolerance = tolerances.training(build.dtype, sizes, m, steps)
        networks.close(done[0].cost, done[1].cost, tolerance)
        networks.close(done[0].params, done[1].params, tolerance)
        for state, dense in zip(done[0].state, done[1].state, strict=True):
            networks.close(state, dense, tolerance)


#: A team on each block of samples, and groups of blocks.
TEAMS = [((3000, 60, 20, 3), 400, 200), ((500, 130, 4), 601, 300), ((50, 4, 1), 40_000, 40_000)]


@pytest.mark.parametrize(("sizes", "m", "batch"), TEAMS, ids=str)
def test_same_bits_by_any_number_of_threads(build, sizes, m, batch):
    case, X, (rows, _) = pair(build, sizes, m, 12, True)
    results = set()
    for n_threads in (1, 2, 3, 5):
        build.kernels.records[...] = 0  # a team begins
        done = networks.train(
            case.network(build.kernels), rows, Adam(), 2, batch, penalties={"l2": 1e-3}, n_threads=n_threads
        )
        grad, out = np.zeros(len(case.params), build.dtype), np.empty((m, sizes[-1]), build.dtype)
        sums = _core.gradient(case.network(build.kernels), rows, grad, n_threads, training=True)
        _core.predict(case.network(build.kernels), held(X), out, n_threads)
        results.add((*done.bits, grad.tobytes(), out.tobytes(), *sums))
    assert len(results) == 1
    sizes_of_teams = build.kernels.records[:, build.kernels.record_fields.index("size")]
    assert sizes_of_teams.max() >= 2


X = untidy(90, 40, 4, np.float64)
Y = np.random.default_rng(1).integers(0, 3, 90)
#: Without the entries that come twice: whoever adds them up in float32 rounds.
TIDY = X.copy()
TIDY.sum_duplicates()
FORMS = {
    "csr_array": lambda dtype: TIDY.astype(dtype),
    "csr_matrix": lambda dtype: scipy.sparse.csr_matrix(TIDY).astype(dtype),
    "csc_array": lambda dtype: TIDY.astype(dtype).tocsc(),
    "coo_matrix": lambda dtype: scipy.sparse.coo_matrix(TIDY).astype(dtype),
    "lil_array": lambda dtype: TIDY.astype(dtype).tolil(),
    "dok_array": lambda dtype: TIDY.astype(dtype).todok(),
    "bsr_array": lambda dtype: TIDY.astype(dtype).tobsr((2, 4)),
    "another library's": lambda dtype: Parts(TIDY.astype(dtype)),
}


class Parts:
    """CSR of a library that is nobody's."""

    def __init__(self, X):
        self.data, self.indices, self.indptr, self.shape = X.data, X.indices, X.indptr, X.shape


def network(dtype="float64", **more):
    return sn.MLP([40, 20, 3], output="softmax", dtype=dtype, seed=0, **more)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form(form, dtype, given):
    net, rows, dense = network(dtype), FORMS[form](given), TIDY.toarray().astype(given)
    tolerance = tolerances.network(dtype, net.layer_sizes, 90)
    networks.close(net(rows), net(dense), tolerance)
    networks.close(net.predict(rows), net(rows), 0)
    assert (net.classify(rows) == net.classify(dense)).all()
    assert net.score(rows, Y) == net.score(dense, Y)
    assert net.cost(rows, Y) == pytest.approx(net.cost(dense, Y), rel=tolerance)
    networks.close(net.cost_and_grad(rows, Y)[1], net.cost_and_grad(dense, Y)[1], tolerance)
    grads = [np.ones(net.n_params, dtype) for _ in range(2)]
    for x, grad in zip((rows, dense), grads, strict=True):
        assert net.accumulate_grad(x, Y, grad)[1] == 90
    networks.close(*grads, tolerance)
    for sparse, plain in zip(net.layer_outputs(rows)[1:], net.layer_outputs(dense)[1:], strict=True):
        networks.close(sparse, plain, tolerance)
    fits = [network(dtype) for _ in range(2)]
    histories = [one.fit(x, Y, epochs=4, batch_size=20, seed=0) for one, x in zip(fits, (rows, dense), strict=True)]
    tolerance = tolerances.training(dtype, net.layer_sizes, 90, 20)
    networks.close(np.array(histories[0].cost), np.array(histories[1].cost), tolerance)
    networks.close(fits[0].params, fits[1].params, tolerance)


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.uint16, np.uint64, ">i4"])
def test_every_type_of_index(kind):
    rows = Parts(X)
    rows.indices, rows.indptr = X.indices.astype(kind), X.indptr.astype(np.uint16 if kind == np.int8 else kind)
    assert (network()(rows) == network()(X)).all()


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.uint64, np.float16, np.longdouble, ">f8"])
def test_numbers_are_converted(kind):
    rows = Parts(X)
    rows.data = (4 * X.data).astype(kind)
    dense = scipy.sparse.csr_array((rows.data.astype(np.float64), X.indices, X.indptr), X.shape).toarray()
    networks.close(network()(rows), network()(dense), tolerances.network("float64", (40, 20, 3)))


def test_more_numbers_than_rows_have():
    rows = Parts(X)
    rows.data, rows.indices = np.append(X.data, np.nan), np.append(X.indices, 10**6)
    assert (network()(rows) == network()(X)).all()
    assert network().cost(rows, Y) == network().cost(X, Y)


def test_nothing_of_the_callers_is_changed():
    parts = [part.copy() for part in (X.data, X.indices, X.indptr)]
    net = network()
    net.fit(X, Y, epochs=2, batch_size=7, seed=0)
    net(X), net.cost_and_grad(X, Y)
    for part, before in zip((X.data, X.indices, X.indptr), parts, strict=True):
        np.testing.assert_array_equal(part, before)
        assert part.dtype == before.dtype


def test_what_happens_to_indices_during_a_fit_does_no_harm():
    rows, nets = X.copy(), [network(), network()]

    def spoil(epoch, history, net):
        rows.indices[:], rows.indptr[1:] = 10**6, 10**6

    nets[0].fit(X, Y, epochs=3, batch_size=20, seed=0, callback=lambda *_: None)
    nets[1].fit(rows, Y, epochs=3, batch_size=20, seed=0, callback=spoil)
    assert (nets[0].params == nets[1].params).all()


def test_predictions_of_any_number_of_rows():
    net = network()
    all_of_them = net(X)
    for m in (0, 1, 2, 33):
        assert net(X[:m]).shape == (m, 3)
        networks.close(net(X[:m]), all_of_them[:m], tolerances.network("float64", net.layer_sizes))
    out = np.empty((90, 3))
    assert net(X, out) is out is not all_of_them
    assert (out == all_of_them).all()
    alone = scipy.sparse.csr_array((np.zeros(90 * 3), np.arange(270) % 40, np.arange(0, 271, 3)), shape=(90, 40))
    alone.data[:] = np.arange(270) / 270
    expected = net(alone)
    assert (net(alone, out=alone.data.reshape(90, 3)) == expected).all()


def test_everything_that_a_fit_takes(tmp_path):
    """Weights, an order, validation data, penalties, dropout, a checkpoint: the bits of the same fit in one piece."""
    rng = np.random.default_rng(3)
    weights = rng.random(90)
    order = np.stack([rng.permutation(90) for _ in range(6)])
    options = {
        "optimizer": "adam", "epochs": 6, "batch_size": 16, "sample_weight": weights, "order": order,
        "validation_data": (X[:30], Y[:30]),
        "l2": 0.01, "l1": 0.001, "dropout": 0.1, "clip_norm": 1.0, "label_smoothing": 0.1, "seed": 0,
    }  # fmt: skip
    whole, dense, path = network(), network(), tmp_path / "fit.safetensors"
    history = whole.fit(X, Y, **options)
    of_dense = dense.fit(X.toarray(), Y, **options | {"validation_data": (X[:30].toarray(), Y[:30])})
    tolerance = tolerances.training("float64", whole.layer_sizes, 90, 36)
    networks.close(np.array(history.val_cost), np.array(of_dense.val_cost), tolerance)
    networks.close(whole.params, dense.params, tolerance)

    def interrupt(epoch, history, net):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network().fit(X, Y, **options, checkpoint=path, checkpoint_every=0, callback=interrupt)
    given = {name: options[name] for name in ("sample_weight", "validation_data", "order")}
    with pytest.raises(ValueError, match="some of their rows are others"):
        sn.resume(path, 2 * X, Y, **given)
    again = sn.resume(path, X, Y, **given)
    assert (again.params == whole.params).all()
    assert again.history.val_cost == history.val_cost


@pytest.mark.parametrize("optimizer", [RPROP(), "lbfgs"], ids=["rprop", "lbfgs"])
def test_full_batches(optimizer):
    nets = [network() for _ in range(2)]
    for net, rows in zip(nets, (X, X.toarray()), strict=True):
        kind = optimizer if isinstance(optimizer, str) else RPROP()
        net.fit(rows, Y, optimizer=kind, epochs=5)
    networks.close(nets[0].params, nets[1].params, 1e3 * tolerances.training("float64", nets[0].layer_sizes, 90, 5))


def test_partial_fit_and_chunks():
    parts, chunks, dense = network(), network(), network()
    halves = [(X[:40], Y[:40]), (X[40:40], Y[40:40]), (X[40:], Y[40:])]
    for x, y in (halves[0], halves[2]):
        parts.partial_fit(x, y, batch_size=20)
        dense.partial_fit(x.toarray(), y, batch_size=20)
    chunks.fit(lambda: iter(halves), epochs=1, batch_size=20, shuffle=False)
    networks.close(parts.params, dense.params, tolerances.training("float64", parts.layer_sizes, 90, 5))
    assert (chunks.params == parts.params).all()
    assert chunks.score(lambda: iter(halves)) == chunks.score(X, Y)


def test_many_networks_and_ensembles():
    rows = [np.arange(90) % 3 != fold for fold in range(3)]
    options = {"epochs": 4, "batch_size": 16}
    nets, dense, alone = ([network() for _ in range(3)] for _ in range(3))
    sn.fit_many(nets, X, Y, rows=rows, validation_rows=[~chosen for chosen in rows], seed=[0, 1, 2], **options)
    sn.fit_many(dense, X.toarray(), Y, rows=rows, seed=[0, 1, 2], **options)
    for net, other in zip(nets, dense, strict=True):
        networks.close(net.params, other.params, tolerances.training("float64", net.layer_sizes, 60, 16))
    for seed, (net, chosen) in enumerate(zip(alone, rows, strict=True)):
        net.fit(X[chosen], Y[chosen], seed=seed, **options)
        assert (net.params == nets[seed].params).all()
    ensemble = sn.Ensemble(nets)
    networks.close(ensemble(X), ensemble(X.toarray()), tolerances.network("float64", nets[0].layer_sizes))
    assert ensemble.score(X, Y) == ensemble.score(X.toarray(), Y)


@pytest.mark.skipif(sys.platform == "win32", reason="needs setitimer of a Unix libc")
def test_ctrl_c_leaves_the_parameters_of_the_last_step():
    def interrupt(*_):
        raise KeyboardInterrupt

    net, again, optimizer = network(), network(), sn.Adam()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, Y, optimizer=optimizer, epochs=10**7)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert optimizer.n_steps > 0
    again.fit(X, Y, optimizer=sn.Adam(), epochs=optimizer.n_steps)
    assert (again.params == net.params).all()


def test_divergence_leaves_finite_parameters():
    net = network()
    with pytest.raises(sn.DivergenceError):
        net.fit(X * 1e150, Y, optimizer=sn.SGD(1e200), epochs=20, batch_size=10, seed=0)
    assert np.isfinite(net.params).all()


def test_memory_does_not_grow_with_the_columns_of_a_batch():
    """20,000 columns of 2,000 rows are 320 MB; the network has 2.5 MB."""
    wide = scipy.sparse.random_array((2_000, 20_000), density=1e-3, rng=np.random.default_rng(0), format="csr")
    labels = np.random.default_rng(0).integers(0, 2, 2_000)
    net = sn.MLP([20_000, 16, 1], output="sigmoid", seed=0)
    before = peak_memory()
    tracemalloc.start()
    try:
        net.fit(wide, labels, epochs=1, batch_size=200, seed=0)
        net.score(wide, labels)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert peak_memory() - before < 60e6


def peak_memory():
    """Of the process, in bytes: what the kernels allocate is there, too."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_rows_of_rows():
    rows = held(X.astype(np.float64))
    for chosen in (slice(3, 50, 2), np.array([5, 5, 0, 89]), np.arange(90) % 2 == 0, slice(0, 0)):
        part = rows[chosen]
        matrix = scipy.sparse.csr_array((part.data, part.indices, part.indptr), part.shape)
        np.testing.assert_array_equal(matrix.toarray(), X.toarray()[chosen])
    assert rows[:10].tobytes() == rows[:10].copy().tobytes() != rows[1:11].tobytes()


def test_advice_looks_at_sparse_columns():
    wide = scipy.sparse.csr_array(([150.0], [7], [0, 1, *[1] * 89]), shape=(90, 40))
    with pytest.warns(sn.FitWarning, match=r"Column 7 of X goes from 0 to 150, .*divide each column by its greatest"):
        network().fit(wide, Y, epochs=1, batch_size=30)


def test_a_batch_of_every_size():
    for batch, m in itertools.product((1, 5, 64), (1, 17, 90)):
        nets = [network(), network()]
        for net, rows in zip(nets, (X[:m], X[:m].toarray()), strict=True):
            net.fit(rows, Y[:m], epochs=2, batch_size=batch, seed=0)
        steps = 2 * -(-m // batch)
        networks.close(nets[0].params, nets[1].params, tolerances.training("float64", nets[0].layer_sizes, m, steps))


def test_scipy_is_not_imported():
    import subprocess

    code = """
import sys
import numpy as np, shallownet_c as sn
class Parts: pass
X = Parts()
X.data, X.indices, X.indptr, X.shape = np.ones(3), np.array([0, 2, 1]), np.array([0, 2, 3]), (2, 3)
net = sn.MLP([3, 4, 1], seed=0)
net.fit(X, [1.0, 2.0], epochs=2)
assert net(X).shape == (2, 1)
assert not [name for name in sys.modules if name.partition('.')[0] == 'scipy']
"""
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=60)


def test_pickles_of_networks_are_as_before():
    net = network()
    net.fit(X, Y, epochs=1, batch_size=30)
    assert (pickle.loads(pickle.dumps(net)).params == net.params).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_estimators_make_nothing_dense(solver, dtype, monkeypatch):
    from sklearn.exceptions import ConvergenceWarning

    from shallownet_c.sklearn import MLPClassifier, MLPEnsembleClassifier

    rows = X.astype(dtype)
    warnings.simplefilter("ignore", ConvergenceWarning)
    estimator = MLPClassifier((20,), solver=solver, max_iter=5, random_state=0)
    dense = MLPClassifier((20,), solver=solver, max_iter=5, random_state=0).fit(rows.toarray(), Y)
    proba = dense.predict_proba(rows.toarray())

    def refuse(*_):
        raise AssertionError("rows have been made dense")

    for kind in (scipy.sparse.csr_array, scipy.sparse.csc_array):
        monkeypatch.setattr(kind, "toarray", refuse)
        monkeypatch.setattr(kind, "todense", refuse)
    for x in (rows, rows.tocsc()):
        estimator.fit(x, Y)
        tolerance = 1e3 * tolerances.training(dtype, (40, 20, 3), 90, 5)
        np.testing.assert_allclose(estimator.predict_proba(x), proba, rtol=0, atol=tolerance)
        assert estimator.score(x, Y) == np.mean(estimator.predict(x) == Y)
        if solver != "lbfgs":
            estimator.partial_fit(x, Y)
            estimator.fit(x, Y, X_val=x[:20], y_val=Y[:20])
            MLPClassifier((20,), solver=solver, max_iter=5, early_stopping=True).fit(x, Y)
            MLPEnsembleClassifier(estimator, n_estimators=2).fit(x, Y).predict(x)
