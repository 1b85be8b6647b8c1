"""`shallownet-c train` and `shallownet-c predict`."""

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from shallownet_c import _advice, _names, _output, _tables, _target, optimizers
from shallownet_c._input import InputError, brief, one_line
from shallownet_c.errors import DivergenceError
from shallownet_c.mlp import MLP, load

Array = np.ndarray[Any, Any]

PIECE = 1 << 16  # outputs that are in memory at a time, or those of 128 rows


def train(arguments: argparse.Namespace) -> int:
    _output.check("--out", arguments.out, [arguments.data])
    _names.check("--out", arguments.out, [arguments.data])
    table = _tables.read(arguments.data, arguments.target)
    if table.target is None:
        raise InputError(f"{arguments.data} has no target to train on")
    _tables.check_range(arguments.data, table.X, arguments.dtype)
    m, n = table.X.shape
    n_test = round(arguments.test_fraction * m)
    if n_test < 1 or n_test >= m:
        raise InputError(f"{arguments.data}: {m} rows are too few to hold out a fraction of {arguments.test_fraction}")
    classes, y = _target.decide(table.target, arguments.task)
    if classes is not None and len(classes) < 2:
        raise InputError(f"{arguments.data}: the target has one class only, {brief(classes[0])}")

    order = np.random.default_rng(arguments.seed).permutation(m)
    test, rest = order[:n_test], order[n_test:]
    X, X_test, y, y_test = table.X[rest], table.X[test], y[rest], y[test]
    del table.X, table.target, order, rest

    # The network trains on inputs (and a number to predict) of mean 0 and spread 1; saved, it takes them as they are.
    shift, scale = _standard(arguments.data, X)
    y_shift, y_scale = (0.0, 1.0) if classes is not None else _standard(f"{arguments.data}, target", y)
    for array in (X, X_test):
        array -= shift
        array /= scale
    if classes is None:
        y, y_test = (y - y_shift) / y_scale, (y_test - y_shift) / y_scale
    net = _network(arguments, n, classes)
    X, X_test = X.astype(net.dtype, copy=False), X_test.astype(net.dtype, copy=False)
    print(f"{one_line(arguments.data)}: {m} rows, {n} columns, {_what(classes)}; {n_test} rows held out")
    print(f"{net!r}, {net.n_params} parameters\n{'epoch':>7}{'cost':>12}{'held-out ' + _score_name(classes):>20}")
    for done, cost in _fit(arguments, net, X, y):
        print(f"{done:>7}{cost:>12.5g}{_score(net, X_test, y_test, classes):>20.4f}")

    with np.errstate(over="ignore", invalid="ignore"):
        _take_raw_inputs(net, shift, scale)
        if classes is None:
            net.weights[-1][...] *= y_scale
            net.biases[-1][...] = net.biases[-1] * y_scale + y_shift
    if not np.isfinite(net.params).all():
        raise InputError(f"{arguments.data}: a network in {arguments.dtype} has no weights for numbers of such size")
    _names.save(arguments.out, net, classes, table.columns, table.place)
    print(f"saved to {one_line(arguments.out)}")
    return 0


def _network(arguments: argparse.Namespace, n: int, classes: list[str] | None) -> MLP:
    try:
        return MLP(
            [n, *arguments.hidden, 1 if classes is None else len(classes)],
            arguments.activation,
            "identity" if classes is None else "softmax",
            init="he_normal" if "relu" in arguments.activation else "glorot_uniform",
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
            with _advice.silenced():  # its columns are standardised, and the first part of a course says little
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


def _standard(source: str, X: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each column; 1 for one that never changes."""
    with np.errstate(over="ignore", invalid="ignore"):
        shift, scale = X.mean(axis=0), X.std(axis=0)
    if not np.isfinite(scale).all():
        raise InputError(f"{source}: the squares of its numbers are too large for float64")
    # The deviation of a constant such as 0.1 is not 0 but its mean's rounding, which no weight must be divided by.
    return shift, np.where((X.max(axis=0) > X.min(axis=0)) & (scale > 0), scale, 1.0)


def _take_raw_inputs(net: MLP, shift: Array, scale: Array) -> None:
    """W[1] (x − shift) / scale + b[1] = W' x + b' with W' = W[1] / scale, b' = b[1] − W' shift."""
    net.weights[0][...] /= scale
    net.biases[0][...] -= net.weights[0] @ shift


def _what(classes: list[str] | None) -> str:
    return "one number to predict" if classes is None else f"{len(classes)} classes"


def _score_name(classes: list[str] | None) -> str:
    return "R²" if classes is None else "accuracy"


def _score(net: MLP, X: Array, y: Array, classes: list[str] | None) -> float:
    if classes is not None:
        return sum(int((A.argmax(axis=1) == y[start : start + len(A)]).sum()) for start, A in _outputs(net, X)) / len(y)
    spread = ((y - y.mean()) ** 2).sum()
    return float(1 - ((net(X)[:, 0] - y) ** 2).sum() / spread) if spread > 0 else float("nan")


def _outputs(net: MLP, X: Array) -> Iterator[tuple[int, Array]]:
    """The outputs for some rows at a time, and the number of the first of them."""
    rows = max(128, PIECE // net.layer_sizes[-1])
    for start in range(0, len(X), rows):
        yield start, net(X[start : start + rows])


def predict(arguments: argparse.Namespace) -> int:
    beside = str(_names.path_beside(arguments.model))
    if arguments.out:
        _output.check("--out", arguments.out, [arguments.model, arguments.data, beside], streams=True)
    try:
        net = load(arguments.model)
    except ValueError as error:
        raise InputError(error) from None
    notes = _names.load(arguments.model, net)
    classes = notes["classes"]
    if arguments.probabilities and classes is None:
        raise InputError("--probabilities needs a model of classes; this one predicts a number")
    X = _tables.read_inputs(arguments.data, notes, net.layer_sizes[0])
    _tables.check_range(arguments.data, X, str(net.dtype))
    lines = _lines(net, X, classes, arguments.probabilities)
    if notes["model"] is None:
        lines = _and_say(f"{beside} is missing: columns are taken in their order, classes are numbers", lines)
    _output.write(arguments.out, lines)
    return 0


def _and_say(note: str, lines: Iterator[str]) -> Iterator[str]:
    """The lines, and a note once all are made, which is before any of them is printed."""
    yield from lines
    print(one_line(note), file=sys.stderr)


def _lines(net: MLP, X: Array, classes: list[Any] | None, probabilities: bool) -> Iterator[str]:
    """What is printed: a line for each row, in pieces."""
    if probabilities:
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
