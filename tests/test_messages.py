"""How messages print a caller's value: on one line of at most 200 characters, whatever it is."""

import numpy as np
import pytest

from shallownet_c._checks._validation import shown


class Raises:
    def __repr__(self):
        raise KeyError("no")


class NoString:
    def __repr__(self):
        return 3


class Lines:
    def __repr__(self):
        return "one\n  two\r\n" * 1000


class NeverAsked:
    """A repr that would take for ever: no message may ask for it."""

    def __repr__(self):
        raise AssertionError("asked for its repr")


in_itself = []
in_itself.append(in_itself)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (-1.5, "-1.5"),
        (True, "True"),
        (None, "None"),
        ("a\n b", r"'a\n b'"),
        ([1, "x"], "[1, 'x']"),
        (np.float32(2), "np.float32(2.0)"),
        (np.arange(3), "array([0, 1, 2])"),
        (np.zeros((100, 3)), "<ndarray of shape (100, 3) and dtype float64>"),
        (np.ma.zeros(20), "<MaskedArray of shape (20,) and dtype float64>"),
        (10**5000, "<an integer of 16610 bits>"),
        ([-(10**400)], "[<an integer of 1329 bits>]"),
        ({"a": int}, "{'a': <class 'int'>}"),
        (in_itself, "[[[[...]]]]"),
        ([*range(10), NeverAsked()], "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...]"),
        (type("list", (), {})(), "<list>"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_short_values(value, text):
    assert shown(value) == text


@pytest.mark.parametrize("value", [Raises(), NoString(), [Raises()], np.array([Raises()])], ids=type)
def test_a_repr_that_fails(value):
    assert "instance at" in shown(value)


@pytest.mark.parametrize("value", ["x" * 10**6, b"x" * 10**6, bytearray(10**6), Lines(), [["x" * 10**6] * 9] * 9])
def test_long_values(value):
    text = shown(value)
    assert 140 <= len(text) <= 200
    assert len(text.splitlines()) == 1
    assert "..." in text
