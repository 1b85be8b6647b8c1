"""Models as files: the safetensors format, read and written with NumPy alone.

A file is the length of the header (8 bytes, little-endian), the header in JSON, and the tensors' bytes. The header maps
each tensor's name to its dtype, shape and place, and "__metadata__" to strings, where the architecture stands. Format:
https://github.com/huggingface/safetensors#format
"""

import itertools
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from shallownet_c import _files
from shallownet_c._validation import Array

FORMAT = "shallownet_c"
MAX_HEADER = 100_000_000  # bytes; the format's own limit
DTYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}


def write(path: str | os.PathLike[str], tensors: dict[str, Array], metadata: dict[str, Any]) -> None:
    """Write the tensors, and the metadata as a string of JSON; an interrupted write leaves an older file as it was."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": {"format": FORMAT, "model": json.dumps(metadata)}}
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


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The tensors and the metadata of a file that `write` wrote.

    Raises
    ------
    ValueError
        If it is no such file, or is damaged: the message names the file and what is wrong.
    """
    path = Path(path)

    def refuse(reason: str) -> ValueError:
        return ValueError(f"{path} is not a shallownet_c model: {reason}")

    if path.is_fifo():
        raise refuse("a pipe, which might be waited for without end")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER):
            raise refuse(f"a header of {length} bytes in a file of {size}")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise refuse("its header is not JSON") from None
        if not isinstance(header, dict):
            raise refuse("its header is not a JSON object")
        metadata = header.pop("__metadata__", None)
        if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
            raise refuse("its metadata do not say so")
        try:
            model = json.loads(metadata["model"])
        except (KeyError, TypeError, ValueError, RecursionError):
            raise refuse("its metadata hold no architecture") from None
        data_size = size - 8 - length
        entries = []
        for name, entry in header.items():
            try:
                dtype, shape = DTYPES[entry["dtype"]], tuple(entry["shape"])
                start, stop = entry["data_offsets"]
            except (KeyError, TypeError, ValueError):
                raise refuse(f"the entry of tensor {name!r} is malformed") from None
            # The product of a million numbers, or of huge ones, would take hours.
            if len(shape) > 2 or not all(type(n) is int and 0 <= n <= data_size for n in (*shape, start, stop)):
                raise refuse(f"the shape or place of tensor {name!r} is malformed")
            if stop - start != math.prod(shape) * dtype.itemsize:
                raise refuse(f"tensor {name!r} does not fit into its place")
            entries.append((start, stop, name, dtype, shape))
        # Their order in the header means nothing.
        entries.sort(key=lambda entry: entry[:2])
        end = 0
        for start, stop, name, _, _ in entries:
            if start != end:
                raise refuse(f"tensor {name!r} does not begin where the one before it ends")
            end = stop
        data = file.read(data_size)
    if not end == len(data) == data_size:
        raise refuse(f"its tensors take {end} bytes of {data_size}")
    tensors = {
        name: np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape)
        for start, _, name, dtype, shape in entries
    }
    return tensors, model
