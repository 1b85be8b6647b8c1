"""A network that has learnt from a table takes other tables only with the same columns in the same order."""

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import shallownet_c as sn

pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
NAMES = ["height", "weight", "age"]
X = pd.DataFrame(RNG.standard_normal((40, 3)), columns=NAMES)
Y = RNG.random((40, 2))
TURNED = X[["weight", "height", "age"]]
ORDER = (
    "X must have the columns of the fit in their order, got 'weight' for 'height' in column 0: "
    "X[['height', 'weight', 'age']] has them in that order"
)


class Polars:
    """What is used of a table of polars."""

    def __init__(self, table):
        self.columns, self.shape, self.table = list(table.columns), table.shape, table

    def __array__(self, dtype=None, copy=None):
        return self.table.to_numpy()

    def __getitem__(self, key):
        raise KeyError(key)


def network(**changes):
    return sn.MLP([3, 4, 2], **{"output": "sigmoid", "seed": 0} | changes)


def fitted(table=X):
    net = network()
    net.fit(table, Y, epochs=2)
    return net


def uses(net, table, y=Y):
    """Every call that takes X and goes by the names that there are."""
    grad = np.zeros(net.n_params)
    return {
        "call": lambda: net(table),
        "predict": lambda: net.predict(table),
        "out": lambda: net.predict(table, np.empty((len(y), 2))),
        "classify": lambda: net.classify(table),
        "score": lambda: net.score(table, y),
        "score of chunks": lambda: net.score(lambda: [(table, y)]),
        "layer_outputs": lambda: net.layer_outputs(table),
        "jacobian": lambda: net.jacobian(table),
        "vjp": lambda: net.vjp(table, y),
        "jvp": lambda: net.jvp(table, table),
        "input_gradient": lambda: net.input_gradient(table, y),
        "layer_gradients": lambda: net.layer_gradients(table, y),
        "cost": lambda: net.cost(table, y),
        "cost_and_grad": lambda: net.cost_and_grad(table, y),
        "accumulate_grad": lambda: net.accumulate_grad(table, y, grad),
        "partial_fit": lambda: net.partial_fit(table, y),
        "check_gradient": lambda: sn.check_gradient(net, table, y),
    }


def refused(call, message, error=ValueError):
    with pytest.raises(error) as refusal:
        call()
    assert str(refusal.value) == message


@pytest.mark.parametrize("kind", [lambda table: table, Polars], ids=["pandas", "polars"])
@pytest.mark.parametrize("use", uses(network(), X))
def test_another_order(use, kind):
    net = fitted(kind(X))
    before = net.params.copy()
    refused(uses(net, kind(TURNED))[use], ORDER)
    assert (net.params == before).all()
    assert net.feature_names == tuple(NAMES)
    for other in (kind(X), X.to_numpy(), X.to_numpy().tolist(), X.set_axis([0, 1, 2], axis=1)):
        uses(net, other)[use]()
    assert net.feature_names == tuple(NAMES)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (X.rename(columns={"age": "Age"}), "lacks 'age' and has 'Age'"),
        (X[["height", "weight"]], "lacks 'age'"),
        (X.assign(id=1.0), "has 'id': X[['height', 'weight', 'age']] has them alone"),
        (
            X.assign(**dict.fromkeys("abcdefg", 0)),
            "has 'a', 'b', 'c', 'd', 'e' and 2 more: X[['height', 'weight', 'age']] has them alone",
        ),
        (X.set_axis(["x" * 10**6, "b", "c"], axis=1), None),
    ],
)
def test_other_columns(table, message):
    net = fitted()
    for call in (lambda: net(table), lambda: net.cost(table, Y), lambda: net.partial_fit(table, Y)):
        if message is not None:
            refused(call, f"X must have the columns of the fit, but it {message}")
        else:
            with pytest.raises(ValueError, match="columns of the fit") as refusal:
                call()
            assert len(str(refusal.value)) < 400


def test_one_row():
    net = fitted()
    expected = net(X.to_numpy()[5])
    np.testing.assert_array_equal(net(X.iloc[5]), expected)
    refused(lambda: net(TURNED.iloc[5]), ORDER)
    np.testing.assert_array_equal(net(pd.Series(X.to_numpy()[5])), expected)
    with pytest.raises(ValueError, match="shape"):
        net(pd.Series(np.zeros(4), list("abcd")))


def test_what_a_fit_keeps():
    net = network()
    assert net.feature_names is None
    for table in (X, TURNED):  # a new fit, new names
        net.fit(table, Y, epochs=1)
        assert net.feature_names == tuple(table.columns)
    net.partial_fit(X.to_numpy(), Y)
    assert net.feature_names == tuple(TURNED.columns)
    net.fit(X.to_numpy(), Y, epochs=1)
    assert net.feature_names is None
    net(X), net(TURNED)
    net.partial_fit(X, Y)
    assert net.feature_names == tuple(NAMES)
    with pytest.raises(AttributeError):
        net.feature_names = None


class Scaled(sn.MLP):
    """A network whose own fit does something with X first."""

    def fit(self, X, Y=None, **options):
        return super().fit(X / 2, Y, **options)


def test_partial_fit_of_a_subclass():
    net = Scaled([3, 4, 2], output="sigmoid", seed=0)
    net.partial_fit(X, Y)
    assert net.feature_names == tuple(NAMES)
    refused(lambda: net.partial_fit(TURNED, Y), ORDER)
    net.partial_fit(X.to_numpy(), Y)
    assert net.feature_names == tuple(NAMES)
    net.fit(TURNED, Y, epochs=1)
    assert net.feature_names == tuple(TURNED.columns)


def test_partial_fit_of_chunks():
    net = fitted()
    with pytest.raises(ValueError, match="in their order"):
        net.partial_fit(lambda: [(TURNED, Y)], None)
    net.partial_fit(lambda: [(X.to_numpy(), Y)], None)
    assert net.feature_names == tuple(NAMES)


@pytest.mark.parametrize(
    "columns", [[0, 1, 2], ["a", "b", 3], pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]), ["a", None, "b"]]
)
def test_columns_without_names(columns):
    net = fitted(X.set_axis(columns, axis=1))
    assert net.feature_names is None
    net(X)


def test_columns_that_have_one_name_twice():
    net = fitted(X.set_axis(["a", "b", "b"], axis=1))
    assert net.feature_names == ("a", "b", "b")
    net(X.set_axis(["a", "b", "b"], axis=1))
    with pytest.raises(ValueError, match="in their order"):
        net(X.set_axis(["b", "a", "b"], axis=1))
    with pytest.raises(ValueError, match="shape"):
        net(X.assign(d=1.0).set_axis(["a", "b", "b", "b"], axis=1))


def test_validation_data_have_the_columns_of_the_fit():
    net = fitted(TURNED)
    refused(lambda: net.fit(X, Y, epochs=1, validation_data=(TURNED, Y)), f"validation_data: {ORDER}")
    assert net.feature_names == tuple(TURNED.columns)
    net.fit(X, Y, epochs=1, validation_data=(X, Y))
    net.fit(X, Y, epochs=1, validation_data=(X.to_numpy(), Y))
    assert net.feature_names == tuple(NAMES)


def test_chunks():
    net, seen = network(), []
    net.fit(lambda: [(X.to_numpy(), Y), (X, Y)], epochs=1, callback=lambda *_: seen.append(net.feature_names))
    assert seen == [tuple(NAMES)]
    with pytest.raises(ValueError, match="in their order"):
        net.fit(lambda: [(X, Y), (TURNED, Y)], epochs=1)
    with pytest.raises(ValueError, match="in their order"):
        network().fit(lambda: [(X, Y)], epochs=1, validation_data=(TURNED, Y))
    with pytest.raises(ValueError, match="in their order"):
        network().fit(lambda: [(X, Y)], epochs=1, validation_data=(lambda: [(TURNED, Y)], None))


REFUSED = {
    "epochs": {"epochs": 0},
    "weights": {"sample_weight": -np.ones(40)},
    "targets": {"Y": Y + 2},
    "validation": {"validation_data": (X, Y[:3])},
    "optimizer": {"optimizer": "nosuch"},
    "order": {"order": lambda epoch: np.zeros(3, int)},
    "rate": {"optimizer": sn.SGD(schedule=lambda epoch: -1.0)},
    "chunk": {"X": lambda: iter([(X, Y + 2)]), "Y": None},
}


@pytest.mark.parametrize("first", [None, TURNED], ids=["new", "fitted"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_fit_leaves_the_names(case, first):
    net = network() if first is None else fitted(first)
    before, names = net.params.copy(), net.feature_names
    with pytest.raises(ValueError, match="must"):
        net.fit(**{"X": X, "Y": Y} | REFUSED[case])
    assert net.feature_names == names
    assert (net.params == before).all()
    if first is None:
        with pytest.raises(ValueError, match="must"):
            net.partial_fit(X, Y, batch_size=0)
        assert net.feature_names is None


def test_copies():
    net = fitted()
    for other in (net.copy(), copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.feature_names == tuple(NAMES)
        refused(lambda other=other: other(TURNED), ORDER)
        other.fit(TURNED, Y, epochs=1)
    assert net.feature_names == tuple(NAMES)


ODD = [
    ["[{,", "],}", '"\\'],
    ["", "\n", "\x00"],
    ["ä", "\U0001f600", "\ud800"],
    [f"{i}{',[{' * 2000}" for i in range(3)],
    [np.str_("a"), "b", "c"],
]


@pytest.mark.parametrize("names", [NAMES, *ODD], ids=range(6))
def test_files(names, tmp_path):
    net = fitted(X.set_axis(pd.Index(names, dtype=object), axis=1))
    net.save(tmp_path / "net")
    again = sn.load(tmp_path / "net")
    assert again.feature_names == net.feature_names == tuple(names)
    assert all(type(name) is str for name in again.feature_names)
    assert again.params.tobytes() == net.params.tobytes()


def test_files_of_many_names(tmp_path):
    names = [f"({i}, [a, b], {{c}})" for i in range(20_000)]
    net = sn.MLP([len(names), 1], init="zeros", dtype="float32")
    net.fit(pd.DataFrame(np.ones((1, len(names)), np.float32), columns=names), [1.0], epochs=1)
    net.save(tmp_path / "net")
    assert sn.load(tmp_path / "net").feature_names == tuple(names)


def header(path):
    content = path.read_bytes()
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def test_files_without_names_are_as_they_were(tmp_path):
    net = fitted(X.to_numpy())
    net.save(tmp_path / "net")
    architecture = {
        "layer_sizes": [3, 4, 2], "activation": ["tanh"], "output": "sigmoid", "loss": "log_loss", "leak": 0.01,
        "delta": 1.0, "quantile": 0.5, "dtype": "float64",
    }  # fmt: skip
    assert header(tmp_path / "net")["__metadata__"] == {"format": "shallownet_c", "model": json.dumps(architecture)}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b"], "feature_names must be 3 names, got 2"),
        (["a", "b", 3], r"feature_names\[2\] must be a string, got 3"),
        ("abc", "feature_names must be a list, got 'abc'"),
        (None, "feature_names must be a list, got None"),
    ],
)
def test_names_in_damaged_files(names, message, tmp_path):
    sn.serialization.write(
        tmp_path / "net",
        {"layers.0.weight": np.ones((1, 3)), "layers.0.bias": np.ones(1)},
        sn.MLP([3, 1]).model.description() | {"feature_names": names},
    )
    with pytest.raises(ValueError, match=f"net is not a shallownet_c model: .*{message}"):
        sn.load(tmp_path / "net")


@pytest.mark.parametrize("source", ["array", "chunks"])
def test_checkpoints(tmp_path, source):
    class Stop(Exception):
        pass

    def stop(epoch, history, net):
        if epoch == 2:
            raise Stop

    def given(table):
        return (table, Y) if source == "array" else (lambda: [(table, Y)],)

    wanted, net = network(), network()
    wanted.fit(*given(X), epochs=6, batch_size=10, seed=0)
    with pytest.raises(Stop):
        net.fit(
            *given(X), epochs=6, batch_size=10, seed=0, callback=stop, checkpoint=tmp_path / "fit", checkpoint_every=0
        )
    with pytest.raises(ValueError, match="in their order"):
        sn.resume(tmp_path / "fit", *given(TURNED))
    with pytest.raises(ValueError, match="validation_data: X must have the columns"):
        sn.resume(tmp_path / "fit", *given(X), validation_data=(TURNED, Y))
    again = sn.resume(tmp_path / "fit", *given(X))
    assert again.feature_names == wanted.feature_names == tuple(NAMES)
    assert again.params.tobytes() == wanted.params.tobytes()
    assert sn.resume(tmp_path / "fit", *given(X.to_numpy())).feature_names == tuple(NAMES)  # it has ended


def test_comparisons():
    y = Y[:, 0]
    assert len(sn.compare_activations(X, y, X, y, hidden=2, epochs=1)) == len(sn.tools.NOTES)
    with pytest.raises(ValueError, match=r"^X_dev must have the columns of the fit in their order"):
        sn.compare_activations(X, y, TURNED, y, hidden=2, epochs=1)


def test_pandas_is_not_imported():
    program = (
        "import sys, numpy as np, shallownet_c as sn; sn.MLP([3, 1])([[1, 2, 3]]); assert 'pandas' not in sys.modules"
    )

    subprocess.run([sys.executable, "-P", "-c", program], check=True)
