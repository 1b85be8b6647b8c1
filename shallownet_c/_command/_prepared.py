"""A table made ready for training: rows with a target, columns as numbers, parts to learn from, to stop by, to test."""

import argparse
import dataclasses
from typing import Any

import numpy as np

from shallownet_c._command import _inputs, _rows, _standard, _tables, _target
from shallownet_c._command._guess import is_like_a_number
from shallownet_c._command._input import InputError, brief, counted

Array = np.ndarray[Any, Any]


@dataclasses.dataclass
class Part:
    """Rows as the table has them; y are numbers, or numbers of classes."""

    X: Array
    y: Array


@dataclasses.dataclass
class Prepared:
    """The parts, how to standardise them, and what the model is to know of the table."""

    source: str
    table: _tables.Table
    target: _target.Target
    decision: _target.Decision
    inputs: list[_inputs.Input]
    #: Rows to learn from, to stop by (None without early stopping), and held out for the last scores.
    train: Part
    validation: Part | None
    test: Part
    scaling: _standard.Scaling
    #: Rows and columns of the table, those left out included.
    m: int
    width: int
    notes: list[str]

    @property
    def classes(self) -> list[str] | None:
        return self.decision.classes

    def standard(self, part: Part, dtype: Any) -> Part:
        """A part as the network is trained on it."""
        goal = self.scaling.target
        with np.errstate(over="ignore"):  # other rows than those learnt from may be far away
            X = self.scaling.inputs.apply(part.X).astype(dtype, copy=False)
            return Part(X, part.y if goal is None else goal.apply(part.y[:, np.newaxis]).astype(dtype, copy=False))


def reading(arguments: argparse.Namespace) -> _tables.Reading:
    """What the options say of a table."""
    return _tables.Reading(
        arguments.header,
        arguments.delimiter,
        arguments.decimal,
        tuple(getattr(arguments, "drop", None) or ()),
        tuple(getattr(arguments, "categorical", None) or ()),
    )


def prepared(arguments: argparse.Namespace, validate: bool) -> Prepared:
    """The table of the arguments, with a part for validation or without."""
    source = arguments.data
    is_name = arguments.target is not None and not is_like_a_number(arguments.target)
    table = _tables.read(source, reading(arguments), [arguments.target] if is_name else [])
    if table.is_array and arguments.target is not None:
        raise InputError(f"--target is for tables whose columns have names or numbers, and {source} has arrays X and y")
    if table.is_array and not table.has_y:
        raise InputError(f"{source} has no target to train on")
    k = _last(table) if arguments.target is None else table.found(arguments.target)
    places = _inputs.chosen(table, k)
    table.settle_decimal([*places, k])
    target = _target.Target(table, k, arguments.target)
    decision = target.decide(arguments.task)
    table.forget(k)
    columns = _inputs.typed(table, places)
    m = table.m
    _leave_out_incomplete(table, decision, columns, arguments.missing)
    classes = decision.classes
    if classes is not None and len(np.unique(decision.y)) < 2:
        rows = "its only row" if len(decision.y) == 1 else f"all {len(decision.y)} rows"
        target.refuse(
            f"it has one class only, {brief(classes[int(decision.y[0])])} in {rows}, so that there is nothing to "
            f"learn: add rows of other classes, or name another column by --target"
        )
    n_test = round(arguments.test_fraction * len(decision.y))
    rest = len(decision.y) - n_test
    n_validation = round(arguments.validation_fraction * rest) if validate else 0
    if n_test < 1 or rest - n_validation < 1 or (validate and n_validation < 1):
        raise InputError(
            f"{source}: {len(decision.y)} rows are too few to hold out a fraction of {arguments.test_fraction}"
            + (f", and {arguments.validation_fraction} of the others to stop by" if validate else "")
        )
    order = np.random.default_rng(arguments.seed).permutation(len(decision.y))
    test, validation, train = np.split(order, [n_test, n_test + n_validation])
    parts = [Part(_inputs.matrix(columns, decision.rows[rows]), decision.y[rows]) for rows in (train, validation, test)]
    inputs = [column.input for column in columns]
    width = len(table.cells) - table.has_y
    table.cells.clear()
    del columns
    medians = _inputs.medians(inputs, parts[0].X)
    for part in parts:
        _inputs.fill(part.X, medians)
        if len(part.X):
            _rows.check_range(source, part.X, arguments.dtype)
    scaling = _scaling(source, table, target, inputs, parts[0], classes)
    scaling.check(np.dtype(arguments.dtype))
    inputs = _with_statistics(inputs, medians, scaling.inputs)
    return Prepared(
        source, table, target, decision, inputs, parts[0], parts[1] if validate else None, parts[2], scaling, m, width,
        [*table.notes, f"{target.name}: {decision}"],
    )  # fmt: skip


def _last(table: _tables.Table) -> int:
    """The place of the last column, but for those without name and cells, which a delimiter at the end makes."""
    k = len(table.cells) - 1
    while k > 0 and table.names is not None and not table.names[k] and table.guess(k).kind == "empty":
        k -= 1
    return k


def _leave_out_incomplete(
    table: _tables.Table, decision: _target.Decision, columns: list[_inputs.Typed], missing: str
) -> None:
    """Keep the rows that have a target and, unless blanks are filled, all inputs, and say what is left out."""
    without_target = table.m - len(decision.rows)
    if without_target:
        table.notes.append(f"{without_target} of {table.m} rows have no target: left out")
    blank = np.zeros(len(decision.rows), bool)
    counts = {}
    for column in columns:
        of_column = column.missing[decision.rows]
        if of_column.any():
            counts[table.label(column.input.place)] = int(of_column.sum())
            blank |= of_column
    if not counts:
        return
    shown = _inputs.counts_of(counts)
    if missing == "median":
        n = counted(sum(counts.values()), "blank cell")
        table.notes.append(f"{n} ({shown}): numbers are filled with the median, a category that is missing is none")
        return
    if blank.all():
        worst = max(counts, key=counts.__getitem__)
        raise InputError(
            f"{table.source}: every row has a blank cell, most of them in {worst} ({counts[worst]}): --missing median "
            f"fills them, and --drop leaves out a column"
        )
    table.notes.append(
        f"{int(blank.sum())} of {table.m} rows have blank cells ({shown}): left out; --missing median fills them"
    )
    decision.rows, decision.y = decision.rows[~blank], decision.y[~blank]


def _scaling(
    source: str,
    table: _tables.Table,
    target: _target.Target,
    inputs: list[_inputs.Input],
    train: Part,
    classes: list[str] | None,
) -> _standard.Scaling:
    labels = [table.label(one.place) for one in inputs for _ in range(one.width)]
    standard = _standard.Standard(source, labels.__getitem__, train.X)
    goal = None
    if classes is None:
        goal = _standard.Standard(source, lambda _: target.name, train.y[:, np.newaxis])
    return _standard.Scaling(source, standard, goal)


def _with_statistics(inputs: list[_inputs.Input], medians: Array, standard: _standard.Standard) -> list[_inputs.Input]:
    known, at = [], 0
    for one in inputs:
        if one.kind != "text":
            mean, spread = float(standard.shift[at]), float(standard.scale[at])
            one = dataclasses.replace(one, median=float(medians[at]), mean=mean, spread=spread)
        known.append(one)
        at += one.width
    return known
