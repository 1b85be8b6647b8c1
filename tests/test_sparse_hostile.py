"""Sparse rows that are none: an error that names the argument, before anything changes, and no access out of bounds."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import shallownet_c as sn

M, N = 4, 5
RIGHT = {
    "data": np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    "indices": np.array([0, 4, 2, 2, 1], np.int32),
    "indptr": np.array([0, 2, 2, 4, 5], np.int32),
    "shape": (M, N),
}
Y = np.arange(4.0)


class Parts:
    def __init__(self, **changes):
        vars(self).update(RIGHT | changes)


def network():
    return sn.MLP([N, 3, 1], seed=0)


def calls(net, X):
    grad = np.zeros(net.n_params)
    return [
        lambda: net.fit(X, Y, epochs=1),
        lambda: net.fit(lambda: [(X, Y)], epochs=1),
        lambda: net.fit(np.eye(N)[:M], Y, epochs=1, validation_data=(X, Y)),
        lambda: net.partial_fit(X, Y),
        lambda: net.cost(X, Y),
        lambda: net.cost_and_grad(X, Y),
        lambda: net.accumulate_grad(X, Y, grad),
        lambda: net.score(X, Y),
        lambda: sn.fit_many([net], X, Y, epochs=1),
    ]


def predictions(net, X):
    return [lambda: net(X), lambda: net.layer_outputs(X), lambda: sn.Ensemble([net])(X), lambda: net.predictor()(X)]


def array(*values, dtype=np.int64):
    return np.array(values, dtype)


REFUSED = [
    (ValueError, r"X must have shape \(m, 5\), got \(4, 6\)", {"shape": (4, 6)}),
    (ValueError, r"X must have shape \(m, 5\), got \(5,\); one sample is one row: X.reshape\(1, -1\)", {"shape": (5,)}),
    (ValueError, r"X must have shape \(m, 5\), got \(5, 4\); rows are samples: X.T", {"shape": (5, 4)}),
    (ValueError, r"X.shape must be at least 0, got -4", {"shape": (-4, 5)}),
    (TypeError, r"X.shape must be an integer, got 4.0", {"shape": (4.0, 5)}),
    (TypeError, r"X.shape must be a sequence of integers, got None", {"shape": None}),
    (ValueError, r"X.indptr must have 1001 elements for 1000 rows, got 5", {"shape": (1000, 5)}),
    (ValueError, r"X.indptr must have 5 elements for 4 rows, got 4", {"indptr": array(0, 2, 2, 4)}),
    (ValueError, r"X.indptr must have 5 elements for 4 rows, got 0", {"indptr": array()}),
    (ValueError, r"X.indptr must begin with 0 .*, got 1 first", {"indptr": array(1, 2, 2, 4, 5)}),
    (ValueError, r"X.indptr must .* never go down, got 2 after 4 in row 2", {"indptr": array(0, 2, 4, 2, 5)}),
    (ValueError, r"X.indptr must .* never go down, got -1 after 0 in row 0", {"indptr": array(0, -1, 2, 4, 5)}),
    (ValueError, r"X.data and X.indices must have 9 elements, .* got 5", {"indptr": array(0, 2, 2, 4, 9)}),
    (ValueError, r"X.data and X.indices must have 5 elements, .* got 3", {"data": np.ones(3)}),
    (ValueError, r"X.data and X.indices must have 5 elements, .* got 2", {"indices": array(0, 1)}),
    (ValueError, r"X.indptr must .* never go down", {"indptr": array(0, 2, 2, 2**64 - 1, 2**64 - 1, dtype=np.uint64)}),
    (TypeError, r"X.indptr must be integers", {"indptr": array(0, 2, 2, 4, 5, dtype=float)}),
    (TypeError, r"X.indptr must be integers", {"indptr": array(0, 2, 2, 4, 5)[np.newaxis]}),
    (TypeError, r"X.indptr must be integers", {"indptr": None}),
    (ValueError, r"X.indices must hold columns 0 … 4, got 5 in row 2", {"indices": array(0, 4, 2, 5, 1)}),
    (ValueError, r"X.indices must hold columns 0 … 4, got -1 in row 3", {"indices": array(0, 4, 2, 2, -1)}),
    (ValueError, r"X.indices must hold columns 0 … 4, got 4294967296", {"indices": array(0, 4, 2, 2, 2**32)}),
    (
        ValueError,
        r"X.indices must .*, got 18446744073709551615",
        {"indices": array(0, 4, 2, 2, 2**64 - 1, dtype=np.uint64)},
    ),
    (TypeError, r"X.indices must be integers", {"indices": np.array([False] * 5)}),
    (TypeError, r"X.indices must be integers", {"indices": array(0, 4, 2, 2, 1, dtype=float)}),
    (TypeError, r"X.data must be real numbers, got an array of dtype complex128", {"data": np.ones(5, complex)}),
    (TypeError, r"X.data must be real numbers", {"data": np.array(list("abcde"))}),
    (ValueError, r"X.data must have one dimension, got \(5, 1\)", {"data": np.ones((5, 1))}),
    (ValueError, r"X.data must have no masked elements", {"data": np.ma.masked_less(np.arange(5.0), 2)}),
    (TypeError, r"X must be CSR .*, got Parts of format 'csc'", {"format": "csc"}),
]


@pytest.mark.parametrize(("error", "message", "changes"), REFUSED, ids=[str(row[1])[:40] for row in REFUSED])
def test_refused(error, message, changes):
    net = network()
    before = net.params.copy()
    for call in (*calls(net, Parts(**changes)), *predictions(net, Parts(**changes))):
        with pytest.raises(error, match=message):
            call()
    assert (net.params == before).all()
    assert net.history is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(value):
    data = RIGHT["data"].copy()
    data[3] = value
    net = network()
    for call in calls(net, Parts(data=data)):
        with pytest.raises(ValueError, match=rf"X must be finite, got {value} in row 2, column 2 \(as float64\)"):
            call()
    with pytest.raises(ValueError, match=r"X must be finite, got inf in row 0, column 0 \(as float32\)"):
        sn.MLP([N, 1], dtype="float32").cost(Parts(data=np.full(5, 1e300)), Y)
    A = net(Parts(data=data))
    assert np.isnan(A[2]).all() or not np.isfinite(value)
    assert np.isfinite(A[[0, 1, 3]]).all()


def test_no_rows():
    net, none = network(), scipy.sparse.csr_array((0, N))
    for call in calls(net, none)[2:]:
        with pytest.raises(ValueError, match=r"at least one row|must have shape \(0|to go with X"):
            call()
    assert net(none).shape == (0, 1)


def test_views_of_the_parameters():
    net = network()
    X = Parts(data=net.params[:5])
    for call in (lambda: net.fit(X, Y, epochs=1), lambda: sn.fit_many([net], X, Y, epochs=1)):
        with pytest.raises(ValueError, match="X must not share memory"):
            call()
    grad = np.zeros(net.n_params)
    with pytest.raises(ValueError, match="grad must not share memory with X"):
        net.accumulate_grad(Parts(data=grad[:5]), Y, grad)


integers = st.integers(-(2**63), 2**64 - 1) | st.integers(-3, 9)
arrays = st.tuples(
    st.lists(integers, max_size=8),
    st.sampled_from([np.int8, np.int32, np.int64, np.uint64, np.float64, np.bool_, object]),
)


def made(given):
    values, dtype = given
    with np.errstate(all="ignore"):
        return np.array(values, object).astype(dtype, casting="unsafe") if dtype is object else wrapped(values, dtype)


def wrapped(values, dtype):
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return np.array([float(value) for value in values]).astype(kind)
    bits = 8 * kind.itemsize
    signed = [(value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1) for value in values]
    return np.array([value % 2**bits for value in values] if kind.kind == "u" else signed, kind)


@settings(max_examples=300, deadline=None)
@given(
    indices=arrays | st.just(None),
    indptr=arrays | st.just(None),
    count=st.integers(0, 12),
    rows=st.integers(-2, 8) | integers,
    columns=st.just(N) | integers,
)
def test_whatever_the_indices_are(indices, indptr, count, rows, columns):
    """It is refused, or it is the matrix that SciPy makes of it."""
    X = Parts(shape=(rows, columns), data=np.arange(float(count)))
    X.indices = RIGHT["indices"] if indices is None else made(indices)
    X.indptr = RIGHT["indptr"] if indptr is None else made(indptr)
    net = network()
    before = net.params.copy()
    try:
        A = net(X)
    except (TypeError, ValueError):
        with pytest.raises((TypeError, ValueError)):
            net.fit(X, np.zeros(max(0, min(rows, 100))), epochs=1)
        assert (net.params == before).all()
        return
    used = X.indptr[-1]
    dense = np.zeros((rows, N))
    np.add.at(dense, (np.repeat(np.arange(rows), np.diff(X.indptr)), X.indices[:used]), X.data[:used])
    np.testing.assert_allclose(A, net(dense), rtol=1e-12, atol=1e-12)
    if rows:
        net.fit(X, np.zeros(rows), epochs=1)
