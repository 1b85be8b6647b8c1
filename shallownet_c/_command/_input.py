"""What the user gives to the command line: files that are opened, and text that messages show."""

import os
import stat
from typing import BinaryIO

from shallownet_c._checks._validation import shown

_BRIEF = 60  # characters of a cell or name in a message that may show three of them


class InputError(Exception):
    """Something is wrong with what the user gave: one line for them, no traceback."""


def open_regular(path: str) -> BinaryIO:
    """Open a file for reading; a pipe or a device, which might never end, is refused without waiting for it."""
    flags = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY"))
    descriptor = os.open(path, os.O_RDONLY | flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{path} is not a regular file")
    return open(descriptor, "rb")


def brief(value: object) -> str:
    """The value as messages show it where it comes from a file."""
    text = shown(value)
    return text if len(text) <= _BRIEF else text[: _BRIEF - 1] + "…"


def listed(names: list[str]) -> str:
    """Names as messages list them, as many as there is room for."""
    text = ", ".join(name[:_BRIEF] for name in names[:_BRIEF])
    return text if len(text) <= 2 * _BRIEF else text[: 2 * _BRIEF - 1] + "…"


def one_line(text: str) -> str:
    """The text with escapes for line breaks and whatever else a terminal might not print as it stands."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
