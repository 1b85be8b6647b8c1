"""Networks as ONNX models: the graph, and the metadata of what a graph cannot say."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shallownet_c._checks import _extras, _validation
from shallownet_c._checks._validation import Array, shown
from shallownet_c._exchange._onnx_layers import LEAST_OPSET, layers
from shallownet_c._model import Model
from shallownet_c._storage import _files, _models

DEFAULT_OPSET = 18
#: The name of the entry of a model's metadata that describes the network, as JSON.
DESCRIPTION = "shallownet_c"
#: Of that entry's form, which only a change that older versions would misread raises.
FORMAT = 1
BATCH = "batch"


def to_onnx(
    model: Model,
    params: Array,
    names: tuple[str, ...] | None,
    path: str | os.PathLike[str] | None,
    opset: int | None,
) -> Any:
    """The network as an onnx.ModelProto, which is also written to the path if there is one."""
    opset = check_opset(opset)
    check_path(path)
    nodes, initializers = layers(model, *model.views(params), "X", "A", opset)
    proto = model_proto(
        nodes,
        initializers,
        [rows("X", model.dtype, model.sizes[0])],
        [rows("A", model.dtype, model.sizes[-1])],
        {"": opset},
        model,
        names,
    )
    write(path, proto)
    return proto


def check_opset(opset: int | None) -> int:
    """The opset, the default one for None."""
    onnx = _extras.library("onnx", "onnx", "to_onnx")
    if opset is None:
        return DEFAULT_OPSET
    return _validation.integer("opset", opset, LEAST_OPSET, onnx.defs.onnx_opset_version())


def check_path(path: object) -> None:
    """Raise an error unless a file can be written there, or there is no path."""
    if path is None:
        return
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a path or None, got {shown(path)}")
    _files.check(path)


def rows(name: str, dtype: np.dtype[Any], width: int) -> Any:
    """An input or output (batch, width) of a graph."""
    helper = _extras.library("onnx", "onnx", "to_onnx").helper
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), [BATCH, width])


def model_proto(
    nodes: Sequence[Any],
    initializers: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    opsets: Mapping[str, int],
    model: Model,
    names: tuple[str, ...] | None,
) -> Any:
    """The onnx.ModelProto of a graph, with the network and the names of its inputs in the metadata.

    Its IR version is the first that has the opsets, by their domains, so that older runtimes take it.
    """
    import json  # as in `_models`

    onnx = _extras.library("onnx", "onnx", "to_onnx")
    graph = onnx.helper.make_graph(nodes, "network", inputs, outputs, initializers)
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    proto = onnx.helper.make_model(
        graph,
        opset_imports=imports,
        ir_version=onnx.helper.find_min_ir_version_for(imports),
        producer_name="shallownet_c",
    )
    description = {"format": FORMAT} | _models.describe(model, names)
    onnx.helper.set_model_props(proto, {DESCRIPTION: json.dumps(description)})
    return proto


def write(path: str | os.PathLike[str] | None, proto: Any) -> None:
    """Write the model, if there is a path, to a file that appears whole or not at all."""
    if path is not None:
        _files.replace(path, [proto.SerializeToString()])
