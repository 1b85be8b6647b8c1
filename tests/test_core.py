"""The boundary of the compiled kernels: what it refuses by itself, whatever the package has checked before."""

import array

import networks
import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import shallownet_c as sn
from shallownet_c import _core, _kernels, _layer

SIZES, M, P = (3, 4, 2), 5, 4 * 4 + 2 * 5


class Liar(np.ndarray):
    """An array that says it has one more element along its first axis."""

    shape = property(lambda self: (len(self) + 1, *np.asarray(self).shape[1:]))


def other(dtype):
    return np.dtype("float64" if dtype == np.float32 else "float32")


def not_taken(a):
    """Arrays and other things that cannot stand for a, whatever it is for; each with a name."""
    dtype = a.dtype
    yield "dtype", a.astype(other(dtype) if dtype.kind == "f" else np.int32)
    yield "integers", a.view(np.int64 if dtype.itemsize == 8 else np.int32) if dtype.kind == "f" else a.astype(float)
    yield "byte order", a.astype(dtype.newbyteorder())
    if a.size > 1:
        yield "strides", np.repeat(a, 2, axis=-1)[..., ::2]
    yield "dimensions", a[np.newaxis]
    yield "longer", np.concatenate([a, a])
    yield "list", a.tolist()
    yield "object", a.astype(object)
    if dtype.kind == "f":
        yield "alignment", np.frombuffer(b"\0" + a.tobytes(), dtype, offset=1).reshape(a.shape)
        yield "shape", a[:-1].copy().view(Liar)


def parts(build):
    """Arguments of every function, right ones; fresh arrays."""
    dtype = build.dtype
    return {
        "params": np.ones(P, dtype),
        "X": np.ones((M, 3), dtype),
        "Y": np.ones((M, 2), dtype),
        "classes": np.zeros(M, np.int64),
        "weights": np.ones(M, dtype),
        "out": np.full((M, 2), 7, dtype),
        "grad": np.full(P, 7, dtype),
        "state": np.zeros((2, P), dtype),
        "hyper": np.full(6, 0.5),
        "step": np.zeros(1, np.int64),
        "dropout": np.full(1, 0.5),
        "order": np.zeros((2, M), np.int64),
        "rates": np.full(2, 0.1),
        "cost": np.full(2, 7.0),
        "Z": np.full((M, 2), 7, dtype),
        "V": np.ones((M, 2), dtype),
        "U": np.ones((M, 3), dtype),
        "J": np.full((M, 2, 3), 7, dtype),
        "dX": np.full((M, 3), 7, dtype),
    }


def predict(build, a):
    _core.predict(networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"]), a["X"], a["out"])


def gradient(build, a, targets="Y"):
    net = networks.bound(build.kernels, SIZES, ["tanh", "softmax"], a["params"], "log_loss")
    chosen = {"Y": None, "classes": None} | {targets: a[targets]}
    _core.gradient(net, _core.Rows(a["X"], chosen["Y"], chosen["classes"], a["weights"]), a["grad"])


def gradient_of_classes(build, a):
    gradient(build, a, "classes")


def train(build, a):
    net = networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"])
    rule = _core.Rule(sn.Adam.code, a["hyper"], a["state"], a["step"])
    rows = _core.Rows(a["X"], a["Y"], None, a["weights"])
    _core.train(net, rows, rule, _core.Run(M, a["dropout"]), a["order"], a["rates"], a["cost"])


def step(build, a):
    net = networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"])
    _core.step(net, _core.Rule(sn.Adam.code, a["hyper"], a["state"], a["step"]), a["grad"], 1.0)


def output_gradient(build, a):
    rows = _core.Rows(a["X"], a["Y"], None, a["weights"])
    _core.output_gradient(build.kernels, _kernels.ACTIVATIONS["tanh"], 0.0, 0, 0.0, a["Z"], rows)


def input_derivatives(build, a, **given):
    net = networks.bound(build.kernels, SIZES, ["tanh", "softmax"], a["params"], "log_loss")
    out = a["J"] if not given else a["out"] if "U" in given else a["dX"]
    _core.input_derivatives(net, a["X"], out, **given)


def jacobian(build, a):
    input_derivatives(build, a)


def vjp(build, a):
    input_derivatives(build, a, V=a["V"])


def jvp(build, a):
    input_derivatives(build, a, U=a["U"])


def input_gradient(build, a):
    input_derivatives(build, a, Y=a["Y"])


def input_gradient_of_classes(build, a):
    input_derivatives(build, a, classes=a["classes"])


FUNCTIONS = {
    predict: ("params", "X", "out"),
    gradient: ("params", "X", "Y", "weights", "grad"),
    gradient_of_classes: ("classes",),
    train: ("params", "X", "Y", "weights", "state", "step", "dropout", "order", "rates", "cost"),
    step: ("params", "state", "step", "grad"),
    output_gradient: ("Y", "weights", "Z"),
    jacobian: ("params", "X", "J"),
    vjp: ("params", "X", "V", "dX"),
    jvp: ("params", "X", "U", "out"),
    input_gradient: ("params", "X", "Y", "dX"),
    input_gradient_of_classes: ("X", "classes", "dX"),
}
WRITTEN = {"out", "grad", "state", "step", "cost", "Z", "J", "dX"}


#: Numbers that are read one by one may lie anywhere, and a state may have rows that no rule needs.
TAKEN = {*((name, "alignment") for name in ("dropout", "rates", "cost")), ("state", "longer")}


def refused(call, why):
    try:
        call()
    except (TypeError, ValueError):
        return
    pytest.fail(why)


def bits(arguments):
    return {name: value.tobytes() for name, value in arguments.items()}


@pytest.mark.parametrize(
    ("function", "name"), [(f, name) for f, names in FUNCTIONS.items() for name in names], ids=lambda v: str(v)[:24]
)
def test_what_is_not_just_as_the_kernels_take_it_is_refused(build, function, name):
    right = parts(build)
    function(build, right)
    right = parts(build)
    before = bits(right)
    for why, wrong in not_taken(right[name]):
        if (name, why) in TAKEN:
            continue
        untouched = wrong.tobytes() if isinstance(wrong, np.ndarray) else None
        refused(lambda wrong=wrong: function(build, right | {name: wrong}), why)
        assert bits(right) == before, why
        assert untouched is None or wrong.tobytes() == untouched
    if name in WRITTEN or (name == "params" and function in (train, step)):
        right[name].flags.writeable = False
        with pytest.raises(ValueError, match=r"read-only|writeable"):
            function(build, right)
        right[name].flags.writeable = True
        assert bits(right) == before


def test_fewer_rows_and_columns(build):
    for function, names in FUNCTIONS.items():
        for name in names:
            right = parts(build)
            for axis in range(right[name].ndim):
                less = np.ascontiguousarray(np.delete(right[name], 0, axis))
                before = bits(right)
                refused(
                    lambda function=function, right=right | {name: less}: function(build, right),
                    f"{function.__name__} {name} {axis}",
                )
                assert bits(right) == before


@pytest.mark.parametrize(
    ("sizes", "n_params"),
    [
        ((), 0),
        ((3,), 0),
        ((3, 0), 0),
        ((0, 2), 2),
        ((-1, 3), 0),
        ((3, -2, 2, 5), 5),
        ((3, -2, -10), 2),
        ((1, 2**62, 2), 2),  # 2 in the arithmetic of 64 bits
        ((2**62, 4), 4),
        ((3, 2), 7),
        ((3, 2), 9),
    ],
)
def test_sizes(build, sizes, n_params):
    params, codes = np.zeros(n_params, build.dtype), np.zeros(max(0, len(sizes) - 1), np.intc)
    with pytest.raises(ValueError, match=r"sizes|params"):
        _core.Network(build.kernels, params, np.array(sizes, np.intp), codes, 0.1, 0, 0.0)
    with pytest.raises(ValueError, match="sizes"):
        _core.Network(build.kernels, np.zeros(P, build.dtype), np.array(SIZES, np.intp), codes[:1], 0.1, 0, 0.0)


@pytest.mark.parametrize("optimizer", networks.rules(), ids=str)
def test_a_state_with_fewer_rows_than_the_rule_needs(build, optimizer):
    needed = len(optimizer.state(P, build.dtype))
    for rows in range(needed + 1):
        a = parts(build) | {"state": np.zeros((rows, P), build.dtype), "hyper": optimizer.hyper_parameters()}
        before = bits(a)
        net = networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"])
        rule = _core.Rule(optimizer.code, a["hyper"], a["state"], a["step"])
        data = _core.Rows(a["X"], a["Y"], None, None)
        for go in (
            lambda net=net, rule=rule, a=a: _core.step(net, rule, a["grad"], 1.0),
            lambda net=net, rule=rule, a=a, data=data: _core.train(
                net, data, rule, _core.Run(M), None, a["rates"], a["cost"]
            ),
        ):
            if rows < needed:
                with pytest.raises(ValueError, match="state has fewer rows"):
                    go()
                assert bits(a) == before
            else:
                go()


def test_numbers_out_of_range(build):
    a = parts(build)
    with pytest.raises(ValueError, match="at most 8 numbers"):
        _core.Rule(0, np.zeros(9), a["state"], a["step"])
    with pytest.raises(ValueError, match="one step"):
        _core.Rule(0, a["hyper"], a["state"], np.zeros(2, np.int64))
    for size in (0, -1):
        with pytest.raises(ValueError, match="at least one row"):
            _core.Run(size)
    for value in (2**63, "5"):
        with pytest.raises((OverflowError, TypeError)):
            _core.Run(value)
    with pytest.raises(ValueError, match="either Y or classes"):
        _core.Rows(a["X"], a["Y"], a["classes"], None)
    net = networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"])
    with pytest.raises(ValueError, match="either Y or classes"):
        _core.gradient(net, _core.Rows(a["X"]), None)
    with pytest.raises(ValueError, match="Z must go with the rows"):
        _core.output_gradient(
            build.kernels, 0, 0.0, 0, 0.0, np.zeros((M, 0), build.dtype), _core.Rows(a["X"], None, a["classes"], None)
        )


@pytest.mark.parametrize("n_threads", [0, -1, -(2**31), 2**31 - 1])
def test_any_number_of_threads_is_at_least_one(build, n_threads):
    results = []
    for n in (1, n_threads):
        a = parts(build)
        net = networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"])
        rows = _core.Rows(a["X"], a["Y"], None, a["weights"])
        _core.predict(net, a["X"], a["out"], n)
        _core.gradient(net, rows, a["grad"], n)
        J, g = net._plain_cost_and_grad(a["X"], a["Y"], n)
        _core.input_derivatives(net, a["X"], a["J"], n_threads=n)
        done = networks.train(net, rows, sn.Adam(), 2, M, n_threads=n)
        W, b = np.ones((300, 200), build.dtype), np.zeros(300, build.dtype)
        A = build.dense_forward(np.ones((10, 200), build.dtype), W, b, "tanh", n_threads=n)
        results.append((*bits(a).values(), J, g.tobytes(), *done.bits, A.tobytes()))
    assert results[0] == results[1]


def test_no_rows(build):
    a = parts(build)
    net = networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"])
    rows = _core.Rows(a["X"][:0], a["Y"][:0], None, a["weights"][:0])
    before = bits(a)
    _core.predict(net, a["X"][:0], a["out"][:0])
    assert _core.gradient(net, rows, a["grad"]) == (0, 0)
    assert _core.output_gradient(build.kernels, 0, 0.0, 0, 0.0, a["Z"][:0], rows) == 0
    assert net._plain_cost_and_grad(a["X"][:0], a["Y"][:0], 1) is None
    _core.input_derivatives(net, a["X"][:0], a["J"][:0])
    _core.input_derivatives(net, a["X"][:0], a["dX"][:0], Y=a["Y"][:0])
    rule = _core.Rule(sn.Adam.code, a["hyper"], a["state"], a["step"])
    _core.train(net, rows, rule, _core.Run(1), None, a["rates"], a["cost"])
    assert bits(a) == before


def test_a_network_that_has_not_been_initialised(build):
    a, net = parts(build), _core.Network.__new__(_core.Network)
    rows, rule = _core.Rows(a["X"], a["Y"], None, None), _core.Rule(0, a["hyper"], a["state"], a["step"])
    before = bits(a)
    for call in (
        lambda: _core.predict(net, a["X"], a["out"]),
        lambda: _core.gradient(net, rows, a["grad"]),
        lambda: _core.train(net, rows, rule, _core.Run(M), None, a["rates"], a["cost"]),
        lambda: _core.step(net, rule, a["grad"], 1.0),
        lambda: _core.input_derivatives(net, a["X"], a["J"]),
        lambda: _core.input_derivatives(net, a["X"], a["dX"], Y=a["Y"]),
    ):
        with pytest.raises(TypeError, match="has not been initialised"):
            call()
    with pytest.raises((AttributeError, TypeError)):
        net(a["X"][0])
    assert net._plain_cost_and_grad(a["X"], a["Y"], 1) is None
    assert bits(a) == before


def test_a_network_of_the_other_dtype(build):
    a, twin = parts(build), parts(type(build)(build.level, other(build.dtype).name))
    net = networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"])
    rows = _core.Rows(twin["X"], twin["Y"], None, None)
    for call in (
        lambda: _core.gradient(net, rows, None),
        lambda: _core.output_gradient(build.kernels, 0, 0.0, 0, 0.0, a["Z"], rows),
        lambda: _core.train(
            net, _core.Rows(a["X"], a["Y"], None, None), _core.Rule(0, a["hyper"], twin["state"], a["step"]),
            _core.Run(M), None, a["rates"], a["cost"],
        ),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"dtype|must (go|be)"):
            call()
    for call in (
        lambda: networks.bound(build.kernels, SIZES, ["tanh", "identity"], twin["params"]),
        lambda: _core.input_derivatives(net, twin["X"], twin["J"]),
        lambda: _core.input_derivatives(net, twin["X"], twin["dX"], Y=twin["Y"]),
    ):
        with pytest.raises(ValueError, match="take C-contiguous arrays"):
            call()


@pytest.mark.parametrize("given", ["VU", "VY", "UY"])
def test_one_derivative_at_a_time(build, given):
    a = parts(build)
    net, before = networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"]), bits(a)
    with pytest.raises(ValueError, match="exclude each other"):
        _core.input_derivatives(net, a["X"], a["dX"], **{name: a[name] for name in given})
    for given in ({}, {"U": a["U"]}):
        with pytest.raises(ValueError, match=r"out must fit|in \d dimensions"):
            _core.input_derivatives(net, a["X"], a["dX"], **given)
    assert bits(a) == before


def test_what_is_kept_cannot_be_taken_away(build):
    """Buffers whose owner could resize them are held, not only their owner."""
    a, numbers = parts(build), {"q": array.array("q", [0] * M), "d": array.array("d", [0.5])}
    counter = array.array("q", [0])
    kept = [
        _core.Rows(a["X"], None, numbers["q"], None),
        _core.Run(M, numbers["d"]),
        _core.Rule(sn.Adam.code, a["hyper"], a["state"], counter),
    ]
    for buffer in (*numbers.values(), counter):
        with pytest.raises(BufferError):
            buffer.extend(buffer)
    for matrix in (a["X"], a["state"]):
        with pytest.raises(ValueError, match="resize"):
            matrix.resize(10**6)
    del kept


def test_capsules():
    # NumPy's own table of functions is a capsule without that name.
    stranger = np._core._multiarray_umath._ARRAY_API
    right = _kernels.load(_kernels.available[0], "float64").capsule
    arrays = np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 2)), np.ones((2, 2))
    outputs = np.ones((2, 3)), np.ones(2), None
    for capsule in (stranger, None, 5):
        for make in (
            lambda capsule=capsule: _core.Kernels(capsule),
            lambda capsule=capsule: _layer.DenseForward(capsule, right, {}, None, None),
            lambda capsule=capsule: _layer.dense_backward(capsule, arrays, outputs, 0, 0.0, 1),
        ):
            with pytest.raises(ValueError, match="called with"):
                make()
    with pytest.raises(ValueError, match=r"for 4-byte elements is needed, got one of version \d for 8 bytes"):
        _layer.DenseForward(right, right, {}, None, None)


def test_a_layer_of_arrays_that_do_not_go_together(build):
    dtype = build.dtype
    shapes = {"X": (5, 3), "W": (4, 3), "dA": (5, 4), "kept": (5, 4), "dW": (4, 3), "db": (4,), "dX": (5, 3)}
    right = {name: np.ones(shape, dtype) for name, shape in shapes.items()}

    def backward(X, W, dA, kept, dW, db, dX):
        build.dense_backward(X, W, dA, kept, "tanh", (dW, db, dX))

    before = bits(right)
    for name, value in right.items():
        for why, wrong in not_taken(value):
            refused(lambda arrays=right | {name: wrong}: backward(**arrays), f"{name} {why}")
        for axis in range(value.ndim):
            with pytest.raises(ValueError, match="shapes"):
                backward(**right | {name: np.ascontiguousarray(np.delete(value, 0, axis))})
    assert bits(right) == before
    backward(**right)
    # What the compiled check does not take goes to the package's, which this object does not have.
    layer = _layer.DenseForward.__new__(_layer.DenseForward)
    with pytest.raises((AttributeError, TypeError)):
        layer(right["X"], right["W"], right["db"], "tanh", None, 0.0)
    for name in ("X", "W", "db"):
        for why, wrong in not_taken(right[name]):
            if (name, why) != ("X", "longer"):
                arrays = [(right | {name: wrong})[n] for n in ("X", "W", "db")]
                refused(lambda arrays=arrays: build.dense_forward(*arrays, "tanh"), f"{name} {why}")


def test_rows_that_lie_upon_each_other_are_refused(build):
    a = parts(build)
    with pytest.raises(ValueError, match="C-contiguous"):
        _core.Rows(as_strided(a["X"], (M, 3), (0, build.dtype.itemsize)), a["Y"], None, None)


def test_parameters_rounded_after_each_step(build):
    """Steps of a training are those of one-step trainings whose parameters are rounded by NumPy."""
    for penalties in ({}, {"l2": 0.1}, {"l2": 0.1, "l1": 0.01}):
        trained = []
        for rounded in (True, False):
            a = parts(build)
            net = networks.bound(build.kernels, SIZES, ["tanh", "identity"], a["params"])
            rule = _core.Rule(sn.Adam.code, a["hyper"], a["state"], a["step"], **penalties)
            rows = _core.Rows(a["X"], a["Y"], None, a["weights"])
            for _ in range(1 if rounded else 2):
                n = 2 if rounded else 1
                _core.train(net, rows, rule, _core.Run(M, rounded=rounded), None, a["rates"][:n], a["cost"][:n])
                if not rounded:
                    a["params"][:] = a["params"].astype(np.float32)
            trained.append((a["params"].tobytes(), a["state"].tobytes()))
        assert trained[0] == trained[1]
