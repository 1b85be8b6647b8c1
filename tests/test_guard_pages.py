"""No kernel touches a byte outside the arrays that it is given: they begin and end where readable memory does."""

import signal
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs mmap and mprotect of a Unix libc")

GUARDED = """
import ctypes, mmap
import numpy as np

libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PAGE = mmap.PAGESIZE
PLAIN = (0.1, 1.0, 0.5, np.full(8, 0.5), 7)    # l1, clip_norm, objective_scale, dropout and its seed
keep = []

def guarded(array, at_end):
    '''A copy of the array between two pages that may not be touched, against the upper or the lower one.'''
    array = np.ascontiguousarray(array)
    pages = max(1, -(-array.nbytes // PAGE))
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    keep.append(memory)
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
from shallownet_c import _kernels
from shallownet_c._core import Network
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES, default_loss

HIDDEN = [_kernels.ACTIVATIONS[name] for name in _kernels.HIDDEN]
ELEMENTWISE = [code for name, code in _kernels.ACTIVATIONS.items() if ACTIVATIONS[name].elementwise]
# Every output with its own loss, every loss with its usual output.
PAIRS = {(name, default_loss(name)) for name in ACTIVATIONS}
PAIRS |= {(row.usual_output, name) for name, row in LOSSES.items()}
PAIRS = sorted((_kernels.ACTIVATIONS[output], _kernels.LOSSES[loss]) for output, loss in PAIRS)
level, dtype = sys.argv[1:]
kernels = _kernels.load(level, dtype)
rng = np.random.default_rng(0)
lanes = kernels.lanes
shapes = [(1, 1, 1), (1, 3, 2), (lanes - 1 or 1, 5, 7), (lanes, lanes, lanes), (lanes + 1, lanes + 1, 2 * lanes + 1),
          (2 * lanes + 1, 2 * lanes - 1, 13), (65, 6, 6), (130, 33, 12), (600, 4, 3), (3, 300, 2), (70, 2, 80),
          (7, 5, 4 * lanes + 3)]
for (m, n_in, n_out), at_end in itertools.product(shapes, (True, False)):
    def array(*shape):
        return guarded(rng.standard_normal(shape).astype(dtype), at_end)
    n_hidden = (m % 9) + 1
    sizes = guarded(np.array([n_in, n_hidden, n_out], np.intp), at_end)
    P = n_hidden * (n_in + 1) + n_out * (n_hidden + 1)
    for output, loss in PAIRS:
        codes = guarded(np.array([HIDDEN[(m + output) % len(HIDDEN)], output], np.intc), at_end)
        params, grad, X, out = array(P), array(P), array(m, n_in), array(m, n_out)
        Y = guarded(np.full((m, n_out), 1 / n_out, dtype), at_end)
        weights = guarded(np.ones(m, dtype), at_end)
        classes = guarded(rng.integers(0, n_out, m), at_end) if output not in ELEMENTWISE else None
        kernels.forward(sizes, codes, 0.1, params, X, out)
        kernels.accumulate_grad(sizes, codes, 0.1, loss, 1.0, params, X, Y, None, weights, grad)
        kernels.accumulate_grad(sizes, codes, 0.1, loss, 1.0, params, X, Y, None, None, None)
        if classes is not None:
            kernels.accumulate_grad(sizes, codes, 0.1, loss, 1.0, params, X, None, classes, None, grad)
        order = guarded(np.stack([rng.permutation(m) for _ in range(2)]), at_end)
        step, cost = guarded(np.zeros(1, np.int64), at_end), guarded(np.zeros(2), at_end)
        for code, hyper, k in ((0, [1e-3, 0, 0], 0), (0, [1e-3, 0.9, 1], 1), (1, [1e-3, 0.9, 0.999, 1e-8, 0.1, 0], 2),
                               (2, [1e-3, 0.5, 1.2, 1e-6, 50], 2)):
            hyper = guarded(np.array(hyper, float), at_end)
            state = guarded(np.zeros((k, P), dtype), at_end) if k else np.zeros((0, P), dtype)
            for rows, size in ((order, max(1, m // 3)), (None, m)):
                kernels.train(sizes, codes, 0.1, loss, 1.0, params, X, Y if classes is None else None, classes, weights,
                              rows, 2, size, 0.1, *PLAIN, code, np.full(2, 1e-3), hyper, state, step, cost)
        network = Network(kernels.k, params, sizes, codes, 0.1, loss, 1.0)
        network(X[0].copy() if m > 1 else X[0])
        network(array(n_in), array(n_out))
    W, b, A, dA, dW, db, dX = (array(n_out, n_in), array(n_out), array(m, n_out), array(m, n_out), array(n_out, n_in),
                               array(n_out), array(m, n_in))
    for code in ELEMENTWISE:
        kernels.dense_backward(dA, A, X, W, code, 0.1, dW, db, dX)
        kernels.dense_backward(dA, A, X, W, code, 0.1, dW, db, None)
    for code in _kernels.ACTIVATIONS.values():
        kernels.dense_forward(X, W, b, code, 0.1, out)
    kernels.first_nonfinite(X)
print("untouched")
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


def test_kernels_stay_inside_their_arrays(build):
    done = run(ALL_KERNELS, build.level, build.dtype.name)
    assert done.stdout.strip() == "untouched", (done.returncode, done.stderr[-2000:])
    assert done.returncode == 0
