"""`shallownet-c predict` and `shallownet-c evaluate`."""

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from shallownet_c._command import _metrics, _output, _prepared, _record, _report, _rows
from shallownet_c._command._input import InputError, one_line
from shallownet_c.mlp import MLP

Array = np.ndarray[Any, Any]


def predict(arguments: argparse.Namespace) -> int:
    if arguments.out:
        _output.check("--out", arguments.out, [arguments.model, arguments.data], streams=True)
    saved = _record.read(arguments.model)
    classes = saved.record.classes
    if arguments.probabilities and classes is None:
        raise InputError("--probabilities needs a model of classes; this one predicts a number")
    _, filled = _rows.read(saved, arguments.data, _prepared.reading(arguments), with_target=False)
    notes = _notes(arguments, saved, filled.by_name) + filled.notes(arguments.data)
    if arguments.json:
        lines = _json_lines(saved.net, filled.X, classes, arguments.probabilities, notes)
    else:
        lines = _lines(saved.net, filled.X, classes, arguments.probabilities)
    _output.write(arguments.out, lines if arguments.quiet else _and_say(notes, lines))
    return 0


def _notes(arguments: argparse.Namespace, saved: _record.Saved, by_name: bool | None) -> list[str]:
    if saved.note is not None:
        return [saved.note]
    if by_name is False:
        who = arguments.data if saved.record.has_names else arguments.model
        return [f"{who} has no names of columns: they are taken in their order"]
    return []


def _and_say(notes: list[str], lines: Iterator[str]) -> Iterator[str]:
    """The lines, and notes once all are made, which is before any of them is printed."""
    yield from lines
    for note in notes:
        print(one_line(note), file=sys.stderr)


def _finite(net: MLP, X: Array) -> Iterator[Array]:
    """The outputs, in pieces, unless one is not finite."""
    for start, A in _rows.outputs(net, X):
        finite = np.isfinite(A).all(axis=1)
        if not finite.all():
            raise InputError(f"the network's output is not finite for row {start + int(np.argmin(finite)) + 1}")
        yield A


def _lines(net: MLP, X: Array, classes: list[Any] | None, probabilities: bool) -> Iterator[str]:
    """What is printed: a line for each row, in pieces."""
    if classes is None:
        for A in _finite(net, X):
            yield "".join(f"{row[0]!r}\n" if len(row) == 1 else ",".join(map(repr, row)) + "\n" for row in A.tolist())
        return
    if probabilities:
        yield ",".join(map(_cell, classes)) + "\n"
        for A in _finite(net, X):
            for row in A:
                yield ",".join(map(repr, row.tolist())) + "\n"
        return
    cells = [_cell(label) for label in classes]
    for A in _finite(net, X):
        yield "".join(f"{cells[j]}\n" for j in A.argmax(axis=1))


def _cell(label: Any) -> str:
    """A label as a cell of CSV, on one line: its line breaks are written as \\n and \\r."""
    cell = io.StringIO()
    csv.writer(cell, lineterminator="").writerow([str(label)])
    return cell.getvalue().replace("\r", "\\r").replace("\n", "\\n")


def _json_lines(net: MLP, X: Array, classes: list[Any] | None, probabilities: bool, notes: list[str]) -> Iterator[str]:
    """One object, in which each prediction has a line."""
    yield f'{{"rows": {len(X)}, "notes": {json.dumps(notes)}, "classes": {json.dumps(classes)}, "predictions": ['
    between = "\n"
    for A in _finite(net, X):
        for row in A:
            predicted: Any = row.tolist()
            if classes is not None and not probabilities:
                predicted = classes[int(row.argmax())]
            elif len(predicted) == 1:
                predicted = predicted[0]
            yield between + json.dumps(predicted)
            between = ",\n"
    yield "\n]}\n"


def evaluate(arguments: argparse.Namespace) -> int:
    saved = _record.read(arguments.model)
    record = saved.record
    table, filled = _rows.read(saved, arguments.data, _prepared.reading(arguments), with_target=True)
    y, rows = _rows.truth(table, _rows.target_of(table, record, arguments.target), record.classes)
    notes = [*_notes(arguments, saved, filled.by_name), *filled.notes(arguments.data)]
    if len(rows) < table.m:
        notes.append(f"{table.m - len(rows)} of {table.m} rows have no target: left out")
    X = filled.X[rows]
    if record.classes is not None:
        # A file does not say how frequent the classes were in the training: those of these rows stand for them.
        shares = np.bincount(y, minlength=len(record.classes)) / len(y)
        scores = _metrics.of_classes(_rows.outputs(saved.net, X), y, record.classes, shares)
    else:
        if saved.net.layer_sizes[-1] != 1:
            raise InputError(f"{arguments.model} predicts {saved.net.layer_sizes[-1]} numbers, and evaluate takes one")
        predicted = np.concatenate([A[:, 0].astype(np.float64) for A in _finite(saved.net, X)])
        scores = _metrics.of_numbers(predicted, y, float(y.mean()))
    if arguments.json:
        _report.as_json({"model": arguments.model, "data": arguments.data, "notes": notes, "scores": scores})
        return 0
    for note in notes:
        _report.say(note)
    _report.scores(scores, f"rows of {one_line(arguments.data)}")
    return 0
