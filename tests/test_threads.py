"""Threads: the same bits for any number of them, used where they may be and nowhere else."""

import itertools
import multiprocessing.pool
import os
import subprocess
import sys
import textwrap
import threading
import time

import networks
import numpy as np
import pytest
import tolerances

from shallownet_c import MLP, Adam, _core, _kernels, _threads, datasets
from shallownet_c.optimizers import SGD
from shallownet_c.reference._activations import ACTIVATIONS

REGRESSION, CLASSES = ("identity", "squared_error"), ("softmax", "log_loss")
#: Sizes, output, rows, batch: many blocks and few parameters, which are cut into groups; and the other way round, where
#: a team works on each block, of wide layers unit by unit; rows that fill no panel, and a last batch of another kind.
WORK = [
    ((4, 16, 16, 1), REGRESSION, 9001, 9001),
    ((3, 200, 2), CLASSES, 5003, 2000),
    ((10, 64, 64, 1), REGRESSION, 1000, 400),
    ((64, 100, 10), CLASSES, 433, 200),
    ((40, 256, 200, 13), CLASSES, 301, 145),
    ((300, 250, 140), CLASSES, 97, 60),
    ((100, 390, 90), CLASSES, 97, 60),
]
THREADS = (1, 2, 3, 7)


def case_and_weights(build, sizes, output, m):
    hidden = (["relu", "tanh"] * 2)[: len(sizes) - 2]
    case = networks.make(sizes, hidden, output, m, build.dtype)
    weights = np.random.default_rng(5).random(m)
    weights[::3] = 0
    return case, weights


@pytest.mark.parametrize(("sizes", "output", "m", "batch"), WORK, ids=str)
def test_training_by_any_number_of_threads(build, sizes, output, m, batch):
    case, weights = case_and_weights(build, sizes, output, m)
    order = np.random.default_rng(6).permutation(m).astype(np.int64)[np.newaxis].repeat(2, axis=0)
    for optimizer, w in ((Adam(), None), (SGD(0.01, momentum=0.9), weights)):
        results = []
        for n_threads in THREADS:
            done = networks.train(
                case.network(build.kernels), case.rows(weights=w), optimizer, 2, batch,
                order=order, penalties={"l2": 1e-4}, n_threads=n_threads,
            )  # fmt: skip
            results.append(done.bits)
        assert len(set(results)) == 1
        assert results[0][0] != case.params.tobytes()


@pytest.mark.parametrize(
    ("sizes", "output", "m", "batch"),
    [
        ((10, 64, 64, 1), REGRESSION, 500, 90),
        ((64, 100, 10), CLASSES, 433, 200),
        ((3, 200, 2), CLASSES, 5003, 2000),
        ((30, 210, 190, 3), CLASSES, 433, 100),
    ],
    ids=str,
)
@pytest.mark.parametrize("penalties", [{}, {"l2": 1e-3}, {"l1": 1e-4, "clip_norm": 0.5}], ids=str)
def test_many_steps_by_any_number_of_threads(build, sizes, output, m, batch, penalties):
    """So many that the members of a team have copies of the parameters, which a step of one thread makes old."""
    case, _ = case_and_weights(build, sizes, output, m)
    table = build.kernels.records
    records = table.view([(name, table.dtype) for name in build.kernels.record_fields])[:, 0]
    results = set()
    for n_threads in (*THREADS, 2):
        table[:] = 0  # a team begins
        net, rows, optimizer = case.network(build.kernels), case.rows(), Adam(0.01)
        done = networks.train(net, rows, optimizer, 10, batch, penalties=penalties, n_threads=n_threads)
        records["alone"], records["due"] = 0, 0
        done = networks.train(net, rows, optimizer, 10, batch, after=done, penalties=penalties, n_threads=n_threads)
        results.add((done.params.tobytes(), *(array.tobytes() for array in done[1:])))
    assert len(results) == 1


def with_every_hidden(n_in, widths, n_out):
    return (n_in, *itertools.islice(itertools.cycle(widths), len(_kernels.HIDDEN)), n_out)


#: A team on each block, and groups of blocks, with every hidden activation; enough work for four threads on every CPU.
EVERY_HIDDEN = [
    (with_every_hidden(30, (50, 40, 30, 30, 25), 11), 601, 300),
    (with_every_hidden(7, (12, 9, 8, 8, 6), 3), 5003, 5003),
]


@pytest.mark.parametrize("pair", networks.PAIRS, ids="-".join)
@pytest.mark.parametrize(("sizes", "m", "batch"), EVERY_HIDDEN, ids=str)
def test_every_output_and_loss_by_any_number_of_threads(build, sizes, m, batch, pair):
    """Costs, too, and from run to run: the last bits are what a second copy of a loop would change."""
    case = networks.make(sizes, list(_kernels.HIDDEN), pair, m, build.dtype)
    X, P, dropout = case.X.astype(build.dtype), len(case.params), np.full(len(sizes) - 2, 0.2)
    rng = np.random.default_rng(8)
    weights, order = rng.random(m), np.stack([rng.permutation(m) for _ in range(2)])
    notes = build.kernels.records
    results = set()
    for n_threads in (1, 2, 3, 4, 2):
        notes[:] = 0  # a team begins
        result = []
        for w, dropped, l2 in ((None, None, 0.0), (weights, dropout, 1e-3)):
            net, rows = case.network(build.kernels, loss_parameter=0.3), case.rows(weights=w)
            result += networks.train(
                net, rows, Adam(), 2, batch, order=order, penalties={"l2": l2}, objective_scale=1.0 if l2 else 0.0,
                dropout=dropped, dropout_seed=7, n_threads=n_threads,
            )  # fmt: skip
            grad, out = np.zeros(P, build.dtype), np.empty((m, sizes[-1]), build.dtype)
            sums = _core.gradient(net, rows, grad, n_threads, training=True)
            assert _core.gradient(net, rows, None, n_threads, training=True) == sums
            _core.predict(net, X, out, n_threads)
            result += [grad, out, np.array(sums)]
        results.add(tuple(array.tobytes() for array in result))
    assert len(results) == 1


def test_histories_by_any_number_of_threads():
    X, y = datasets.load_digits()
    histories = set()
    for n_threads in (1, *[2] * 10, 3, 4):
        net = MLP([64, 100, 10], "relu", "softmax", dtype="float32", seed=0)
        # On a plateau the last bits of the cost decide when patience is over.
        history = net.fit(
            X / 16, y, optimizer=SGD(1e-6), epochs=12, batch_size=600, patience=3, tol=1e-7, seed=0,
            n_threads=n_threads,
        )  # fmt: skip
        histories.add((*history.cost, net.params.tobytes()))
    assert len(histories) == 1


@pytest.mark.parametrize(("sizes", "output", "m", "batch"), WORK, ids=str)
def test_gradient_and_prediction_by_any_number_of_threads(build, sizes, output, m, batch):
    case, weights = case_and_weights(build, sizes, output, m)
    net = case.network(build.kernels)
    for w in (None, weights):
        J, gradient = case.cost_and_grad(w) if w is None else (None, None)
        results = []
        for n_threads in THREADS:
            grad = np.zeros(len(case.params), build.dtype)
            sums = _core.gradient(net, case.rows(weights=w), grad, n_threads, training=True)
            assert _core.gradient(net, case.rows(weights=w), None, n_threads, training=True) == sums
            results.append((grad.tobytes(), *sums))
        assert len(set(results)) == 1
        if w is None:
            tolerance = tolerances.network(build.dtype, sizes, m)
            networks.close(sums[0], J, tolerance)
            networks.close(grad, gradient, tolerance)
    predictions = []
    X = np.tile(case.X.astype(build.dtype), (8, 1))  # enough work for threads in a single call
    for n_threads in THREADS:
        out = np.full((len(X), sizes[-1]), np.nan, build.dtype)
        _core.predict(net, X, out, n_threads)
        predictions.append(out.tobytes())
    assert len(set(predictions)) == 1


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize(("m", "n_in", "n_out"), [(8001, 30, 64), (517, 300, 311), (100_001, 17, 5)])
def test_a_layer_by_any_number_of_threads(build, m, n_in, n_out, name):
    rng = np.random.default_rng(0)
    X, W, b, dA = (rng.standard_normal(s).astype(build.dtype) for s in ((m, n_in), (n_out, n_in), n_out, (m, n_out)))
    forwards, backwards = set(), set()
    for n_threads in THREADS:
        A = build.dense_forward(X, W, b, name, 0.1, n_threads=n_threads)
        forwards.add(A.tobytes())
        if ACTIVATIONS[name].elementwise:
            outputs = np.ones_like(W), np.ones_like(b), np.full_like(X, np.nan)
            build.dense_backward(X, W, dA, A, name, outputs, 0.1, n_threads)
            backwards.add(tuple(array.tobytes() for array in outputs))
    assert len(forwards) == 1
    assert len(backwards) == ACTIVATIONS[name].elementwise


def test_a_team_or_one_thread_whatever_is_faster(build):
    """The build's records say which of the two is in use; the results do not."""
    case, _ = case_and_weights(build, (10, 64, 64, 1), REGRESSION, 1000)
    table = build.kernels.records
    records = table.view([(name, table.dtype) for name in build.kernels.record_fields])[:, 0]

    def steps(n, m=1000):
        net, rows = case.network(build.kernels), case.part(slice(m)).rows()
        return networks.train(net, rows, SGD(1e-3), n, m, n_threads=2).params

    def step_from(**values):
        """One more step, which is the last of three, after what the record says, and when it began and ended."""
        for name in set(records.dtype.names) - {"cycles", "kind", "size"}:
            record[name] = values.get(name, 0)
        record["started"], record["times"] = 1, 2
        began = time.time()
        np.testing.assert_array_equal(steps(1), team)
        return began, time.time()

    records[:] = 0
    team = steps(1)
    (number,) = np.flatnonzero(records["cycles"])
    record = records[number]
    assert record["size"] == 2
    # A team begins. Its first step wakes the threads, and is not timed.
    assert (record["alone"], record["times"], record["seconds"]) == (0, 0, 0)
    steps(3)  # three that count, or fewer if they took a millisecond: now one thread is tried
    assert record["before"] > 0
    assert record["trial"] == 1 or record["pause"] > 0
    # A trial begins when it is due, and when the clock has been set back so far that it is due beyond its pause.
    for alone, due, trial in ((0, 1000, 0), (1, 1000, 0), (0, -1, 1), (1, -1, 1), (0, 3000, 1)):
        step_from(alone=alone, pause=2000, due=time.time() + due)
        assert (record["alone"], record["trial"]) == (1 - alone if trial else alone, trial)
    # A trial of what is slower is followed by what was in use. The next one waits at least twice as long, but at most a
    # second while a team is in use, which is slow once a core has gone, and eight seconds while one thread is.
    for alone, longest in ((0, 1), (1, 8)):
        for pause in (0.45 * longest, 0.9 * longest):
            began, ended = step_from(alone=1 - alone, trial=1, before=0, pause=pause)
            assert (record["alone"], record["trial"], record["times"]) == (alone, 0, 0)
            assert min(2 * pause, longest) <= record["pause"] <= longest
            assert began + record["pause"] <= record["due"] <= ended + record["pause"]
    # A trial of what is faster stays, and the next one comes as soon as trials hardly cost anything.
    began, ended = step_from(alone=1, trial=1, before=1e9, pause=7)
    assert (record["alone"], record["trial"], record["times"]) == (1, 0, 0)
    assert 0 < record["pause"] <= 100 * (ended - began)
    assert began + record["pause"] <= record["due"] <= ended + record["pause"]
    # Other work has a record of its own, and leaves these alone.
    before = record.copy()
    steps(1, m=900)
    assert record == before
    (other,) = set(np.flatnonzero(records["cycles"])) - {number}
    assert records[other]["cycles"] == pytest.approx(0.9 * record["cycles"])


def test_single_calls_by_a_team_or_alone(build):
    """Enough of them that one thread and two are both tried."""
    case, _ = case_and_weights(build, (10, 64, 64, 1), REGRESSION, 4000)
    X, net = case.X.astype(build.dtype), case.network(build.kernels)
    W = np.random.default_rng(1).standard_normal((300, 10)).astype(build.dtype)
    results = set()
    for n_threads in (1, *[2] * 12):
        out, dW, dX = np.empty((4000, 1), X.dtype), np.zeros_like(W), np.empty_like(X)
        grad = np.zeros(len(case.params), X.dtype)
        _core.predict(net, X, out, n_threads)
        _core.gradient(net, case.rows(), grad, n_threads)
        A = build.dense_forward(X, W, W[:, 0].copy(), "tanh", n_threads=n_threads)
        build.dense_backward(X, W, A, A, "tanh", (dW, np.zeros(300, X.dtype), dX), n_threads=n_threads)
        results.add(tuple(a.tobytes() for a in (out, grad, A, dW, dX)))
    assert len(results) == 1


def run(code, **environment):
    """What the code prints, in a Python of its own; it must end by itself."""
    code = "import os, threading, numpy as np, shallownet_c as sn\n" + textwrap.dedent(code)
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"} | environment
    result = subprocess.run(
        [sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


#: A fit that is worth threads, and how many the process has then; OpenMP keeps its own.
FIT = """
def threads():
    return len(os.listdir("/proc/self/task"))
X = np.ones((20_000, 10), np.float32)
net = sn.MLP([10, 64, 64, 1], dtype="float32", seed=0)
before = threads()
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
openmp = pytest.mark.skipif(_threads.allowed() < 2, reason="one CPU, or built without OpenMP")


@linux
@openmp
def test_threads_start_where_they_pay_and_within_the_limits():
    fits = """
    net.fit(X[:32], X[:32, :1], epochs=2, n_threads=2); net.predict(X[:32]); print(threads() - before)
    net.fit(X, X[:, :1], epochs=2, n_threads=1); print(threads() - before)
    net.fit(X, X[:, :1], epochs=2, n_threads=2); print(threads() - before)
    """
    assert run(FIT + textwrap.dedent(fits)) == ["0", "0", "1"]
    assert run(FIT + textwrap.dedent(fits), OMP_NUM_THREADS="1") == ["0", "0", "0"]


@linux
@openmp
def test_threadpoolctl_limits_fits_gradients_and_predictions():
    pytest.importorskip("threadpoolctl")
    code = FIT + textwrap.dedent("""
    import threadpoolctl
    with threadpoolctl.threadpool_limits(1):
        net.fit(X, X[:, :1], epochs=2, n_threads=2); net.cost_and_grad(X, X[:, :1]); net.predict(X)
    print(threads() - before)
    with threadpoolctl.threadpool_limits(2):
        net.predict(X)
    print(threads() - before)
    """)
    assert run(code) == ["0", "1"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_works_alone_and_ends():
    code = FIT + textwrap.dedent("""
    net.fit(X, X[:, :1], epochs=2)
    want = net.predict(X)
    child = os.fork()
    if child == 0:
        started = threads()
        same = (net.predict(X) == want).all()
        net.fit(X, X[:, :1], epochs=2, n_threads=2)
        os._exit(0 if same and threads() == started == 1 else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """)
    assert run(code, PYTHONWARNINGS="ignore") == ["0"]


def test_a_spawned_worker_takes_one_thread_unless_told_otherwise(tmp_path):
    script = tmp_path / "workers.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing
        from shallownet_c import _threads

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.apply(_threads.allowed), _threads.allowed(), _threads.allowed(1))
        """)
    )
    result = subprocess.run(
        [sys.executable, "-P", str(script)], capture_output=True, text=True, timeout=100, check=True
    )
    worker, here, asked = map(int, result.stdout.split())
    assert (worker, asked) == (1, 1)
    assert here == _threads.allowed()


def test_a_thread_of_a_pool_takes_one_thread_unless_told_otherwise():
    """Its neighbours have the other CPUs; any other thread may have them all."""
    with multiprocessing.pool.ThreadPool(1) as pool:
        assert pool.apply(_threads.allowed) == 1
        assert pool.apply(_threads.allowed, (10**6,)) == _threads.allowed()
    joblib = pytest.importorskip("joblib")
    with joblib.parallel_config("threading"):
        assert joblib.Parallel(n_jobs=2)([joblib.delayed(_threads.allowed)()] * 4) == [1] * 4
    found = []
    thread = threading.Thread(target=lambda: found.append(_threads.allowed()))
    thread.start()
    thread.join()
    assert found == [_threads.allowed()]


def test_the_limits_of_n_threads():
    assert _threads.allowed(1) == 1
    assert _threads.allowed(10**6) == _threads.allowed()
    net, X = MLP([2, 3, 1], seed=0), np.ones((5, 2))
    net.fit(X, X[:, :1], n_threads=10**30, epochs=1)
