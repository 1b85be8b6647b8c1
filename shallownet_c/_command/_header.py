"""Whether the first row of a file of text holds the columns' names, and which columns are no data at all."""

from collections.abc import Callable, Collection

import numpy as np

from shallownet_c._command._guess import BOOLEANS, MISSING, Guess, is_like_a_number

#: What pandas calls its index when it writes a table, and when it reads that again.
INDEX_NAMES = ("", "Unnamed: 0")


def is_header(first: list[str], rest: Callable[[int], Guess], known: Collection[str] = ()) -> bool | None:
    """Whether the first row is names, by what the cells below it are taken for; None if it may be either.

    A word above numbers is a name, a word that occurs again below, or is `known` as a label, is data, and so is a row
    without words, unless it is 0, 1, 2, …, which pandas writes for columns that have no names.
    """
    places = [k for k, cell in enumerate(first) if cell not in MISSING]
    numbers = [k for k in places if is_like_a_number(first[k])]
    words = [k for k in places if k not in set(numbers)]
    if not words:
        return None if places and all(cell == str(k) for k, cell in enumerate(first)) else False
    again = [k for k in words if _occurs(first[k], rest(k)) or first[k] in known]
    if any(_is_name(first[k], rest(k)) and k not in set(again) for k in words):
        return None if numbers or again else True
    if len(again) == len(words) or (again and numbers):
        return False
    return None if numbers or again else True


def _occurs(cell: str, rest: Guess) -> bool:
    if rest.kind == "booleans":
        return cell.lower() in BOOLEANS
    return rest.texts is not None and cell in rest.texts


def _is_name(cell: str, rest: Guess) -> bool:
    """Whether the cells below are of another kind than words."""
    if rest.texts is None:
        return rest.kind == "numbers"
    return rest.kind != "text" and any(text not in MISSING and text != cell for text in rest.texts)


def is_index(name: str, column: Guess) -> bool:
    """Whether a first column of such a name numbers the rows, as pandas and R write it: whole numbers, each once."""
    values = column.values
    if name not in INDEX_NAMES or column.kind != "numbers" or values is None or np.isnan(values).any():
        return False
    return not (values % 1).any() and len(np.unique(values)) == len(values)
