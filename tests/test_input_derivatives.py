"""Derivatives with respect to inputs: against the reference, central differences and PyTorch, and what they refuse."""

import itertools
import signal
import subprocess
import sys
import textwrap
import threading

import networks
import numpy as np
import pytest
import tolerances

import shallownet_c as sn
from shallownet_c import _core
from shallownet_c.reference import vectorized
from shallownet_c.reference._activations import ACTIVATIONS

STEP = 1e-5
#: One layer, one input, one output; more outputs than inputs and the other way round, which make J by columns and by
#: rows; so many rows or columns of J that they are gathered in parts, the last one smaller; layers that are wide.
SIZES = [
    (1, 1), (3, 2), (40, 7), (1, 5, 1), (5, 3, 1), (2, 6, 5, 3), (3, 6, 5, 2), (1, 17, 33), (40, 60, 30, 20),
    (33, 20, 40), (5, 9, 400), (3, 40, 1500), (300, 250, 4), (4, 250, 300),
]  # fmt: skip


def reference(case):
    """J (m, n_L, n_0) of the case, from right to left, in float64."""
    Z, A = case.forward()
    J = None
    for W, z, a, name in zip(case.W, Z, A[1:], case.activations, strict=True):
        J = W[np.newaxis] if J is None else W @ J
        if ACTIVATIONS[name].elementwise:
            J = vectorized.derivative(z, name, networks.LEAK)[:, :, np.newaxis] * J
        else:
            J = a[:, :, np.newaxis] * (J - a[:, np.newaxis] @ J)
    return J


def loss_reference(case, which=None):
    """dL/dx of each sample, or of some: what back propagation gives for db[1] of that sample alone, times W[1]."""
    rows = []
    for i in range(case.m) if which is None else which:
        one = case.part(slice(i, i + 1))
        Z, A = one.forward()
        _, db = vectorized.backward(Z, A, one.W, one.Y, one.activations, one.loss, networks.LEAK)
        rows.append(db[0] @ case.W[0])
    return np.array(rows)


def difference(function, case):
    """d function(x) / dx of each sample by central differences, as a last axis."""
    columns = []
    for k in range(case.sizes[0]):
        sides = []
        for step in (STEP, -STEP):
            X = case.X.copy()
            X[:, k] += step
            moved = networks.Case(*[X if value is case.X else value for value in vars(case).values()])
            sides.append(function(moved))
        columns.append((sides[0] - sides[1]) / (2 * STEP))
    return np.stack(columns, axis=-1)


def losses(case):
    parts = [case.part(slice(i, i + 1)) for i in range(case.m)]
    return np.array([vectorized.cost(p.forward()[1][-1], p.Y, p.loss, p.activations[-1]) for p in parts])


def directions(case):
    rng = np.random.default_rng(1)
    return tuple(rng.standard_normal((case.m, n)).astype(case.dtype) for n in (case.sizes[-1], case.sizes[0]))


def derivatives(case, build, n_threads=1):
    """J, V^T J, J U and the loss's gradient of the case, by the build."""
    net, X, (V, U) = case.network(build.kernels), case.X.astype(case.dtype), directions(case)
    m, n_0, n = case.m, case.sizes[0], case.sizes[-1]
    arguments = {"J": {}, "V": {"V": V}, "U": {"U": U}, "Y": {"Y": case.Y.astype(case.dtype)}}
    shapes = {"J": (m, n, n_0), "V": (m, n_0), "U": (m, n), "Y": (m, n_0)}
    results = []
    for name, given in arguments.items():
        out = np.full(shapes[name], 7, case.dtype)
        _core.input_derivatives(net, X, out, **given, n_threads=n_threads)
        results.append(out)
    return results


@pytest.mark.parametrize("pair", networks.PAIRS, ids="-".join)
@pytest.mark.parametrize("sizes", [(3, 2), (2, 7, 5, 3), (3, 7, 5, 2)], ids=str)
def test_the_references_against_central_differences(sizes, pair):
    for name in networks.HIDDEN if len(sizes) > 2 else [""]:
        case = networks.make(sizes, [name] * (len(sizes) - 2), pair, 4, np.dtype(float))
        networks.close(reference(case), difference(lambda c: c.forward()[1][-1], case), tolerances.CENTRAL_DIFFERENCE)
        networks.close(loss_reference(case), difference(losses, case), tolerances.CENTRAL_DIFFERENCE)


@pytest.mark.parametrize("pair", networks.PAIRS, ids="-".join)
@pytest.mark.parametrize("sizes", [(2, 7, 5, 3), (3, 7, 5, 2)], ids=str)
def test_every_activation_output_and_loss(build, sizes, pair):
    same = [(name, name) for name in networks.HIDDEN] if pair == networks.PAIRS[0] else []
    for names in [*same, ("gelu", "tanh"), ("sigmoid", "mish")]:
        case = networks.make(sizes, list(names), pair, 21, build.dtype)
        J, of_V, of_U, of_loss = derivatives(case, build)
        (V, U), tolerance = directions(case), tolerances.network(build.dtype, sizes)
        expected = reference(case)
        networks.close(J, expected, tolerance)
        networks.close(of_V, np.einsum("ij,ijk->ik", V, expected), tolerance)
        networks.close(of_U, np.einsum("ik,ijk->ij", U, expected), tolerance)
        some = sorted({0, case.m // 2, case.m - 1})
        networks.close(of_loss[some], loss_reference(case, some), tolerance)


@pytest.mark.parametrize("output", ["identity", "softmax", "gelu"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_sizes_and_numbers_of_rows(build, sizes, output):
    if output == "softmax" and sizes[-1] == 1:
        output = "sigmoid"
    lanes = build.kernels.lanes
    hidden = list(itertools.islice(itertools.cycle(["tanh", "gelu"]), len(sizes) - 2))
    pair = next(pair for pair in networks.PAIRS if pair[0] == output)
    for m in (1, lanes - 1, lanes, 2 * lanes + 1, 5 * lanes + 3, 141, 530) if max(sizes) < 100 else (1, 70):
        case = networks.make(sizes, hidden, pair, m, build.dtype)
        J, of_V, of_U, of_loss = derivatives(case, build)
        (V, U), tolerance = directions(case), tolerances.network(build.dtype, sizes)
        expected = reference(case)
        networks.close(J, expected, tolerance)
        networks.close(of_V, np.einsum("ij,ijk->ik", V, expected), tolerance)
        networks.close(of_U, np.einsum("ik,ijk->ij", U, expected), tolerance)
        some = sorted({0, case.m // 2, case.m - 1})
        networks.close(of_loss[some], loss_reference(case, some), tolerance)


#: Enough work for several threads: few seeds and many rows, J by rows and by columns, a wide layer, a softmax.
WORK = [
    ((30, 64, 64, 1), ["tanh", "gelu"], "identity", 3001),
    ((3, 40, 30, 50), ["tanh", "relu"], "softmax", 2003),
    ((50, 40, 30, 3), ["tanh", "relu"], "softmax", 2003),
    ((250, 300, 7), ["mish"], "sigmoid", 203),
]


@pytest.mark.parametrize(("sizes", "hidden", "output", "m"), WORK, ids=str)
def test_any_number_of_threads(build, sizes, hidden, output, m):
    pair = next(pair for pair in networks.PAIRS if pair[0] == output)
    case = networks.make(sizes, hidden, pair, m, build.dtype)
    teams = build.kernels.records[:, build.kernels.record_fields.index("size")]
    results = set()
    for n_threads in (1, 2, 3, 7):
        build.kernels.records[:] = 0  # a team begins
        results.add(tuple(out.tobytes() for out in derivatives(case, build, n_threads)))
        assert max(teams) <= n_threads
        assert n_threads == 1 or max(teams) > 1
    assert len(results) == 1


def test_rows_of_the_jacobian_are_products_with_unit_vectors():
    rng = np.random.default_rng(0)
    for sizes, output in (([6, 9, 4], "softmax"), ([2, 9, 7, 4], "softmax"), ([6, 9, 4], "silu"), ([2, 9, 4], "elu")):
        net = sn.MLP(sizes, "mish", output, seed=0)
        X, V, U = (rng.standard_normal((50, n)) for n in (sizes[0], sizes[-1], sizes[0]))
        J, tolerance = net.jacobian(X), tolerances.network(float, tuple(sizes))
        for j, unit in enumerate(np.eye(sizes[-1])):
            networks.close(net.vjp(X, np.tile(unit, (50, 1))), J[:, j], tolerance)
        for k, unit in enumerate(np.eye(sizes[0])):
            networks.close(net.jvp(X, np.tile(unit, (50, 1))), J[:, :, k], tolerance)
        networks.close((V * net.jvp(X, U)).sum(axis=1), (net.vjp(X, V) * U).sum(axis=1), tolerance)


def calls(net, X, Y, V, U):
    return {
        "jacobian": lambda X: net.jacobian(X),
        "vjp": lambda X: net.vjp(X, V),
        "jvp": lambda X: net.jvp(X, U),
        "input_gradient": lambda X: net.input_gradient(X, Y),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [None, "tanh", "relu", "gelu"])
@pytest.mark.parametrize("output", ["identity", "relu", "sigmoid", "softmax"])
def test_no_number_in_a_row_gives_none_in_that_row_and_changes_no_other(output, hidden, dtype):
    sizes, rng = ([3, 2] if hidden is None else [3, 8, 8, 2]), np.random.default_rng(0)
    net = sn.MLP(sizes, hidden or "tanh", output, dtype=dtype, seed=0)
    X, V, U = (rng.standard_normal((203, n)).astype(dtype) for n in (3, 2, 3))
    Y = np.eye(2)[rng.integers(0, 2, 203)]
    bad = [0, 17, 100, 202]
    spoilt = X.copy()
    spoilt[bad, [0, 1, 2, 0]] = np.nan
    good = np.setdiff1d(np.arange(203), bad)
    for name, call in calls(net, X, Y, V, U).items():
        result, whole = call(spoilt), call(X)
        assert np.isnan(result[bad]).all(), name
        assert np.isfinite(whole).all(), name
        np.testing.assert_array_equal(result[good], whole[good])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss_is_accurate_where_the_output_saturates(dtype):
    """dZ = a - y, where l'(a) g'(z) would be infinity times 0."""
    net = sn.MLP([1, 1], output="sigmoid", dtype=dtype)
    net.params[:] = [2, 0]
    X, Y = np.array([[1000.0], [-1000.0], [1000.0], [-1000.0]]), [0, 1, 1, 0]
    np.testing.assert_array_equal(net.input_gradient(X, Y), [[2], [-2], [0], [0]])
    net = sn.MLP([1, 2], output="softmax", dtype=dtype)
    net.params[:] = [1, -1, 0, 0]
    np.testing.assert_array_equal(net.input_gradient(X, Y), [[0], [0], [2], [-2]])


def network(output="softmax", n_out=3, **more):
    return sn.MLP([4, 6, n_out], "tanh", output, seed=0, **more)


RNG = np.random.default_rng(0)
X, V, U = (RNG.standard_normal((7, n)) for n in (4, 3, 4))
CLASSES = RNG.integers(0, 3, 7)


def test_shapes_of_rows_and_of_one_sample():
    net = network()
    for name, call in calls(net, X, CLASSES, V, U).items():
        shape = {"jacobian": (7, 3, 4), "jvp": (7, 3)}.get(name, (7, 4))
        rows = call(X)
        assert (rows.shape, rows.dtype) == (shape, np.float64)
        assert rows.flags.writeable
        one = calls(net, X[2], CLASSES[2], V[2], U[2])[name](X[2])
        assert one.shape == shape[1:]
        np.testing.assert_array_equal(one, rows[2])
        none = calls(net, X[:0], CLASSES[:0], V[:0], U[:0])[name](X[:0])
        assert (none.shape, none.dtype) == ((0, *shape[1:]), np.float64)


def test_targets_are_those_of_cost():
    net = network()
    by_class = net.input_gradient(X, CLASSES)
    np.testing.assert_array_equal(net.input_gradient(X, np.eye(3)[CLASSES]), by_class)
    np.testing.assert_array_equal(net.input_gradient(X.tolist(), CLASSES.tolist()), by_class)
    np.testing.assert_array_equal(net.input_gradient(X[0], np.eye(3)[CLASSES[0]]), by_class[0])
    np.testing.assert_array_equal(net.input_gradient(X[0], int(CLASSES[0])), by_class[0])
    net = network("sigmoid", 1)
    y = CLASSES > 0
    np.testing.assert_array_equal(net.input_gradient(X, y), net.input_gradient(X, y[:, np.newaxis]))
    np.testing.assert_array_equal(net.input_gradient(X[0], y[0]), net.input_gradient(X, y)[0])
    np.testing.assert_array_equal(net.input_gradient(X[0], [y[0]]), net.input_gradient(X, y)[0])


@pytest.mark.parametrize("empty", [np.zeros((0, 3)), np.zeros(0, np.int64)])
def test_targets_of_no_rows(empty):
    for m, net in ((0, network()), (1, network())):
        if m == 0:
            assert net.input_gradient(X[:0], empty).shape == (0, 4)
        else:
            with pytest.raises(ValueError, match="Y must have shape"):
                net.input_gradient(X[:1], empty)
    assert network("sigmoid").input_gradient(X[:0], np.zeros((0, 3))).shape == (0, 4)
    with pytest.raises(ValueError, match=r"Y must have shape \(0, 3\)"):
        network().input_gradient(X[:0], np.zeros((0, 2)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_is_modified_and_any_layout_is_taken(dtype):
    net = network(dtype=dtype)
    arrays = X.astype(dtype), np.eye(3, dtype=dtype)[CLASSES], V.astype(dtype), U.astype(dtype)
    before = [array.tobytes() for array in arrays], net.params.tobytes()
    results = {name: call(arrays[0]) for name, call in calls(net, *arrays).items()}
    for array in arrays:
        array.flags.writeable = False
    for name, call in calls(net, *arrays).items():
        np.testing.assert_array_equal(call(arrays[0]), results[name])
    assert ([array.tobytes() for array in arrays], net.params.tobytes()) == before
    strange = [np.asfortranarray(array)[:, ::-1][:, ::-1].astype(np.float64) for array in arrays]
    for name, call in calls(net, *strange).items():
        np.testing.assert_array_equal(call(strange[0]), results[name])


#: What is refused, with the whole message.
REFUSED = [
    (lambda n: n.jacobian(X[:, :3]), r"X must have shape \(m, 4\) or \(4,\), got \(7, 3\)"),
    (lambda n: n.vjp(X.T, V), r"X must have shape \(m, 4\) or \(4,\), got \(4, 7\); rows are samples: X.T"),
    (lambda n: n.jvp(X[np.newaxis], U), r"X must have shape \(m, 4\) or \(4,\), got \(1, 7, 4\)"),
    (lambda n: n.vjp(X, V[:6]), r"V must have shape \(7, 3\) to go with X, got \(6, 3\)"),
    (lambda n: n.vjp(X, V.T), r"V must have shape \(7, 3\) to go with X, got \(3, 7\); rows are samples: V.T"),
    (lambda n: n.vjp(X, V[0]), r"V must have shape \(7, 3\) to go with X, got \(3,\)"),
    (lambda n: n.vjp(X[0], V), r"V must have shape \(3,\) to go with X, got \(7, 3\)"),
    (lambda n: n.vjp(X[0], 1.0), r"V must have shape \(3,\) to go with X, got \(\)"),
    (lambda n: n.jvp(X, V), r"U must have shape \(7, 4\) to go with X, got \(7, 3\)"),
    (lambda n: n.jvp(X[0], U[:1]), r"U must have shape \(4,\) to go with X, got \(1, 4\)"),
    (lambda n: n.input_gradient(X, V[:6]), r"Y must have shape \(7, 3\) or \(7,\) to go with X, got \(6, 3\)"),
    (lambda n: n.input_gradient(X, V), r"Y must lie in \[0, 1\] for log_loss"),
    (lambda n: n.input_gradient(X, [0, 1, 2, 3, 0, 1, 2]), r"Y must hold classes 0 … 2, got 3 in row 3"),
    (
        lambda n: n.input_gradient(X[0], [1.0, 0.0]),
        r"Y must have shape \(3,\) or be a number .* of one .* got \(2,\)",
    ),
    (lambda n: n.input_gradient(X[0], np.eye(3)[:1]), r"Y must have shape \(3,\) or be a number .* got \(1, 3\)"),
    (
        lambda n: network("tanh").input_gradient(X[0], 1.0),
        r"Y must have shape \(3,\) to go with X of one .* got \(\)",
    ),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(network())


@pytest.mark.parametrize("name", "VU")
def test_directions_that_are_no_numbers(name):
    net = network()
    call = {"V": lambda V: net.vjp(X, V), "U": lambda U: net.jvp(X, U)}[name]
    for value in (X + 0j, X.astype(str), None, np.full((7, 4), None)):
        with pytest.raises(TypeError, match=f"{name} must be real numbers"):
            call(value)
    with pytest.raises(ValueError, match=f"{name} must have no masked elements"):
        call(np.ma.masked_less(X, 0))


def test_columns_of_a_table():
    pd = pytest.importorskip("pandas")
    net, table = network("tanh"), pd.DataFrame(X, columns=list("abcd"))
    net.fit(table, V / 9, epochs=1)
    for name, call in calls(net, X, V, V, table).items():
        np.testing.assert_array_equal(call(table), call(X), err_msg=name)
        with pytest.raises(ValueError, match="X must have the columns of the fit in their order"):
            call(table[list("abdc")])
    with pytest.raises(ValueError, match="U must have the columns of the fit in their order"):
        net.jvp(table, table[list("abdc")])
    np.testing.assert_array_equal(net.jacobian(table.iloc[3]), net.jacobian(X)[3])


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
@pytest.mark.parametrize("call", ["jacobian(X)", "vjp(X, Y)", "jvp(X, X)", "input_gradient(X, Y)"])
def test_memory_does_not_grow_with_the_rows(call):
    """Beyond the output less than 4 MB, where the activations of all rows would take 130."""
    code = f"""
    import numpy as np, shallownet_c as sn
    def resident(key):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))
    net = sn.MLP([3, 64, 64, 1], dtype="float32", seed=0)
    X, Y = np.full((250_000, 3), 0.5, np.float32), np.full((250_000, 1), 0.5, np.float32)
    def call(X, Y):
        return net.{call}
    call(X[:20_000], Y[:20_000])   # starts threads, loads what is loaded late
    before = resident("VmRSS")
    out = call(X, Y)
    print(resident("VmHWM") - before - out.nbytes)
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 4e6


def test_ctrl_c():
    """Seconds of work end before their last rows."""
    net = sn.MLP([100, 300, 300, 100], seed=0)
    rows, out = np.ones((20_000, 100)), np.zeros((20_000, 100, 100))
    blow = threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    blow.start()
    with pytest.raises(KeyboardInterrupt):
        _core.input_derivatives(net, rows, out)
    assert not out[-1].any()
    _core.input_derivatives(net, rows[:1], out[:1])
    assert out[0].all()


def test_two_threads_of_python_at_once():
    """The GIL is released, and calls share nothing."""
    net = sn.MLP([10, 50, 5], "tanh", "softmax", seed=0)
    rows = np.random.default_rng(0).standard_normal((2000, 10))
    expected, results = net.jacobian(rows).tobytes(), []

    def work():
        results.extend(net.jacobian(rows).tobytes() for _ in range(20))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 80
    assert set(results) == {expected}


def torch_network(torch, net):
    """The network as a function of PyTorch's, on one sample or several; None where PyTorch has no such activation."""
    f = torch.nn.functional
    functions = {
        "identity": lambda z: z, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu,
        "leaky_relu": lambda z: f.leaky_relu(z, net.leak), "silu": f.silu, "gelu": f.gelu,
        "gelu_tanh": lambda z: f.gelu(z, approximate="tanh"), "mish": f.mish, "softplus": f.softplus, "elu": f.elu,
        "selu": f.selu, "sin": torch.sin, "exp": torch.exp, "softmax": lambda z: torch.softmax(z, -1),
    }  # fmt: skip
    assert functions.keys() == ACTIVATIONS.keys()
    layers = [
        (torch.tensor(W), torch.tensor(b), functions[name])
        for W, b, name in zip(net.weights, net.biases, net.activations, strict=True)
    ]

    def forward(x):
        for W, b, g in layers:
            x = g(x @ W.T + b)
        return x

    return forward


#: PyTorch's forward mode compiles its own decompositions at first.
own_warning = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


@own_warning
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("n", [2, 6])
def test_against_torch(name, n):
    torch = pytest.importorskip("torch", reason="torch is not installed: it is in the extra test-all")
    hidden, output = (name, "identity") if ACTIVATIONS[name].hidden else ("tanh", name)
    net = sn.MLP([4, 8, 7, n], hidden, output, seed=0)
    forward, rng = torch_network(torch, net), np.random.default_rng(0)
    x, v, u = (rng.standard_normal((30, size)) for size in (4, n, 4))
    t, tv, tu = map(torch.tensor, (x, v, u))
    close = {"rtol": 1e-11, "atol": 1e-13}
    np.testing.assert_allclose(net.jacobian(x), torch.func.vmap(torch.func.jacrev(forward))(t), **close)
    np.testing.assert_allclose(net.vjp(x, v), torch.func.vjp(forward, t)[1](tv)[0], **close)
    np.testing.assert_allclose(net.jvp(x, u), torch.func.jvp(forward, (t,), (tu,))[1], **close)


def torch_losses(torch):
    """L(a, y) of one sample in PyTorch, by our names; log_loss by the output."""
    f = torch.nn.functional
    return {
        "squared_error": lambda a, y: 0.5 * ((a - y) ** 2).sum(),
        "absolute_error": lambda a, y: f.l1_loss(a, y, reduction="sum"),
        "huber": lambda a, y: f.huber_loss(a, y, reduction="sum", delta=1.0),
        "poisson": lambda a, y: f.poisson_nll_loss(a, y, reduction="sum", log_input=True),
        "log_cosh": lambda a, y: torch.log(torch.cosh(a - y)).sum(),
        "sigmoid": lambda a, y: f.binary_cross_entropy(a, y, reduction="sum"),
        "softmax": lambda a, y: -(y * torch.log(a)).sum(),
    }


@pytest.mark.parametrize(
    ("output", "loss"), [pair for pair in networks.PAIRS if pair[1] != "pinball" and pair != ("exp", "poisson")]
)
def test_gradients_of_losses_against_torch(output, loss):
    torch = pytest.importorskip("torch", reason="torch is not installed: it is in the extra test-all")
    net = sn.MLP([4, 8, 7, 3], "gelu", output, loss=loss, seed=0)
    forward, criterion = torch_network(torch, net), torch_losses(torch)[output if loss == "log_loss" else loss]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4))
    y = np.eye(3)[rng.integers(0, 3, 30)] if loss == "log_loss" else rng.random((30, 3))
    expected = torch.func.vmap(torch.func.grad(lambda x, y: criterion(forward(x), y)))(torch.tensor(x), torch.tensor(y))
    np.testing.assert_allclose(net.input_gradient(x, y), expected, rtol=1e-11, atol=1e-13)
