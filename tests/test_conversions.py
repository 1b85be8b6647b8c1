"""What a conversion would lose in silence is refused: masks, units, imaginary parts, text that looks like a number."""

import datetime
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c.reference import loop, vectorized

M = 6
X = np.random.default_rng(0).standard_normal((M, 3))
Y = np.random.default_rng(1).random((M, 2))
CLASSES = np.array([0, 1, 1, 0, 1, 0])
LAYER = {"X": X, "W": np.ones((2, 3)), "b": np.zeros(2), "activation": "tanh"}
BACK = {"dA": Y, "A": Y, "X": X, "W": np.ones((2, 3)), "activation": "tanh"}


def net():
    return sn.MLP([3, 4, 2], seed=0)


def classifier():
    return sn.MLP([3, 4, 2], output="softmax", seed=0)


def backward(**changes):
    outputs = {"dW": np.zeros((2, 3)), "db": np.zeros(2), "dX": np.zeros((M, 3))}
    return sn.kernels.dense_backward(**BACK | outputs | changes)


def compare(**changes):
    data = {"X": X, "Y": Y, "X_dev": X, "Y_dev": Y}
    return sn.compare_activations(**data | changes, hidden=2, activations=["tanh"], epochs=1)[0].cost


#: An argument's name, a value for it as it should be, and a function of it.
ARRAYS = {
    "net": ("X", X, lambda x: net()(x)),
    "layer_outputs": ("X", X, lambda x: net().layer_outputs(x)[-1]),
    "cost of X": ("X", X, lambda x: net().cost(x, Y)),
    "cost of Y": ("Y", Y, lambda y: net().cost(X, y)),
    "cost of weights": ("sample_weight", np.ones(M), lambda w: net().cost(X, Y, w)),
    "gradient of X": ("X", X, lambda x: net().cost_and_grad(x, Y)[1]),
    "gradient of Y": ("Y", Y, lambda y: net().cost_and_grad(X, y)[1]),
    "classes": ("Y", CLASSES, lambda y: classifier().cost(X, y)),
    "probabilities": ("Y", np.eye(2)[CLASSES], lambda y: classifier().cost(X, y)),
    "grad": ("grad", np.zeros(26), lambda grad: net().accumulate_grad(X, Y, grad)),
    "out": ("out", np.zeros((M, 2)), lambda out: net()(X, out)),
    "layer_gradients": ("X", X, lambda x: net().layer_gradients(x, Y)[0].dW),
    "fit of X": ("X", X, lambda x: net().fit(x, Y, epochs=2).cost),
    "fit of Y": ("Y", Y, lambda y: net().fit(X, y, epochs=2).cost),
    "fit of weights": ("sample_weight", np.ones(M), lambda w: net().fit(X, Y, sample_weight=w, epochs=2).cost),
    "order": ("order", np.tile(np.arange(M), (2, 1)), lambda order: net().fit(X, Y, order=order, epochs=2).cost),
    "order of an epoch": ("order", np.arange(M), lambda o: net().fit(X, Y, order=lambda epoch: o, epochs=2).cost),
    "chunks": ("X", X, lambda x: net().fit(lambda: [(x, Y)], epochs=2).cost),
    "chunks' weights": ("sample_weight", np.ones(M), lambda w: net().fit(lambda: [(X, Y, w)], epochs=2).cost),
    "validation X": ("X", X, lambda x: net().fit(X, Y, validation_data=(x, Y), epochs=2).val_cost),
    "validation Y": ("Y", Y, lambda y: net().fit(X, Y, validation_data=(X, y), epochs=2).val_cost),
    "partial_fit": ("X", X, lambda x: net().partial_fit(x, Y).params),
    "check_gradient": ("X", X, lambda x: sn.check_gradient(net(), x, Y)),
    **{f"compare {name}": (name, X if name[0] == "X" else Y, lambda v, name=name: compare(**{name: v}))
       for name in ("X", "Y", "X_dev", "Y_dev")},
    **{f"forward {name}": (name, LAYER[name], lambda v, name=name: sn.kernels.dense_forward(**LAYER | {name: v}))
       for name in ("X", "W", "b")},
    **{f"backward {name}": (name, BACK[name], lambda v, name=name: backward(**{name: v}))
       for name in ("dA", "A", "X", "W")},
    "dW": ("dW", np.zeros((2, 3)), lambda dW: backward(dW=dW)),
    "layer_sizes": ("layer_sizes", np.array([3, 2]), lambda sizes: sn.MLP(sizes, seed=0).params),
    "dropout": ("dropout", np.array([0.5]), lambda p: net().fit(X, Y, dropout=p, epochs=2, seed=0).cost),
    **{f"{module.__name__} {name}": (name, value, call)
       for module in (loop, vectorized)
       for name, value, call in (
           ("z", X, lambda z, m=module: m.activation(z, "tanh")),
           ("X", X, lambda x, m=module: m.forward(x, [np.ones((2, 3))], [np.ones(2)], ["tanh"])[1][1]),
           ("W", np.ones((2, 3)), lambda W, m=module: m.forward(X, [W], [np.ones(2)], ["tanh"])[1][1]),
           ("b", np.ones(2), lambda b, m=module: m.forward(X, [np.ones((2, 3))], [b], ["tanh"])[1][1]),
           ("Y", Y, lambda y, m=module: m.cost(Y, y, "squared_error")),
           ("A_L", Y, lambda a, m=module: m.cost(a, Y, "squared_error")),
       )},
}  # fmt: skip
PARAMETERS = pytest.mark.parametrize(("name", "right", "call"), ARRAYS.values(), ids=ARRAYS)


@PARAMETERS
def test_masked_arrays(name, right, call):
    masked = np.ma.array(right.copy())
    masked[-1] = np.ma.masked
    for bad in (masked, masked.astype(right.dtype.newbyteorder()), np.ma.array(masked, hard_mask=True)):
        with pytest.raises(ValueError, match=rf"\b{name}\b.*masked"):
            call(bad)
    for good in (np.ma.array(right.copy()), np.ma.array(right.copy(), mask=np.zeros(right.shape, bool))):
        np.testing.assert_array_equal(call(good), call(right.copy()))


@pytest.mark.parametrize(
    ("name", "right", "call"),
    [item for item in ARRAYS.values() if item[1].ndim == 2 and item[0] not in ("out", "dW")],
)
def test_lists_of_masked_rows(name, right, call):
    masked = np.ma.array(right.copy())
    masked[-1, 0] = np.ma.masked
    with pytest.raises(ValueError, match=rf"\b{name}\b.*masked"):
        call(list(masked))
    with pytest.raises(ValueError, match=rf"\b{name}\b.*masked"):
        call(tuple(masked))


def objects(item, shape):
    """An array that holds the item itself; np.full would convert it."""
    array = np.empty(shape, object)
    for place in np.ndindex(shape):
        array[place] = item
    return array


LOST = {
    "imaginary parts": lambda array: array + 1j,
    "units": lambda array: array.astype("timedelta64[ns]"),
    "times": lambda array: array.astype("datetime64[ns]"),
    "texts": lambda array: array.astype(str),
    "bytes": lambda array: array.astype("S"),
    "objects of texts": lambda array: array.astype(str).astype(object),
    "objects with units": lambda array: objects(np.timedelta64(1, "ns"), array.shape),
    "objects of dates": lambda array: objects(datetime.date(2020, 1, 1), array.shape),
    "nothing": lambda array: objects(None, array.shape),
    "fields": lambda array: array.astype([("a", float), ("b", float)]),
}


@PARAMETERS
@pytest.mark.parametrize("lose", LOST.values(), ids=LOST)
def test_dtypes(name, right, call, lose):
    with pytest.raises(TypeError, match=rf"\b{name}\b"):
        call(lose(right))


@pytest.mark.parametrize(
    "value",
    [
        np.datetime64("2020-01-01", "ns"),
        np.timedelta64(1, "ns"),
        np.array(np.timedelta64(1, "ns")),
        np.array("0.5"),
        np.array("0.5", object),
        np.str_("0.5"),
        np.array(0.5 + 0j),
        memoryview(b"0.5"),
        np.array([0.5]),
        np.array(True),
    ],
    ids=repr,
)
def test_numbers(value):
    for name in ("l2", "tol", "clip_norm"):
        with pytest.raises(TypeError, match=name):
            net().fit(X, Y, **{name: value})
    with pytest.raises(TypeError, match="learning_rate"):
        sn.SGD(value)


@pytest.mark.parametrize(
    "value", [Fraction(1, 2), Decimal("0.5"), np.float16(0.5), np.longdouble(0.5), np.array(0.5), np.ma.array(0.5)]
)
def test_numbers_of_other_types(value):
    optimizer = sn.SGD(value)
    assert type(optimizer.learning_rate) is float
    assert optimizer.learning_rate == 0.5
    if not isinstance(value, np.ndarray):
        items = np.array([[value] * 3] * M, object)
        np.testing.assert_array_equal(net()(items), net()(np.full((M, 3), 0.5)))


@pytest.mark.parametrize("value", [np.ma.masked, np.ma.array(1, mask=True), np.ma.array(0.5, mask=True)])
def test_masked_numbers(value):
    with pytest.raises(ValueError, match=r"learning_rate.*masked"):
        sn.SGD(value)
    with pytest.raises(ValueError, match=r"batch_size.*masked"):
        net().fit(X, Y, batch_size=value)


def test_masked_constants_in_lists():
    with pytest.raises(ValueError, match=r"X.*masked"):
        net()([[1.0, np.ma.masked, 2.0]])
    with pytest.raises(ValueError, match=r"Y.*masked"):
        classifier().cost(X, [0, 1, 1, np.ma.masked, 1, 0])


@pytest.mark.parametrize("seed", [2**200, 10**400, 10**5000, np.uint64(2**64 - 1), np.array(3)], ids=type)
def test_seeds_of_any_size(seed):
    expected = sn.MLP([3, 2], seed=np.random.default_rng(int(seed)))
    np.testing.assert_array_equal(sn.MLP([3, 2], seed=seed).params, expected.params)
    net().fit(X, Y, batch_size=2, dropout=0.5, seed=seed, epochs=2)


def test_names_of_other_types():
    mlp = sn.MLP([3, 4, 2], activation=np.str_("relu"), output=np.str_("sigmoid"), loss=np.str_("log_loss"), seed=0)
    assert repr(mlp) == repr(sn.MLP([3, 4, 2], activation="relu", output="sigmoid", seed=0))
    assert {type(name) for name in (*mlp.activations, mlp.loss)} == {str}


@pytest.mark.parametrize("dtype", ["float32", "f4", "single", np.float32, np.dtype("float32", metadata={"a": 1})])
def test_dtypes_of_networks(dtype):
    assert sn.MLP([3, 2], dtype=dtype).dtype is np.dtype("float32")


@pytest.mark.parametrize("dtype", [",", b"f8", np.float64(1), np.zeros(1), [("a", "f8")], "f8,", "(2,)f8", object()])
def test_values_that_are_no_dtypes(dtype):
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64'"):
        sn.MLP([3, 2], dtype=dtype)


def test_integers_of_a_table_are_classes():
    expected = compare(Y=CLASSES, Y_dev=CLASSES)
    assert compare(Y=CLASSES.astype(object), Y_dev=CLASSES.astype(object)) == expected
    with pytest.raises(ValueError, match=r"Y.*classes.*got one of 10000000 in 6 rows"):
        compare(Y=[0, 1, 2, 0, 1, 10**7], Y_dev=CLASSES)


#: Without the copy that is checked the second one indexes by a number of memory that is not the process's.
WRITES_INTO_Y = """
import numpy as np, shallownet_c as sn
X = np.random.default_rng(0).standard_normal((600, 3))
given = (np.arange(600) % 2).astype(np.{dtype})
nets = [sn.MLP([3, 4, 2], output="softmax", seed=0) for _ in range(2)]
nets[0].fit(X, given.copy(), epochs=5, batch_size={batch_size}, seed=0, callback=lambda *_: None)
def write(epoch, history, net):
    given[:] = 10**9
nets[1].fit(X, given, epochs=5, batch_size={batch_size}, seed=0, callback=write)
assert given[0] == 10**9
assert nets[0].params.tobytes() == nets[1].params.tobytes()
print("alive")
"""


@pytest.mark.parametrize("batch_size", [None, 100])
@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_a_callback_that_writes_into_the_classes(dtype, batch_size, tmp_path):
    code = WRITES_INTO_Y.format(dtype=dtype, batch_size=batch_size)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (0, "alive\n"), run.stderr


def test_classes_are_the_callers():
    given = CLASSES.copy()
    given.flags.writeable = False
    classifier().fit(X, given, epochs=2)
    np.testing.assert_array_equal(given, CLASSES)
