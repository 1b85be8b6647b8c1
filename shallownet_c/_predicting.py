"""The call of a network for all that the compiled call leaves over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c import _core, _engine, _layers, _threads
from shallownet_c._checks import _features, _sparse, _validation
from shallownet_c._checks._sparse import SparseRows
from shallownet_c._checks._validation import Array
from shallownet_c._core import Network
from shallownet_c._fitting import _sources
from shallownet_c._model import ModelAttributes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class PredictingNetwork(Network, ModelAttributes):
    """A `Network` of its `_model`, which it calls with whatever stands for rows."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def feature_names(self) -> tuple[str, ...] | None: ...

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        _core.let_vectorcall(cls)

    def _predict(self, X: ArrayLike, out: Array | None) -> Any:
        """`Network.__call__` for all but one plain row."""
        model = self._model
        n_in, dtype = model.sizes[0], model.dtype
        if type(X) is not np.ndarray and _sparse.is_sparse(X):
            return self._predict_rows(_sparse.rows("X", X, n_in, dtype), out)
        if not (type(X) is np.ndarray and X.ndim == 2 and X.shape[1] == n_in):
            _features.Names(self.feature_names).checked(X)
            if _sources.is_lazy(X, dtype) and np.shape(X)[1:] == (n_in,):
                return self._predict_in_pieces(X, out)
            X = _validation.numbers("X", X, dtype)
            if X.shape == (n_in,):
                if out is None:
                    return self(X)
                self._check_out(out, model.sizes[-1:])
                self(X, np.asarray(out))  # the compiled call takes arrays of no subclass
                return out
            _layers.check_rows_or_one(X, n_in)
        return self._predict_rows(_validation.rows("X", X, n_in, dtype), out)

    def _predict_rows(self, X: Array | SparseRows, out: Array | None) -> Array:
        """(m, n_L), in `out` unless that is None, of rows as the kernels take them."""
        shape = (len(X), self._model.sizes[-1])
        if out is None:
            out = np.empty(shape, self.dtype)
        else:
            self._check_out(out, shape)
            if np.may_share_memory(out, X if isinstance(X, np.ndarray) else X.data):
                X = X.copy()
        _core.predict(self, X, out, _threads.for_work(_engine.multiply_adds(self._model, X)))
        return out

    def _predict_in_pieces(self, X: Any, out: Array | None) -> Array:
        """The same for rows that are not in memory, of which a few megabytes are read at a time."""
        m, n_out = len(X), self._model.sizes[-1]
        if out is None:
            out = np.empty((m, n_out), self.dtype)
        else:
            self._check_out(out, (m, n_out))
            if isinstance(X, np.ndarray):
                _validation.refuse_overlap("out", out, {"an X of another dtype": X})
        for rows, piece in _sources.in_pieces(X, self._model):
            self._predict(piece, out[rows])
        return out

    def _check_out(self, out: object, shape: tuple[int, ...]) -> None:
        """Whether a prediction may be written there, which may be X itself but not the parameters that it reads."""
        _validation.refuse_overlap(
            "out", _validation.output_array("out", out, shape, self.dtype), {"the network's params": self._params}
        )
