"""`shallownet-c train` and `shallownet-c predict`."""

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from shallownet_c import _scores, optimizers
from shallownet_c._command import _names, _output, _standard, _tables, _target
from shallownet_c._command._input import InputError, brief, one_line
from shallownet_c._fitting import _advice
from shallownet_c.errors import DivergenceError
from shallownet_c.mlp import MLP
from shallownet_c.reference._activations import ACTIVATIONS

Array = np.ndarray[Any, Any]

PIECE = 1 << 16  # outputs that are in memory at a time, or those of 128 rows


def train(arguments: argparse.Namespace) -> int:
    _output.check("--out", arguments.out, [arguments.data])
    _names.check("--out", arguments.out, [arguments.data])
    table = _tables.read(arguments.data, arguments.target, arguments.header)
    if table.target is None:
        raise InputError(f"{arguments.data} has no target to train on")
    _tables.check_range(arguments.data, table.X, arguments.dtype)
    m, n = table.X.shape
    n_test = round(arguments.test_fraction * m)
    if n_test < 1 or n_test >= m:
        raise InputError(f"{arguments.data}: {m} rows are too few to hold out a fraction of {arguments.test_fraction}")
    target, decision = table.target, _target.decide(table.target, arguments.task)
    classes, y = decision.classes, decision.y
    if classes is not None and arguments.loss is not None:
        raise InputError(f"--loss goes with a target of numbers, and that of {arguments.data} is classes")
    if classes is not None and len(classes) < 2:
        raise InputError(f"{arguments.data}: the target has one class only, {brief(classes[0])}")

    order = np.random.default_rng(arguments.seed).permutation(m)
    test, rest = order[:n_test], order[n_test:]
    X, X_test, y, y_test = table.X[rest], table.X[test], y[rest], y[test]
    del table.X, table.target, order, rest

    inputs = _standard.Standard(arguments.data, lambda j: _column_name(table, j), X)
    goal = None if classes is not None else _standard.Standard(arguments.data, lambda _: target.name, y[:, np.newaxis])
    scaling = _standard.Scaling(arguments.data, inputs, goal)
    scaling.check(np.dtype(arguments.dtype))
    net = _network(arguments, n, classes)
    scaling.ignore_constants(net)
    X, X_standard = (inputs.apply(rows).astype(net.dtype, copy=False) for rows in (X, X_test))
    if goal is not None:
        y, y_test = goal.apply(y[:, np.newaxis]), goal.apply(y_test[:, np.newaxis])

    print(f"{one_line(arguments.data)}: {m} rows, {n} columns, {_what(classes)}; {n_test} rows held out")
    if table.place is not None:
        print("columns without names: line 1 is data" if table.columns is None else "columns by the names in line 1")
    print(f"{target.name}: {one_line(str(decision))}")
    print(f"{net!r}, {net.n_params} parameters\n{'epoch':>7}{'cost':>12}{'held-out ' + _score_name(classes):>20}")
    for done, cost in _fit(arguments, net, X, y):
        if done < arguments.epochs:
            score = _score(net, X_standard, y_test, classes)
        else:
            saved = scaling.folded(net)
            pairs = zip(_outputs(net, X_standard), _outputs(saved, X_test), strict=True)
            if not all(scaling.agree(A, B) for (_, A), (_, B) in pairs):
                scaling.refuse(net.dtype)
            score = _score(saved, X_test, y_test, classes, goal)
        print(f"{done:>7}{cost:>12.5g}{score:>20.4f}")
    _names.save(arguments.out, saved, classes, table.columns, table.place)
    print(f"saved to {one_line(arguments.out)}")
    return 0


def _column_name(table: _tables.Table, j: int) -> str:
    """What messages call an input."""
    if table.columns is not None:
        return f"column {brief(table.columns[j])}"
    return f"column {j + 1 if table.place is not None and j >= table.place else j}"


def _network(arguments: argparse.Namespace, n: int, classes: list[str] | None) -> MLP:
    try:
        return MLP(
            [n, *arguments.hidden, 1 if classes is None else len(classes)],
            arguments.activation,
            "identity" if classes is None else "softmax",
            loss=arguments.loss,
            # As He et al. recommend for ReLU's kind; for all others Keras's default.
            init="he_normal" if ACTIVATIONS[arguments.activation].rectifier else "glorot_uniform",
            dtype=arguments.dtype,
            seed=arguments.seed,
        )
    except ValueError as error:
        raise InputError(f"--hidden: {error}") from None


def _fit(arguments: argparse.Namespace, net: MLP, X: Array, y: Array) -> Iterator[tuple[int, float]]:
    """Train the network in ten parts; yields the epochs done and the cost after each."""
    make = optimizers.OPTIMIZERS[arguments.optimizer]
    optimizer = make(arguments.learning_rate) if arguments.learning_rate else make()
    rng = np.random.default_rng(arguments.seed)
    done = 0
    for part in range(1, 11):
        n_epochs = arguments.epochs * part // 10 - done
        if not n_epochs:
            continue
        try:
            with _advice.silenced():  # the columns are standardised, and the first part of a fit says little
                history = net.fit(
                    X, y, optimizer=optimizer, epochs=n_epochs, batch_size=arguments.batch_size, l2=arguments.l2,
                    seed=rng,
                )  # fmt: skip
        except DivergenceError as error:
            raise InputError(
                f"training diverged in epoch {done + error.epoch}: try a smaller --learning-rate"
            ) from None
        done += n_epochs
        yield done, history.cost[-1]


def _what(classes: list[str] | None) -> str:
    return "one number to predict" if classes is None else f"{len(classes)} classes"


def _score_name(classes: list[str] | None) -> str:
    return "R²" if classes is None else "accuracy"


def _score(net: MLP, X: Array, y: Array, classes: list[str] | None, goal: _standard.Standard | None = None) -> float:
    """Accuracy, or R²; with `goal`, the network's outputs are not in the units of y yet."""
    if classes is not None:
        return _scores.accuracy(np.concatenate([A.argmax(axis=1) for _, A in _outputs(net, X)]), y, None)
    if (y == y[0]).all():
        return float("nan")
    return _scores.r_squared(net(X) if goal is None else goal.apply(net(X)), y, None)


def _outputs(net: MLP, X: Array) -> Iterator[tuple[int, Array]]:
    """The outputs for some rows at a time, and the number of the first of them."""
    rows = max(128, PIECE // net.layer_sizes[-1])
    for start in range(0, len(X), rows):
        yield start, net(X[start : start + rows])


def predict(arguments: argparse.Namespace) -> int:
    if arguments.out:
        beside = str(_names.path_beside(arguments.model))
        _output.check("--out", arguments.out, [arguments.model, arguments.data, beside], streams=True)
    net, names, note = _names.read(arguments.model)
    classes = names["classes"]
    if arguments.probabilities and classes is None:
        raise InputError("--probabilities needs a model of classes; this one predicts a number")
    X, by_name = _tables.read_inputs(arguments.data, names, net.layer_sizes[0], arguments.header)
    _tables.check_range(arguments.data, X, str(net.dtype))
    lines = _lines(net, X, classes, arguments.probabilities)
    if note is not None:
        lines = _and_say(note, lines)
    elif by_name is False:
        who = arguments.data if names["columns"] is not None else arguments.model
        lines = _and_say(f"{who} has no names of columns: they are taken in their order", lines)
    _output.write(arguments.out, lines)
    return 0


def _and_say(note: str, lines: Iterator[str]) -> Iterator[str]:
    """The lines, and a note once all are made, which is before any of them is printed."""
    yield from lines
    print(one_line(note), file=sys.stderr)


def _lines(net: MLP, X: Array, classes: list[Any] | None, probabilities: bool) -> Iterator[str]:
    """What is printed: a line for each row, in pieces."""
    if probabilities and classes is not None:
        header = io.StringIO()
        csv.writer(header, lineterminator="\n").writerow(classes)  # a class's name may hold a comma
        yield header.getvalue()
    for start, A in _outputs(net, X):
        finite = np.isfinite(A).all(axis=1)
        if not finite.all():
            raise InputError(f"the network's output is not finite for row {start + int(np.argmin(finite)) + 1}")
        if classes is None or probabilities:
            for row in A:
                yield ",".join(map(repr, row.tolist())) + "\n"
        else:
            yield "".join(f"{classes[j]}\n" for j in A.argmax(axis=1))
