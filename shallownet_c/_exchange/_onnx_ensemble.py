"""Several networks as one ONNX model, whose output is the mean of theirs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from shallownet_c._checks import _extras
from shallownet_c._exchange import _onnx_writer
from shallownet_c._exchange._onnx_layers import MOST_BYTES, layers
from shallownet_c._storage import _models
from shallownet_c._storage._models import Stored


def to_onnx(nets: Sequence[Stored], path: str | os.PathLike[str] | None, opset: int | None) -> Any:
    """See `Ensemble.to_onnx`."""
    opset = _onnx_writer.check_opset(opset)
    _onnx_writer.check_path(path)
    onnx = _extras.library("onnx", "onnx", "to_onnx")
    model, _, names = nets[0]
    n_bytes = sum(params.nbytes for _, params, _ in nets)
    if n_bytes > MOST_BYTES:
        raise ValueError(f"an ONNX file holds less than 2 GiB, and the parameters take {n_bytes / 2**30:.2f} GiB")
    nodes, initializers, outputs = [], [], []
    for i, (own, params, _) in enumerate(nets):
        outputs.append(f"nets.{i}.A")
        of_net = layers(own, *own.views(params), "X", outputs[-1], opset, f"nets.{i}.")
        nodes += of_net[0]
        initializers += of_net[1]
    # Not the operator Mean, which runtimes have for float32 alone.
    initializers.append(onnx.numpy_helper.from_array(np.array(len(nets), model.dtype), "K"))
    nodes.append(onnx.helper.make_node("Sum", outputs, ["sum"], name="sum"))
    nodes.append(onnx.helper.make_node("Div", ["sum", "K"], ["A"], name="A"))
    proto = _onnx_writer.model_proto(
        nodes,
        initializers,
        [_onnx_writer.rows("X", model.dtype, model.sizes[0])],
        [_onnx_writer.rows("A", model.dtype, model.sizes[-1])],
        {"": opset},
        model,
        names,
    )
    described = [_models.describe(own, own_names) for own, _, own_names in nets]
    description = json.dumps({"format": _onnx_writer.FORMAT, "ensemble": described})
    onnx.helper.set_model_props(proto, {_onnx_writer.DESCRIPTION: description})
    _onnx_writer.write(path, proto)
    return proto
