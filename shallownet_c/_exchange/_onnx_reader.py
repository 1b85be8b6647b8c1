"""Networks from ONNX models: layers and activations from the graph, and from the metadata what a graph cannot say."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

import numpy as np

from shallownet_c import _kernels, serialization
from shallownet_c._checks import _extras
from shallownet_c._checks._validation import Array, shown
from shallownet_c._exchange import _onnx_file, _onnx_patterns
from shallownet_c._exchange._onnx_file import Source, refuse
from shallownet_c._exchange._onnx_nodes import Reading
from shallownet_c._exchange._onnx_values import Output, Rows, Term
from shallownet_c._exchange._onnx_writer import DESCRIPTION, FORMAT
from shallownet_c._model import Model
from shallownet_c._storage import _schema

KIND = "a dense network in ONNX"
#: Between two layers: several times what composes an activation.
MOST_TERMS = 50
LABELS = ("INT64", "INT32", "STRING", "BOOL", "UINT8")


class Layer(NamedTuple):
    """a = g(W x + b), and what scales a before the next layer multiplies it."""

    W: Array
    b: Array
    activation: str
    leak: float | None
    #: The last node of the activation.
    node: Any


class Scaling(NamedTuple):
    """x s + t, both numbers or vectors; None is 1 or 0."""

    s: Any = None
    t: Any = None


class Between(NamedTuple):
    """What lies between two layers, each list with terms that scale the one before: base, before, activation, after."""

    after: list[Term]
    activation: str
    leak: float | None
    #: The last node of the activation.
    node: Any
    before: list[Term]
    base: Term


def from_onnx(path_or_model: object) -> tuple[Model, Array, tuple[str, ...] | None]:
    """The model, its parameters (P,) and the names of its inputs."""
    if isinstance(path_or_model, (str, os.PathLike)):
        with serialization.refused(path_or_model, KIND):
            return network(_onnx_file.read(path_or_model))
    if not isinstance(path_or_model, _extras.library("onnx", "onnx", "from_onnx").ModelProto):
        remedy = (
            ": onnx.load_from_string makes a model of bytes" if isinstance(path_or_model, (bytes, bytearray)) else ""
        )
        raise TypeError(f"path_or_model must be a path or an onnx.ModelProto, got {shown(path_or_model)}{remedy}")
    with serialization.refused("path_or_model", KIND):
        return network(path_or_model)


def network(proto: Any) -> tuple[Model, Array, tuple[str, ...] | None]:
    """The network of a model's graph, with what its metadata say besides."""
    source, said = Source(proto), description(proto)
    output = output_of(source)
    reading = Reading(source)
    value = reading.value_of(output.name)
    rows = value
    while isinstance(rows, Output):
        rows = rows.rows
    if not isinstance(rows, Rows):
        raise ValueError(f"its output {shown(output.name)} does not depend on its input")
    if len(source.inputs) != 1:
        raise ValueError(f"it must have one input, and has {shown(list(source.inputs))}")
    layers = layers_of(rows.term)
    sizes = [layers[0].W.shape[1], *(layer.W.shape[0] for layer in layers)]
    dims = source.dims(output) if rows is value else None
    if dims is not None and (len(dims) != 2 or dims[1] not in (None, sizes[-1])):
        raise ValueError(
            f"its output {shown(output.name)} is declared as {shown(dims)}, but the last layer has {sizes[-1]} outputs"
        )
    for layer in layers[:-1]:
        if layer.activation not in _kernels.HIDDEN:
            refuse(layer.node, f"is the {layer.activation} of a hidden layer: only outputs are {layer.activation}")
    dtype = layers[0].W.dtype
    leaks = {layer.leak for layer in layers if layer.leak is not None}
    options = {name: said[name] for name in ("loss", "delta", "quantile", "leak") if name in said}
    if leaks:
        options["leak"] = leak_of(leaks, dtype, options.get("leak"))
    model = Model(sizes, [layer.activation for layer in layers[:-1]], layers[-1].activation, dtype=dtype, **options)
    names = said.get("feature_names")
    if names is not None and len(names) != sizes[0]:
        raise ValueError(f"its metadata have {len(names)} feature_names, and its graph {sizes[0]} inputs")
    reading.spend("layers", model.n_params * dtype.itemsize)
    params = np.empty(model.n_params, dtype)
    for W, b, layer in zip(*model.views(params), layers, strict=True):
        W[...] = layer.W
        b[...] = layer.b
    return model, params, None if names is None else tuple(names)


def output_of(source: Source) -> Any:
    """The output with the network's values, which labels are not."""
    outputs = list(source.graph.output)
    if len(outputs) > 1:
        outputs = [
            output
            for output in outputs
            if not output.type.HasField("tensor_type")
            or source.type_name(output.type.tensor_type.elem_type) not in LABELS
        ]
    if len(outputs) != 1:
        names = [output.name for output in source.graph.output]
        raise ValueError(f"it must have one output besides labels, and has {shown(names)}")
    return outputs[0]


def leak_of(leaks: set[float], dtype: np.dtype[Any], said: float | None) -> float:
    """The leak of all layers: as the description says it, if it is the graph's, rounded to the dtype."""
    if len(leaks) > 1:
        raise ValueError(f"its leaky ReLUs have slopes {shown(sorted(leaks))}, and a network has one leak")
    (leak,) = leaks
    if said is not None and dtype.type(said) == dtype.type(leak):
        return said
    return float(str(np.float32(leak))) if dtype == np.float32 else leak


def description(proto: Any) -> dict[str, Any]:
    """What the metadata say of the network; nothing if it is not from here."""
    texts = [entry.value for entry in proto.metadata_props if entry.key == DESCRIPTION]
    if not texts:
        return {}
    try:
        said = json.loads(texts[0])
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or len(texts) > 1:
        raise ValueError("its metadata are damaged")
    written = said.pop("format", None)
    if written != FORMAT:
        raise ValueError(f"its metadata have format {shown(written)}, and {FORMAT} is known")
    _schema.ARCHITECTURE("its description", said)
    return said


def layers_of(term: Term) -> list[Layer]:
    """The layers from the first to the last, with all scaling by constants in their parameters."""
    layers: list[Layer] = []
    here = taken_apart(term)
    if here.after:
        refuse(here.after[0].source, "changes the output after its activation")
    while here.base.weights is not None:
        below = taken_apart(here.base.operands[0])
        if below.base.weights is None and below.activation != "identity":
            refuse(below.node, "comes before the first layer: only scaling by constants can be a part of that")
        of_input = below.before if below.base.weights is None else below.after
        W, b = parameters(here.base.weights, scaling(here.before), scaling(of_input))
        layers.append(Layer(W, b, here.activation, here.leak, here.node))
        here = below
    if not layers:
        raise ValueError("it has no layer, a Gemm or MatMul with constant weights")
    return layers[::-1]


def parameters(weights: Array, own: Scaling, below: Scaling) -> tuple[Array, Array]:
    """W and b of own(weights below(x)), computed in float64 where there is anything to compute."""
    dtype, W = weights.dtype, weights
    b = np.zeros(len(W)) if own.t is None else np.broadcast_to(own.t, len(W))
    with np.errstate(all="ignore"):
        if own.s is not None:
            W = W.astype(np.float64) * np.reshape(own.s, (-1, 1))
        if below.t is not None:
            b = b + W.astype(np.float64) @ np.broadcast_to(below.t, W.shape[1])
        if below.s is not None:
            W = W.astype(np.float64) * below.s
        return W.astype(dtype, copy=False), b.astype(dtype, copy=False)


def scaling(terms: list[Term]) -> Scaling:
    """The terms, each of the one before it, as one scaling; a bias alone keeps its bits."""
    s: Any = None
    t: Any = None
    with np.errstate(all="ignore"):
        for term in terms:
            constant: Any = next((np.asarray(each) for each in term.operands if not isinstance(each, Term)), None)
            if len(terms) > 1 and constant is not None:
                constant = constant.astype(np.float64)
            comes_first = constant is not None and not isinstance(term.operands[0], Term)
            if term.op == "Add":
                t = constant if t is None else t + constant
            elif term.op == "Sub" and not comes_first:
                t = -constant if t is None else t - constant
            elif term.op in ("Sub", "Neg"):
                s = -1.0 if s is None else -s
                t = constant if t is None else -t if constant is None else constant - t
            else:
                if term.op == "Div" and not np.all(constant):
                    refuse(term.source, "divides by 0")
                constant = 1 / constant if term.op == "Div" else constant
                s = constant if s is None else s * constant
                t = None if t is None else t * constant
    return Scaling(s, t)


def scaled(term: Term) -> Term | None:
    """The term that this one adds a constant to, or multiplies by one; None if it does something else."""
    if len(term.terms) != 1 or term.op not in ("Add", "Sub", "Mul", "Div", "Neg"):
        return None
    return None if term.op == "Div" and term.operands[0] is not term.terms[0] else term.terms[0]


def taken_apart(top: Term) -> Between:
    """What lies between the term, which is an output or what a layer multiplies, and the layer or input below."""
    after: list[Term] = []
    reason = ""
    while True:
        region, base = region_of(top)
        before = chain(region, base)
        if before[-1] is top:
            return Between(after[::-1], "identity", None, top.source, before[1:], base)
        for i in range(len(before), 0, -1):
            try:
                tree = tree_of(top, before[i - 1], region)
            except _onnx_patterns.NoTree as error:
                reason = reason or f"makes no activation: {error}"
                continue
            found = _onnx_patterns.recognised(tree)
            if found is not None:
                return Between(after[::-1], *checked(found, top), top.source, before[1:i], base)
            reason = reason or _onnx_patterns.refusal(tree)
        below = scaled(top)
        if below is None:
            refuse((after or [top])[0].source, reason)
        after.append(top)
        top = below


def checked(found: tuple[str, float | None], top: Term) -> tuple[str, float | None]:
    leak = found[1]
    if leak is not None and not 0 <= leak <= 1:  # 1.0 may be what a float32 makes of a leak, see `leak_of`
        refuse(top.source, f"is a leaky ReLU of slope {leak:g}, and a leak is in [0, 1)")
    return found


def region_of(top: Term) -> tuple[list[Term], Term]:
    """The elementwise terms that the term depends on, in the graph's order, and the one layer or input below them."""
    region: dict[int, Term] = {}
    base: Term | None = None
    waiting = [top]
    while waiting:
        term = waiting.pop()
        if term.weights is not None or term.op == "Input":
            if base is not None and base is not term:
                refuse(top.source, "joins the values of two layers: each layer must have one before it")
            base = term
        elif term.number not in region:
            if len(region) == MOST_TERMS:
                refuse(top.source, f"ends more than {MOST_TERMS} operators between two layers")
            region[term.number] = term
            waiting += term.terms
    assert base is not None
    return [region[number] for number in sorted(region)], base


def chain(region: list[Term], base: Term) -> list[Term]:
    """The base and the terms that scale it, one after the other, as long as nothing else reads the one before."""
    terms = [base]
    while True:
        readers = [term for term in region if terms[-1] in term.terms]
        if len(readers) != 1 or scaled(readers[0]) is None:
            return terms
        terms.append(readers[0])


def tree_of(top: Term, z: Term, region: list[Term]) -> Any:
    """The tree of the term as a function of z."""
    trees = {z.number: _onnx_patterns.Z}
    for term in region:
        if term.number > z.number:
            operands = [operand_tree(operand, trees) for operand in term.operands]
            trees[term.number] = _onnx_patterns.op(term.op, *operands)
    return trees[top.number]


def operand_tree(operand: Any, trees: dict[int, Any]) -> Any:
    if isinstance(operand, Term):
        return trees[operand.number]
    if np.ndim(operand):
        raise _onnx_patterns.NoTree("its constants differ from column to column")
    return float(operand)
