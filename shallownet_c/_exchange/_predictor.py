"""`MLP.predictor`: a network that is only called, in the least time, and by other languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from shallownet_c import _core, _engine
from shallownet_c._checks._extras import library
from shallownet_c._model import Net
from shallownet_c._predicting import PredictingNetwork

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from shallownet_c._checks._validation import Array
    from shallownet_c._model import Model


class LiveNetwork(Net, Protocol):
    """What a predictor needs of an `MLP`."""

    @property
    def _params(self) -> Array: ...

    @property
    def feature_names(self) -> tuple[str, ...] | None: ...


#: The inputs that a function of SciPy's can have: the compiled one converts so many on the stack.
MOST_INPUTS = 256


class Predictor(_core.Predictor, PredictingNetwork):
    """A network that is only called; `MLP.predictor` makes it.

    ``predictor(x)`` is a float where the network has one output and otherwise an array (n_L,), for one sample x (n_0,);
    ``predictor(X)`` is an array (m, n_L), for samples X (m, n_0). ``out`` is filled and returned, as `MLP.predict` does
    it.

    Attributes
    ----------
    address : int
        Where the network is, which C functions take as p: see `as_cfunc`. It is good as long as the predictor is there.
    n_inputs, n_outputs : int
    model, layer_sizes, activations, loss, dtype, leak, delta, quantile, n_params, feature_names
        As of `MLP`.
    """

    __slots__ = ("__weakref__", "_columns", "_live", "_model")

    def __init__(
        self, model: Model, params: Array, names: tuple[str, ...] | None, live: LiveNetwork | None = None
    ) -> None:
        if live is None:
            params = params.copy()
            params.flags.writeable = False
        super().__init__(live is None, *_engine.bound(model, params))
        self._model, self._columns, self._live = model, names, live

    if TYPE_CHECKING:

        def __call__(self, X: ArrayLike, out: Array | None = None) -> Any: ...

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        return self._columns if self._live is None else self._live.feature_names

    @property
    def n_inputs(self) -> int:
        return self._model.sizes[0]

    @property
    def n_outputs(self) -> int:
        return self._model.sizes[-1]

    def as_cfunc(self) -> Any:
        """``void (const void *p, const T *x, T *y)``, a function of ctypes: outputs y (n_L,) of one sample x (n_0,).

        T is float or double, as the network's dtype is, and p is `address`. Any number of threads may call the function
        at the same time, and without the GIL; y may be x. Nothing is allocated, except for networks with a layer of
        more than 2,048 units in float32, or 1,024 in float64: there y is NaN if no memory is left.

        Returns
        -------
        ctypes function
            Its address is ``ctypes.cast(function, ctypes.c_void_p).value``. The predictor lives at least as long as
            this object.

        Examples
        --------
        >>> import ctypes, numpy as np, shallownet_c as sn
        >>> predictor = sn.MLP([3, 2], output="softmax", init="zeros").predictor()
        >>> x, y = np.ones(3), np.empty(2)
        >>> real = ctypes.POINTER(ctypes.c_double)
        >>> predictor.as_cfunc()(predictor.address, x.ctypes.data_as(real), y.ctypes.data_as(real))
        >>> y
        array([0.5, 0.5])
        """
        import ctypes

        real = ctypes.POINTER(ctypes.c_float if self.dtype.itemsize == 4 else ctypes.c_double)
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, real, real)(self._functions[0])
        function.predictor = self  # type: ignore[attr-defined]
        return function

    def as_low_level_callable(self) -> Any:
        """The network of one output as a `scipy.LowLevelCallable`, ``double (int, double *, void *)``.

        `scipy.integrate.quad` and `nquad` call it without Python. It gives NaN where it is called with another number
        of inputs than the network has. A network in float32 rounds its inputs.

        Raises
        ------
        ValueError
            If the network has more than one output, or more than 256 inputs.
        ImportError
            Without SciPy (extra "scipy").

        Examples
        --------
        >>> import shallownet_c as sn
        >>> from scipy import integrate
        >>> net = sn.MLP([1, 1], init="zeros")
        >>> net.biases[0][:] = 2
        >>> round(integrate.quad(net.predictor().as_low_level_callable(), 0, 3)[0], 6)
        6.0
        """
        import ctypes

        if self.n_outputs != 1 or self.n_inputs > MOST_INPUTS:
            raise ValueError(
                f"as_low_level_callable needs a network of one output and at most {MOST_INPUTS} inputs, "
                f"got {self.n_outputs} and {self.n_inputs}"
            )
        scipy = library("scipy", "scipy", "as_low_level_callable")

        class Pointer(ctypes.c_void_p):
            """The address, and what keeps it good."""

        pointer = Pointer(self.address)
        pointer.predictor = self  # type: ignore[attr-defined]
        kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double), ctypes.c_void_p)
        return scipy.LowLevelCallable(kind(self._functions[1]), pointer)

    def __repr__(self) -> str:
        return f"Predictor({self._model.arguments()})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._live is not None:
            return of, (self._live, False)
        return type(self), (self._model, self._params, self._columns)


def of(net: LiveNetwork, copy: bool) -> Predictor:
    """The predictor of a network: of a copy of its parameters, or of those that it has at the time of a call."""
    return Predictor(net.model, net._params, net.feature_names, None if copy else net)
