"""What the user gives to the command line: files that are opened, and text that messages show."""

import os
from io import BufferedReader

from shallownet_c._checks._validation import shown
from shallownet_c._storage import _files

_BRIEF = 60  # characters of a cell or name in a message that may show three of them


class InputError(Exception):
    """Something is wrong with what the user gave: one line for them, no traceback."""


def open_regular(path: str) -> BufferedReader:
    """Open a file for reading; whatever else has that name is the user's error."""
    try:
        return _files.opened(path)
    except (ValueError, IsADirectoryError):
        kind = "a folder, not a file" if os.path.isdir(path) else "not a regular file"
        raise InputError(f"{path} is {kind}") from None


def brief(value: object) -> str:
    """The value as messages show it where it comes from a file."""
    text = shown(value)
    return text if len(text) <= _BRIEF else text[: _BRIEF - 1] + "…"


def listed(names: list[str]) -> str:
    """Names as messages list them, as many as there is room for."""
    text = ", ".join(name[:_BRIEF] for name in names[:_BRIEF])
    return text if len(text) <= 2 * _BRIEF else text[: 2 * _BRIEF - 1] + "…"


def counted(n: int, what: str) -> str:
    """So many of something, whose plural ends in s."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def one_line(text: str) -> str:
    """The text with escapes for line breaks and whatever else a terminal might not print as it stands."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
