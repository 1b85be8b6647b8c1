"""`shallownet-c train`."""

import argparse
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from shallownet_c import __version__, optimizers
from shallownet_c._checks import _extras
from shallownet_c._command import _defaults, _metrics, _output, _prepared, _record, _report, _rows
from shallownet_c._command._input import InputError, counted, one_line
from shallownet_c._command._progress import Progress
from shallownet_c._fitting import _advice
from shallownet_c._storage import _files
from shallownet_c.errors import DivergenceError
from shallownet_c.history import History
from shallownet_c.mlp import MLP
from shallownet_c.reference._activations import ACTIVATIONS

Array = np.ndarray[Any, Any]

PICTURES = (".png", ".svg", ".pdf")


def train(arguments: argparse.Namespace) -> int:
    _output.check("--out", arguments.out, [arguments.data])
    if arguments.plot is not None:
        _check_plot(arguments)
    data = _prepared.prepared(arguments, validate=arguments.patience != 0)
    if data.classes is not None and arguments.loss is not None:
        raise InputError(f"--loss goes with a target of numbers, and that of {arguments.data} is classes")
    net = network(arguments, data, arguments.hidden, arguments.activation, arguments.seed)
    length = _defaults.length(len(data.train.y), arguments.batch_size, arguments.epochs, arguments.patience)
    speaks = not (arguments.quiet or arguments.json)
    if speaks:
        _introduce(data, net, length)
    began = time.perf_counter()
    history = _fit(arguments, data, net, length)
    seconds = time.perf_counter() - began
    saved = _folded(data, net)
    shares = (
        None if data.classes is None else np.bincount(data.train.y, minlength=len(data.classes)) / len(data.train.y)
    )
    scores = _scores(saved, data, shares)
    record = _record.Record(
        tuple(data.inputs),
        data.width,
        None if data.table.names is None else data.table.names[data.target.k],
        None if data.table.is_array else data.target.k,
        data.classes,
        {
            "version": __version__,
            "data": os.path.basename(arguments.data),
            "rows": len(data.train.y),
            "epochs": history.n_epochs,
            "seed": arguments.seed,
            "scores": {key: one for key, one in scores.items() if isinstance(one, float) or one is None},
        },
    )
    picture = None if arguments.plot is None else _drawn(history, arguments.plot)
    _record.save(arguments.out, saved, record)
    if picture is not None:
        _files.replace(arguments.plot, [picture])
    if arguments.json:
        _report.as_json(_as_json(arguments, data, saved, length, history, seconds, scores))
    elif speaks:
        _conclude(arguments, history, length, seconds, scores)
    return 0


def network(
    arguments: argparse.Namespace, data: _prepared.Prepared, hidden: list[int], activation: str, seed: int
) -> MLP:
    """The network before its training."""
    n_in, classes = data.train.X.shape[1], data.classes
    try:
        net = MLP(
            [n_in, *hidden, 1 if classes is None else len(classes)],
            activation,
            "identity" if classes is None else "softmax",
            loss=arguments.loss,
            # As He et al. recommend for ReLU's kind; for all others Keras's default.
            init="he_normal" if ACTIVATIONS[activation].rectifier else "glorot_uniform",
            dtype=arguments.dtype,
            seed=seed,
        )
    except ValueError as error:
        raise InputError(f"--hidden: {error}") from None
    data.scaling.ignore_constants(net)
    return net


def optimizer(arguments: argparse.Namespace) -> optimizers.Optimizer:
    """The optimizer, whose rate falls to 0 along a cosine: in a few epochs that comes further than a constant rate."""
    make: Callable[..., optimizers.Optimizer] = optimizers.OPTIMIZERS[arguments.optimizer]
    rate = arguments.learning_rate or (_defaults.ADAM_RATE if arguments.optimizer == "adam" else None)
    return make(schedule="cosine") if rate is None else make(rate, schedule="cosine")


def _introduce(data: _prepared.Prepared, net: MLP, length: _defaults.Length) -> None:
    classes = data.classes
    what = "one number to predict" if classes is None else f"{len(classes)} classes"
    _report.say(
        f"{data.source}: {data.m} rows, {counted(len(data.inputs), 'column')}, {what}; {len(data.test.y)} rows held out"
    )
    for note in data.notes:
        _report.say(note)
    for one in data.inputs:
        if one.kind != "number":
            name = data.table.label(one.place)
            said = "false is 0, true is 1" if one.kind == "boolean" else f"{one.width} categories, an input each"
            _report.say(f"{name}: {said}")
    _report.say(f"{net!r}, {net.n_params} parameters")
    stop = "no early stopping"
    if data.validation is not None:
        stop = f"ends after {length.patience} without a better cost on {len(data.validation.y)} rows of validation"
    _report.say(f"{length.epochs} epochs at most, batches of {length.batch_size} rows; {stop}")


def _fit(arguments: argparse.Namespace, data: _prepared.Prepared, net: MLP, length: _defaults.Length) -> History:
    train = data.standard(data.train, net.dtype)
    validation = None if data.validation is None else data.standard(data.validation, net.dtype)
    progress = Progress(length.epochs, arguments.quiet, sys.stderr if arguments.json else sys.stdout)
    try:
        with _advice.silenced():  # the columns are standardised
            return net.fit(
                train.X, train.y, optimizer=optimizer(arguments), epochs=length.epochs, batch_size=length.batch_size,
                l2=arguments.l2, seed=arguments.seed,
                validation_data=None if validation is None else (validation.X, validation.y),
                patience=None if validation is None else length.patience,
                callback=lambda epoch, history, _: progress.show(epoch, history),
            )  # fmt: skip
    except DivergenceError as error:
        raise InputError(f"training diverged in epoch {error.epoch}: try a smaller --learning-rate") from None
    finally:
        progress.close()


def _folded(data: _prepared.Prepared, net: MLP) -> MLP:
    """The network that takes columns as they are, checked to give what was trained."""
    saved = data.scaling.folded(net)
    pairs = zip(
        _rows.outputs(net, data.standard(data.test, net.dtype).X), _rows.outputs(saved, data.test.X), strict=True
    )
    if not all(data.scaling.agree(A, B) for (_, A), (_, B) in pairs):
        data.scaling.refuse(net.dtype)
    return saved


def _scores(saved: MLP, data: _prepared.Prepared, shares: Array | None) -> dict[str, Any]:
    pieces: Iterator[tuple[int, Array]] = _rows.outputs(saved, data.test.X)
    if data.classes is not None and shares is not None:
        return _metrics.of_classes(pieces, data.test.y, data.classes, shares)
    predicted = np.concatenate([A[:, 0].astype(np.float64) for _, A in pieces])
    return _metrics.of_numbers(predicted, data.test.y, float(data.train.y.mean()))


def _conclude(
    arguments: argparse.Namespace, history: History, length: _defaults.Length, seconds: float, scores: dict[str, Any]
) -> None:
    best = ""
    if history.val_cost:
        best = f", the best of them {int(np.argmin(history.val_cost)) + 1}"
    _report.say(f"{history.n_epochs} epochs in {seconds:.1f} s{best}")
    _report.scores(scores, "rows held out")
    print()
    _report.say(f"saved to {arguments.out}")


def _as_json(
    arguments: argparse.Namespace,
    data: _prepared.Prepared,
    saved: MLP,
    length: _defaults.Length,
    history: History,
    seconds: float,
    scores: dict[str, Any],
) -> dict[str, Any]:
    return {
        "model": arguments.out,
        "data": arguments.data,
        "rows": {
            "table": data.m,
            "training": len(data.train.y),
            "validation": 0 if data.validation is None else len(data.validation.y),
            "held_out": len(data.test.y),
        },
        "columns": [one.place if one.name is None else one.name for one in data.inputs],
        "target": data.target.k if data.table.names is None else data.table.names[data.target.k],
        "classes": data.classes,
        "notes": data.notes,
        "network": repr(saved),
        "parameters": saved.n_params,
        "batch_size": length.batch_size,
        "epochs": history.n_epochs,
        "stopped": history.stopped,
        "seconds": seconds,
        "cost": history.cost,
        "validation_cost": history.val_cost,
        "scores": scores,
    }


def _check_plot(arguments: argparse.Namespace) -> None:
    if not arguments.plot.lower().endswith(PICTURES):
        raise InputError(f"--plot must end in {', '.join(PICTURES)}, got {one_line(arguments.plot)}")
    _output.check("--plot", arguments.plot, [arguments.data])
    if os.path.realpath(arguments.plot) == os.path.realpath(arguments.out):
        raise InputError("--plot and --out must be two files")
    try:
        _extras.library("matplotlib", "plot", "--plot")
    except ImportError as error:
        raise InputError(error) from None


def _drawn(history: History, path: str) -> bytes:
    """The course of the cost as a picture."""
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")  # without pyplot, no backend is chosen, and no window can open
    history.plot(figure.add_subplot())
    file = io.BytesIO()
    figure.savefig(file, format=os.path.splitext(path)[1][1:].lower(), dpi=150)
    return file.getvalue()
