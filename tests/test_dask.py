"""Fits on a Dask cluster of two processes against those of one machine."""

import asyncio
import importlib
import pickle
import re
import time

import numpy as np
import pytest

import shallownet_c as sn

distributed = pytest.importorskip("distributed", reason="distributed is not installed, as it is by the extra test-all")
dask = pytest.importorskip("dask", reason="dask is not installed, as it is by the extra test-all")

import dask.array as da  # noqa: E402

import shallownet_c.dask  # noqa: E402
from shallownet_c.dask import _partitions, _rounds, _sums, _work  # noqa: E402

RNG = np.random.default_rng(0)
M = 1003
X = RNG.standard_normal((M, 5))
Y = np.column_stack([np.sin(X).sum(axis=1), X[:, 0] * X[:, 1]])
CLASSES = RNG.integers(0, 3, M)
WEIGHTS = RNG.uniform(0, 2, M)
#: Eight partitions and a short one, whose columns are cut as well.
DX, DY, DW = da.from_array(X, chunks=(120, 2)), da.from_array(Y, chunks=(300, 1)), da.from_array(WEIGHTS, chunks=500)


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def threads():
    """A client of three threads in this process, which is not the one in use."""
    options = {"threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(n_workers=3, **options) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def network(dtype="float64"):
    return sn.MLP([5, 8, 2], seed=1, dtype=dtype)


OPTIMIZERS = {
    "adam": lambda: sn.Adam(0.02, schedule="cosine"),
    "sgd": lambda: sn.SGD(0.05, momentum=0.9, nesterov=True),
    "lbfgs": lambda: sn.LBFGS(history_size=5),
}


@pytest.mark.parametrize("given", [{}, {"sample_weight": DW, "l2": 0.5}], ids=["plain", "weighted"])
@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_the_fit_is_that_of_one_machine(client, solver, given):
    whole, net, optimizer = network(), network(), OPTIMIZERS[solver]()
    here = {name: WEIGHTS if name == "sample_weight" else value for name, value in given.items()}
    expected = whole.fit(X, Y, optimizer=OPTIMIZERS[solver](), epochs=30, **here)
    history = sn.dask.fit(net, DX, DY, solver=solver, optimizer=optimizer, epochs=30, client=client, **given)
    assert (history.n_epochs, history.stopped) == (expected.n_epochs, expected.stopped)
    if solver == "lbfgs":
        assert abs(whole.cost(X, Y) / net.cost(X, Y) - 1) < 1e-6
        assert history.report.rounds == optimizer.n_steps
    else:
        np.testing.assert_allclose(net.params, whole.params, rtol=0, atol=1e-10)
        np.testing.assert_allclose(history.cost, expected.cost, rtol=1e-12)
        assert history.report.rounds == optimizer.n_steps == 30
    assert net.history is history


def test_a_step_is_accumulate_grad_and_the_public_step(threads):
    """To the bits, where each partition has a gradient of its own."""
    net, by_hand, adam = network(), network(), sn.Adam(0.02)
    halves = slice(0, 500), slice(500, M)
    rows = (da.from_array(array, chunks=((500, M - 500), array.shape[1:])) for array in (X, Y))
    sn.dask.fit(net, *rows, solver="adam", optimizer=sn.Adam(0.02), epochs=10, l2=0.1, clip_norm=3.0, client=threads)
    for epoch in range(10):
        grads = [np.zeros(net.n_params) for _ in halves]
        sums = [by_hand.accumulate_grad(X[half], Y[half], grad) for half, grad in zip(halves, grads, strict=True)]
        adam.step(by_hand, grads[0] + grads[1], sum(w for _, w in sums), l2=0.1, clip_norm=3.0, epoch=epoch)
    np.testing.assert_array_equal(net.params, by_hand.params)


def test_the_bits_do_not_depend_on_the_workers(client, threads, monkeypatch):
    nets = [network() for _ in range(3)]
    for net, where in zip(nets, (client, threads, threads), strict=True):
        if net is nets[2]:  # several levels of sums, and parameters from a task
            monkeypatch.setattr(_rounds, "FAN_IN", 2)
        sn.dask.fit(net, DX, DY, solver="adam", epochs=10, client=where)
    for net in nets[1:]:
        np.testing.assert_array_equal(net.params, nets[0].params)


def test_persisted_rows_are_added_up_by_worker(client):
    whole, net = network(), network()
    held = client.persist([da.from_array(X, chunks=(120, 5)), DY.rechunk((120, 2))])
    distributed.wait(held)
    history = sn.dask.fit(net, *held, solver="adam", epochs=10, client=client)
    sn.dask.fit(whole, DX, DY, solver="adam", epochs=10, client=client)
    np.testing.assert_allclose(net.params, whole.params, rtol=0, atol=1e-12)
    # The sums of a worker's partitions are few, however these are scattered.
    assert history.report.bytes_up <= 10 * 2 * 3 * (net.params.nbytes + 24)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 13])
def test_sums_are_added_in_one_order(n):
    """Whoever adds which of the leaves, the expression is the same."""
    leaf = lambda i: _sums.Sum(np.array([f"{i}"], object), 0.0, 1.0)  # noqa: E731

    def add(a, b):
        return _sums.Sum(np.array([f"({a.vector[0]}+{b.vector[0]})"], object), 0.0, a.weight + b.weight)

    def of(leaves):
        return _sums.collected(n, leaves, lambda node: leaf(node[0]) if node[1] - node[0] == 1 else None, add)

    expected = of(range(n))[0, n]
    assert expected.weight == n
    for k in (2, 3):
        shares = RNG.integers(0, k, n)
        parts = [of([i for i in range(n) if shares[i] == share]) for share in range(k)]
        halves = [_sums.combined(n, parts[:2], add), *parts[2:]]
        assert _sums.combined(n, halves, add)[0, n].vector[0] == expected.vector[0]


def test_float32(client):
    whole, net = network("float32"), network("float32")
    whole.fit(X, Y, optimizer=sn.Adam(0.02), epochs=30)
    sn.dask.fit(net, DX, DY, solver="adam", optimizer=sn.Adam(0.02), epochs=30, client=client)
    assert net.dtype == np.float32
    np.testing.assert_allclose(net.params, whole.params, rtol=0, atol=1e-4)


def test_classes_and_smoothing(client):
    nets = [sn.MLP([5, 8, 3], output="softmax", seed=1) for _ in range(2)]
    nets[0].fit(X, CLASSES, epochs=20, label_smoothing=0.1)
    rows = DX, da.from_array(CLASSES, chunks=200)
    sn.dask.fit(nets[1], *rows, solver="adam", epochs=20, label_smoothing=0.1, client=client)
    np.testing.assert_allclose(nets[1].params, nets[0].params, rtol=0, atol=1e-10)


def delayed_parts(array, ends):
    return [dask.delayed(part) for part in np.split(array, ends)]


def test_unequal_and_empty_partitions(threads):
    """Those without rows change not even the order of the sums."""
    cuts, more = [3, 100, 900], [0, 3, 3, 100, 900, 900, M]
    nets = [network() for _ in range(3)]
    nets[0].fit(X, Y, epochs=10)
    for net, ends in zip(nets[1:], (cuts, more), strict=True):
        parts = delayed_parts(X, ends), delayed_parts(Y, ends)
        sn.dask.fit(net, *parts, solver="adam", epochs=10, client=threads)
    np.testing.assert_allclose(nets[1].params, nets[0].params, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(nets[2].params, nets[1].params)


def test_partitions_of_unknown_length(threads):
    kept = X[:, 0] > 0
    net, whole = network(), network()
    rows = DX[DX[:, 0] > 0]
    assert np.isnan(rows.shape[0])
    targets = da.from_array(Y, chunks=(120, 2))[da.from_array(X[:, 0] > 0, chunks=120)]
    sn.dask.fit(net, rows, targets, solver="adam", epochs=10, client=threads)
    whole.fit(X[kept], Y[kept], epochs=10)
    np.testing.assert_allclose(net.params, whole.params, rtol=0, atol=1e-10)
    with pytest.raises(
        ValueError, match=r"^Y must have as many partitions as X, 9, got 4: only arrays whose chunks are"
    ):
        sn.dask.fit(net, rows, DY, client=threads)
    with pytest.raises(ValueError, match=r"^partition 0: Y must have shape \(\d+, 2\) to go with X, got \(120, 2\)$"):
        sn.dask.fit(net, rows, da.from_array(Y, chunks=(120, 2)), client=threads)


def test_dataframes(threads):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe lacks pandas or pyarrow")
    table = pandas.DataFrame(X, columns=list("abcde")).assign(y=Y[:, 0])
    frame = dd.from_pandas(table, npartitions=5)
    nets = [sn.MLP([5, 8, 1], seed=1) for _ in range(2)]
    sn.dask.fit(nets[0], frame[list("abcde")], frame["y"], solver="adam", epochs=10, client=threads)
    nets[1].fit(table[list("abcde")], table["y"], epochs=10)
    np.testing.assert_allclose(nets[0].params, nets[1].params, rtol=0, atol=1e-10)
    assert nets[0].feature_names == tuple("abcde")
    with pytest.raises(ValueError, match="X must have the columns of the fit in their order"):
        nets[0](table[list("edcba")])


def test_sparse_partitions_are_refused(client):
    csr = pytest.importorskip("scipy.sparse").csr_array
    parts = [dask.delayed(csr)(X[first : first + 500]) for first in (0, 500)]
    targets = [dask.delayed(Y[first : first + 500]) for first in (0, 500)]
    with pytest.raises(TypeError, match=r"^partition 0: X must be a dense array, got csr_array: X.toarray\(\) is one"):
        sn.dask.fit(network(), parts, targets, solver="adam", epochs=1, client=client)


def test_rows_that_are_refused_are_named(client):
    bad = X.copy()
    bad[607, 3] = np.nan
    net = network()
    before = net.params.copy()
    with pytest.raises(
        ValueError, match=r"^partition 5: X must be finite, got nan in row 7, column 3 \(as float64\); fill"
    ):
        sn.dask.fit(net, da.from_array(bad, chunks=(120, 5)), DY, client=client)
    weights = WEIGHTS.copy()
    weights[[300, 800]] = -1
    with pytest.raises(ValueError, match=r"^partition 2: sample_weight must be finite and not negative, got -1\.0 in"):
        sn.dask.fit(net, DX, DY, sample_weight=da.from_array(weights, chunks=M), client=client)
    np.testing.assert_array_equal(net.params, before)
    assert net.history is None


def test_local_sgd(client, threads):
    """A single learner is one machine; several get there, whoever they are."""
    options = {"solver": "local-sgd", "epochs": 9, "batch_size": 20, "seed": 0}
    nets, histories = [network() for _ in range(3)], []
    for net, where in zip(nets, (client, threads, threads), strict=True):
        learners = 3 if net is nets[2] else 2
        optimizer = sn.SGD(0.05, momentum=0.5)
        histories.append(
            sn.dask.fit(net, DX, DY, optimizer=optimizer, sync_every=10, learners=learners, client=where, **options)
        )
        assert optimizer.n_steps == max(history_steps(learners)) * 9
    np.testing.assert_array_equal(nets[1].params, nets[0].params)
    assert not np.array_equal(nets[2].params, nets[0].params)
    alone = network().fit(X, Y, optimizer=sn.SGD(0.05, momentum=0.5), epochs=9, batch_size=20, seed=0)
    for history, learners in zip(histories, (2, 2, 3), strict=True):
        assert history.cost[-1] < alone.cost[9 // learners - 1]  # after as many steps one after the other


def history_steps(learners):
    """Steps of each learner in an epoch, where batches of 20 rows end with their partition."""
    sizes = [len(part) for part in np.split(X, range(120, M, 120))]
    return [sum(-(-sizes[i] // 20) for i in run) for run in _partitions.runs(sizes, learners)]


def test_one_learner_takes_the_steps_of_one_machine(threads):
    """In their order, with a state that goes through every average."""
    cut = [da.from_array(array, chunks=(M, -1)) for array in (X, Y)]
    net, whole = network(), network()
    history = sn.dask.fit(
        net, *cut, solver="local-sgd", optimizer=sn.Adam(0.01), epochs=3, batch_size=50, shuffle=False, sync_every=7,
        learners=1, sample_weight=da.from_array(WEIGHTS, chunks=M), l2=0.1, client=threads,
    )  # fmt: skip
    expected = whole.fit(
        X, Y, optimizer=sn.Adam(0.01), epochs=3, batch_size=50, shuffle=False, sample_weight=WEIGHTS, l2=0.1
    )
    np.testing.assert_array_equal(net.params, whole.params)
    assert len(history.cost) == 3
    assert history.cost[0] == pytest.approx(expected.cost[0], rel=0.05)  # by weight here, by batch there


@pytest.mark.parametrize("seed", [None, 5])
def test_an_epoch_takes_each_row_once(seed):
    net = sn.MLP([1, 1], seed=0)
    pieces = [
        _work.load(net.model, None, i, np.arange(m)[:, None] + 100 * i, np.zeros(m), None)
        for i, m in enumerate((7, 10, 1))
    ]
    rows = []
    for first in range(0, 7, 2):
        steps = _work.Steps(4, first, first + 2, seed)
        rows += [piece.X[piece.order, 0] for piece in _work.taken([0, 1, 2], pieces, steps)]
    every = np.concatenate(rows)
    np.testing.assert_array_equal(np.sort(every), np.sort(np.concatenate([piece.X[:, 0] for piece in pieces])))
    assert np.array_equal(every, np.sort(every)) == (seed is None)


def test_validation_patience_callback_and_progress(threads, capsys):
    seen, net, whole = [], network(), network()
    options = {"epochs": 40, "patience": 2, "tol": 0.05}
    X_dev, Y_dev = X[:200], Y[:200]
    expected = whole.fit(X, Y, validation_data=(X_dev, Y_dev), optimizer=sn.Adam(0.01), **options)
    for data in ((X_dev, Y_dev), (da.from_array(X_dev, chunks=(50, 5)), da.from_array(Y_dev, chunks=60))):
        net = network()
        history = sn.dask.fit(
            net, DX, DY, solver="adam", optimizer=sn.Adam(0.01), validation_data=data, client=threads, progress=True,
            callback=lambda epoch, *_: seen.append(epoch), **options,
        )  # fmt: skip
        assert history.stopped == expected.stopped == "patience"
        np.testing.assert_allclose(history.val_cost, expected.val_cost, rtol=1e-12)
        np.testing.assert_allclose(net.params, whole.params, rtol=0, atol=1e-10)
    assert seen == [*range(history.n_epochs)] * 2
    assert re.search(r"epoch \d+/40  cost \S+  validation \S+  [\d,]+ rows/s", capsys.readouterr().err)


def test_the_report(client):
    net = network()
    history = sn.dask.fit(net, DX, DY, solver="adam", epochs=8, client=client)
    report = history.report
    workers = set(client.nthreads())
    assert set(report.workers) == workers, report
    assert all(worker.rounds == 8 for worker in report.workers.values())
    assert sum(worker.waited_for for worker in report.workers.values()) == 8
    assert report.straggler == max(workers, key=lambda worker: report.workers[worker].seconds)
    assert report.bytes_down == 8 * 2 * net.params.nbytes
    # Nine partitions in two runs: a gradient for each node of their tree that one worker has all of.
    assert 8 * 2 * (net.params.nbytes + 16) <= report.bytes_up <= 8 * 4 * (net.params.nbytes + 24)
    total = report.compute + report.communication + report.scheduler
    assert 0 < report.compute < total <= history.seconds
    assert "bytes up" in str(report)
    assert str(report).count("(slowest)") == 1
    again = pickle.loads(pickle.dumps(history))
    assert again.report == report
    assert again.cost == history.cost


def test_task_names(client):
    """On the dashboard, keys are shown by what stands before the first number."""
    from dask.utils import key_split

    with distributed.get_task_stream(client) as stream:
        sn.dask.fit(network(), DX, DY, solver="adam", epochs=2, client=client)
        sn.dask.fit(network(), DX, DY, solver="local-sgd", epochs=2, client=client, validation_data=(DX, DY))
    names = {key_split(task["key"]) for task in stream.data}
    assert {f"shallownet-{name}" for name in ("load", "check", "latency", "gradient", "steps", "cost")} <= names


def test_many_parameters_are_no_large_graph(threads):
    """Of which Dask would warn in each step."""
    net = sn.MLP([5, 200_000, 2], activation="relu", dtype="float64", seed=0)
    assert net.params.nbytes > 10_000_000
    rows = da.from_array(X[:20], chunks=(10, 5)), da.from_array(Y[:20], chunks=(10, 2))
    history = sn.dask.fit(net, *rows, solver="sgd", optimizer=sn.SGD(1e-4), epochs=2, client=threads)
    assert history.cost[1] < history.cost[0]


def test_an_optimizer_goes_on_where_it_stopped(threads):
    net, whole, adam = network(), network(), sn.Adam(0.02)
    for _ in range(2):
        sn.dask.fit(net, DX, DY, solver="adam", optimizer=adam, epochs=10, client=threads)
    whole.fit(X, Y, optimizer=sn.Adam(0.02), epochs=20)
    np.testing.assert_allclose(net.params, whole.params, rtol=0, atol=1e-10)
    assert adam.n_steps == 20


def test_divergence_and_interruption(threads):
    net, before = network(), network().params
    with pytest.raises(sn.DivergenceError):
        sn.dask.fit(net, DX, DY, solver="sgd", optimizer=sn.SGD(1e200), epochs=5, client=threads)
    assert np.isfinite(net.params).all()
    for solver in ("adam", "lbfgs", "local-sgd"):
        net, kept = network(), []

        def stop(epoch, history, net, kept=kept):
            kept.append(net.params.copy())
            if epoch == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            sn.dask.fit(net, DX, DY, solver=solver, epochs=5, client=threads, callback=stop)
        np.testing.assert_array_equal(net.params, kept[-1])
        assert net.history.stopped == "interrupted"
        assert not np.array_equal(net.params, before)


def test_nothing_is_left_on_the_cluster(threads):
    def stop(epoch, history, net):
        raise OSError("stop")

    kept = set(threads.run_on_scheduler(tasks))
    sn.dask.fit(network(), DX, DY, solver="adam", epochs=2, client=threads)
    with pytest.raises(OSError, match="stop") as error:  # whose traceback has the fit
        sn.dask.fit(network(), DX, DY, solver="adam", epochs=2, client=threads, callback=stop)
    assert not left_of(threads, kept)
    del error


@pytest.mark.parametrize("given", [{"X": "nan"}, {"sample_weight": da.zeros(M, chunks=M)}], ids=["nan", "weights"])
def test_nothing_is_left_of_rows_that_are_refused(threads, given):
    """Or the workers would hold them twice, once they have been mended."""
    if "X" in given:
        bad = X.copy()
        bad[607, 3] = np.nan
        given = {"X": da.from_array(bad, chunks=(120, 5))}
    kept = set(threads.run_on_scheduler(tasks))
    with pytest.raises(ValueError, match=r"X must be finite|sample_weight must not be zero") as error:
        sn.dask.fit(network(), **{"X": DX, "Y": DY} | given, client=threads)
    assert not left_of(threads, kept)
    del error


def left_of(client, kept):
    """The keys that the scheduler still has after a while, apart from those kept."""
    deadline = time.monotonic() + 20
    while (left := set(client.run_on_scheduler(tasks)) - kept) and time.monotonic() < deadline:
        pass
    return left


def tasks(dask_scheduler):
    return list(dask_scheduler.tasks)


def test_checkpoints_belong_to_their_fit(threads, tmp_path):
    path, local = tmp_path / "fit", tmp_path / "local"
    whole = network()
    expected = sn.dask.fit(whole, DX, DY, solver="adam", epochs=6, client=threads, checkpoint=path)
    again = sn.dask.resume(path, DX, DY, client=threads)
    np.testing.assert_array_equal(again.params, whole.params)
    assert again.history.cost == expected.cost
    sn.dask.fit(network(), DX, DY, solver="local-sgd", epochs=1, client=threads, checkpoint=local)
    for rows, message in (
        ((DX + 1, DY), "^X, Y and sample_weight must be those of the fit: some of their rows are others"),
        ((DX[:900], DY[:900]), "^X must have 1003 rows, as in the fit, got 900"),
    ):
        with pytest.raises(ValueError, match=message):
            sn.dask.resume(path, *rows, client=threads)
    with pytest.raises(ValueError, match=r"^sync_every goes with solver 'local-sgd', not with this fit"):
        sn.dask.resume(path, DX, DY, client=threads, sync_every=5)
    with pytest.raises(ValueError, match=r"^X must have rows that come in parts, as in the fit, got 1003"):
        sn.resume(local, X, Y)


BAD = {
    "net": ({"net": "MLP"}, TypeError, "^net must be an MLP, got 'MLP'"),
    "solver": ({"solver": "newton"}, ValueError, "^solver must be one of 'lbfgs', 'adam', 'sgd', 'local-sgd', got"),
    "optimizer": (
        {"solver": "adam", "optimizer": sn.SGD()}, ValueError,
        r"^optimizer must be of sn.Adam for solver 'adam', got SGD\(",
    ),
    "of rprop": (
        {"solver": "local-sgd", "optimizer": sn.RPROP()}, ValueError,
        "^optimizer must be of sn.SGD, sn.Adam, .* for solver 'local-sgd', got RPROP",
    ),
    "name": ({"optimizer": "adam"}, TypeError, "^optimizer must be an object of an optimizer's class, got 'adam'"),
    "client": ({"client": "tcp://"}, TypeError, "^client must be a distributed.Client, got 'tcp://'"),
    "batch_size": ({"batch_size": 20}, ValueError, "^batch_size goes with solver 'local-sgd', got 20 for 'lbfgs'"),
    "sync_every": ({"solver": "local-sgd", "sync_every": 0}, ValueError, "^sync_every must be at least 1, got 0"),
    "learners": ({"solver": "local-sgd", "learners": 1.5}, TypeError, "^learners must be an integer, got 1.5"),
    "checkpoint": ({"checkpoint": "here"}, ValueError, "^checkpoint does not go with LBFGS"),
    "timeout": ({"worker_timeout": 0}, ValueError, "^worker_timeout must be > 0, got 0"),
    "epochs": ({"epochs": 0}, ValueError, "^epochs must be at least 1, got 0"),
    "an array": ({"X": X}, TypeError, r"^X must be a dask array, .* dask.array.from_array\(X, chunks=…\) makes"),
    "no partitions": ({"X": []}, TypeError, "^X must be a dask array, .* got a list of"),
    "columns": ({"X": DX[:, :4]}, ValueError, r"^X must have 5 columns, the network's inputs, got shape \(1003, 4\)$"),
    "one column": ({"X": DX[:, 0]}, ValueError, r"^X must have 5 columns, the network's inputs, got shape \(1003,\)$"),
    "rows": ({"Y": DY[:1000]}, ValueError, r"^Y must have 1003 rows to go with X, got shape \(1000, 2\)$"),
    "targets": ({"Y": DY[:, :1]}, ValueError, r"^partition 0: Y must have shape \(120, 2\) to go with X, got"),
    "no rows": ({"X": DX[:0], "Y": DY[:0]}, ValueError, "^X must have at least one row, got 1 empty partitions"),
    "no weight": ({"sample_weight": DW * 0}, ValueError, "^sample_weight must not be zero in every row of X"),
    "validation": (
        {"validation_data": (DX[:, :2], DY)}, ValueError, "^validation_data: X must have 5 columns",
    ),
    "validation here": ({"validation_data": (X[:, :2], Y)}, ValueError, "^validation_data: X must have shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(threads, name):
    given, kind, message = BAD[name]
    arguments = {"net": network(), "X": DX, "Y": DY, "client": threads} | given
    net = arguments["net"]
    with pytest.raises(kind, match=message):
        sn.dask.fit(arguments.pop("net"), arguments.pop("X"), arguments.pop("Y"), **arguments)
    if isinstance(net, sn.MLP):
        np.testing.assert_array_equal(net.params, network().params)
        assert net.history is None


def test_no_client_in_use(monkeypatch):
    def none():
        raise ValueError("No clients found")

    monkeypatch.setattr(distributed, "default_client", none)
    with pytest.raises(ValueError, match=r"^client must be a distributed\.Client where none is in use, got None"):
        sn.dask.fit(network(), DX, DY)


def test_asynchronous_clients_are_refused(client):
    async def refused():
        address = client.scheduler.address
        async with distributed.Client(address, asynchronous=True, set_as_default=False) as other:
            with pytest.raises(ValueError, match=r"^client must be synchronous"):
                _rounds.client_of(other)

    asyncio.run(refused())


def test_without_dask(monkeypatch):
    """The error names the extra."""

    def none(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", none)
    with pytest.raises(ImportError, match=r"shallownet_c.dask needs distributed: pip install 'shallownet-c\[dask\]'"):
        sn.dask.fit(network(), None, None, solver="adam")
