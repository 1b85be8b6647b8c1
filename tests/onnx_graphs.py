"""ONNX graphs by hand, and what onnx.reference computes of them, for the tests."""

import math

import numpy as np
import onnx
from onnx import helper, numpy_helper, reference
from onnx.reference.op_run import OpRun

RNG = np.random.default_rng(0)


class Erf(OpRun):
    """As ONNX defines it: onnx.reference's own rounds to float32."""

    def _run(self, x):
        return (np.vectorize(math.erf, otypes=[x.dtype])(x),)


def weights(*shape, dtype="float32"):
    return RNG.standard_normal(shape).astype(dtype)


def model(
    nodes, tensors=None, dims=("m", 3), out="y", *, dtype="float32", opset=18, ir_version=8, n_out=None, **options
):
    """The model of nodes (operator, inputs, output, attributes…), from x to `out`; tensors are initialisers."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    made = [helper.make_node(op, ins.split(), outs.split(), name=f"the {op}", **rest) for op, ins, outs, rest in nodes]
    for node in made:
        if node.op_type in ("Scaler", "ZipMap", "ArrayFeatureExtractor"):
            node.domain = "ai.onnx.ml"
    graph = helper.make_graph(
        made,
        "hand-made",
        [helper.make_tensor_value_info("x", options.get("x_type", kind), dims)],
        [helper.make_tensor_value_info(out, options.get("y_type", kind), ["m", n_out])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (tensors or {}).items()],
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version)


def computed(proto, x):
    """What the model makes of x, by onnx.reference."""
    with np.errstate(all="ignore"):  # e^−z of a composed sigmoid may overflow, and is right
        return reference.ReferenceEvaluator(proto, new_ops=[Erf]).run(None, {proto.graph.input[0].name: x})[-1]


def loaded(content):
    return onnx.ModelProto.FromString(content)
