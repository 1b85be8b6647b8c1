"""What the course notes say of shallow networks holds for the package."""

import re
from pathlib import Path

import numpy as np
import pytest
import tolerances

import shallownet_c as sn
from shallownet_c.reference import loop, vectorized

ROOT = Path(__file__).parent.parent
NOTES = (ROOT / "docs/notes.md").read_text(encoding="utf-8")
NUMBERS = [f"3.{n}" for n in (*range(1, 7), *range(10, 18))]  # those of the notes; 3.7 to 3.9 are not among them


def accuracy(net, X, y):
    return float(((net(X)[:, 0] > 0.5) == y).mean())


def test_logistic_unit():
    # formulas 3.1 and 3.2: z = wᵀ x + b, a = σ(z)
    net = sn.MLP([3, 1], output="sigmoid")
    net.weights[0][...] = [[0.5, -1.0, 2.0]]
    net.biases[0][...] = 0.25
    z = 0.5 * 1 - 1.0 * 2 + 2.0 * 3 + 0.25
    a = 1 / (1 + np.exp(-z))
    assert net([1.0, 2.0, 3.0])[0] == pytest.approx(a, rel=4 * np.finfo(float).eps)
    assert net.cost([[1.0, 2.0, 3.0]], [1]) == pytest.approx(-np.log(a), rel=1e-14)


def test_logistic_regression_needs_no_random_start():
    # section "random initialisation": zeros are fine without a hidden layer
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    y = X @ [2.0, -1.0] > 0.3
    net = sn.MLP([2, 1], output="sigmoid", init="zeros")
    net.fit(X, y, optimizer=sn.SGD(1.0), epochs=500)
    assert accuracy(net, X, y) > 0.97


def test_shapes_of_parameters():
    net = sn.MLP([3, 4, 1], output="sigmoid", init=0.01, seed=0)
    assert [W.shape for W in net.weights] == [(4, 3), (1, 4)]
    assert [b.shape for b in net.biases] == [(4,), (1,)]
    assert not np.concatenate(net.biases).any()
    assert 0 < np.abs(net.weights[0]).max() < 0.06
    # the views are the flat vector: W[1] row by row, b[1], W[2], b[2]
    net.params[:] = np.arange(net.n_params)
    np.testing.assert_array_equal(net.weights[0], np.arange(12).reshape(4, 3))
    np.testing.assert_array_equal(net.biases[0], [12, 13, 14, 15])
    np.testing.assert_array_equal(net.weights[1], [[16, 17, 18, 19]])
    np.testing.assert_array_equal(net.biases[1], [20])


def test_vectorised_equals_a_loop_over_samples():
    # formula 3.15
    net = sn.MLP([5, 7, 2], activation="tanh", seed=1)
    X = np.random.default_rng(0).standard_normal((50, 5))
    together = net(X)
    for x, a in zip(X, together, strict=True):
        np.testing.assert_allclose(net(x), a, atol=tolerances.network(np.float64, net.layer_sizes))


def test_identity_hidden_layers_are_one_linear_model():
    # section "why non-linear": W[2] (W[1] x + b[1]) + b[2] = W' x + b'
    net = sn.MLP([4, 9, 6, 2], activation="identity", seed=1)
    rng = np.random.default_rng(0)
    for b in net.biases:
        b[...] = rng.standard_normal(b.shape)
    W, b = np.eye(4), np.zeros(4)
    for W_l, b_l in zip(net.weights, net.biases, strict=True):
        W, b = W_l @ W, W_l @ b + b_l
    X = rng.standard_normal((30, 4))
    np.testing.assert_allclose(net(X), X @ W.T + b, atol=10 * tolerances.network(np.float64, net.layer_sizes))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zero_start_never_breaks_the_symmetry(dtype):
    # section "random initialisation": sigmoid units move where the classes are unbalanced, all alike
    X, y = sn.datasets.make_flower(400, seed=1)
    X, y = X[:300], y[:300]
    net = sn.MLP([2, 4, 1], activation="sigmoid", output="sigmoid", init="zeros", dtype=dtype)
    net.fit(X, y, optimizer=sn.SGD(1.2), epochs=500)
    W = net.weights[0]
    assert np.abs(W).max() > 0
    np.testing.assert_array_equal(W, np.broadcast_to(W[0], W.shape))
    np.testing.assert_array_equal(net.biases[0], np.full(4, net.biases[0][0]))
    assert len(np.unique(net.weights[1])) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_what_moves_from_zeros(activation, balanced, dtype):
    # section "random initialisation": nothing where as many targets are 0 as 1; elsewhere b[2] alone where g(0) = 0,
    # and with sigmoid units first the output layer, then all
    X, y = sn.datasets.make_flower(400, seed=1)
    if not balanced:
        y = y * (X[:, 0] > 0)
    net = sn.MLP([2, 4, 1], activation=activation, output="sigmoid", init="zeros", dtype=dtype)
    moved = []
    for _ in range(200):
        net.params[:] -= 1.2 * net.cost_and_grad(X, y)[1]
        moved.append([bool(values.any()) for pair in zip(net.weights, net.biases, strict=True) for values in pair])
    if balanced:
        assert not np.any(moved)
    elif activation == "sigmoid":
        assert moved[0] == [False, False, True, True]
        assert moved[1] == [True, True, True, True]
    else:
        assert moved == 200 * [[False, False, False, True]]
        np.testing.assert_allclose(net(X), y.mean(), rtol=1e-6)


def test_random_start_breaks_the_symmetry():
    X, y = sn.datasets.make_flower(400, seed=1)
    net = sn.MLP([2, 4, 1], activation="sigmoid", output="sigmoid", init=0.01, seed=0)
    net.fit(X, y, optimizer=sn.SGD(1.2), epochs=500)
    W = net.weights[0]
    for j in range(4):
        for k in range(j):
            assert np.abs(W[j] - W[k]).max() > 1e-3


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_large_start_saturates_and_slows_descent(activation):
    # section "random initialisation": large weights put tanh and sigmoid on their flat ends
    X, y = sn.datasets.make_flower(400, seed=1)
    slopes, progress = {}, {}
    for scale in (0.5, 100.0):
        net = sn.MLP([2, 4, 1], activation=activation, output="sigmoid", init=scale, seed=3)
        net.weights[1][...] = [[0.5, -0.5, 0.5, -0.5]]  # the same output layer, so that only W[1] differs
        A = net.layer_outputs(X)[1]
        slopes[scale] = np.median(1 - A**2 if activation == "tanh" else A * (1 - A))
        moved = net.weights[0].copy()
        net.fit(X, y, optimizer=sn.SGD(0.1), epochs=20)
        progress[scale] = np.abs(net.weights[0] - moved).max()
    assert slopes[100.0] < 1e-3 * slopes[0.5]
    assert progress[100.0] < 0.5 * progress[0.5]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_flower_needs_a_hidden_layer(seed):
    X, y = sn.datasets.make_flower(400, seed=1)
    linear = sn.MLP([2, 1], output="sigmoid", init=0.01, seed=seed)
    linear.fit(X, y, optimizer=sn.SGD(1.2), epochs=5000)
    assert accuracy(linear, X, y) < 0.65
    identity = sn.MLP([2, 4, 1], activation="identity", output="sigmoid", init=0.01, seed=seed)
    identity.fit(X, y, optimizer=sn.SGD(0.1), epochs=5000)
    assert accuracy(identity, X, y) < 0.65
    tanh = sn.MLP([2, 4, 1], activation="tanh", output="sigmoid", init=0.01, seed=seed)
    tanh.fit(X, y, optimizer=sn.SGD(1.2), epochs=10_000)
    assert accuracy(tanh, X, y) >= 0.88


def test_identity_output_for_regression():
    x = np.linspace(-2, 2, 200)[:, np.newaxis]
    net = sn.MLP([1, 16, 1], activation="tanh", seed=0)
    assert net.loss == "squared_error"
    assert net.activations == ("tanh", "identity")
    net.fit(x, np.sin(2 * x), optimizer=sn.Adam(0.02), epochs=2000)
    assert np.abs(net(x) - np.sin(2 * x)).max() < 0.05


def test_a_different_activation_for_each_layer_on_a_dev_set():
    # section "activation functions": not sure which? try them all on a dev set
    X, y = sn.datasets.load_digits()
    X = X / 16
    scores = {}
    for name in ("sigmoid", "tanh", "relu", "leaky_relu"):
        net = sn.MLP([64, 30, 20, 10], activation=[name, "tanh"], output="softmax", seed=0)
        assert net.activations == (name, "tanh", "softmax")
        net.fit(X[:1400], y[:1400], batch_size=100, epochs=60, seed=0)
        scores[name] = (net(X[1400:]).argmax(axis=1) == y[1400:]).mean()
    assert min(scores.values()) > 0.85, scores


def test_citations():
    # every formula and section that is cited is in the table of docs/notes.md, which has the notes' own numbers
    rows = re.findall(r"^\| (3\.\d+|–) \| ([^|]+) \|", NOTES, flags=re.MULTILINE)
    assert [number for number, _ in rows if number != "–"] == NUMBERS
    assert set(re.findall(r"\b3\.\d+", NOTES)) == set(NUMBERS)
    sections = {section for _, section in rows}
    files = list(ROOT.glob("*.md"))
    for folder in ("shallownet_c", "src", "tests", "docs"):
        files += [path for path in (ROOT / folder).rglob("*") if re.fullmatch(r"\.(md|py[ix]?|px[di]|h)", path.suffix)]
    cited = []
    for path in files:
        text = " ".join(path.read_text(encoding="utf-8").split())
        for citation in re.findall(r"[Ff]ormulas?((?: 3\.\d+|,| and| to)+)", text):
            cited += re.findall(r"3\.\d+", citation)
        assert not re.search(r"[Ss]ections? \d", text), path
        assert sections.issuperset(re.findall(r'[Ss]ection "([^"(]+)"', text)), path
    assert cited
    assert set(cited) <= set(NUMBERS)


def test_names_of_the_table_exist():
    net = sn.MLP([3, 4, 1])
    names = re.findall(r"`((?:sn|net|loop|vectorized)\.[\w.]+)", NOTES)
    assert len(names) > 20
    for name in names:
        first, *attributes = name.split(".")
        thing = {"sn": sn, "net": net, "loop": loop, "vectorized": vectorized}[first]
        for attribute in attributes:
            thing = getattr(thing, attribute)
