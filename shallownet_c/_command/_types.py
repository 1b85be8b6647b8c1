"""Types of the command's options: each gives the value of a text, or an error of one line."""

import argparse
import math
import os
from collections.abc import Callable

from shallownet_c._checks._validation import shown

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "space": " "}
DECIMALS = {"comma": ",", "point": ".", ",": ",", ".": ".", "auto": "auto"}


def path(text: str) -> str:
    try:
        usable = os.fsencode(text) != b"" and "\0" not in text
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise argparse.ArgumentTypeError(f"must be a path, got {shown(text)}")
    return text


def delimiter(text: str) -> str:
    sign = DELIMITERS.get(text, text)
    if len(sign) != 1 or not sign.isascii() or sign.isalnum() or sign in "\"'\r\n\0.+-":
        raise argparse.ArgumentTypeError(f"must be {', '.join(DELIMITERS)} or another single sign, got {shown(text)}")
    return sign


def decimal(text: str) -> str:
    if text not in DECIMALS:
        raise argparse.ArgumentTypeError(f"must be auto, a comma or a point, got {shown(text)}")
    return DECIMALS[text]


def whole(text: str, least: int, most: float = math.inf) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {shown(text)}") from None
    if not least <= number <= most:
        bound = f"at least {least}" if number < least else f"at most {most}"
        raise argparse.ArgumentTypeError(f"must be {bound}, got {shown(text)}")
    return number


def count(text: str) -> int:
    return whole(text, 1, 2**31 - 1)


def port(text: str) -> int:
    return whole(text, 0, 65_535)


def few(text: str) -> int:
    return whole(text, 1, 1000)


def patience(text: str) -> int:
    return whole(text, 0, 2**31 - 1)


def threads(text: str) -> int:
    return whole(text, 0, os.cpu_count() or 1)


def seed(text: str) -> int:
    return whole(text, 0, 2**62)


def sizes(text: str) -> list[int]:
    return [count(part) for part in text.split(",")]


def names(choices: list[str]) -> Callable[[str], list[str]]:
    """Some of the choices, separated by commas."""

    def chosen(text: str) -> list[str]:
        given = text.split(",")
        for name in given:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"must be some of {', '.join(choices)}, got {shown(name)}")
        return list(dict.fromkeys(given))

    return chosen


def _real(text: str, bound: str, keeps: Callable[[float], bool]) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {shown(text)}") from None
    if not keeps(number):
        raise argparse.ArgumentTypeError(f"must be {bound}, got {shown(text)}")
    return number


def positive(text: str) -> float:
    return _real(text, "> 0 and finite", lambda number: 0 < number < math.inf)


def not_negative(text: str) -> float:
    return _real(text, ">= 0 and finite", lambda number: 0 <= number < math.inf)


def fraction(text: str) -> float:
    return _real(text, "between 0 and 1", lambda number: 0 < number < 1)
