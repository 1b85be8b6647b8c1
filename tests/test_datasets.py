"""The data: the flower as the course draws it, and the real digits."""

import hashlib

import numpy as np
import pytest

import shallownet_c as sn


def test_flower_is_the_courses():
    X, y = sn.datasets.make_flower(400, seed=7)
    rng = np.random.default_rng(7)
    for j in range(2):
        t = np.linspace(3.12 * j, 3.12 * (j + 1), 200) + 0.2 * rng.standard_normal(200)
        r = 4 * np.sin(4 * t) + 0.2 * rng.standard_normal(200)
        np.testing.assert_array_equal(X[y == j], np.stack([r * np.sin(t), r * np.cos(t)], axis=1))
    assert X.dtype == np.float64
    assert y.dtype == np.int64


def test_flower_of_any_seed():
    np.testing.assert_array_equal(sn.datasets.make_flower(10, seed=1)[0], sn.datasets.make_flower(10, seed=1)[0])
    assert (sn.datasets.make_flower(10, seed=1)[0] != sn.datasets.make_flower(10, seed=2)[0]).any()
    X, y = sn.datasets.make_flower(2, np.random.RandomState(0))
    assert X.shape == (2, 2)
    assert y.tolist() == [0, 1]
    assert sn.datasets.make_flower()[0].shape == (400, 2)


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
