"""What a network may look like: the checks of sizes, activations and loss, and where each parameter stands."""

import itertools
from collections.abc import Iterable

from shallownet_c import _kernels
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES, default_loss


def count_params(sizes: tuple[int, ...]) -> int:
    """P, the number of weights and biases."""
    return sum(n_out * (n_in + 1) for n_in, n_out in itertools.pairwise(sizes))


def views(params: Array, sizes: tuple[int, ...]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """W[1], … and b[1], … as views of the flat vector."""
    weights, biases = [], []
    at = 0
    for n_in, n_out in itertools.pairwise(sizes):
        weights.append(params[at : at + n_out * n_in].reshape(n_out, n_in))
        at += n_out * n_in
        biases.append(params[at : at + n_out])
        at += n_out
    return tuple(weights), tuple(biases)


def tensor_shapes(sizes: Iterable[int]) -> dict[str, tuple[int, ...]]:
    """Those of W[1], b[1], W[2], … by their names in a file."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        shapes[f"layers.{layer}.weight"] = (n_out, n_in)
        shapes[f"layers.{layer}.bias"] = (n_out,)
    return shapes


def check_sizes(layer_sizes: object) -> tuple[int, ...]:
    items = _validation.sequence("layer_sizes", layer_sizes, "integers")
    sizes = tuple(_validation.integer("layer_sizes", n, 1) for n in items)
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
            raise ValueError(f"activation must name {n_layers - 1} hidden layers, got {len(hidden)} names")
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
    """Those of all losses, by their names, whichever the network has."""
    rows = [row.parameter for row in LOSSES.values() if row.parameter is not None]
    return {p.name: _validation.real_number(p.name, parameters[p.name], p.takes, p.accepts) for p in rows}
