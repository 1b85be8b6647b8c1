"""A network without its parameters: the checks of sizes, activations and loss, and what follows from them."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np

from shallownet_c import _kernels
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._core import Kernels
from shallownet_c.kernels import check_leak
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES, default_loss

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class Model:
    """What a network computes from its parameters, which are a flat vector (P,): W[1] row by row, b[1], W[2], …

    Parameters
    ----------
    layer_sizes, activation, output, loss, leak, delta, quantile, dtype
        As in `MLP`.

    Attributes
    ----------
    sizes, activations : tuple
        n_0, …, n_L, and the names of g[1], …, g[L], the output's last.
    loss, leak, delta, quantile, dtype
    loss_parameter : float
        δ of huber and q of pinball; of log_loss the greatest that it can be, see `capped`.
    n_params : int
        P.
    size_array, codes : ndarray (L + 1,) of intp, (L,) of intc
        The sizes, and the codes of the activations, as the kernels take them.
    loss_code : int
    kernels : Kernels
        The build for the dtype.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what it should be; the message names it and lists what it may be.

    Examples
    --------
    >>> model = Model([2, 4, 1], "tanh", "sigmoid")
    >>> model.n_params, model.loss
    (17, 'log_loss')
    >>> Model(**model.description()) == model
    True
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    leak: float
    delta: float
    quantile: float
    dtype: np.dtype[Any]
    loss_parameter: float
    n_params: int
    size_array: Array
    codes: Array
    loss_code: int
    kernels: Kernels

    def __init__(
        self,
        layer_sizes: object,
        activation: object = "tanh",
        output: object = "identity",
        *,
        loss: object = None,
        leak: object = 0.01,
        delta: object = 1.0,
        quantile: object = 0.5,
        dtype: DTypeLike = "float64",
    ) -> None:
        sizes = check_sizes(layer_sizes)
        activations = check_activations(activation, output, sizes)
        loss = check_loss(loss, activations[-1])
        leak = check_leak(leak)
        parameters = check_loss_parameters(delta=delta, quantile=quantile)
        of_loss = LOSSES[loss].parameter
        dtype = _validation.float_dtype(dtype)
        n_params = count_params(sizes)
        if n_params * dtype.itemsize > sys.maxsize:
            raise ValueError(f"layer_sizes make 2**{n_params.bit_length() - 1} parameters or more: too many to address")
        vars(self).update(
            sizes=sizes,
            activations=activations,
            loss=loss,
            leak=leak,
            **parameters,
            dtype=dtype,
            loss_parameter=math.inf if of_loss is None else parameters[of_loss.name],
            n_params=n_params,
            size_array=np.array(sizes, np.intp),
            codes=np.array([_kernels.ACTIVATIONS[name] for name in activations], np.intc),
            loss_code=_kernels.LOSSES[loss],
            kernels=_kernels.module(dtype),
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Model never changes: {name} cannot be set or deleted")

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    def _values(self) -> tuple[object, ...]:
        """All that two models may differ in."""
        parameters = self.leak, self.delta, self.quantile, self.loss_parameter
        return self.sizes, self.activations, self.loss, *parameters, self.dtype

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def description(self) -> dict[str, Any]:
        """The constructor's arguments, fit for JSON."""
        return {
            "layer_sizes": list(self.sizes),
            "activation": list(self.activations[:-1]),
            "output": self.activations[-1],
            "loss": self.loss,
            "leak": self.leak,
            "delta": self.delta,
            "quantile": self.quantile,
            "dtype": self.dtype.name,
        }

    def arguments(self) -> str:
        """The constructor's arguments as source code, without those that make no difference."""
        hidden = set(self.activations[:-1])
        activation = hidden.pop() if len(hidden) == 1 else list(self.activations[:-1])
        shown = f"activation={activation!r}, " if self.activations[:-1] else ""
        names = [ACTIVATIONS[name].parameter for name in self.activations]
        loss_parameter = LOSSES[self.loss].parameter
        names += [] if loss_parameter is None else [loss_parameter.name]
        parameters = "".join(f"{name}={getattr(self, name)!r}, " for name in dict.fromkeys(filter(None, names)))
        return (
            f"{list(self.sizes)}, {shown}output={self.activations[-1]!r}, loss={self.loss!r}, "
            f"{parameters}dtype={self.dtype.name!r}"
        )

    def __repr__(self) -> str:
        return f"Model({self.arguments()})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.description(), self.loss_parameter)

    def capped(self, greatest: float) -> Model:
        """The model whose log_loss is never more than `greatest` in what training reports; its gradient is the same."""
        return _restored(self.description(), greatest)

    def views(self, params: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """W[1], … and b[1], … as views of the flat vector."""
        weights, biases = [], []
        at = 0
        for n_in, n_out in itertools.pairwise(self.sizes):
            weights.append(params[at : at + n_out * n_in].reshape(n_out, n_in))
            at += n_out * n_in
            biases.append(params[at : at + n_out])
            at += n_out
        return tuple(weights), tuple(biases)


def _restored(description: dict[str, Any], loss_parameter: float) -> Model:
    model = Model(**description)
    vars(model)["loss_parameter"] = loss_parameter
    return model


class ModelAttributes:
    """What a model says, as read-only attributes of a class that has one as `_model`."""

    __slots__ = ()

    _model: Model

    @property
    def model(self) -> Model:
        return self._model

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return self._model.sizes

    @property
    def activations(self) -> tuple[str, ...]:
        return self._model.activations

    @property
    def loss(self) -> str:
        return self._model.loss

    @property
    def leak(self) -> float:
        return self._model.leak

    @property
    def delta(self) -> float:
        return self._model.delta

    @property
    def quantile(self) -> float:
        return self._model.quantile

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._model.dtype

    @property
    def n_params(self) -> int:
        return self._model.n_params


class Net(Protocol):
    """A model and its parameters (P,), as an `MLP` has them."""

    @property
    def model(self) -> Model: ...

    @property
    def params(self) -> Array: ...


def count_params(sizes: tuple[int, ...]) -> int:
    """P, the number of weights and biases."""
    return sum(n_out * (n_in + 1) for n_in, n_out in itertools.pairwise(sizes))


def tensor_shapes(sizes: Iterable[int]) -> dict[str, tuple[int, ...]]:
    """The shapes of W[1], b[1], W[2], … by the names that these have in a file."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        shapes[f"layers.{layer}.weight"] = (n_out, n_in)
        shapes[f"layers.{layer}.bias"] = (n_out,)
    return shapes


def check_sizes(layer_sizes: object) -> tuple[int, ...]:
    items = _validation.sequence("layer_sizes", layer_sizes, "integers, [n_0, …, n_L] from inputs to outputs")
    sizes = tuple(_validation.integer(f"layer_sizes[{i}]", n, 1) for i, n in enumerate(items))
    if len(sizes) < 2:
        raise ValueError(f"layer_sizes must have inputs and outputs, two numbers or more, got {list(sizes)}")
    return sizes


def check_activations(activation: object, output: object, sizes: tuple[int, ...]) -> tuple[str, ...]:
    """g[1], …, g[L], from the hidden layers' names and the output's."""
    n_layers = len(sizes) - 1
    output = _validation.choice("output", output, ACTIVATIONS)
    if not ACTIVATIONS[output].elementwise and sizes[-1] == 1:
        raise ValueError(
            f"output {output!r} needs an output for each class, two or more, and of one it can only say 1.0: for two "
            f"classes and one output take 'sigmoid'"
        )
    if isinstance(activation, str):
        hidden = [_validation.choice("activation", activation, _kernels.HIDDEN)] * (n_layers - 1)
    else:
        names = _validation.sequence("activation", activation, f"names, or one name, out of {list(_kernels.HIDDEN)}")
        hidden = [_validation.choice("activation", name, _kernels.HIDDEN) for name in names]
        if len(hidden) != n_layers - 1:
            of_output = "; that of the output layer is output=…" if len(hidden) == n_layers else ""
            raise ValueError(
                f"activation must have a name for each of {n_layers - 1} hidden layers, got {len(hidden)}{of_output}"
            )
    return (*hidden, output)


def check_loss(loss: object, output: str) -> str:
    """The loss, the output's own by default; both must go together."""
    if loss is None:
        return default_loss(output)
    loss = _validation.choice("loss", loss, LOSSES)
    if not LOSSES[loss].takes(output):
        outputs = ", ".join(repr(name) for name in ACTIVATIONS if LOSSES[loss].takes(name))
        losses = ", ".join(repr(row.name) for row in LOSSES.values() if row.takes(output))
        raise ValueError(
            f"loss {loss!r} does not go with output {output!r}: {loss} takes {outputs}, and {output} takes {losses}"
        )
    return loss


def check_loss_parameters(**parameters: object) -> dict[str, float]:
    """The parameters of all losses, by their names, whichever loss the network has."""
    rows = [row.parameter for row in LOSSES.values() if row.parameter is not None]
    return {p.name: _validation.real_number(p.name, parameters[p.name], p.takes, p.accepts) for p in rows}
