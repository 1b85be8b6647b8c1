"""A saved network and the names of its classes and columns: safetensors with a .json file beside it, or ONNX."""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from shallownet_c._command import _output
from shallownet_c._command._input import InputError, open_regular
from shallownet_c._storage import _models
from shallownet_c.interchange import from_onnx
from shallownet_c.mlp import MLP, load
from shallownet_c.reference._activations import ACTIVATIONS

KEYS = ("model", "classes", "columns", "target")
#: Where an ONNX file that `export` wrote has all of these but the first, as JSON.
PROPERTY = "shallownet_c.names"


class Saved(NamedTuple):
    """A network as a file has it, and the names, whose classes are numbers where there are none."""

    net: MLP
    names: dict[str, Any]
    #: What is to be said where the names are missing.
    note: str | None


def read(path: str) -> Saved:
    """The network and its names."""
    is_onnx = _is_onnx(path)
    try:
        net = from_onnx(path) if is_onnx else load(path)
    except (ValueError, ImportError) as error:
        raise InputError(error) from None
    names, missing = _of_onnx(path, net) if is_onnx else _beside(path, net)
    if names is not None:
        return Saved(net, names, None)
    # A network that has learnt from a table knows its columns.
    columns = None if len(set(net.feature_names or ())) < net.layer_sizes[0] else list(net.feature_names or ())
    classes = None if ACTIVATIONS[net.activations[-1]].elementwise else list(range(net.layer_sizes[-1]))
    names = dict.fromkeys(KEYS) | {"classes": classes, "columns": columns}
    then = [] if columns else ["columns are taken in their order"]
    then += [] if classes is None else ["classes are numbers"]
    return Saved(net, names, f"{missing}: {', '.join(then)}" if then else None)


def path_beside(path: str) -> Path:
    """The file of names beside a model."""
    return Path(path).with_suffix(".json")


def save(path: str, net: MLP, classes: list[str] | None, columns: list[str] | None, target: int | None) -> None:
    """The network, which knows its columns, and beside it all the names that belong to it."""
    _models.write(path, net.model, net.params, None if columns is None else tuple(columns))
    names = dict(zip(KEYS, (_digest(path), classes, columns, target), strict=True))
    _output.write(str(path_beside(path)), [json.dumps(names, indent=2) + "\n"])


def _beside(path: str, net: MLP) -> tuple[dict[str, Any] | None, str]:
    """What `save` wrote beside the network, if it is there, and what to say if it is not."""
    beside = path_beside(path)
    try:
        names = _read(beside)
    except FileNotFoundError:
        return None, f"{beside} is missing"
    if names is None or not _are_in_order(net, **names):
        raise InputError(f"{beside} is damaged: it should hold the names that belong to {path}")
    if names["model"] != _digest(path):
        raise InputError(f"{beside} belongs to another model than {path}: move it away to go without names")
    return names, ""


def _is_onnx(path: str) -> bool:
    """Whether the file is an ONNX model, by its name, or by first bytes that are protobuf's and no header of JSON."""
    if path.lower().endswith(".onnx"):
        return True
    with open_regular(path) as file:
        first = file.read(9)
    return first[:1] == b"\x08" and first[8:] != b"{"


def _of_onnx(path: str, net: MLP) -> tuple[dict[str, Any] | None, str]:
    """What `export` wrote into the file, if it is there, and what to say if it is not."""
    import onnx

    properties = {entry.key: entry.value for entry in onnx.load(path, load_external_data=False).metadata_props}
    if PROPERTY not in properties:
        return None, f"{path} has no names"
    names = _parsed(properties[PROPERTY])
    if names is None or not _are_in_order(net, **names):
        raise InputError(f"{path} is damaged: its property {PROPERTY} should hold the names that belong to the network")
    return names, ""


def as_text(names: dict[str, Any]) -> str:
    """The names as `_of_onnx` reads them."""
    return json.dumps(names | {"model": None})


def check(option: str, path: str, inputs: Iterable[str]) -> None:
    """An error if `save` could not write the names, or would write over a file that it has not made."""
    beside = path_beside(path)
    if beside == Path(path):
        raise InputError(f"{option} {path}: the names of classes and columns go into that file, beside the model")
    _output.check(option, str(beside), inputs)
    with contextlib.suppress(FileNotFoundError):
        if _read(beside) is None:
            raise InputError(f"{option} {path} would write over {beside}, which is not a model's file of names")


def _read(path: Path) -> dict[str, Any] | None:
    """What a file of names holds, None if it holds something else."""
    with open_regular(str(path)) as file:
        return _parsed(file.read())


def _parsed(text: str | bytes) -> dict[str, Any] | None:
    """The names in a text of JSON, None if it holds something else."""

    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if sorted(key for key, _ in pairs) != sorted(KEYS):
            raise ValueError("not the names of a model")  # at once, and not after a million small objects
        return dict(pairs)

    try:
        value = json.loads(text if isinstance(text, str) else text.decode(), object_pairs_hook=checked)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _are_in_order(net: MLP, model: Any, classes: Any, columns: Any, target: Any) -> bool:
    """Whether a network can have such names."""
    n_in, n_out = net.layer_sizes[0], net.layer_sizes[-1]
    if not ACTIVATIONS[net.activations[-1]].elementwise:
        classes_fit = isinstance(classes, list) and len(classes) == n_out and all(map(_is_label, classes))
    else:
        classes_fit = classes is None
    columns_fit = columns is None or (
        isinstance(columns, list)
        and len(columns) == n_in
        and all(isinstance(name, str) for name in columns)
        and len(set(columns)) == n_in
    )
    return classes_fit and columns_fit and (target is None or (type(target) is int and 0 <= target <= n_in))


def _is_label(value: Any) -> bool:
    """Whether it can be printed as one line."""
    if not isinstance(value, str):
        return isinstance(value, (int, float))
    try:
        value.encode()
    except UnicodeEncodeError:  # half a pair of surrogates
        return False
    return "\n" not in value and "\r" not in value


def _digest(path: str) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
