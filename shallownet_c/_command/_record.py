"""A saved network and what it knows of the table that it has learnt from, in one file: safetensors or ONNX.

Files of older versions have a .json file of names beside the network.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from shallownet_c import serialization
from shallownet_c._command._input import InputError, open_regular
from shallownet_c._command._inputs import Input
from shallownet_c._storage import _models, _schema
from shallownet_c._storage._schema import items, number, one_of, optional, record, text
from shallownet_c.interchange import from_onnx
from shallownet_c.mlp import MLP, load
from shallownet_c.reference._activations import ACTIVATIONS

#: What an ONNX file that `export` wrote has as JSON: names for whoever reads it, and the record.
NAMES, PROPERTY = "shallownet_c.names", "shallownet_c.table"
#: Of the older files, the first of which is the digest of the network.
KEYS = ("model", "classes", "columns", "target")

_index = _schema.integer(0, 1 << 31)
_label = _schema.value("text or a number", lambda found: type(found) in (str, int, float) and _is_text(str(found)))
_name = _schema.value("text", lambda found: type(found) is str and _is_text(found))
_COLUMN = record({
    "name": optional(_name),
    "place": _index,
    "kind": one_of(("number", "boolean", "text")),
    "median": optional(number),
    "mean": optional(number),
    "spread": optional(number),
    "categories": items(_name),
})  # fmt: skip
_TABLE = record({
    "columns": items(_COLUMN),
    "width": _index,
    "target": record({"name": optional(_name), "place": optional(_index), "classes": optional(items(_label))}),
    "training": record({
        "version": text, "data": text, "rows": _index, "epochs": _index, "seed": optional(_schema.count),
        "scores": _schema.value("scores", lambda found: type(found) is dict and all(
            type(value) in (int, float) or value is None for value in found.values()
        )),
    }),
})  # fmt: skip


def _is_text(found: str) -> bool:
    """Whether it has characters only: half a pair of surrogates cannot be printed."""
    try:
        found.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclasses.dataclass(frozen=True)
class Record:
    """What a model knows of tables."""

    inputs: tuple[Input, ...]
    #: How many columns the training's table had, the target's and those left out included.
    width: int
    target_name: str | None
    target_place: int | None
    classes: list[Any] | None
    training: dict[str, Any] | None = None

    @property
    def has_names(self) -> bool:
        return all(one.name is not None for one in self.inputs)

    def feature_names(self) -> list[str]:
        """What the network takes, one name for each input."""
        return [name for one in self.inputs for name in one.feature_names()]

    def as_json(self) -> dict[str, Any]:
        return {
            "columns": [dataclasses.asdict(one) | {"categories": list(one.categories)} for one in self.inputs],
            "width": self.width,
            "target": {"name": self.target_name, "place": self.target_place, "classes": self.classes},
            "training": self.training,
        }

    def names(self) -> dict[str, Any]:
        """The names of classes and inputs alone, as older versions have them."""
        columns = self.feature_names() if self.has_names else None
        return {"model": None, "classes": self.classes, "columns": columns, "target": None}


class Saved(NamedTuple):
    """A network as a file has it, and its record, whose classes are numbers where it has no names."""

    net: MLP
    record: Record
    #: What is to be said where the names are missing.
    note: str | None


def save(path: str, net: MLP, of_table: Record) -> None:
    """Write the network and its record."""
    names = tuple(of_table.feature_names()) if of_table.has_names else None
    _models.write(path, net.model, net.params, names, of_table.as_json())


def read(path: str) -> Saved:
    """The network and its record."""
    is_onnx = _is_onnx(path)
    try:
        net = from_onnx(path) if is_onnx else load(path)
        found = _of_onnx(path, net) if is_onnx else _of_safetensors(path, net)
    except (ValueError, ImportError) as error:
        raise InputError(error) from None
    if found is not None:
        return Saved(net, found, None)
    # A network that has learnt from a table knows its columns.
    columns = None if len(set(net.feature_names or ())) < net.layer_sizes[0] else list(net.feature_names or ())
    classes = None if ACTIVATIONS[net.activations[-1]].elementwise else list(range(net.layer_sizes[-1]))
    then = [] if columns else ["columns are taken in their order"]
    then += [] if classes is None else ["classes are numbers"]
    note = f"{path} has no names of its table: {', '.join(then)}" if then else None
    return Saved(net, _of_names(net, classes, columns, None), note)


def _of_names(net: MLP, classes: list[Any] | None, columns: list[str] | None, target: int | None) -> Record:
    n = net.layer_sizes[0]
    places = [k + (target is not None and k >= target) for k in range(n)]
    inputs = tuple(Input(None if columns is None else columns[k], places[k], "number") for k in range(n))
    return Record(inputs, n + (target is not None), None, target, classes)


def _of_safetensors(path: str, net: MLP) -> Record | None:
    with serialization.opened(path) as file:
        found = file.parsed_table()
        if found is not None:
            return _checked(net, found)
    return _beside(path, net)


def _checked(net: MLP, found: dict[str, Any]) -> Record:
    """The record of the JSON, a ValueError if it is none or belongs to another network."""
    _TABLE("its table", found)
    columns = [Input(**column | {"categories": tuple(column["categories"])}) for column in found["columns"]]
    target = found["target"]
    made = Record(tuple(columns), found["width"], target["name"], target["place"], target["classes"], found["training"])
    n_in, n_out = net.layer_sizes[0], net.layer_sizes[-1]
    if sum(one.width for one in columns) != n_in:
        raise ValueError(f"its table must have {n_in} inputs, got {sum(one.width for one in columns)}")
    if made.has_names and len(set(made.feature_names())) < n_in:
        raise ValueError("its table has one name twice")
    has_classes = not ACTIVATIONS[net.activations[-1]].elementwise
    if (len(made.classes) if made.classes is not None else None) != (n_out if has_classes else None):
        raise ValueError(f"its table must have {n_out if has_classes else 'no'} classes")
    return made


def _is_onnx(path: str) -> bool:
    """Whether the file is an ONNX model, by its name, or by first bytes that are protobuf's and no header of JSON."""
    if path.lower().endswith(".onnx"):
        return True
    with open_regular(path) as file:
        first = file.read(9)
    return first[:1] == b"\x08" and first[8:] != b"{"


def _of_onnx(path: str, net: MLP) -> Record | None:
    """What `export` wrote into the file, if it is there."""
    import onnx

    properties = {entry.key: entry.value for entry in onnx.load(path, load_external_data=False).metadata_props}
    if PROPERTY in properties:
        found = _parsed(properties[PROPERTY])
        try:
            return _checked(net, found if isinstance(found, dict) else {})
        except ValueError as error:
            raise InputError(f"{path} is damaged: its property {PROPERTY}: {error}") from None
    if NAMES not in properties:
        return None
    names = _names(_parsed(properties[NAMES]), net)
    if names is None:
        raise InputError(f"{path} is damaged: its property {NAMES} should hold the names that belong to the network")
    return names[0]


def _beside(path: str, net: MLP) -> Record | None:
    """What an older version wrote into a file beside the network, if it is there."""
    beside = Path(path).with_suffix(".json")
    try:
        with open_regular(str(beside)) as file:
            names = _names(_parsed(file.read()), net)
    except FileNotFoundError:
        return None
    if names is None:
        raise InputError(f"{beside} is damaged: it should hold the names that belong to {path}")
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if names[1] != digest:
        raise InputError(f"{beside} belongs to another model than {path}: move it away to go without names")
    return names[0]


def _parsed(of_json: str | bytes) -> Any:
    """The JSON, None if it is none or has more parts than names have."""
    try:
        as_bytes = of_json.encode() if isinstance(of_json, str) else of_json
        parts = as_bytes.count(b",") + as_bytes.count(b"[") + as_bytes.count(b"{")
        if parts > 4096 + len(as_bytes) // 4:
            return None
        return json.loads(as_bytes.decode())
    except (ValueError, RecursionError):
        return None


def _names(found: Any, net: MLP) -> tuple[Record, Any] | None:
    """The record of names as older versions wrote them, and the digest of their model; None if they are none."""
    if not isinstance(found, dict) or sorted(found) != sorted(KEYS):
        return None
    classes, columns, target = found["classes"], found["columns"], found["target"]
    n_in, n_out = net.layer_sizes[0], net.layer_sizes[-1]
    try:
        if ACTIVATIONS[net.activations[-1]].elementwise:
            _schema.value("null", lambda one: one is None)("classes", classes)
        else:
            items(_label, n_out)("classes", classes)
        optional(items(_name, n_in))("columns", columns)
        optional(_schema.integer(0, n_in))("target", target)
    except ValueError:
        return None
    if columns is not None and len(set(columns)) < n_in:
        return None
    return _of_names(net, classes, columns, target), found["model"]
