"""ONNX models from outside, checked as a whole first: nothing in them is executed, and no other file is opened."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from shallownet_c._checks import _extras
from shallownet_c._checks._validation import Array, shown
from shallownet_c._storage import _files

#: The first opset with broadcasting as it still is, and protobuf's limit.
LEAST_OPSET, MOST_BYTES = 7, 2**31 - 1
MOST_DIMS = 8
#: Of tensors: what is in raw_data, and in which field it may be instead.
TYPES = {
    "FLOAT": ("<f4", "float_data"),
    "DOUBLE": ("<f8", "double_data"),
    "INT32": ("<i4", "int32_data"),
    "INT64": ("<i8", "int64_data"),
    "BOOL": ("?", "int32_data"),
}
#: Where the values of attributes are, by their types, and which attributes are known.
FIELDS = {
    "FLOAT": "f",
    "INT": "i",
    "STRING": "s",
    "TENSOR": "t",
    "FLOATS": "floats",
    "INTS": "ints",
    "STRINGS": "strings",
}
ATTRIBUTES = {
    **dict.fromkeys(("alpha", "beta", "gamma", "ratio", "min", "max", "value_float"), "FLOAT"),
    **dict.fromkeys(("axis", "transA", "transB", "to", "allowzero", "start", "end", "seed", "saturate"), "INT"),
    "value_int": "INT",
    **dict.fromkeys(("approximate", "round_mode"), "STRING"),
    **dict.fromkeys(("offset", "scale", "value_floats"), "FLOATS"),
    **dict.fromkeys(("axes", "perm", "value_ints", "classlabels_int64s"), "INTS"),
    "classlabels_strings": "STRINGS",
    "value": "TENSOR",
}
DOMAINS = {"": "", "ai.onnx": "", "ai.onnx.ml": "ai.onnx.ml"}


def refuse(node: Any, why: str) -> NoReturn:
    """Raise the error that names the node."""
    name = shown(node.name) if node.name else f"that makes {shown(next(iter(node.output), ''))}"
    domain = f"{node.domain}." if node.domain else ""
    raise ValueError(f"node {name} ({shown(domain + node.op_type)[1:-1]}) {why}")


def check_text(*texts: object) -> None:
    """Raise an error if one is not a string: protobuf gives bytes where they are not UTF-8."""
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("it has a name that is not UTF-8")


def read(path: str | os.PathLike[str]) -> Any:
    """The onnx.ModelProto in the file."""
    onnx = _extras.library("onnx", "onnx", "from_onnx")
    with _files.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_BYTES:
            raise ValueError(f"it has {size} bytes, and an ONNX file less than 2 GiB")
        content = file.read(size)
    try:
        return onnx.ModelProto.FromString(content)
    except Exception:  # which one depends on protobuf's version
        if content[8:9] == b"{" and int.from_bytes(content[:8], "little") < size:  # where a safetensors' header begins
            raise ValueError("it is a safetensors file, and sn.load reads those of net.save") from None
        raise ValueError("protobuf cannot read it") from None


class Source:
    """A model whose names and order of nodes are right.

    Attributes
    ----------
    graph : onnx.GraphProto
    opset : int
        Of ONNX's own operators.
    nodes : dict
        The node that makes each value, by the value's name, in the graph's order.
    tensors : dict
        The initialisers by their names.
    n_bytes : int
        How much the file holds.
    """

    def __init__(self, model: Any) -> None:
        self.onnx = _extras.library("onnx", "onnx", "from_onnx")
        self.graph = model.graph
        self.opset = self._check_versions(model)
        self.n_bytes = model.ByteSize()
        for what, found in (("functions", model.functions), ("sparse initialisers", self.graph.sparse_initializer)):
            if found:
                raise ValueError(f"it has {what}, which are not taken")
        self.tensors = self._by_name("initialiser", self.graph.initializer)
        inputs = self._by_name("input", self.graph.input)
        #: Older models list initialisers among the inputs, too.
        self.inputs = {name: value for name, value in inputs.items() if name not in self.tensors}
        self._by_name("output", self.graph.output)
        self.nodes = self._checked_nodes()
        for output in self.graph.output:
            if output.name not in self.nodes:
                raise ValueError(f"no node makes its output {shown(output.name)}")

    def _check_versions(self, model: Any) -> int:
        if not model.HasField("graph") or model.ir_version < 1:
            raise ValueError("it has no graph or no IR version")
        if model.ir_version > self.onnx.IR_VERSION:
            raise ValueError(
                f"its IR version is {model.ir_version}; the installed onnx knows up to {self.onnx.IR_VERSION}"
            )
        versions = [entry.version for entry in model.opset_import if DOMAINS.get(entry.domain) == ""]
        if len(versions) != 1:
            raise ValueError(f"it must name one opset of ONNX's own operators, and names {len(versions)}")
        newest = self.onnx.defs.onnx_opset_version()
        if not LEAST_OPSET <= versions[0] <= newest:
            raise ValueError(f"its opset is {versions[0]}; opsets from {LEAST_OPSET} to {newest} are known")
        return int(versions[0])

    def _by_name(self, kind: str, values: Iterable[Any]) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for value in values:
            check_text(value.name)
            if not value.name or value.name in named:
                raise ValueError(f"it has two {kind}s {shown(value.name)}, or one without a name")
            named[value.name] = value
        return named

    def _checked_nodes(self) -> dict[str, Any]:
        known = self.tensors.keys() | self.inputs.keys()
        nodes: dict[str, Any] = {}
        for node in self.graph.node:
            check_text(node.name, node.op_type, node.domain, *node.input, *node.output)
            for name in node.input:
                if name and name not in known:
                    refuse(node, f"reads {shown(name)}, which nothing before it makes")
            for name in filter(None, node.output):
                if name in known:
                    refuse(node, f"makes {shown(name)}, which is there already")
                known.add(name)
                nodes[name] = node
            for attribute in node.attribute:
                if attribute.HasField("g") or attribute.graphs:
                    refuse(node, "has a graph of its own, and nothing is executed here")
        return nodes

    def needed_by(self, output: str) -> list[Any]:
        """The nodes that the output depends on, in the graph's order."""
        needed = {output}
        chosen = []
        for node in reversed(self.graph.node):
            if not needed.isdisjoint(node.output):
                chosen.append(node)
                needed.update(node.input)
        return chosen[::-1]

    def attributes(self, node: Any) -> dict[str, Any]:
        """The values of the node's attributes by their names."""
        values: dict[str, Any] = {}
        for attribute in node.attribute:
            kind = self._type_name(self.onnx.AttributeProto.AttributeType, attribute.type)
            if attribute.name in values or attribute.ref_attr_name or kind != ATTRIBUTES.get(attribute.name):
                refuse(node, f"has an attribute {shown(attribute.name)} of type {kind} that is not taken")
            values[attribute.name] = getattr(attribute, FIELDS[kind])
        return values

    def type_name(self, code: int) -> str:
        """FLOAT, INT64, … for a number of ONNX's element types."""
        return self._type_name(self.onnx.TensorProto.DataType, code)

    @staticmethod
    def _type_name(enum: Any, code: int) -> str:
        return str(enum.Name(code)) if code in enum.values() else f"type {code}"

    def dims(self, value: Any) -> tuple[int | None, ...] | None:
        """What the graph says of the shape of an input or output; None where it leaves it open."""
        kind = value.type.tensor_type
        if not kind.HasField("shape"):
            return None
        dims = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)
        if any(n is not None and n < 1 for n in dims) or not 1 <= len(dims) <= MOST_DIMS:
            raise ValueError(f"{shown(value.name)} has dimensions {shown(dims)}")
        return dims

    def array(self, what: str, tensor: Any) -> Array:
        """The tensor's numbers, if the file holds as many as its dimensions say."""
        kind = self.type_name(tensor.data_type)
        if kind not in TYPES:
            raise ValueError(f"{what} is {kind}: weights are taken as FLOAT and DOUBLE")
        if tensor.data_location == self.onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ValueError(
                f"{what} is in another file, which is not opened: sn.from_onnx(onnx.load(path)) takes such a model, "
                "and torch.onnx.export(…, external_data=False) writes one file"
            )
        dims = list(itertools.islice(tensor.dims, MOST_DIMS + 1))
        if len(dims) > MOST_DIMS or min(dims, default=1) < 1:
            raise ValueError(f"{what} has dimensions {shown(dims)}")
        size = math.prod(dims)
        raw_dtype, field = TYPES[kind]
        dtype = np.dtype(raw_dtype)
        raw, numbers = tensor.raw_data, getattr(tensor, field)
        held = len(raw) / dtype.itemsize if raw else len(numbers)
        if held != size or (raw and len(numbers)):
            raise ValueError(f"{what} has dimensions {dims}, and {held:g} numbers")
        array = np.frombuffer(raw, dtype) if raw else np.fromiter(numbers, dtype, size)
        return array.reshape(dims).astype(dtype.newbyteorder("="), copy=False)
