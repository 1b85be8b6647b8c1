"""Derivatives of `MLP` with respect to its inputs."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

from typing import TYPE_CHECKING

import numpy as np

from shallownet_c import _engine, _layers
from shallownet_c._checks import _arguments, _validation
from shallownet_c._core import Network
from shallownet_c._fitting import _targets
from shallownet_c.reference._activations import ACTIVATIONS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from shallownet_c._checks._features import Names
    from shallownet_c._checks._validation import Array
    from shallownet_c._model import Model


class InputDerivatives:
    """Methods of `MLP`: how its output and its loss change with X."""

    __slots__ = ()

    if TYPE_CHECKING:
        _model: Model
        _names: Names

    @_arguments.checked
    def jacobian(self, X: ArrayLike) -> Array:
        """How each output changes with each input: the Jacobian matrix of each sample.

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,)
            Samples, or one sample. NaN gives NaN. The columns of a table must be those of `feature_names`.

        Returns
        -------
        ndarray (m, n_L, n_0) or (n_L, n_0)
            ``J[i, j, k]`` = ∂A[L]ᵢⱼ / ∂Xᵢₖ. In a kink (relu, leaky_relu) g′(0) is that of the training: 0 and `leak`.

        Raises
        ------
        ValueError, TypeError
            If X is not what `predict` takes.

        See Also
        --------
        vjp : Sums over its rows, without J.
        jvp : Sums over its columns, without J.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> net = sn.MLP([2, 1])
        >>> net.weights[0][:] = [3.0, -4.0]
        >>> net.jacobian([1.0, 1.0])
        array([[ 3., -4.]])
        """
        X, one = self._samples(X)
        return self._derivatives(X, (self._model.sizes[-1], self._model.sizes[0]), one)

    @_arguments.checked
    def vjp(self, X: ArrayLike, V: ArrayLike) -> Array:
        """Vᵀ J of each sample: the derivative of Σⱼ Vⱼ aⱼ, back propagation from V (vector-Jacobian product).

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,)
            As in `jacobian`.
        V : array_like (m, n_L) or (n_L,)
            A weight for each output of each sample.

        Returns
        -------
        ndarray (m, n_0) or (n_0,)
            Σⱼ Vᵢⱼ ∂A[L]ᵢⱼ / ∂Xᵢₖ.

        Raises
        ------
        ValueError, TypeError
            If X is not what `predict` takes, or V does not go with it.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> net = sn.MLP([2, 2])
        >>> net.weights[0][:] = [[1.0, 2.0], [3.0, 4.0]]
        >>> net.vjp([1.0, 1.0], [1.0, -1.0])
        array([-2., -2.])
        """
        X, one = self._samples(X)
        V = self._directions("V", V, len(X), self._model.sizes[-1], one)
        return self._derivatives(X, self._model.sizes[:1], one, V=V)

    @_arguments.checked
    def jvp(self, X: ArrayLike, U: ArrayLike) -> Array:
        """J U of each sample: how the outputs change as X moves along U (Jacobian-vector product).

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,)
            As in `jacobian`.
        U : array_like (m, n_0) or (n_0,)
            A direction for each sample.

        Returns
        -------
        ndarray (m, n_L) or (n_L,)
            Σₖ Uᵢₖ ∂A[L]ᵢⱼ / ∂Xᵢₖ.

        Raises
        ------
        ValueError, TypeError
            If X is not what `predict` takes, or U does not go with it.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> net = sn.MLP([2, 2])
        >>> net.weights[0][:] = [[1.0, 2.0], [3.0, 4.0]]
        >>> net.jvp([1.0, 1.0], [1.0, -1.0])
        array([-1., -1.])
        """
        X, one = self._samples(X)
        self._names.checked(U, "U")
        U = self._directions("U", U, len(X), self._model.sizes[0], one)
        return self._derivatives(X, self._model.sizes[-1:], one, U=U)

    @_arguments.checked
    def input_gradient(self, X: ArrayLike, Y: ArrayLike) -> Array:
        """How each sample's own loss L(a, y) changes with its inputs.

        It is exact however far an output with its own loss saturates (log_loss with sigmoid or softmax: from a − y).

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,)
            As in `jacobian`.
        Y : array_like (m, n_L)
            As in `cost`: also (m,) with one output, and with softmax (m,) integers, the classes' numbers. For one
            sample (n_L,), or a number.

        Returns
        -------
        ndarray (m, n_0) or (n_0,)
            ∂L(A[L]ᵢ, Yᵢ) / ∂Xᵢₖ: no mean over the samples, and no penalties.

        Raises
        ------
        ValueError, TypeError
            If X is not what `predict` takes, or Y not what `cost` takes.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> net = sn.MLP([2, 1], output="sigmoid", init="zeros")
        >>> net.weights[0][:] = [3.0, -4.0]
        >>> net.input_gradient([0.0, 0.0], 1)  # (a - y) w
        array([-1.5,  2. ])
        """
        X, one = self._samples(X)
        model = self._model
        if one:
            Y = _validation.as_array("Y", Y)
            number = model.sizes[-1] == 1 or not ACTIVATIONS[model.activations[-1]].elementwise
            if Y.shape != model.sizes[-1:] and not (number and Y.ndim == 0):
                also = " or be a number" if number else ""
                raise ValueError(
                    f"Y must have shape ({model.sizes[-1]},){also} to go with X of one sample, got {Y.shape}"
                )
            Y = Y[np.newaxis]
        targets, classes = _targets.check(model, Y, len(X))
        return self._derivatives(X, model.sizes[:1], one, Y=targets, classes=classes)

    def _samples(self, X: ArrayLike) -> tuple[Array, bool]:
        """X as rows (m, n_0), and whether it was one sample (n_0,)."""
        self._names.checked(X)
        return _layers.rows_or_one(X, self._model)

    def _directions(self, name: str, value: ArrayLike, m: int, width: int, one: bool) -> Array:
        """V or U as rows (m, width) that go with those of X."""
        array = _validation.numbers(name, value, self._model.dtype)
        shape = (width,) if one else (m, width)
        if array.shape != shape:
            remedy = "" if one else _validation.made_rows(name, array.shape, width)
            raise ValueError(f"{name} must have shape {shape} to go with X, got {array.shape}{remedy}")
        return array.reshape(m, width)

    def _derivatives(self, X: Array, shape: tuple[int, ...], one: bool, **of: Array | None) -> Array:
        """See `_engine.input_derivatives`: (m, …), or without m where X was one sample."""
        assert isinstance(self, Network)
        out = _engine.input_derivatives(self, X, shape, **of)
        return out[0] if one else out
