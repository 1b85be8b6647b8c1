"""One layer, for people who build their own network: forward and backward from the package's kernels.

``target`` names the build in use ("v2", "v3", "v4" for the levels of x86-64, "generic" elsewhere); the environment
variable ``SHALLOWNET_C_CPU`` forces one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from shallownet_c import _kernels, _layer, _threads
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._kernels import target
from shallownet_c.reference._activations import ACTIVATIONS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["dense_backward", "dense_forward", "target"]

_DTYPES = (np.dtype("float32"), np.dtype("float64"))
_ELEMENTWISE = [name for name, row in ACTIVATIONS.items() if row.elementwise]


def dense_forward(
    X: ArrayLike,
    W: ArrayLike,
    b: ArrayLike,
    activation: str,
    out: Array | None = None,
    leak: float = 0.01,
) -> Array:
    """A = g(X Wᵀ + b), one layer.

    Parameters
    ----------
    X : array_like (m, n_in)
        Rows are samples.
    W : array_like (n_out, n_in)
    b : array_like (n_out,)
        X, W and b have one dtype, float32 or float64.
    activation : str
        Any that `MLP` takes for its output; its docstring has the names and the formulas.
    out : ndarray (m, n_out), optional
        C-contiguous, of that dtype, sharing no memory with the inputs; it is overwritten and returned.
    leak : float, default 0.01
        Slope of leaky ReLU for z < 0, in [0, 1).

    Returns
    -------
    ndarray (m, n_out)

    Raises
    ------
    TypeError
        If the arrays differ in dtype or have another than float32 or float64.
    ValueError
        If shapes do not fit, or a name or the leak is unknown or out of range.

    Notes
    -----
    The notes' a = g(W x + b) for all columns x at once (formula 3.15), transposed.

    Examples
    --------
    >>> import numpy as np, shallownet_c as sn
    >>> sn.kernels.dense_forward(np.array([[1.0, -2.0]]), np.eye(2), np.zeros(2), "relu")
    array([[1., 0.]])
    """
    return _forward(X, W, b, activation, out, leak)


def _forward_of_any(X: ArrayLike, W: ArrayLike, b: ArrayLike, activation: str, out: Array | None, leak: float) -> Array:
    """`dense_forward` for arguments that are not plain arrays, or not right."""
    name = _validation.choice("activation", activation, _kernels.ACTIVATIONS)
    leak = check_leak(leak)
    arrays = _of_one_dtype({"X": X, "W": W, "b": b})
    X, W, b = arrays.values()
    _check_layer(X, W)
    if b.shape != (len(W),):
        raise ValueError(f"b must have shape ({len(W)},), got {b.shape}")
    shape = (len(X), len(W))
    if out is None:
        out = np.empty(shape, X.dtype)
    else:
        _validation.output_array("out", out, shape, X.dtype)
        _validation.refuse_overlap("out", out, arrays)
    _forward(X, W, b, name, np.asarray(out), leak)  # arrays of no subclass now
    return out


_float32, _float64 = (_kernels.module(dtype).capsule for dtype in _DTYPES)
_forward = _layer.DenseForward(
    _float32,
    _float64,
    _kernels.ACTIVATIONS,
    for_work=_threads.for_work,
    general=_forward_of_any,
)


@overload
def dense_backward(
    dA: ArrayLike,
    A: ArrayLike,
    X: ArrayLike,
    W: ArrayLike,
    activation: str,
    dW: Array,
    db: Array,
    dX: Array | None = None,
    leak: float = 0.01,
    *,
    Z: ArrayLike | None = None,
) -> Array: ...
@overload
def dense_backward(
    dA: ArrayLike,
    A: ArrayLike,
    X: ArrayLike,
    W: ArrayLike,
    activation: str,
    dW: Array,
    db: Array,
    dX: Literal[False],
    leak: float = 0.01,
    *,
    Z: ArrayLike | None = None,
) -> None: ...
def dense_backward(
    dA: ArrayLike,
    A: ArrayLike,
    X: ArrayLike,
    W: ArrayLike,
    activation: str,
    dW: Array,
    db: Array,
    dX: Array | Literal[False] | None = None,
    leak: float = 0.01,
    *,
    Z: ArrayLike | None = None,
) -> Array | None:
    """dZ = dA ∘ g′(Z); dW += dZᵀ X, db += Σ dZ, dX = dZ W.

    Parameters
    ----------
    dA, A : array_like (m, n_out)
        dJ/dA, and A = g(X Wᵀ + b). g′ is computed from A unless the activation needs Z, but A is required in any case.
    X : array_like (m, n_in)
    W : array_like (n_out, n_in)
    activation : str
        Any that `dense_forward` takes except "softmax", each of whose outputs depends on every z. At z = 0, where ReLU
        and its kind have a kink, the derivative is that of the left side: 0 for ReLU, the leak for leaky ReLU, λ α for
        SELU.
    dW : ndarray (n_out, n_in)
    db : ndarray (n_out,)
        C-contiguous; the gradient is added to them.
    dX : ndarray (m, n_in), None or False
        Overwritten with dJ/dX; None allocates it, False skips it.
    leak : float, default 0.01
        Slope of leaky ReLU for z < 0, in [0, 1).
    Z : array_like (m, n_out), optional
        X Wᵀ + b, required by "silu", "gelu", "gelu_tanh", "mish", "softplus", "elu", "selu" and "sin", whose g′ is
        computed from it; the other activations make no use of it.

    Returns
    -------
    ndarray (m, n_in) or None
        dX; None with ``dX=False``.

    Raises
    ------
    TypeError
        If the arrays differ in dtype or have another than float32 or float64.
    ValueError
        If shapes do not fit, Z is missing where it is needed, outputs share memory with inputs or with each other, or a
        name or the leak is unknown or out of range.

    Notes
    -----
    The six lines of back propagation of the notes (section "gradient descent") for one layer, transposed, without the
    division by m.

    Examples
    --------
    >>> import numpy as np, shallownet_c as sn
    >>> X, W, dW, db = np.array([[1.0, 2.0]]), np.ones((1, 2)), np.zeros((1, 2)), np.zeros(1)
    >>> A = sn.kernels.dense_forward(X, W, np.zeros(1), "identity")
    >>> sn.kernels.dense_backward(np.ones((1, 1)), A, X, W, "identity", dW, db)
    array([[1., 1.]])
    >>> dW
    array([[1., 2.]])
    """
    activation = _validation.choice("activation", activation, _ELEMENTWISE)
    needs_z = ACTIVATIONS[activation].needs_z
    leak = check_leak(leak)
    arrays = _of_one_dtype({"dA": dA, "A": A, "X": X, "W": W} | ({} if Z is None else {"Z": Z}))
    dA, A, X, W = (arrays[name] for name in ("dA", "A", "X", "W"))
    if needs_z and Z is None:
        raise ValueError(f"Z must be given for {activation!r}, whose derivative does not follow from A, got None")
    _check_layer(X, W)
    for name, array in arrays.items():
        if name not in ("X", "W") and array.shape != (len(X), len(W)):
            raise ValueError(f"{name} must have shape {(len(X), len(W))}, got {array.shape}")
    outputs = {
        "dW": _validation.output_array("dW", dW, W.shape, X.dtype),
        "db": _validation.output_array("db", db, (len(W),), X.dtype),
    }
    if dX is None:
        dX = np.empty(X.shape, X.dtype)
    elif dX is not False:
        outputs["dX"] = _validation.output_array("dX", dX, X.shape, X.dtype)
    for name, array in outputs.items():
        _validation.refuse_overlap(name, array, arrays)
        arrays[name] = array
    n_threads = _threads.for_work(2 * X.size * len(W))
    kept = arrays["Z"] if needs_z else A
    into = (dW, db, None if dX is False else dX)
    code = _kernels.ACTIVATIONS[activation]
    _layer.dense_backward(_kernels.module(X.dtype).capsule, (X, W, dA, kept), into, code, leak, n_threads)
    return None if dX is False else dX


def check_leak(leak: object) -> float:
    """The leak as a float in [0, 1): outside of it g′ would not follow from a alone."""
    if type(leak) is float and 0 <= leak < 1:
        return leak
    return _validation.real_number("leak", leak, "in [0, 1)", lambda x: 0 <= x < 1)


def _of_one_dtype(values: dict[str, Any]) -> dict[str, Array]:
    """The values as C-contiguous, aligned, native arrays of the dtype that they share."""
    X = values["X"]
    dtype = X.dtype if type(X) is np.ndarray else None
    if dtype in _DTYPES and all(_validation.is_ready(value, dtype) for value in values.values()):
        return values  # the common case, in which all that follows would take longer than a small layer
    arrays: dict[str, Any] = {name: _validation.as_array(name, value) for name, value in values.items()}
    dtypes = {name: array.dtype.newbyteorder("=") for name, array in arrays.items()}
    if len(set(dtypes.values())) > 1 or next(iter(dtypes.values())) not in _DTYPES:
        got = ", ".join(f"{name} {dtype.name}" for name, dtype in dtypes.items())
        raise TypeError(f"arrays must all be float32 or all be float64, got {got}")
    return {name: np.require(array, dtypes[name], ["C", "A"]) for name, array in arrays.items()}


def _check_layer(X: Array, W: Array) -> None:
    if W.ndim != 2 or 0 in W.shape:
        raise ValueError(f"W must have shape (n_out, n_in), neither of them 0, got {W.shape}")
    if X.ndim != 2 or X.shape[1] != W.shape[1]:
        raise ValueError(f"X must have shape (m, {W.shape[1]}) to go with W {W.shape}, got {X.shape}")
