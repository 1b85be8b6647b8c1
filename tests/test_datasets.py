"""The data: the flower as the course draws it, and the real digits; the split for a dev set."""

import hashlib

import numpy as np
import pytest
from scipy import sparse

import shallownet_c as sn

#: Rows 0 to 5 of the data that the course itself draws, as published by those who took it.
COURSE = [
    [1.204442292254319, 3.5761141481288448],
    [0.15870990398255372, -1.4821709003683443],
    [0.09524719604502052, -1.2799553276531797],
    [0.3491784746396591, -2.064379974990181],
    [0.6941503784609095, 2.8891087790998613],
    [1.6206503790381426, -4.035124003739587],
]


def test_flower_is_the_courses():
    """The course draws it after np.random.seed(1)."""
    X, y = sn.datasets.make_flower(400, np.random.RandomState(1))
    np.testing.assert_allclose(X[:6], COURSE, rtol=1e-14)
    assert y.tolist() == [0] * 200 + [1] * 200
    # Of eight petals, each of them 45 degrees wide, a class has four.
    petal = np.degrees(np.arctan2(X[:, 0], X[:, 1])) % 360 // 45
    shares = np.array([y[petal == k].mean() for k in range(8)])
    np.testing.assert_allclose(shares, [0, 1, 0, 1, 1, 0, 1, 0], atol=0.25)
    assert 4 < np.hypot(*X.T).max() < 5
    assert X.dtype == np.float64
    assert y.dtype == np.int64


def test_flower_of_any_seed():
    np.testing.assert_array_equal(sn.datasets.make_flower(10, seed=1)[0], sn.datasets.make_flower(10, seed=1)[0])
    assert (sn.datasets.make_flower(10, seed=1)[0] != sn.datasets.make_flower(10, seed=2)[0]).any()
    X, y = sn.datasets.make_flower(2, np.random.RandomState(0))
    assert X.shape == (2, 2)
    assert y.tolist() == [0, 1]
    assert sn.datasets.make_flower()[0].shape == (400, 2)


def test_shuffled_flower_is_the_same_flower():
    (X, y), (shuffled, labels) = (sn.datasets.make_flower(100, seed=3, shuffle=shuffle) for shuffle in (False, True))
    assert 10 < labels[:50].sum() < 40
    rows = {tuple(row): label for row, label in zip(X, y, strict=True)}
    assert {tuple(row): label for row, label in zip(shuffled, labels, strict=True)} == rows
    with pytest.raises(TypeError, match="shuffle must be True or False"):
        sn.datasets.make_flower(10, shuffle=1)


@pytest.mark.parametrize(("error", "m"), [(ValueError, 0), (ValueError, -2), (ValueError, 3), (TypeError, 4.0)])
def test_flower_of_no_size(error, m):
    with pytest.raises(error, match="m must be"):
        sn.datasets.make_flower(m)


def test_digits_have_not_changed():
    X, y = sn.datasets.load_digits()
    assert X.shape == (1797, 64)
    assert y.shape == (1797,)
    digest = hashlib.sha256(X.astype(np.uint8).tobytes() + y.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits as sklearn_digits  # here, so that the other tests do without

    X, y = sn.datasets.load_digits()
    theirs, their_y = sklearn_digits(return_X_y=True)
    np.testing.assert_array_equal(X, theirs)
    np.testing.assert_array_equal(y, their_y)
    assert X.dtype == np.float64
    assert y.dtype == np.int64


def test_digits_are_the_callers_to_change():
    X, _ = sn.datasets.load_digits()
    X[:] = 0
    assert sn.datasets.load_digits()[0].any()


def test_split_takes_every_row_once_and_all_arrays_alike():
    X, y, weights = np.arange(100.0).reshape(50, 2), np.arange(50), [float(i) for i in range(50)]
    before = X.copy()
    parts = sn.datasets.train_dev_split(X, y, weights, dev_fraction=0.3, seed=0)
    X_train, X_dev, y_train, y_dev, w_train, w_dev = parts
    assert [len(part) for part in parts] == [35, 15] * 3
    assert sorted([*y_train, *y_dev]) == list(range(50))
    assert y_dev.tolist() != sorted(y_dev)
    for X_part, y_part, w_part in ((X_train, y_train, w_train), (X_dev, y_dev, w_dev)):
        np.testing.assert_array_equal(X_part, X[y_part])
        np.testing.assert_array_equal(w_part, y_part)
    again = sn.datasets.train_dev_split(y, dev_fraction=0.3, seed=0)
    np.testing.assert_array_equal(again[1], y_dev)
    assert (sn.datasets.train_dev_split(y, dev_fraction=0.3, seed=1)[1] != y_dev).any()
    X_dev[:] = X_train[:] = -1
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("seed", range(5))
def test_split_by_proportions(seed):
    labels = np.array(["rare"] * 10 + ["often"] * 200 + ["some"] * 87)
    places = np.arange(len(labels))
    train, dev = sn.datasets.train_dev_split(places, dev_fraction=0.25, stratify=labels, seed=seed)
    assert len(dev) == 74
    for label in set(labels):
        assert abs((labels[dev] == label).sum() - 74 / 297 * (labels == label).sum()) < 1
    assert sorted([*train, *dev]) == places.tolist()
    # Neither set is sorted by class, nor is it always the same rows of a class.
    assert (labels[dev] != np.sort(labels[dev])).any()
    assert (labels[train] != np.sort(labels[train])).any()
    assert set(dev) != set(sn.datasets.train_dev_split(places, dev_fraction=0.25, stratify=labels, seed=seed + 9)[1])


def test_split_of_tables_by_position():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": np.arange(10.0), "b": 1}, index=np.arange(10)[::-1])
    parts = sn.datasets.train_dev_split(frame, frame["a"], np.arange(10), seed=0)
    for X, y, rows in (parts[::2], parts[1::2]):
        assert X.columns.tolist() == ["a", "b"]
        assert X["a"].tolist() == y.tolist() == rows.tolist()


@pytest.mark.parametrize("kind", ["csr_array", "coo_matrix"])
def test_split_of_sparse_matrices(kind):
    matrix = getattr(sparse, kind)(np.diag(np.arange(10.0)))
    parts = sn.datasets.train_dev_split(matrix, np.arange(10), seed=0)
    for S, rows in (parts[::2], parts[1::2]):
        assert S.toarray().max(axis=1).tolist() == rows.tolist()


X = np.zeros((10, 2))


@pytest.mark.parametrize(
    ("error", "match", "arrays", "arguments"),
    [
        (TypeError, "at least one array", (), {}),
        (ValueError, "array 2 must have 10 rows like the first one, got 9", (X, X[:9]), {}),
        (ValueError, "array 1 must have rows, got a single value", (3.0,), {}),
        (ValueError, "dev_fraction must be between 0 and 1, got 1.5", (X,), {"dev_fraction": 1.5}),
        (TypeError, "dev_fraction must be a number", (X,), {"dev_fraction": "half"}),
        (ValueError, "dev_fraction must leave a row for each set, got 0.01 of 10 rows", (X,), {"dev_fraction": 0.01}),
        (ValueError, "dev_fraction must leave", (X[:1],), {}),
        (ValueError, r"stratify must be the 10 rows' labels, of shape \(10,\)", (X,), {"stratify": True}),
        (ValueError, r"got shape \(10, 2\)", (X,), {"stratify": X}),
        (TypeError, "stratify must be labels that can be sorted", (X,), {"stratify": np.array(["a", 1] * 5, object)}),
        (TypeError, "seed must be an integer", (X,), {"seed": "x"}),
    ],
)
def test_split_refuses(error, match, arrays, arguments):
    with pytest.raises(error, match=match):
        sn.datasets.train_dev_split(*arrays, **arguments)
