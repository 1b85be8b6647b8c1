"""`MLP.predictor` and the call on one row: the same numbers in every way, from Python, from C and by many threads."""

import contextlib
import copy
import ctypes
import gc
import itertools
import pickle
import sys
import threading
import tracemalloc
import weakref
from multiprocessing import shared_memory
from unittest import mock

import networks
import numpy as np
import pytest
import tolerances

import shallownet_c as sn
from shallownet_c import _core, mlp
from shallownet_c._kernels import ACTIVATIONS
from shallownet_c.reference._activations import ACTIVATIONS as ROWS

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
COPY = pytest.mark.parametrize("copied", [True, False], ids=["copy", "live"])


def make(sizes=(4, 16, 1), activation="tanh", output="identity", dtype="float32", seed=0):
    """A network whose biases are not zero, and a sample."""
    rng = np.random.default_rng(seed)
    net = sn.MLP(sizes, activation, output, dtype=dtype, seed=seed)
    for b in net.biases:
        b[:] = rng.standard_normal(len(b))
    return net, rng.standard_normal(sizes[0]).astype(dtype)


def pointer(array):
    return array.ctypes.data_as(ctypes.POINTER(np.ctypeslib.as_ctypes_type(array.dtype)))


def by_c(predictor, x):
    y = np.full(predictor.n_outputs, 7, predictor.dtype)
    assert predictor.as_cfunc()(predictor.address, pointer(x), pointer(y)) is None
    return y


def sizes_of(lanes):
    """Numbers of units and inputs at every edge of vectors and tiles."""
    units = {1, 2, 3, *(lanes * k + d for k in (1, 2, 3, 4, 5, 6, 7, 8, 9) for d in (-1, 0, 1))} - {0}
    widths = itertools.cycle([1, 2, 3, 4, 5, 7, lanes, 4 * lanes + 1, 5 * lanes, 4 * lanes, 9 * lanes + 2])
    for n in sorted(units):
        yield n, next(widths), next(widths)
        yield next(widths), n, 1
        yield n, 1


def test_packed_parameters_give_the_reference(build):
    hidden, outputs = itertools.cycle(networks.HIDDEN), itertools.cycle(networks.OUTPUTS)
    for sizes in sizes_of(build.kernels.lanes):
        for _ in range(3):
            output = next(outputs)
            if sizes[-1] == 1 and not ROWS[output[0]].elementwise:
                output = next(outputs)
            case = networks.make(sizes, [next(hidden) for _ in sizes[2:]], output, 2, build.dtype, len(sizes))
            arguments = networks.arguments(build.kernels, case.sizes, case.activations, case.params, case.loss)
            predictor = _core.Predictor(True, *arguments)
            for x, expected in zip(case.X.astype(build.dtype), case.forward()[1][-1], strict=True):
                out = np.full(sizes[-1], 7, build.dtype)
                assert predictor(x, out) is out
                networks.close(out, expected, tolerances.network(build.dtype, sizes))
                assert np.array_equal(predictor(x), out if len(out) > 1 else out[0])


@DTYPES
@pytest.mark.parametrize("output", ACTIVATIONS)
def test_where_numbers_overflow(dtype, output):
    """Infinities and NaN stay where they are: neither they nor what fills up the vectors reaches other units."""
    sizes = [3, 5, 3] if not ROWS[output].elementwise else [3, 5, 1]
    net = sn.MLP(sizes, "tanh", output, init="zeros", dtype=dtype)
    net.weights[0][:3] = np.eye(3) * np.finfo(dtype).max
    net.weights[1][0, :3] = 1, 2, -3
    predictor = net.predictor()
    for values in itertools.product([0.0, 9.0, -9.0, np.inf, -np.inf, np.nan], repeat=3):
        x = np.array(values, dtype)
        np.testing.assert_allclose(predictor(x), net(x) if sizes[-1] > 1 else net(x)[0], rtol=1e-5)


@DTYPES
@COPY
@pytest.mark.parametrize("sizes", [(4, 16, 1), (5, 3), (3, 20, 4)], ids=str)
def test_whatever_stands_for_a_row(dtype, copied, sizes):
    net, x = make(sizes, dtype=dtype)
    x = x.astype("float32").astype(dtype)  # exact in both
    predictor = net.predictor(copy=copied)
    n = sizes[-1]
    for call, single in ((net, False), (predictor, n == 1)):
        expected = call(x)
        assert type(expected) is (float if single else np.ndarray)
        rows = [
            x.astype("float64"), x.astype("float32"), x.tolist(), tuple(x.tolist()), np.repeat(x, 3)[::3],
            x[::-1].copy()[::-1], x.astype(">f8"), list(map(np.float64, x)), list(map(np.float32, x)),
            np.asfortranarray(x[np.newaxis])[0], memoryview(x),
        ]  # fmt: skip
        for row in rows:
            assert np.array_equal(call(row), expected), type(row)
            assert type(call(row)) is type(expected)
            out = np.full(n, 7, dtype)
            assert call(row, out=out) is out
            assert np.array_equal(out, np.atleast_1d(expected))
        for one in (x[np.newaxis], x[np.newaxis].astype("float64"), np.repeat(x, 2)[np.newaxis, ::2]):
            result = call(one)
            assert (result.shape, result.dtype) == ((1, n), np.dtype(dtype))
            assert np.array_equal(result[0], np.atleast_1d(expected))
        networks.close(call(np.stack([x, x])), np.stack([net(x)] * 2), tolerances.network(dtype, sizes))


@DTYPES
def test_lists_are_what_numpy_makes_of_them(dtype):
    net, _ = make((2, 1), dtype=dtype)
    for row in (
        [1, 2],
        [True, 2.5],
        [2**53 + 1, 0.0],
        [2**63, 1],
        [-(2**63), 1],
        [1e300, 1.0],
        [1e-46, 0.0],
        [-0.0, 0],
    ):
        for call in (net, net.predictor(copy=False)):
            with np.errstate(over="ignore", under="ignore"):
                array = np.array(row).astype(dtype)
            assert np.array_equal(call(row), call(array), equal_nan=True), row
    for row in ([1.0], [1.0, 2.0, 3.0], [1.0, "2"], [1.0, None], [1.0, 10**400], [[1.0], [2.0]], [1.0, 2j]):
        for call in (net, net.predictor()):
            with pytest.raises((ValueError, TypeError), match=r"^X must"):
                call(row)


@COPY
def test_arguments_are_those_of_the_network(copied):
    net, x = make()
    out = np.empty(1, "float32")
    for call in (net, net.predictor(copy=copied)):
        expected = np.float32(call(x))
        name = "".join(["o", "ut"])  # another object than the name in the code
        for result in (call(X=x), call(x, None), call(x, out=None), call(x, out), call(x, out=out),
                       call(X=x, out=out), call(out=out, X=x), call(x, **{name: out})):  # fmt: skip
            assert np.array_equal(np.ravel(result), np.ravel(expected))
        for wrong, more in (
            ((), {}),
            ((x, out, 1), {}),
            ((x,), {"output": out}),
            ((x,), {"X": x}),
            ((x, out), {"out": out}),
        ):
            with pytest.raises(TypeError, match=r"__call__\(\)"):
                call(*wrong, **more)


@COPY
@DTYPES
def test_what_is_refused(copied, dtype):
    net, x = make((3, 2), dtype=dtype)
    other = "float32" if dtype == "float64" else "float64"
    predictor = net.predictor(copy=copied)
    locked = np.zeros(2, dtype)
    locked.flags.writeable = False
    outs = [
        np.zeros(1, dtype), np.zeros(3, dtype), np.zeros((1, 2), dtype), np.zeros(2, other), np.zeros(4, dtype)[::2],
        locked, [0.0, 0.0], np.ma.masked_all(2, dtype),
    ]  # fmt: skip
    for out in outs:
        before = np.array(out)
        with pytest.raises((ValueError, TypeError), match=r"^out (must|has)"):
            predictor(x, out=out)
        assert np.array_equal(np.array(out), before)
    for X in (x[:2], np.zeros((2, 2)), np.zeros((1, 1, 3)), 1.0, "text", np.ma.masked_all(3), None):
        with pytest.raises((ValueError, TypeError), match=r"^X must"):
            predictor(X)
    if not copied:
        for out in (net.params[:2], net.biases[0], np.frombuffer(net.params.data, dtype)[-2:]):
            before = net.params.copy()
            with pytest.raises(ValueError, match="out must not share memory"):
                predictor(x, out=out)
            assert np.array_equal(net.params, before)
    for value in (1, "yes", None):
        with pytest.raises(TypeError, match="copy must be True or False"):
            net.predictor(copy=value)


@COPY
@DTYPES
@pytest.mark.parametrize("sizes", [(3, 3), (3, 17, 3)], ids=str)
def test_out_may_be_the_input(copied, dtype, sizes):
    net, x = make(sizes, dtype=dtype)
    predictor = net.predictor(copy=copied)
    expected = predictor(x)
    memory = np.zeros(9, dtype)
    for at in range(7):
        memory[3:6] = x
        assert np.array_equal(predictor(memory[3:6], out=memory[at : at + 3]), expected)
    y = x.copy()
    predictor.as_cfunc()(predictor.address, pointer(y), pointer(y))
    assert np.array_equal(y, expected)


def test_a_copy_is_frozen_and_the_other_is_live():
    net, x = make()
    frozen, live = net.predictor(), net.predictor(copy=False)
    before, rows = frozen(x), np.stack([x, x])
    assert live(x) == float(net(x)[0])
    net.params[:] *= 2
    assert frozen(x) == before
    networks.close(frozen(rows)[:, 0], [before] * 2, tolerances.network("float32", net.layer_sizes))
    assert live(x) == float(net(x)[0]) != before
    assert np.array_equal(live(rows), net(rows))
    with pytest.raises(ValueError, match="read-only"):
        frozen._params[0] = 1


@DTYPES
@pytest.mark.parametrize("sizes", [(4, 16, 1), (64, 100, 10), (3, 3000, 2), (3000, 1)], ids=str)
def test_the_c_function(dtype, sizes):
    """Wide layers, too, which have no room on the stack."""
    net, x = make(sizes, "relu", dtype=dtype)
    for copied in (True, False):
        predictor = net.predictor(copy=copied)
        assert np.array_equal(by_c(predictor, x), np.atleast_1d(predictor(x)))
        networks.close(by_c(predictor, x), net(x[np.newaxis])[0], tolerances.network(dtype, sizes))


def test_what_the_c_function_needs_stays():
    net, x = make()
    predictor = net.predictor()
    expected, address, function = predictor(x), predictor.address, predictor.as_cfunc()
    alive = weakref.ref(predictor)
    del net, predictor
    gc.collect()
    y = np.empty(1, "float32")
    function(address, pointer(x), pointer(y))
    assert y[0] == expected
    del function
    gc.collect()
    assert alive() is None


@COPY
def test_threads_share_a_predictor(copied):
    """The C function, of which ctypes lets many run at a time; each thread has rows of its own."""
    net, _ = make((20, 200, 5))
    predictor = net.predictor(copy=copied)
    function, address = predictor.as_cfunc(), predictor.address
    X = np.random.default_rng(1).standard_normal((8, 20)).astype("float32")
    expected = np.stack([predictor(x) for x in X])
    wrong = []

    def work(i):
        y = np.empty(5, "float32")
        at_x, at_y = pointer(X[i]), pointer(y)
        for _ in range(3000):
            y[:] = 7
            function(address, at_x, at_y)
            if not np.array_equal(y, expected[i]) or not np.array_equal(predictor(X[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("sizes", [(20, 200, 5), (1030, 1030)], ids=["stack", "malloc"])
def test_a_small_stack_is_enough(sizes):
    """That of a thread of musl, 128 kB, of which the C function gets what Python leaves."""
    net, x = make(sizes, dtype="float64")
    predictor = net.predictor()
    expected, results = predictor(x), []
    before = threading.stack_size(128 * 1024)
    try:
        thread = threading.Thread(target=lambda: results.append((predictor(x), net(x), by_c(predictor, x))))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert np.array_equal(results[0][0], expected)
    assert np.array_equal(results[0][1], net(x))
    assert np.array_equal(results[0][2], expected)


@COPY
def test_nothing_is_allocated_and_nothing_leaks(copied):
    net, x = make()
    predictor, y = net.predictor(copy=copied), np.empty(1, "float32")
    rows = [x.astype("float64"), x.tolist(), x[np.newaxis], tuple(x.tolist())]

    def calls(n):
        for _ in range(n):
            predictor(x, out=y)
            predictor(x, y)

    def every_call(n):
        for _ in range(n):
            predictor(x)
            net(x)
            net(x, out=y)
            for row in rows:
                predictor(row)
                net(row)
            for wrong in ((x[:2],), (x, y[:0])):
                with contextlib.suppress(ValueError):
                    predictor(*wrong)

    held = [predictor, net, x, y, None, *rows, rows[1][0]]
    for run, n in ((calls, 100_000), (every_call, 300)):
        run(10)
        gc.collect()
        counts = [sys.getrefcount(item) for item in held]
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run(n)
        after, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert after - before < 2000
        if run is calls:
            assert peak - before < 2000
        # None is also that of others
        assert [abs(sys.getrefcount(item) - count) < 50 for item, count in zip(held, counts, strict=True)] == [
            True
        ] * len(held)


class Own(sn.MLP):
    """A network that is called in its own way."""

    def __call__(self, X, out=None):
        return "own"


class Named(sn.MLP):
    """A network with an attribute of its own."""

    note = "here"


def test_classes_with_a_call_of_their_own():
    x = np.ones(2)
    assert Own([2, 1])(x) == "own"
    assert isinstance(Own([2, 1], seed=0).predictor()(x), float)
    assert np.array_equal(Named([2, 1], seed=0)(x), sn.MLP([2, 1], seed=0)(x))
    net = sn.MLP([2, 1], seed=0)
    before = net(x)
    with mock.patch.object(sn.MLP, "__call__", return_value="patched"):
        assert net(x) == "patched"
    assert np.array_equal(net(x), before)
    with pytest.raises(TypeError, match="no kind of Network"):
        _core.let_vectorcall(dict)


def test_objects_whose_constructor_never_ran():
    kind = type(sn.MLP([2, 1]).predictor())
    never = kind.__new__(kind)
    for use in (lambda: never(np.ones(2)), lambda: never.address, lambda: never.as_cfunc(), lambda: never([1, 2])):
        with pytest.raises((AttributeError, TypeError)):
            use()
    predictor = sn.MLP([2, 1], seed=0).predictor()
    before = predictor([1, 2])
    with pytest.raises(TypeError, match="only once"):
        predictor.__init__(predictor.model, np.zeros(3), None)
    assert predictor([1, 2]) == before


@COPY
def test_attributes_and_copies(copied):
    net, x = make((4, 16, 2), output="sigmoid")
    predictor = net.predictor(copy=copied)
    assert (predictor.n_inputs, predictor.n_outputs, predictor.dtype) == (4, 2, np.dtype("float32"))
    assert (predictor.model, predictor.layer_sizes, predictor.loss) == (net.model, (4, 16, 2), "log_loss")
    assert repr(predictor) == repr(net).replace("MLP", "Predictor")
    for again in (pickle.loads(pickle.dumps(predictor)), copy.copy(predictor), copy.deepcopy(predictor)):
        assert np.array_equal(again(x), predictor(x))
        assert again.address != predictor.address
    with pytest.raises(AttributeError):
        predictor.address = 1


def test_a_live_predictor_and_its_network_are_pickled_together():
    net, x = make()
    again, live = pickle.loads(pickle.dumps((net, net.predictor(copy=False))))
    again.params[:] = 0
    assert live(x) == 0 != net(x)[0]


@COPY
def test_a_predictor_and_a_network_over_read_only_shared_memory(copied):
    net, x = make((4, 16, 2))
    memory = shared_memory.SharedMemory(create=True, size=net.params.nbytes)
    try:
        params = np.ndarray(net.n_params, net.dtype, memory.buf)
        params[:] = net.params
        params.flags.writeable = False
        over = mlp.made(sn.MLP, net.model, params, None)
        predictor = over.predictor(copy=copied)
        assert np.array_equal(over(x), net(x))
        assert np.array_equal(predictor(x), net.predictor(copy=copied)(x))
        with pytest.raises(ValueError, match="parameters are read-only"):
            over.fit(np.ones((5, 4)), np.ones((5, 2)), epochs=1)
        assert over.history is None
        if not copied:
            np.ndarray(net.n_params, net.dtype, memory.buf)[:] = 0
            assert np.array_equal(predictor(x), [0, 0])
        del over, predictor, params
        gc.collect()
    finally:
        memory.close()
        memory.unlink()


def test_columns_of_a_table():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(np.random.default_rng(0).random((20, 2)), columns=["a", "b"])
    net = sn.MLP([2, 3, 1], seed=0)
    live = net.predictor(copy=False)
    net.fit(table, table["a"], epochs=2)
    frozen = net.predictor()
    for predictor in (live, frozen, copy.copy(frozen)):
        assert predictor.feature_names == ("a", "b")
        networks.close(predictor(table), net(table), tolerances.network("float64", net.layer_sizes))
        assert predictor(table.iloc[0]) == predictor(table.iloc[0].to_numpy())
        with pytest.raises(ValueError, match="X must have the columns of the fit"):
            predictor(table[["b", "a"]])
    net.fit(table[["b", "a"]], table["a"], epochs=1)
    assert (live.feature_names, frozen.feature_names) == (("b", "a"), ("a", "b"))


@DTYPES
@COPY
def test_integrals_of_scipy(dtype, copied):
    integrate = pytest.importorskip("scipy.integrate")
    one, _ = make((1, 16, 1), dtype=dtype)
    two, _ = make((2, 16, 1), dtype=dtype)
    accuracy = {"epsabs": 1e-5, "epsrel": 1e-5}
    predictor = one.predictor(copy=copied)
    function = predictor.as_low_level_callable()
    expected = integrate.quad(lambda x: predictor([x]), -1, 2, **accuracy)[0]
    del predictor
    gc.collect()
    assert integrate.quad(function, -1, 2, **accuracy)[0] == pytest.approx(expected, rel=1e-12)
    predictor = two.predictor(copy=copied)
    square = [(-1, 2), (0, 1)]
    expected = integrate.nquad(lambda x, y: predictor([x, y]), square, opts=accuracy)[0]
    assert integrate.nquad(predictor.as_low_level_callable(), square, opts=accuracy)[0] == pytest.approx(
        expected, rel=1e-12
    )
    function, x = predictor.as_low_level_callable().function, (ctypes.c_double * 2)(0.5, -0.25)
    assert function(2, x, predictor.address) == predictor([0.5, -0.25])
    assert np.isnan(function(1, x, predictor.address))


@pytest.mark.parametrize("sizes", [(2, 2), (257, 1)], ids=str)
def test_networks_that_scipy_cannot_call(sizes):
    with pytest.raises(ValueError, match=f"one output and at most 256 inputs, got {sizes[1]} and {sizes[0]}"):
        sn.MLP(sizes).predictor().as_low_level_callable()


@DTYPES
@COPY
def test_numba(dtype, copied):
    numba = pytest.importorskip("numba", reason="needs numba (extra test-all)")
    net, _ = make((4, 16, 3), dtype=dtype)
    predictor = net.predictor(copy=copied)
    function, p = predictor.as_cfunc(), predictor.address

    @numba.njit(parallel=True, nogil=True)
    def outputs(X, Y):
        for i in numba.prange(len(X)):
            function(p, X[i].ctypes, Y[i].ctypes)

    X = np.random.default_rng(0).standard_normal((5000, 4)).astype(dtype)
    Y = np.empty((5000, 3), dtype)
    outputs(X, Y)
    assert np.array_equal(Y, [predictor(x) for x in X])


@DTYPES
def test_cffi(dtype):
    cffi = pytest.importorskip("cffi", reason="needs cffi (extra test-all)")
    net, x = make((4, 16, 3), dtype=dtype)
    predictor = net.predictor()
    ffi = cffi.FFI()
    real = "float" if dtype == "float32" else "double"
    address = ctypes.cast(predictor.as_cfunc(), ctypes.c_void_p).value
    function = ffi.cast(f"void (*)(const void *, const {real} *, {real} *)", address)
    y = np.empty(3, dtype)
    function(ffi.cast("void *", predictor.address), ffi.from_buffer(f"{real}[]", x), ffi.from_buffer(f"{real}[]", y))
    assert np.array_equal(y, predictor(x))
