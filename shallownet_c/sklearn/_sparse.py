"""Sparse matrices: rows made dense a few at a time."""

from typing import Any

import numpy as np
from scipy.sparse import issparse as is_sparse

__all__ = ["SparseRows", "is_sparse"]


class SparseRows:
    """A sparse matrix whose rows come dense when they are asked for, as `_sources.Lazy` reads arrays."""

    def __init__(self, X: Any) -> None:
        self.X = X.tocsr()
        self.shape, self.dtype = X.shape, X.dtype

    def __getitem__(self, rows: slice | np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return self.X[rows].toarray()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.X.toarray(), dtype)
