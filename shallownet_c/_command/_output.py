"""What the command line writes: a file that appears whole or not at all, or a stream that gets all of it or nothing."""

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, TextIO

from shallownet_c._command._input import InputError
from shallownet_c._storage import _files

_IN_MEMORY = 1 << 20  # bytes of output that wait in memory, not on disk, until all of it is made


def check(option: str, path: str, inputs: Iterable[str] = (), streams: bool = False) -> None:
    """Refuse a path that could not be written to after the work; one of `inputs` must not be written over.

    With `streams`, a device or a pipe will do, too.
    """
    if streams and (_is_stdout(path) or _is_stream(path)):
        return
    try:
        _files.check(path)
    except OSError as error:
        where = "" if error.filename in (None, path) else f" ({error.filename})"
        raise InputError(f"{option} {path}: {_reason(error)}{where}") from None
    for other in inputs:
        if os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other):
            raise InputError(f"{option} {path} would write over {other}, which is read")


def write(path: str | None, chunks: Iterable[str]) -> None:
    """Write all chunks to a file, a device, a pipe, or standard output; nothing before the last one is made."""
    if path is None or _is_stdout(path):
        with _spooled(chunks, sys.stdout.encoding, sys.stdout.errors) as spool:
            shutil.copyfileobj(spool, sys.stdout)
    elif _is_stream(path):
        with _open_stream(path) as stream, _spooled(chunks) as spool:
            shutil.copyfileobj(spool, stream)
    else:
        _files.replace(path, (chunk.encode() for chunk in chunks))


@contextlib.contextmanager
def _spooled(chunks: Iterable[str], encoding: str | None = None, errors: str | None = None) -> Iterator[IO[str]]:
    """All chunks, and the error that one of them would be in another encoding."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", newline="") as spool:
        for chunk in chunks:
            chunk.encode(encoding or "utf-8", errors or "strict")
            spool.write(chunk)
        spool.seek(0)
        yield spool


def _open_stream(path: str) -> TextIO:
    try:
        # Without O_NONBLOCK a pipe that nobody reads would be waited for without end.
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode):
            raise InputError(f"{path} is a pipe that nobody reads") from None
        raise
    os.set_blocking(descriptor, True)
    return open(descriptor, "w", encoding="utf-8", newline="")


def _is_stdout(path: str) -> bool:
    """Whether the path, like /dev/stdout, is where standard output goes: a file, perhaps, to which others append."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(sys.stdout.fileno()))
    except OSError:  # there is no such file, or no descriptor
        return False


def _is_stream(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:  # `_files` says what is wrong
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
