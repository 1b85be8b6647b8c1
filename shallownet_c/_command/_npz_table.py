"""The arrays X and y of an .npz file, which may come from anywhere: what it declares is checked before unpacking."""

import math
import os
import warnings
import zipfile
from typing import Any, BinaryIO

import numpy as np

from shallownet_c._command._cells import Cells, NumberCells, TextCells
from shallownet_c._command._input import InputError, brief, listed, open_regular

Array = np.ndarray[Any, Any]

#: A compressed array of more bytes than this must not unpack to more than so many times the bytes that it takes.
UNPACKED, RATIO = 64 << 20, 100
KINDS = {"X": "biuf", "y": "biufUS"}
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
PIECE = 1 << 14  # labels that are Python objects at a time


def read(source: str, with_y: bool) -> tuple[list[Cells], Cells | None]:
    """The columns of X (m, n), and y (m,) if there is one and it is asked for."""
    with open_regular(source) as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of deprecated literals
                return _read(source, file, ["X", "y"] if with_y else ["X"])
        except (InputError, MemoryError):
            raise
        except Exception as error:  # zipfile, zlib, ast and NumPy raise more than they say on bytes from anywhere
            raise InputError(
                f"{source} is not an .npz file of plain arrays: {str(error)[:120] or repr(error)}"
            ) from None


def _read(source: str, file: BinaryIO, wanted: list[str]) -> tuple[list[Cells], Cells | None]:
    with zipfile.ZipFile(file) as archive:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name in wanted and members.setdefault(name, info) is not info:
                raise InputError(f"{source} has two arrays {name}")
        if "X" not in members:
            names = [info.filename.removesuffix(".npy") for info in archive.filelist]
            raise InputError(f"{source} has no array X; it has {listed(names) or 'none'}")
        size = os.fstat(file.fileno()).st_size
        shapes = {name: _declared(source, archive, name, info, size) for name, info in members.items()}
        m = shapes["X"][0]
        if shapes.get("y", (m,)) != (m,):
            raise InputError(f"{source}: y must have shape ({m},), got {brief(shapes['y'])}")
        arrays = {}
        for name, info in members.items():
            with archive.open(info) as member:
                arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
    y = arrays.pop("y", None)
    X = arrays.pop("X")
    with np.errstate(over="ignore"):  # a long double beyond float64 becomes an infinity, refused below
        X, y = (_plain(array) for array in (X, y))
    _refuse_infinite(source, "X", X)
    cells: list[Cells] = [NumberCells(x) for x in X.T]
    if y is None:
        return cells, None
    if y.dtype.kind in "biuf":
        _refuse_infinite(source, "y", y[:, np.newaxis])
        return cells, NumberCells(y)
    column = TextCells()
    for i in range(0, m, PIECE):
        piece = y[i : i + PIECE]
        if y.dtype.kind == "S":
            labels = [label.decode() for label in piece.tolist()]
        else:
            _check_characters(piece)
            labels = piece.tolist()
        if any("\0" in label for label in labels):
            raise ValueError("y holds a text with a character that is zero")
        column.add(labels)
    return cells, column


def _plain(array: Array | None) -> Any:
    """The array, with numbers that float64 holds."""
    return array.astype(float) if array is not None and array.dtype.kind == "f" and array.dtype.itemsize > 8 else array


def _declared(source: str, archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo, size: int) -> tuple[int, ...]:
    """The shape that a member's header gives it, once everything declared is as it must be."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{source}: {name} is compressed in another way than np.savez_compressed does")
    if info.file_size > max(UNPACKED, RATIO * min(info.compress_size, size)):
        raise InputError(
            f"{source}: {name} would unpack to {info.file_size} bytes, more than {RATIO} times what it takes: write "
            f"it with np.savez, which does not compress"
        )
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version not in HEADERS:
            raise ValueError(f"{name} has version {version} of the format, which is for arrays of records")
        try:
            shape, _, dtype = HEADERS[version](member)
        except MemoryError:  # from Python's parser, however much memory there is
            raise ValueError("its header is nested too deeply") from None
        at = member.tell()
    takes = "numbers of shape (m, n)" if name == "X" else "numbers or text"
    n_dim = 2 if name == "X" else 1
    if dtype.kind not in KINDS[name] or len(shape) != n_dim or not all(n > 0 for n in shape):
        raise InputError(f"{source}: {name} must be {takes}, got {brief(str(dtype))} of shape {brief(shape)}")
    if info.file_size - at != math.prod(shape) * dtype.itemsize:
        raise InputError(f"{source}: {name} takes {info.file_size - at} bytes, which is not what its shape takes")
    return shape


def _refuse_infinite(source: str, name: str, array: Array) -> None:
    bad = np.isinf(array).any(axis=1)
    if bad.any():
        raise InputError(f"{source}: row {int(np.argmax(bad))} of {name} holds an infinity")


def _check_characters(text: Array) -> None:
    """Raise an error for a code without a character: NumPy makes a str of it, which cannot be printed."""
    if not text.dtype.itemsize:
        return
    points = text.view(np.dtype(np.uint32).newbyteorder(text.dtype.byteorder))
    bad = points[(points > 0x10FFFF) | ((points >= 0xD800) & (points < 0xE000))]
    if bad.size:
        raise ValueError(f"y holds {bad[0]:#x}, which is not a character")
