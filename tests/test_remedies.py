"""Messages say what to do instead, where a usual habit from elsewhere led to them."""

import re

import numpy as np
import pytest
import scipy.sparse
from stored import Stored

import shallownet_c as sn

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
