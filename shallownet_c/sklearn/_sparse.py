"""Sparse matrices: rows made dense a few at a time."""

from typing import Any

import numpy as np
from scipy.sparse import issparse as is_sparse

from shallownet_c._fitting import _sources
from shallownet_c.mlp import MLP

__all__ = ["SparseRows", "is_sparse", "outputs"]


class SparseRows:
    """A sparse matrix whose rows come dense when they are asked for, as `_sources.Lazy` reads arrays."""

    def __init__(self, X: Any) -> None:
        self.X = X.tocsr()
        self.shape, self.dtype = X.shape, X.dtype

    def __getitem__(self, rows: slice | np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        dense: np.ndarray[Any, Any] = self.X[rows].toarray()
        return dense

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.X.toarray(), dtype)


def outputs(net: MLP, X: Any) -> np.ndarray[Any, Any]:
    """net(X), sparse X made dense piece by piece"""
    if not is_sparse(X):
        return net(X)
    rows, out = SparseRows(X), np.empty((X.shape[0], net.layer_sizes[-1]), net.dtype)
    step = _sources.rows_at_a_time(net.model)
    for first in range(0, len(out), step):
        net(rows[first : first + step], out=out[first : first + step])
    return out
