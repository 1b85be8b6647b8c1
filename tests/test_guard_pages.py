"""No kernel touches a byte outside the arrays that it is given: they begin and end where readable memory does."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import networks
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs mmap and mprotect of a Unix libc")

GUARDED = """
import ctypes, mmap
import numpy as np

libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PAGE = mmap.PAGESIZE

def guarded(array, at_end):
    '''A copy of the array between two pages that may not be touched, against the upper or the lower one.'''
    array = np.ascontiguousarray(array)
    pages = max(1, -(-array.nbytes // PAGE))
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    offset = PAGE + (pages * PAGE - array.nbytes if at_end else 0)
    copy = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
    copy[...] = array
    for guard in (start, start + (pages + 1) * PAGE):
        assert libc.mprotect(guard, PAGE, 0) == 0, ctypes.get_errno()
    return copy
"""

ALL_KERNELS = """
import itertools, sys
level, dtype, tests = sys.argv[1:]
sys.path.insert(0, tests)
import networks
from shallownet_c import _core, _kernels, _layer
from shallownet_c._checks._sparse import SparseRows
from shallownet_c.reference._activations import ACTIVATIONS

kernels = _kernels.load(level, dtype)
capsules = [_kernels.load(level, name).capsule for name in ("float32", "float64")]
rng = np.random.default_rng(0)
lanes = kernels.lanes
#: Every edge of panels and tiles; then enough work for a team on groups of blocks, and on each block.
SMALL = [(1, 1, 1), (1, 3, 2), (lanes - 1 or 1, 5, 7), (lanes, lanes, lanes), (lanes + 1, lanes + 1, 2 * lanes + 1),
         (2 * lanes + 1, 2 * lanes - 1, 13), (65, 6, 6), (130, 33, 12), (600, 4, 3), (3, 300, 2), (70, 2, 80),
         (7, 5, 4 * lanes + 3)]
LARGE = [(1501, 12, 5), (201, 130, 40)]
#: Rule, whether rows have an order and weights, are trained with everything that is off by default, and threads.
TRAININGS = list(itertools.product(networks.rules(), *[(False, True)] * 3, (1, 2)))
trainings = itertools.cycle(TRAININGS)
done, trained, teams, trained_together = set(), set(), set(), set()

def exercises(name):
    # A function of the table, by the call that reaches it.
    def of(call):
        def counted(*arguments, **more):
            done.add(name)
            return call(*arguments, **more)
        return counted
    return of

row = exercises("row")(lambda net, x, out=None: net(x, out))
pack = exercises("pack")(_core.Predictor)
packed_row = exercises("packed_row")(lambda predictor, x, out=None: predictor(x, out))
predict = exercises("predict")(_core.predict)
gradient = exercises("gradient")(_core.gradient)
cost_and_grad = exercises("cost_and_grad")(lambda net, X, Y, n_threads: net._plain_cost_and_grad(X, Y, n_threads))
train = exercises("train")(_core.train)
how_many_together = exercises("how_many_together")(_core.how_many_together)
train_together = exercises("train_together")(_core.train_together)
step = exercises("step")(_core.step)
output_gradient = exercises("output_gradient")(_core.output_gradient)
input_derivatives = exercises("input_derivatives")(_core.input_derivatives)
layer_backward = exercises("layer_backward")(_layer.dense_backward)
first_nonfinite = exercises("first_nonfinite")(kernels.first_nonfinite)

@exercises("layer")
def layer(*arguments, n_threads):
    return _layer.DenseForward(*capsules, _kernels.ACTIVATIONS, lambda work: n_threads, None)(*arguments)

hidden = itertools.cycle(networks.HIDDEN)
for (m, n_in, n_out), at_end in itertools.product(SMALL + LARGE, (True, False)):
    large = (m, n_in, n_out) in LARGE
    def guard(array):
        return guarded(np.asarray(array), at_end)
    def array(*shape):
        return guard(rng.standard_normal(shape).astype(dtype))
    n_hidden = 48 if large else m % 9 + 1    # 48 are whole vectors on every CPU
    P = n_hidden * (n_in + 1) + n_out * (n_hidden + 1)
    params, grad, X, out, Z = array(P), array(P), array(m, n_in), array(m, n_out), array(m, n_out)
    Y = guard(np.full((m, n_out), 1 / n_out, dtype))
    V, U, J, dX = array(m, n_out), array(m, n_in), array(m, n_out, n_in), array(m, n_in)
    weights, classes = guard(rng.random(m).astype(dtype)), guard(rng.integers(0, n_out, m))
    order = guard(np.stack([rng.permutation(m) for _ in range(2)]))
    rates, cost, dropped, counter = (guard(a) for a in (np.full(2, 1e-3), np.zeros(2), [0.5], np.zeros(1, np.int64)))
    states = {k: array(k, P) if k else np.zeros((0, P), dtype) for k in range(4)}
    x = X[-1 if at_end else 0]
    # In each row some columns, the last one among them, and some of them twice; every third row is empty.
    lengths = np.where(np.arange(m) % 3 == 2, 0, rng.integers(1, 9, m))
    starts = guard(np.append(0, np.cumsum(lengths)))
    columns = rng.integers(0, n_in, starts[-1])
    columns[::5] = n_in - 1
    S = SparseRows(array(starts[-1]), guard(columns.astype(np.int32)), starts, (m, n_in))
    for pair in networks.PAIRS[::8] if large else networks.PAIRS:
        output, loss = pair
        params[...] = rng.standard_normal(P)
        model = networks.arguments(kernels, (n_in, n_hidden, n_out), [next(hidden), output], params, loss, 0.7)
        net, predictor = _core.Network(*model), pack(True, *model)
        for one, call in ((net, row), (predictor, packed_row)):
            call(one, x)
            call(one, x, out[-1 if at_end else 0])
        kernels.records[...] = 0   # a team begins
        by_class = not ACTIVATIONS[output].elementwise
        smoothings = (0.0, 0.1) if loss in networks.SMOOTHED else (0.0,)
        rows = [_core.Rows(given, None if c else Y, classes if c else None, w, s) for c, w, s, given in
                itertools.product((False, True) if by_class else (False,), (None, weights), smoothings, (X, S))]
        for n_threads in (1, 2) if large else (1,):
            predict(net, X, out, n_threads)
            predict(net, S, out, n_threads)
            for data in rows:
                gradient(net, data, grad, n_threads)
                gradient(net, data, None, n_threads, True)
            cost_and_grad(net, X, Y, n_threads)
            for given in ({}, {"V": V}, {"U": U}, {"Y": Y}, *([{"classes": classes}] if by_class else [])):
                into = {"": J, "U": out}.get("".join(given), dX)
                input_derivatives(net, X, into, **given, n_threads=n_threads)
        for data in rows:
            code = _kernels.ACTIVATIONS[output]
            output_gradient(kernels, code, 0.1, _kernels.LOSSES[loss], 0.7, Z, data)
        for chosen in itertools.islice(trainings, 4):
            optimizer, ordered, weighted, regularised, n_threads = chosen
            trained.add(TRAININGS.index(chosen))
            state, hyper = states[len(optimizer.state(P, np.dtype(dtype)))], guard(optimizer.hyper_parameters())
            state[...] = 0
            counter[...] = 0
            rule = _core.Rule(optimizer.code, hyper, state, counter, 0.1, *((0.1, 1.0) if regularised else ()))
            how = (dropped, 7, 0.5) if regularised else (None, 0, 0.0)
            for size in (m, max(1, m // 3)):
                run = _core.Run(size, *how, n_threads)
                for data in (rows[-2:] if weighted else rows[:2]):   # dense and sparse
                    train(net, data, rule, run, order if ordered else None, rates, cost)
            step(net, rule, grad, 3.0)
            pair = [(_core.Network(model[0], p, *model[2:]), s) for p, s in ((params, state), (array(P), 0 * state))]
            of_pair = [_core.Rule(optimizer.code, hyper, of_net, np.zeros(1, np.int64), 0.1) for _, of_net in pair]
            size = max(1, lanes // 2)
            if how_many_together(net, min(size, m)) > 1:
                trained_together.add(train_together(
                    [one for one, _ in pair], [rows[0], rows[-4]], of_pair, _core.Run(size),
                    [order if ordered else None, order], rates, guard(np.zeros((2, 2)))))
        teams.update(kernels.records[:, kernels.record_fields.index("size")].tolist())
    W, b, dW, db = array(n_out, n_in), array(n_out), array(n_out, n_in), array(n_out)
    dA = array(m, n_out)
    for name, n_threads in itertools.product(ACTIVATIONS, (1, 2) if large else (1,)):
        layer(X, W, b, name, out, 0.1, n_threads=n_threads)
        if ACTIVATIONS[name].elementwise:
            for into in ((dW, db, dX), (dW, db, None)):
                layer_backward(kernels.capsule, (X, W, dA, out), into, _kernels.ACTIVATIONS[name], 0.1, n_threads)
    first_nonfinite(X)
assert trained == set(range(len(TRAININGS)))
assert 2 in teams
assert True in trained_together
print("untouched by", *sorted(done))
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A fault must fail this test, not end the run of all of them.
    return subprocess.run(
        [sys.executable, "-P", "-c", GUARDED + textwrap.dedent(code), *arguments],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("step", [1, -1], ids=["past the end", "before the start"])
def test_the_guard_works(step):
    where = "a[-1:].ctypes.data + 8" if step == 1 else "a.ctypes.data - 1"
    done = run(f"a = guarded(np.zeros(5), {step == 1}); print(a[0]); ctypes.string_at({where}, 1)")
    assert done.stdout.strip() == "0.0", done.stderr
    assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS)


@pytest.mark.skipif(not networks.API_H.exists(), reason="needs the source: src/api.h")
def test_kernels_stay_inside_their_arrays(build):
    done = run(ALL_KERNELS, build.level, build.dtype.name, str(Path(__file__).parent))
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    assert done.stdout.startswith("untouched by ")
    assert set(done.stdout.split()[2:]) == networks.kernel_functions()
