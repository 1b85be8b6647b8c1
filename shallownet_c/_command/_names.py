"""The names beside a saved network: of its classes and columns, in a .json file that goes with it."""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shallownet_c._command import _output
from shallownet_c._command._input import InputError, open_regular
from shallownet_c._storage import _models
from shallownet_c.mlp import MLP
from shallownet_c.reference._activations import ACTIVATIONS

KEYS = ("model", "classes", "columns", "target")


def path_beside(path: str) -> Path:
    """The file of names beside a model."""
    return Path(path).with_suffix(".json")


def save(path: str, net: MLP, classes: list[str] | None, columns: list[str] | None, target: int | None) -> None:
    """The network, which knows its columns, and beside it all the names that belong to it."""
    _models.write(path, net.model, net.params, None if columns is None else tuple(columns))
    names = dict(zip(KEYS, (_digest(path), classes, columns, target), strict=True))
    _output.write(str(path_beside(path)), [json.dumps(names, indent=2) + "\n"])


def load(path: str, net: MLP) -> dict[str, Any]:
    """What `save` wrote beside the network; the classes are numbered where there is nothing."""
    has_classes = not ACTIVATIONS[net.activations[-1]].elementwise
    beside = path_beside(path)
    try:
        names = _read(beside)
    except FileNotFoundError:
        return dict.fromkeys(KEYS) | {"classes": list(range(net.layer_sizes[-1])) if has_classes else None}
    if names is None or not _are_in_order(net, **names):
        raise InputError(f"{beside} is damaged: it should hold the names that belong to {path}")
    if names["model"] != _digest(path):
        raise InputError(f"{beside} belongs to another model than {path}: move it away to go without names")
    return names


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

    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if sorted(key for key, _ in pairs) != sorted(KEYS):
            raise ValueError("not the names beside a model")  # at once, and not after a million small objects
        return dict(pairs)

    with open_regular(str(path)) as file:
        try:
            value = json.loads(file.read().decode(), object_pairs_hook=checked)
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
