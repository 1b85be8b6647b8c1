"""A network as a file of C99 that needs math.h alone."""

from __future__ import annotations

import math
import os
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from string import Template
from typing import NamedTuple

import numpy as np

from shallownet_c import _core, _engine
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._exchange import _c_code, _c_names
from shallownet_c._model import Model
from shallownet_c._storage import _files
from shallownet_c.reference._losses import LOSSES

WIDTH = 100  # characters of a line of numbers or of the header
ROWS = 5  # of the self-test


class Layer(NamedTuple):
    """A layer as the file has it: W (n_out, n_in) of float32, or of int8 with a scale (n_out,) for each row."""

    W: Array
    scale: Array | None
    b: Array

    def weights(self) -> Array:
        """W as the C code uses it, exact in float64."""
        W = self.W.astype(np.float64)
        return W if self.scale is None else W * self.scale[:, np.newaxis]


def to_c(
    model: Model,
    params: Array,
    names: tuple[str, ...] | None,
    path: str | os.PathLike[str] | None,
    name: object,
    int8: object,
) -> str:
    """See `MLP.to_c`."""
    name = _c_names.checked(name)
    int8 = _validation.boolean("int8", int8)
    if path is not None:
        _files.check(path)
    layers = rounded_layers(model, params, int8)
    text = "\n".join(
        [
            header([model], names, name, int8),
            "#include <math.h>\n",
            size_macros(model, name),
            *tables(model, layers, name),
            _c_code.dense(name, max(model.sizes[:-1]), int8),
            *activation_functions(model, name),
            prediction(model, name, int8, f"{name}_dense"),
            self_test([(model, layers)], name),
        ]
    )
    if path is not None:
        _files.replace(path, [text.encode("ascii")])
    return text


def rounded_layers(model: Model, params: Array, int8: bool) -> list[Layer]:
    """The layers in float32, their weights rounded to int8 if that is wanted; an error if one is not finite."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = params.astype(np.float32)
    layers = []
    for number, (W, b) in enumerate(zip(*model.views(rounded), strict=True)):
        for kind, array in (("weights", W), ("biases", b)):
            if not np.isfinite(array).all():
                place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
                raise ValueError(
                    f"the network's parameters must be finite as float32, got {array[place]} in {kind}[{number}] at "
                    f"{place}"
                )
        layers.append(Layer(*_quantized(W), b) if int8 else Layer(W, None, b))
    return layers


def _quantized(W: Array) -> tuple[Array, Array]:
    """Q (n_out, n_in) of int8 and the scales s (n_out,) with W[j] ≈ s[j] Q[j]: s[j] = max |W[j]| / 127."""
    scale = (np.abs(W).max(axis=1) / 127.0).astype(np.float32)
    divisor = np.where(scale > 0, scale, np.float32(1)).astype(np.float64)
    return np.clip(np.rint(W / divisor[:, np.newaxis]), -127, 127).astype(np.int8), scale


def header(models: Sequence[Model], names: tuple[str, ...] | None, name: str, int8: bool) -> str:
    """The comment at the top: what the network is, or the networks are, and how the file is used."""
    macro, first = name.upper(), models[0]
    kinds = Counter(map(_layers_in_words, models))
    rounding = "" if first.dtype == np.float32 else ", each rounded to the nearest one from float64"
    parameter = LOSSES[first.loss].parameter
    of_loss = "" if parameter is None else f", {parameter.name} {getattr(first, parameter.name)!r}"
    stack = max(4 * sum(model.sizes[layers[0]] for layers in _buffers(model).values()) for model in models)
    what, of_mean = "a neural network", 0
    if len(models) > 1:
        what, of_mean = f"the mean of {len(models)} neural networks", 8 * first.sizes[-1]
    facts = {
        "Layers": "; ".join(f"{count} x {kind}" if len(models) > 1 else kind for kind, count in kinds.items()),
        "Loss": first.loss + of_loss,
        "Weights": "int8, with a float scale for each row; everything else is float" if int8 else f"float{rounding}",
        "Stack": f"{stack + of_mean} bytes for activations",
    }
    lines = [f"{name}: {what}, written by shallownet_c {version('shallownet-c')}", ""]
    for title, fact in facts.items():
        lines += textwrap.wrap(f"{title:9}{fact}", WIDTH, subsequent_indent=" " * 9)
    for number, column in enumerate(names or ()):
        lines.append(f"{'' if number else 'Inputs':9}x[{number}] {_c_names.in_comment(column)}")
    lines += [
        "",
        f"{name}_predict(x, y) reads {macro}_INPUTS numbers from x and writes {macro}_OUTPUTS numbers to y.",
        "y may be x. Nothing is kept between calls, so several threads may call it at the same time.",
        "",
        f"Self-test of a file {name}.c: cc -std=c99 -D{macro}_TEST {name}.c -lm && ./a.out",
    ]
    return "/*\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */"


def _layers_in_words(model: Model) -> str:
    layers = [f"{size} {activation}" for size, activation in zip(model.sizes[1:], model.activations, strict=True)]
    leak = f", leak {model.leak!r}" if "leaky_relu" in model.activations else ""
    return " - ".join([f"{model.sizes[0]} inputs", *layers]) + leak


def _size(model: Model, name: str, layer: int) -> str:
    """The macro of n_layer."""
    middle = {0: "INPUTS", len(model.activations): "OUTPUTS"}
    return f"{name.upper()}_{middle.get(layer, f'HIDDEN_{layer}')}"


def size_macros(model: Model, name: str) -> str:
    lines = [f"#define {_size(model, name, layer)} {size}\n" for layer, size in enumerate(model.sizes)]
    return "".join(lines) + f"#define {name.upper()}_LAYERS {len(model.activations)}\n"


def tables(model: Model, layers: list[Layer], name: str) -> Iterator[str]:
    """The parameters of each layer."""
    for number, (W, scale, b) in enumerate(layers, 1):
        n_in, n_out = _size(model, name, number - 1), _size(model, name, number)
        shape = f"W[{number}] {W.shape}"
        if scale is None:
            yield f"/* {shape} */\n{_table(f'float {name}_W{number}[{n_out} * {n_in}]', W)}"
        else:
            integers = _table(f"signed char {name}_W{number}[{n_out} * {n_in}]", W)
            yield f"/* {shape}: row j times {name}_scale{number}[j] */\n{integers}"
            yield _table(f"float {name}_scale{number}[{n_out}]", scale)
        yield f"/* b[{number}] */\n{_table(f'float {name}_b{number}[{n_out}]', b)}"


def _table(declared: str, values: Array) -> str:
    return f"static const {declared} = {{\n{_numbers(np.atleast_2d(values))}\n}};\n"


def _numbers(rows: Array, indent: int = 4) -> str:
    """The rows as initialisers, each on a line of its own or on several."""
    text = [[_literal(value) for value in row] for row in rows.tolist()]
    width = max(len(number) for row in text for number in row)
    count = max(1, (WIDTH - indent) // (width + 2))
    lines = [
        " " * (indent if at == 0 else indent + 2) + ", ".join(f"{number:>{width}}" for number in row[at : at + count])
        for row in text
        for at in range(0, len(row), count)
    ]
    return ",\n".join(lines)


def _literal(value: float | int) -> str:
    """The value in C: nine digits are enough for every float."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NAN"
    text = f"{value:.9g}"
    return text + ("f" if "." in text or "e" in text else ".0f")


def activation_functions(model: Model, name: str) -> Iterator[str]:
    """The functions that the network needs and math.h does not have."""
    leak = _literal(float(np.float32(model.leak)))
    for activation in dict.fromkeys(model.activations):
        if activation in _c_code.BODIES:
            body = Template(_c_code.BODIES[activation]).substitute(leak=leak)
            yield f"static float {name}_{activation}(float z)\n{{\n{body}}}\n"
        elif activation == "softmax":
            yield _c_code.SOFTMAX.substitute(name=name)


def _buffers(model: Model) -> dict[str, list[int]]:
    """The arrays that hold A[l] by turns, and the layers l of each, the widest first.

    The last layer writes to y, unless it is the first one, too, which reads x to its end.
    """
    hidden = range(1, max(2, len(model.activations)))
    turns = {"odd": hidden[::2], "even": hidden[1::2]}
    return {array: sorted(layers, key=lambda layer: -model.sizes[layer]) for array, layers in turns.items() if layers}


def prediction(model: Model, name: str, int8: bool, dense: str, template: Template = _c_code.PREDICT) -> str:
    """NAME_predict: the layers, up to Z by `dense`, write to two arrays by turns, the last one to y."""
    holds = {layer: array for array, layers in _buffers(model).items() for layer in layers}
    lines = []
    for array, layers in _buffers(model).items():
        listed = ", ".join(f"A[{layer}]" for layer in sorted(layers)[:3]) + (", ..." if len(layers) > 3 else "")
        lines.append(f"float {array}[{_size(model, name, layers[0])}]; /* {listed} */")
    for layer, activation in enumerate(model.activations, 1):
        a, z = holds.get(layer - 1, "x"), holds.get(layer, "y")
        n_in, n_out = _size(model, name, layer - 1), _size(model, name, layer)
        scale = f"{name}_scale{layer}, " if int8 else ""
        lines += ["", f"{dense}({name}_W{layer}, {scale}{name}_b{layer}, {n_in}, {n_out}, {a}, {z});"]
        if activation == "softmax":
            lines.append(f"{name}_softmax({z}, {n_out});")
        elif activation != "identity":
            function = _c_code.FUNCTIONS.get(activation, f"{name}_{activation}")
            lines += [f"for (int j = 0; j < {n_out}; j++)", f"    {z}[j] = {function}({z}[j]);"]
    if len(model.activations) == 1:
        lines += ["", f"for (int j = 0; j < {n_out}; j++)", f"    y[j] = {z}[j];"]
    return template.substitute(name=name, body="\n".join(f"    {line}".rstrip() for line in lines))


def self_test(networks: Sequence[tuple[Model, list[Layer]]], name: str) -> str:
    """The self-test: rows of multiples of 1/8 from -2 to 2, and the mean of what exact arithmetic makes of them."""
    n_in = networks[0][0].sizes[0]
    X = np.round(np.arange(1, ROWS * n_in + 1) * 0.6180339887 % 1.0 * 32 - 16).reshape(ROWS, n_in) / 8
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        exact, in_float = (
            np.mean([_outputs(*network, rows) for network in networks], axis=0) for rows in (X, X.astype(np.float32))
        )
        exact = exact.astype(np.float32)
        errors = np.abs(in_float - exact) / (1 + np.abs(exact))
    # Where float arithmetic loses more digits than usual, it may lose some more in another order. Where it has lost
    # nearly all of them, or overflows, there is nothing to compare.
    known = errors < 0.01
    tolerance = max(1e-6, 8 * float(np.max(errors, where=known, initial=0.0)))
    expected = np.where(known, exact, np.nan)
    return _c_code.TEST.substitute(
        name=name, NAME=name.upper(), rows=ROWS, x=_braced(X), expected=_braced(expected), tolerance=f"{tolerance:.1e}f"
    )


def _braced(rows: Array) -> str:
    return ",\n".join(f"        {{\n{_numbers(row[np.newaxis], 12)}\n        }}" for row in rows)


def _outputs(model: Model, layers: list[Layer], X: Array) -> Array:
    """A[L] of X, computed in its dtype, of the network that the file holds."""
    model = Model(**(model.description() | {"dtype": X.dtype}))
    params = np.concatenate([part.ravel() for layer in layers for part in (layer.weights(), layer.b)]).astype(X.dtype)
    out = np.empty((len(X), model.sizes[-1]), X.dtype)
    _core.predict(_engine.network(model, params), X, out, 1)
    return out
