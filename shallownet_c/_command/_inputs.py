"""A table's columns as inputs of a network: numbers, booleans as 0 and 1, categories as one input each."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from shallownet_c._command._guess import MISSING, a_date, as_number
from shallownet_c._command._input import InputError, brief, counted
from shallownet_c._command._tables import Table

Array = np.ndarray[Any, Any]

#: A column of more texts than this is taken for names; one of more than the other, whatever the user says, is refused.
MOST_CATEGORIES, MOST_INPUTS = 1000, 1 << 16
#: A few texts are categories however few rows there are.
FEW_CATEGORIES = 20


@dataclasses.dataclass(frozen=True)
class Input:
    """What a model knows of one column: how it becomes inputs of the network."""

    name: str | None
    place: int
    #: "number", "boolean" or "text".
    kind: str
    #: What fills blanks; None where a model does not know it, and for text.
    median: float | None = None
    #: Of the training rows, folded into the network; for people to see.
    mean: float | None = None
    spread: float | None = None
    categories: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return len(self.categories) if self.kind == "text" else 1

    def feature_names(self) -> list[str]:
        """The names of the network's inputs."""
        name = str(self.place) if self.name is None else self.name
        return [f"{name}={category}" for category in self.categories] if self.kind == "text" else [name]


@dataclasses.dataclass
class Typed:
    """A column of a table as it is taken: numbers with NaN, or numbers of categories with −1, where cells are blank."""

    input: Input
    cells: Array

    @property
    def missing(self) -> Array:
        return self.cells < 0 if self.input.kind == "text" else np.isnan(self.cells)


def chosen(table: Table, target: int | None) -> list[int]:
    """The places of the columns that are inputs: all but the target, what the user drops, and what holds no data.

    What is left out by itself is said in the table's notes.
    """
    out = {target, *(table.found(name) for name in table.reading.drop)}
    index = table.index()
    if index is not None and index not in out:
        out.add(index)
        table.notes.append("the first column, without a name, numbers the rows: left out")
    names = table.names or []
    blank = [k for k, name in enumerate(names) if not name and k not in out and table.guess(k).kind == "empty"]
    if blank:
        out.update(blank)
        table.notes.append(f"column {', '.join(map(str, blank))}, without a name, is empty: left out")
    for k, name in enumerate(names):
        if not name and k not in out:
            is_title = bool(names[0]) and len(names) > 2 and not any(names[1:])
            title = ", or, if line 1 is a title, delete what stands above the names" if is_title else ""
            raise InputError(f"{table.source}: column {k} has no name: name it, or leave it out with --drop {k}{title}")
        if k not in out:
            table.named(name)  # an error if there are two
    places = [k for k in range(len(table.cells)) if k not in out]
    if not places:
        raise InputError(f"{table.source} has no columns of inputs")
    if names and _counts_the_rows(table, places[0]):
        key = table.key(places[0])
        table.notes.append(f"{table.label(places[0])} numbers the rows: --drop {key} leaves it out")
    return places


def _counts_the_rows(table: Table, k: int) -> bool:
    """Whether a column is 0, 1, 2, … or 1, 2, 3, …, in more rows than could be so by chance."""
    values = table.guess(k).values
    if values is None or len(values) <= FEW_CATEGORIES:
        return False
    return values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def typed(table: Table, places: Sequence[int]) -> list[Typed]:
    """Columns to learn from; one that cannot be an input is refused, with the remedy."""
    forced = {table.found(name) for name in table.reading.categorical}
    columns = [_categories(table, k) if k in forced else _typed(table, k) for k in places]
    width = sum(column.input.width for column in columns)
    if width > MOST_INPUTS:
        raise InputError(f"{table.source} has {width} inputs, categories included, and a table may have {MOST_INPUTS}")
    _refuse_twice(table.source, [column.input for column in columns])
    return columns


def _typed(table: Table, k: int) -> Typed:
    guess = table.guess(k)
    table.forget(k)
    name = None if table.names is None else table.names[k]
    if guess.is_number and guess.values is not None:
        return Typed(Input(name, k, "boolean" if guess.kind == "booleans" else "number"), guess.values)
    remedies = f"--categorical {table.key(k)} takes its cells as categories, --drop {table.key(k)} leaves it out"
    if guess.kind == "empty":
        raise table.error(k, f"it has no values: --drop {table.key(k)} leaves it out")
    assert guess.codes is not None
    assert guess.texts is not None
    if guess.kind == "dates":
        j = next(j for j, text in enumerate(guess.texts) if text not in MISSING)
        raise table.error(
            k,
            f"{_first(table, guess.codes, guess.texts, j)}, {a_date(guess.texts[j])}; --drop {table.key(k)} leaves the "
            f"column out",
        )
    if guess.kind == "mixed":
        raise table.error(k, f"{what_is_mixed(table, guess.codes, guess.texts)}: mend such cells; {remedies}")
    texts = len([text for text in guess.texts if text not in MISSING])
    if texts > FEW_CATEGORIES and (2 * texts > table.m or texts > MOST_CATEGORIES):
        raise table.error(k, f"{texts} different texts in {table.m} rows do not look like categories: {remedies}")
    return _categories(table, k, guess.codes, guess.texts)


def _categories(table: Table, k: int, codes: Array | None = None, texts: list[str] | None = None) -> Typed:
    if codes is None or texts is None:
        codes, texts = table.cells[k].codes()
    categories = tuple(sorted(text for text in texts if text not in MISSING))
    if len(categories) > MOST_INPUTS:
        raise table.error(k, f"{len(categories)} different texts are too many for categories")
    if not categories:
        raise table.error(k, f"it has no values: --drop {table.key(k)} leaves it out")
    name = None if table.names is None else table.names[k]
    return Typed(Input(name, k, "text", categories=categories), _ranks(texts, categories)[codes])


def _ranks(texts: Iterable[str], categories: Sequence[str]) -> Array:
    """The number of the category that each text is, −1 where it is missing and −2 where it is none."""
    known = {category: j for j, category in enumerate(categories)}
    return np.array([known.get(text, -1 if text in MISSING else -2) for text in texts], np.int64)


def what_is_mixed(table: Table, codes: Array, texts: list[str]) -> str:
    """The first cell that is no number, and one that is, if there is one."""
    numbers = [not math.isnan(as_number(text, table.decimal)) for text in texts]
    there = [text not in MISSING for text in texts]
    bad = next(j for j in range(len(texts)) if there[j] and not numbers[j])
    said = f"{_first(table, codes, texts, bad)}, which is not a number"
    if any(numbers):
        return f"{said}, but {_first(table, codes, texts, numbers.index(True))}"
    return f"{said} as they are written, like 1234.5"


def _first(table: Table, codes: Array, texts: list[str], j: int) -> str:
    return f"{table.where(int(np.argmax(codes == j)))} holds {brief(texts[j])}"


def _refuse_twice(source: str, inputs: list[Input]) -> None:
    if any(one.name is None for one in inputs):
        return
    names = [name for one in inputs for name in one.feature_names()]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{source}: two inputs would have the name {brief(twice)}: rename a column")


def matrix(columns: Sequence[Typed], rows: Array | None = None) -> Array:
    """X (m, n_0) of all rows, or some: NaN where a number is missing, zeros where a category is missing or unknown."""
    m = len(columns[0].cells) if rows is None else len(rows)
    X = np.zeros((m, sum(column.input.width for column in columns)))
    at = 0
    for column in columns:
        cells = column.cells if rows is None else column.cells[rows]
        if column.input.kind == "text":
            known = np.flatnonzero(cells >= 0)
            X[known, at + cells[known]] = 1
        else:
            X[:, at] = cells
        at += column.input.width
    return X


def medians(inputs: Sequence[Input], X: Array) -> Array:
    """What fills the blanks of each column of X (m, n_0): its median, and 0 for a category."""
    fill = np.zeros(X.shape[1])
    at = 0
    for one in inputs:
        if one.kind != "text":
            there = X[:, at][~np.isnan(X[:, at])]
            fill[at] = np.median(there) if len(there) else 0.0
        at += one.width
    return fill


def fill(X: Array, with_what: Array) -> None:
    """Write the medians into the blanks of X."""
    i, j = np.nonzero(np.isnan(X))
    X[i, j] = with_what[j]


@dataclasses.dataclass
class Filled:
    """Rows for a prediction, and what was not there as the training had it."""

    X: Array
    #: Cells that were blank, and texts that the training has not seen, by the names of their columns.
    blanks: dict[str, int]
    unseen: dict[str, int]
    #: Whether the columns were found by name; None where neither the table nor the model has names.
    by_name: bool | None

    def notes(self, source: str) -> list[str]:
        """What there is to say of them."""
        said = []
        if self.blanks:
            n = counted(sum(self.blanks.values()), "blank cell")
            said.append(f"{n}, filled with the training's median or no category ({counts_of(self.blanks, brief)})")
        if self.unseen:
            n = counted(sum(self.unseen.values()), "cell")
            said.append(
                f"{n} with a category that the training has not seen, taken for none ({counts_of(self.unseen, brief)})"
            )
        return [f"{source}: {one}" for one in said]


def counts_of(counts: dict[str, int], name: Callable[[str], str] = str) -> str:
    """How often something comes by column, as notes say it: for the first few, whose names `name` writes."""
    text = ", ".join(f"{name(column)}: {count}" for column, count in list(counts.items())[:5])
    return text + (", …" if len(counts) > 5 else "")


def filled(table: Table, inputs: Sequence[Input], places: Sequence[int], by_name: bool | None) -> Filled:
    """The inputs of a network from such columns of a table."""
    table.settle_decimal(k for k, one in zip(places, inputs, strict=True) if one.kind != "text")
    columns, blanks, unseen = [], {}, {}
    with_what: list[float] = []
    for k, one in zip(places, inputs, strict=True):
        name = str(k) if table.names is None else table.names[k]
        column = Typed(one, _cells(table, k, one))
        columns.append(column)
        missing = column.missing if one.kind != "text" else column.cells == -1
        if missing.any():
            if one.median is None and one.kind != "text":
                raise table.error(k, f"{table.where(int(np.argmax(missing)))} is blank, and the model has no median")
            blanks[name] = int(missing.sum())
        if one.kind == "text" and (column.cells == -2).any():
            unseen[name] = int((column.cells == -2).sum())
        with_what += [0.0] * one.width if one.kind == "text" else [one.median or 0.0]
    X = matrix(columns)
    fill(X, np.array(with_what))
    return Filled(X, blanks, unseen, by_name)


def _cells(table: Table, k: int, one: Input) -> Array:
    """The cells of a column as the training took them."""
    if one.kind == "text":
        codes, texts = table.cells[k].codes()
        return _ranks(texts, one.categories)[codes]
    guess = table.guess(k)
    table.forget(k)
    if guess.values is not None and (guess.kind in ("numbers", "empty") or one.kind == "boolean"):
        if one.kind == "boolean" and not np.isin(guess.values[~np.isnan(guess.values)], (0, 1)).all():
            raise table.error(k, "it should hold true and false, or 1 and 0, as in the training")
        return guess.values
    assert guess.codes is not None or guess.kind == "booleans"
    codes, texts = table.cells[k].codes()
    raise table.error(k, what_is_mixed(table, codes, texts))
