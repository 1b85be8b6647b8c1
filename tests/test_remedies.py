"""Messages say what to do instead, where a usual habit from elsewhere led to them."""

import copy
import pickle
import re

import numpy as np
import pytest
import scipy.sparse
from stored import Stored

import shallownet_c as sn
from shallownet_c._checks import _other_names

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 3)), RNG.random((6, 2))


def uses(net, x, y):
    """Every call that takes X and Y."""
    grad = np.zeros(net.n_params)
    return [
        lambda: net.cost(x, y),
        lambda: net.cost_and_grad(x, y),
        lambda: net.accumulate_grad(x, y, grad),
        lambda: net.layer_gradients(x, y),
        lambda: net.score(x, y),
        lambda: net.fit(x, y, epochs=1),
        lambda: net.fit(lambda: [(x, y)], epochs=1),
        lambda: net.partial_fit(x, y),
    ]


def dense_uses(net, x, y):
    """Every call that takes X dense alone."""
    return [
        lambda: net.layer_gradients(x, y),
        lambda: net.jacobian(x),
        lambda: net.vjp(x, Y),
        lambda: net.jvp(x, X),
        lambda: net.input_gradient(x, y),
    ]


def refused(calls, error, message):
    for call in calls:
        with pytest.raises(error, match=re.escape(message)):
            call()


@pytest.mark.parametrize(
    ("given", "n_in", "remedy"),
    [
        (X.T, 3, "; rows are samples: X.T"),
        (X[0], 3, "; one sample is one row: np.reshape(X, (1, -1))"),
        (X[:, 0], 1, "; rows are samples: np.reshape(X, (-1, 1))"),
        (np.zeros((6, 8, 8)), 64, "; rows are samples: X.reshape(len(X), -1)"),
        (np.zeros((6, 2, 8, 8)), 128, "; rows are samples: X.reshape(len(X), -1)"),
    ],
    ids=str,
)
def test_rows_of_a_training(given, n_in, remedy):
    net = sn.MLP([n_in, 2], seed=0)
    message = f"X must have shape (m, {n_in}), got {given.shape}{remedy}"
    refused(uses(net, given, Y), ValueError, message)
    refused(uses(net, given.astype(np.float32).tolist(), Y), ValueError, message)


@pytest.mark.parametrize(
    ("given", "n_in", "remedy"),
    [
        (X.T, 3, "; rows are samples: X.T"),
        (X[:, 0], 1, "; rows are samples: np.reshape(X, (-1, 1))"),
        (np.zeros((6, 8, 8)), 64, "; rows are samples: X.reshape(len(X), -1)"),
        (np.zeros((8, 8)), 64, "; one sample has one dimension: np.ravel(X)"),
    ],
    ids=str,
)
def test_rows_of_a_prediction(given, n_in, remedy):
    net = sn.MLP([n_in, 2], output="sigmoid", seed=0)
    message = f"X must have shape (m, {n_in}) or ({n_in},), got {given.shape}{remedy}"
    for x in (given, given.tolist(), given.astype(np.float32)):
        calls = [lambda x=x, call=call: call(x) for call in (net, net.predict, net.classify, net.layer_outputs)]
        refused(calls, ValueError, message)


def test_rows_that_are_read_in_pieces():
    net = sn.MLP([3, 2], seed=0)
    message = "X must have shape (m, 3), got (3, 6); rows are samples: X.T"
    refused(uses(net, Stored(X.T.astype(np.float32)), Y)[:3], ValueError, message)
    refused([lambda: net.fit(Stored(X.T), Y)], ValueError, message)


@pytest.mark.parametrize("given", [np.zeros((6, 4)), np.zeros((3, 3, 3)), np.zeros(4), 1.0], ids=np.shape)
def test_no_remedy_where_there_is_none(given):
    with pytest.raises(ValueError, match=rf"got {re.escape(str(np.shape(given)))}$"):
        sn.MLP([3, 2], seed=0)(given)


def test_targets_as_columns():
    net = sn.MLP([3, 2], seed=0)
    refused(uses(net, X, Y.T), ValueError, "Y must have shape (6, 2) to go with X, got (2, 6); rows are samples: Y.T")
    refused(
        uses(sn.MLP([3, 1], seed=0), X, Y[:, :1].T),
        ValueError,
        "Y must have shape (6, 1) or (6,) to go with X, got (1, 6); rows are samples: Y.T",
    )


def test_a_column_of_classes():
    net = sn.MLP([3, 2], output="softmax", seed=0)
    classes = np.array([[0], [1], [1], [0], [1], [0]])
    message = (
        "Y must have shape (6, 2) or (6,) to go with X, got (6, 1); numbers of classes have one dimension: np.ravel(Y)"
    )
    refused(uses(net, X, classes), ValueError, message)
    net.cost(X, np.ravel(classes))


@pytest.mark.parametrize(
    ("n_out", "y", "remedy"),
    [
        (
            2,
            [0, 1, 1, 0, 1, 0],
            "; numbers of classes go with output='softmax', and one number for each row with layer_",
        ),
        (2, [0.5] * 6, "; one number for each row with layer_sizes that end with 1"),
        (
            1,
            np.eye(3)[[0, 1, 2] * 2],
            "; several columns go with layer_sizes that end with 3, and with output='softmax'",
        ),
        (1, [0.5] * 3, "; rows are samples, and X has 6: X.T has 3"),
        (1, [0.5] * 5, ""),
    ],
)
def test_targets_of_another_shape(n_out, y, remedy):
    also = " or (6,)" if n_out == 1 else ""
    message = f"Y must have shape (6, {n_out}){also} to go with X, got {np.shape(y)}{remedy}"
    for output in ("identity", "sigmoid"):
        refused(uses(sn.MLP([3, n_out], output=output, seed=0), X, y), ValueError, message)


@pytest.mark.parametrize(
    ("y", "remedy"),
    [
        ([1, 2, 3, 1, 2, 3], "got 3 in row 2; classes begin at 0: Y - 1"),
        ([0, 5, 0, 5, 0, 5], "got 5 in row 1; classes, y = np.unique(Y, return_inverse=True) numbers them from 0"),
        ([0, 1, 2, 3, 4, 5], "got 3 in row 3; for its 6 classes layer_sizes must end with 6"),
    ],
)
def test_numbers_of_classes(y, remedy):
    refused(uses(sn.MLP([3, 3], output="softmax", seed=0), X, y), ValueError, f"Y must hold classes 0 … 2, {remedy}")


@pytest.mark.parametrize(
    ("y", "remedy"),
    [
        ([1, 2, 1, 2, 1, 2], "got 2.0 in row 1; of two classes one is 0 and the other 1: classes, y = np.unique("),
        ([-1, 1, 1, 1, 1, 1], "got -1.0 in row 0; of two classes one is 0 and the other 1"),
        ([0, 1, 2, 0, 1, 2], "got 2.0 in row 2; more than two classes go with output='softmax' and an output for each"),
        ([0.1, 1.5, 1, 0, 1, 2], "got 1.5 in row 1; a number to predict goes with output='identity'"),
    ],
)
def test_targets_of_a_sigmoid(y, remedy):
    net = sn.MLP([3, 1], output="sigmoid", seed=0)
    refused(uses(net, X, y), ValueError, f"Y must lie in [0, 1] for log_loss, {remedy}")


def test_what_is_missing():
    net, hole = sn.MLP([3, 2], seed=0), np.where(np.eye(6, 3) == 1, np.nan, X)
    refused(uses(net, hole, Y), ValueError, "(as float64); fill what is missing, or leave its row out")
    with pytest.raises(ValueError, match=r"\(as float64\)$"):
        net.cost(np.where(np.eye(6, 3) == 1, np.inf, X), Y)


def test_more_by_position_than_there_is_room_for():
    net = sn.MLP([3, 2], seed=0)
    message = "fit() got more arguments by position than it takes: write fit(X, Y, optimizer=…, epochs=…, batch_size=…)"
    refused([lambda: net.fit(X, Y, 100), lambda: net.fit(X, Y, "adam", 100)], TypeError, message)
    refused([lambda: sn.MLP([3, 2], "tanh", "identity", "log_loss")], TypeError, "write MLP(layer_sizes, activation, ")
    assert net.history is None


def test_arguments_of_networks():
    refused([lambda: sn.MLP(3, 4, 2)], TypeError, "a sequence of integers, [n_0, …, n_L] from inputs to outputs, got 3")
    refused([lambda: sn.MLP([(8, 8), 2])], TypeError, "layer_sizes[0] must be an integer, got (8, 8)")
    refused(
        [lambda: sn.MLP([3, 4, 2], ["relu", "sigmoid"])],
        ValueError,
        "a name for each of 1 hidden layers, got 2; that of the output layer is output=…",
    )
    refused([lambda: sn.MLP([3, 2]).fit(X, Y, optimizer=sn.Adam)], TypeError, ": did you mean sn.Adam()?")
    refused([lambda: sn.MLP([3, 2]).fit("table.csv", Y)], TypeError, "X must be real numbers, got text such as 'table")


@pytest.mark.parametrize("table", [_other_names.ATTRIBUTES, _other_names.MEMBERS], ids=["networks", "package"])
def test_attributes_of_other_libraries(table):
    owner = sn if table is _other_names.MEMBERS else sn.MLP([3, 2], seed=0)
    for ours, theirs in table.items():
        for name in theirs.split():
            with pytest.raises(AttributeError, match=rf"has no attribute '{name}': here it is {re.escape(ours)}$"):
                getattr(owner, name)
    for name in ("no_such_thing", "_private", "__array__"):
        with pytest.raises(AttributeError, match=rf"has no attribute '{name}'$"):
            getattr(owner, name)


def test_a_network_that_fit_does_not_return():
    history = sn.MLP([3, 2], seed=0).fit(X, Y, epochs=1)
    message = "'History' object has no attribute 'score': fit returns the course of the training, and the network"
    refused([lambda: history.score(X, Y)], AttributeError, message)
    known = {*dir(sn.MLP), *" ".join(_other_names.ATTRIBUTES.values()).split()}
    assert known >= _other_names.OF_NETWORKS
    with pytest.raises(AttributeError, match=r"has no attribute 'val_loss'$"):
        history.val_loss  # noqa: B018
    assert copy.deepcopy(history) == history == pickle.loads(pickle.dumps(history))


def test_columns_of_words():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"size": [1.0] * 6, "colour": ["red", "blue", "red"] * 2})
    net = sn.MLP([2, 2], seed=0)
    for kind in ("str", "category", object):
        words = table.astype({"colour": kind})
        message = f"got column 'colour' of dtype {words.dtypes['colour']}; columns may hold booleans, integers"
        refused(uses(net, words, Y), TypeError, message)
        refused(uses(net, words, Y), TypeError, "pandas.get_dummies(X) has a column of 0 and 1 for each text")
    dates = table.assign(colour=pandas.Timestamp(0))
    refused(uses(net, dates, Y), TypeError, "of times write numbers, such as the days since the first, the month or")


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["a", "b", "b", "a", "b", "a"]),
        np.array(["a", "b", "b", "a", "b", "a"])[:, np.newaxis],
        np.array([b"a", b"b", b"b", b"a", b"b", b"a"]),
        np.array([0, "b", 1, 0, 1, 0], object),
        ["1.5", "2", "3", "4", "5", "6"],
    ],
    ids=["str", "column", "bytes", "object", "digits"],
)
@pytest.mark.parametrize("output", ["sigmoid", "softmax", "identity"])
def test_labels(labels, output):
    net = sn.MLP([3, 2 if output == "softmax" else 1], output=output, seed=0)
    wanted = "integers, the numbers of classes" if output == "softmax" else "real numbers"
    refused(uses(net, X, labels), TypeError, f"Y must be {wanted}, got text such as ")
    refused(uses(net, X, labels), TypeError, "classes, y = np.unique(Y, return_inverse=True) numbers labels")
    with pytest.raises(TypeError, match=r"Y.astype\(float\)" if output == "identity" else "numbers labels$"):
        net.cost(X, labels)


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_sparse(kind):
    net, softmax = sn.MLP([3, 2], seed=0), sn.MLP([3, 2], output="softmax", seed=0)
    for one in (net, softmax):
        refused(uses(one, X, kind(Y)), TypeError, f"Y must be a dense array, got {kind.__name__}: Y.toarray() is one")
        refused(
            dense_uses(one, kind(X), Y), TypeError, f"X must be a dense array, got {kind.__name__}: X.toarray() is one"
        )
    refused([lambda: net.cost(X, Y, kind(np.ones((6, 1))))], TypeError, "sample_weight.toarray() is one")


@pytest.mark.parametrize("optimizer", ["rprop", "lbfgs"])
@pytest.mark.parametrize("batch", [None, 2])
def test_chunks_are_no_full_batch(optimizer, batch):
    net = sn.MLP([3, 2], seed=0)
    message = f"X must be an array for {optimizer.upper()}, which needs the full batch: rows in chunks are never one"
    refused([lambda: net.fit(lambda: [(X, Y)], optimizer=optimizer, batch_size=batch)], ValueError, message)


MEANT = [
    *(("loss", name, "squared_error") for name in ("mse", "MSE", "l2", "mean_squared_error", "squared-error")),
    *(("loss", name, "absolute_error") for name in ("mae", "l1", "absolute_eror")),
    *(("loss", name, "log_loss") for name in ("cross_entropy", "bce", "categorical_crossentropy", "logloss")),
    *(("loss", name, "log_loss") for name in ("binary_crossentropy", "crossentropy", "logistic", "Log Loss")),
    *(("loss", name, "pinball") for name in ("quantile", "pinbal")),
    *(("activation", name, "sigmoid") for name in ("logistic", "Sigmoid")),
    *(("activation", name, "leaky_relu") for name in ("lrelu", "LeakyReLU", "leaky-relu")),
    *(("activation", "ReLU", "relu"), ("activation", "Tanh", "tanh"), ("activation", ["Tanh"], "tanh")),
    *(("output", "linear", "identity"), ("output", "Softmax", "softmax"), ("output", "logistic", "sigmoid")),
    *(("init", name, "glorot_uniform") for name in ("xavier", "glorot", "Glorot_Uniform", "xavier_uniform")),
    *(("init", name, "he_normal") for name in ("he", "kaiming", "kaiming_normal")),
    ("init", "kaiming_uniform", "he_uniform"),
]


@pytest.mark.parametrize(("argument", "name", "wanted"), MEANT, ids=str)
def test_names_of_networks(argument, name, wanted):
    with pytest.raises(ValueError, match=rf"^{argument} must be one of .*: did you mean '{wanted}'\?$"):
        sn.MLP([3, 4, 2], **{argument: name})


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("Adam", "adam"), ("SGD", "sgd"), ("L-BFGS", "lbfgs"), ("l_bfgs_b", "lbfgs"), ("Rprop", "rprop")],
)
def test_names_of_optimizers(name, wanted):
    with pytest.raises(ValueError, match=rf"optimizer must be one of .*: did you mean '{wanted}'\?$"):
        sn.MLP([3, 2]).fit(X, Y, optimizer=name)


def test_names_elsewhere():
    with pytest.raises(ValueError, match=r"did you mean 'invscaling'\?$"):
        sn.SGD(schedule="inv_scaling")
    with pytest.raises(ValueError, match=r"did you mean 'sigmoid'\?$"):
        sn.kernels.dense_forward(X, np.ones((2, 3)), np.zeros(2), "logistic")


@pytest.mark.parametrize("name", ["hinge", "", "x" * 10**6, "mse " * 100])
def test_names_of_nothing(name):
    with pytest.raises(ValueError, match=r"loss must be one of") as refusal:
        sn.MLP([3, 2], loss=name)
    assert "did you mean" not in str(refusal.value)
