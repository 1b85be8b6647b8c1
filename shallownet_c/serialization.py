"""Models as files: the safetensors format, read and written with NumPy alone.

A file is the length of the header (8 bytes, little-endian), the header in JSON, and the tensors' bytes. The header maps
each tensor's name to its dtype, shape and place, and "__metadata__" to strings, where the architecture stands. Format:
https://github.com/huggingface/safetensors#format
"""

import contextlib
import itertools
import json
import math
import os
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from shallownet_c._checks._validation import Array, shown
from shallownet_c._storage import _files

FORMAT = "shallownet_c"
MAX_HEADER = 100_000_000  # bytes; the format's own limit
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in ",[{"}
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}


def write(
    path: str | os.PathLike[str],
    tensors: dict[str, Array],
    metadata: dict[str, Any],
    table: dict[str, Any] | None = None,
) -> None:
    """Write the tensors, and the metadata as a string of JSON; an interrupted write leaves an older file as it was.

    What a `table` that the model has learnt from was like is a string of its own, which not every reader looks at.
    """
    names = {dtype: name for name, dtype in DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": {"format": FORMAT, "model": _text(metadata)}}
    if table is not None:
        header["__metadata__"]["table"] = _text(table)
    at = 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": names[tensor.dtype.newbyteorder("<")],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + tensor.nbytes],
        }
        at += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the tensors start on a multiple of 8, as the format wants
    data = (tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes() for tensor in tensors.values())
    _files.replace(path, itertools.chain([len(text).to_bytes(8, "little"), text], data))


def _text(record: dict[str, Any]) -> str:
    """JSON; signs in strings, such as names of columns, that `_parsed` counts as those of parts are escaped."""
    return _STRING.sub(lambda string: string[0].translate(_ESCAPED), json.dumps(record))


class Place(NamedTuple):
    """What the header says of a tensor."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int


class Contents:
    """An open file that `write` wrote: its metadata and where its tensors are, checked, before any tensor is read."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > MAX_HEADER:
            is_onnx = os.fsdecode(file.name).lower().endswith(".onnx")
            raise ValueError(f"it is no safetensors file{', and sn.from_onnx reads ONNX files' if is_onnx else ''}")
        if length > size - 8:
            raise ValueError(f"a header of {length} bytes in a file of {size}")
        self.size = size - 8 - length
        # A tensor has eight parts in 70 bytes or more; lists of the architecture, in a string there, up to one in six.
        header = _parsed("its header", file.read(length), length // 5)
        metadata = header.pop("__metadata__", None)
        if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
            raise ValueError("its metadata do not say so")
        model = metadata.get("model")
        if not isinstance(model, str):
            raise ValueError("its metadata hold no architecture")
        table = metadata.get("table")
        self.table = table if isinstance(table, str) else None
        self.places = self._places(header)
        # Lists in it have an item for each layer, whose parameters take 8 bytes or more; an ensemble has a list of
        # architectures, whose other parts are fewer than 16 for two tensors.
        room = self.size // 2 + 8 * len(self.places)
        self.metadata = _parsed("its architecture", model.encode("utf-8", "replace"), room)

    def _places(self, header: dict[str, Any]) -> dict[str, Place]:
        entries = []
        for name, entry in header.items():
            try:
                dtype, shape, (start, stop) = DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
                # The product of a million numbers, or of huge ones, would take hours.
                sizes = [*shape, start, stop] if type(shape) is list and len(shape) <= 2 else [None]
            except (KeyError, TypeError, ValueError):
                raise ValueError(f"the entry of tensor {shown(name)} is malformed") from None
            if not all(type(n) is int and 0 <= n <= self.size for n in sizes):
                raise ValueError(f"the shape or place of tensor {shown(name)} is malformed")
            if stop - start != math.prod(shape) * dtype.itemsize:
                raise ValueError(f"tensor {shown(name)} does not fit into its place")
            entries.append((start, stop, name, dtype, shape))
        # Their order in the header means nothing.
        entries.sort(key=lambda entry: entry[:2])
        end = 0
        for start, stop, name, _, _ in entries:
            if start != end:
                raise ValueError(f"tensor {shown(name)} does not begin where the one before it ends")
            end = stop
        if end != self.size:
            raise ValueError(f"its tensors take {end} bytes of {self.size}")
        return {name: Place(dtype, tuple(shape), start) for start, _, name, dtype, shape in entries}

    def expect(self, tensors: dict[str, tuple[str, tuple[int, ...]]]) -> None:
        """Raise an error unless it has tensors of these names, dtypes and shapes and no others."""
        for name in tensors.keys() - self.places.keys():
            raise ValueError(f"it has no tensor {name!r}")
        for name in self.places.keys() - tensors.keys():
            raise ValueError(f"its tensor {shown(name)} does not belong to the others")
        for name, (dtype, shape) in tensors.items():
            found = self.places[name]
            if (found.dtype.name, found.shape) != (dtype, shape):
                raise ValueError(f"tensor {name!r} must be {dtype} {shape}, got {found.dtype.name} {found.shape}")

    def parsed_table(self) -> dict[str, Any] | None:
        """What `write` was given as `table`, if it was given anything."""
        if self.table is None:
            return None
        # An item of a list of texts takes four bytes or more, and those of objects take more.
        return _parsed("its table", self.table.encode("utf-8", "replace"), len(self.table) // 4)

    def tensors(self) -> dict[str, Array]:
        data = self.file.read(self.size)
        if len(data) != self.size:
            raise ValueError(f"its tensors take {self.size} bytes, and there are {len(data)}")
        return {
            name: np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape).astype(dtype.name, copy=False)
            for name, (dtype, shape, start) in self.places.items()
        }


@contextlib.contextmanager
def refused(path: str | os.PathLike[str], kind: str) -> Iterator[None]:
    """What is found wrong with the contents of a file in this `with` statement is a ValueError that names it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{os.fsdecode(path)} is not {kind}: {error}") from None


@contextlib.contextmanager
def opened(path: str | os.PathLike[str], kind: str = "a shallownet_c model") -> Iterator[Contents]:
    """The contents of a file; what is found wrong with them in the `with` statement is reported as by `refused`."""
    path = os.fspath(path)
    with refused(path, kind), _files.opened(path) as file:
        yield Contents(file)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The tensors and the metadata of a file that `write` wrote.

    Raises
    ------
    ValueError
        If it is not such a file, or is damaged: the message names the file and what is wrong.
    """
    with opened(path) as contents:
        return contents.tensors(), contents.metadata


def _parsed(what: str, text: bytes, room: int) -> dict[str, Any]:
    """The JSON object; an error, before it takes any memory, if it has too many parts to be one that `write` wrote."""
    if text.count(b",") + text.count(b"[") + text.count(b"{") > 4096 + room:
        raise ValueError(f"{what} has more parts than belong to tensors")
    try:
        parsed = json.loads(text.decode(), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise ValueError(f"{what} is not JSON") from None
    if not isinstance(parsed, dict):
        raise ValueError(f"{what} is not a JSON object")
    return parsed


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) != len(pairs):
        raise ValueError("the same name twice")
    return parsed
