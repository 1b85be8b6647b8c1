"""The points of the page: two classes in the plane, drawn at random or read from a CSV file."""

import csv
import dataclasses
import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c._play._settings import LIMITS, Refusal, Settings
from shallownet_c.datasets import train_dev_split

Array = np.ndarray[Any, Any]

_N_DEV = 400


@dataclasses.dataclass(frozen=True)
class Rows:
    """X (m, 2) and y (m,) of training and of a dev set, which may be empty; what a CSV file names them."""

    X: Array
    y: Array
    X_dev: Array
    y_dev: Array
    columns: list[dict[str, Any]] | None = None
    classes: list[str] | None = None


def rows_of(settings: Settings, table: Rows | Refusal | None) -> Rows:
    """The rows of these settings, `table` if they want those of a CSV file, and the points that were added by hand."""
    if settings.data == "csv":
        if not isinstance(table, Rows):
            raise Refusal("csv_missing") if table is None else Refusal(table.code, **table.values)
        rows = table
    elif settings.data in MAKERS:
        make = MAKERS[settings.data]
        X, y = _made(make, settings.points, settings.noise, seed=1)
        rows = Rows(X, y, *_made(make, _N_DEV, settings.noise, seed=2))
    else:
        rows = Rows(*_none(), *_none())
    added = np.array(settings.added, dtype=np.float64).reshape(-1, 3)
    X, y = np.concatenate([rows.X, added[:, :2]]), np.concatenate([rows.y, added[:, 2]])
    if not len(X):
        raise Refusal("no_points")
    return dataclasses.replace(rows, X=X, y=y)


def _none() -> tuple[Array, Array]:
    return np.empty((0, 2)), np.empty(0)


Maker = Callable[[Array, int, float, np.random.Generator], Array]


def _made(make: Maker, m: int, noise: float, seed: int) -> tuple[Array, Array]:
    """m points, half of each class, t going evenly from 0 to 1 in both."""
    rng = np.random.default_rng(seed)
    halves = [make(np.linspace(0, 1, m // 2), j, noise, rng) for j in range(2)]
    return np.concatenate(halves), np.repeat([0.0, 1.0], m // 2)


def _flower(t: Array, j: int, noise: float, rng: np.random.Generator) -> Array:
    """`datasets.make_flower`, whose noise is 0.2."""
    angle = np.linspace(3.12 * j, 3.12 * (j + 1), len(t)) + noise * rng.standard_normal(len(t))
    r = 4 * np.sin(4 * angle) + noise * rng.standard_normal(len(t))
    return np.column_stack([r * np.sin(angle), r * np.cos(angle)])


def _circles(t: Array, j: int, noise: float, rng: np.random.Generator) -> Array:
    r = (3.4, 1.6)[j]
    return _noisy(r * np.cos(2 * math.pi * t), r * np.sin(2 * math.pi * t), noise, rng)


def _moons(t: Array, j: int, noise: float, rng: np.random.Generator) -> Array:
    sign = 1 - 2 * j
    return _noisy(sign * (2.5 * np.cos(math.pi * t) - 1.25), sign * (2.8 * np.sin(math.pi * t) - 0.7), noise, rng)


def _spirals(t: Array, j: int, noise: float, rng: np.random.Generator) -> Array:
    r, angle = 0.4 + 3.8 * t, 1.5 * 2 * math.pi * t + j * math.pi
    return _noisy(r * np.cos(angle), r * np.sin(angle), noise, rng)


def _blobs(t: Array, j: int, noise: float, rng: np.random.Generator) -> Array:
    centre = (-1.5, 1.5)[j]
    return _noisy(np.full(len(t), centre), np.full(len(t), centre), 0.4 + noise, rng)


def _noisy(x1: Array, x2: Array, noise: float, rng: np.random.Generator) -> Array:
    return np.column_stack([x1, x2]) + noise * rng.standard_normal((len(x1), 2))


MAKERS: dict[str, Maker] = {
    "flower": _flower,
    "circles": _circles,
    "moons": _moons,
    "spirals": _spirals,
    "blobs": _blobs,
}


def read_csv(text: str) -> Rows:
    """The rows of a CSV file: two columns of numbers and one of labels, with or without a line of names.

    Each column is scaled to lie between −4 and 4, and a fifth of the rows becomes the dev set.
    """
    if len(text.encode(errors="replace")) > LIMITS["bytes"]:
        raise Refusal("csv_bytes", most=LIMITS["bytes"])
    lines = _cells(text)
    names = ["x₁", "x₂"]
    if lines and all(_number(cell) is None for cell in lines[0][1][:2]):
        names = [cell or name for cell, name in zip(lines.pop(0)[1], names, strict=False)]
    if not lines:
        raise Refusal("csv_empty")
    if len(lines) > LIMITS["rows"]:
        raise Refusal("csv_rows", got=len(lines), most=LIMITS["rows"])
    numbers = []
    for line, cells in lines:
        if len(cells) == 2:
            raise Refusal("csv_no_label", line=line)
        if len(cells) != 3:
            raise Refusal("csv_columns", line=line, got=len(cells))
        if not cells[2]:
            raise Refusal("csv_label_empty", line=line)
        numbers.append([_number(cell) for cell in cells[:2]])
        for column, (cell, number) in enumerate(zip(cells[:2], numbers[-1], strict=True), 1):
            if number is None:
                raise Refusal("csv_number", line=line, column=column, got=cell[:40])
    labels = [cells[2] for _, cells in lines]
    classes = sorted(set(labels), key=_rank)
    if len(classes) != 2:
        few = ", ".join(label[:20] for label in classes[:4]) + (", …" if len(classes) > 4 else "")
        raise Refusal("csv_classes", got=len(classes), classes=few)
    X = np.array(numbers)
    least, most = X.min(axis=0), X.max(axis=0)
    half = np.where(most > least, (most - least) / 2, 1)
    X = 4 * (X - (least + most) / 2) / half
    y = np.array([classes.index(label) for label in labels], dtype=np.float64)
    columns = [dict(name=name[:40], least=a, most=b) for name, a, b in zip(names, least, most, strict=True)]
    shown = [label[:40] for label in classes]
    if len(X) < 10:
        return Rows(X, y, *_none(), columns, shown)
    X, X_dev, y, y_dev = train_dev_split(X, y, dev_fraction=0.2, seed=0)
    return Rows(X, y, X_dev, y_dev, columns, shown)


def _cells(text: str) -> list[tuple[int, list[str]]]:
    """The number of each line that is not blank, and its cells; commas, semicolons or tabs separate them."""
    text = text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max("\t;,", key=first.count)  # of as many, commas may be decimal ones
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    lines = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):  # spreadsheets leave lines of nothing but separators
                lines.append((reader.line_num, cells))
    except csv.Error:
        raise Refusal("csv_text", line=reader.line_num) from None
    return lines


def _rank(label: str) -> tuple[float, str]:
    """Numbers go before words, and 9 before 10."""
    number = _number(label)
    return math.inf if number is None else number, label


def _number(text: str) -> float | None:
    """The number that a cell is, if it is one of a size that can be scaled."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 1e100 and "_" not in text else None
