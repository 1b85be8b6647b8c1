"""`shallownet-c compare`: activations and widths, each with several seeds, on rows that no network learns from."""

import argparse
import itertools
import sys
import time
from typing import Any

import numpy as np

from shallownet_c._command import _defaults, _prepared, _report, _train
from shallownet_c._command._input import InputError, brief
from shallownet_c._fitting import _advice
from shallownet_c.history import History
from shallownet_c.many import fit_many
from shallownet_c.mlp import MLP

Array = np.ndarray[Any, Any]


def compare(arguments: argparse.Namespace) -> int:
    data = _prepared.prepared(arguments, validate=True)
    if data.classes is not None and arguments.loss is not None:
        raise InputError(f"--loss goes with a target of numbers, and that of {arguments.data} is classes")
    assert data.validation is not None
    candidates = list(itertools.product(arguments.widths, arguments.activations))
    nets = [
        _train.network(arguments, data, hidden, activation, arguments.seed + i)
        for hidden, activation in candidates
        for i in range(arguments.seeds)
    ]
    length = _defaults.length(len(data.train.y), arguments.batch_size, arguments.epochs, arguments.patience)
    speaks = not (arguments.quiet or arguments.json)
    if speaks:
        _introduce(arguments, data, len(candidates), length)
    train, dev = data.standard(data.train, nets[0].dtype), data.standard(data.validation, nets[0].dtype)
    began = time.perf_counter()
    with _advice.silenced():  # the columns are standardised
        histories = fit_many(
            nets, train.X, train.y, validation_data=(dev.X, dev.y), optimizer=_train.optimizer(arguments),
            epochs=length.epochs, batch_size=length.batch_size, patience=length.patience or None, l2=arguments.l2,
            seed=[arguments.seed + i % arguments.seeds for i in range(len(nets))],
            progress=not arguments.quiet and (sys.stderr is not None and sys.stderr.isatty()),
            callback=_Lines(arguments, len(nets), length.epochs),
        )  # fmt: skip
    seconds = time.perf_counter() - began
    scores = np.array([_score(net, history, dev) for net, history in zip(nets, histories, strict=True)])
    ranked = _ranked(arguments, candidates, nets, histories, scores.reshape(-1, arguments.seeds))
    if arguments.json:
        name = "r2" if data.classes is None else "accuracy"
        _report.as_json({
            "data": arguments.data, "notes": data.notes, "score": name, "rows": len(train.y), "dev_rows": len(dev.y),
            "seconds": seconds, "candidates": ranked,
        })  # fmt: skip
    elif speaks:
        _conclude(arguments, data, ranked, seconds)
    return 0


class _Lines:
    """A line each second for whoever has no terminal: how many networks have ended."""

    def __init__(self, arguments: argparse.Namespace, n: int, epochs: int) -> None:
        self.stream = sys.stderr if arguments.json else sys.stdout
        self.silent = arguments.quiet or (sys.stderr is not None and sys.stderr.isatty())
        self.epochs, self.done, self.next = [0] * n, 0, time.monotonic() + 1.0
        self.most = n * epochs

    def __call__(self, i: int, epoch: int, history: History, net: MLP) -> None:
        self.epochs[i] = epoch + 1
        now = time.monotonic()
        if not self.silent and now >= self.next:
            self.next = now + 1.0
            print(
                f"{len(self.epochs)} networks: {sum(self.epochs)} epochs of {self.most} at most",
                file=self.stream,
                flush=True,
            )


def _score(net: MLP, history: History, dev: _prepared.Part) -> float:
    return float("nan") if history.stopped == "diverged" else net.score(dev.X, dev.y)


def _introduce(
    arguments: argparse.Namespace, data: _prepared.Prepared, candidates: int, length: _defaults.Length
) -> None:
    assert data.validation is not None
    _report.say(
        f"{data.source}: {data.m} rows; {candidates} networks with {arguments.seeds} seeds each learn from "
        f"{len(data.train.y)} and are ranked on {len(data.validation.y)}; {len(data.test.y)} are left for a last test"
    )
    for note in data.notes:
        _report.say(note)
    _report.say(
        f"{length.epochs} epochs at most, batches of {length.batch_size} rows; a training ends after {length.patience} "
        f"without a better cost on the rows that rank"
    )


def _ranked(
    arguments: argparse.Namespace,
    candidates: list[tuple[list[int], str]],
    nets: list[MLP],
    histories: list[History],
    scores: Array,
) -> list[dict[str, Any]]:
    found = []
    for i, (hidden, activation) in enumerate(candidates):
        of_seeds = slice(i * arguments.seeds, (i + 1) * arguments.seeds)
        found.append({
            "activation": activation,
            "hidden": hidden,
            "score": float(scores[i].mean()),
            "std": float(scores[i].std()),
            "scores": scores[i].tolist(),
            "cost": float(np.mean([min(one.val_cost, default=float("nan")) for one in histories[of_seeds]])),
            "epochs": float(np.mean([one.n_epochs for one in histories[of_seeds]])),
            "parameters": nets[i * arguments.seeds].n_params,
        })  # fmt: skip
    # Candidates that diverged come last, and of those that are equally good the one of the lesser cost comes first.
    found.sort(key=lambda one: (one["score"] != one["score"], -np.nan_to_num(one["score"]), one["cost"]))
    return found


def _conclude(
    arguments: argparse.Namespace, data: _prepared.Prepared, ranked: list[dict[str, Any]], seconds: float
) -> None:
    print()
    score = "R²" if data.classes is None else "accuracy"
    _report.table(
        ["activation, hidden units", score, "±", "dev cost", "epochs", "parameters"],
        [
            [
                f"{one['activation']}, {_units(one['hidden'])}",
                one["score"],
                one["std"],
                one["cost"],
                one["epochs"],
                one["parameters"],
            ]
            for one in ranked
        ],
    )
    best = ranked[0]
    print()
    _report.say(f"± is the standard deviation over {arguments.seeds} seeds; {seconds:.1f} s")
    target = f" --target {brief(arguments.target)}" if arguments.target is not None else ""
    _report.say(
        f"train the first with: shallownet-c train {arguments.data}{target} --activation {best['activation']} --hidden "
        f"{_units(best['hidden'])}"
    )


def _units(hidden: list[int]) -> str:
    return ",".join(map(str, hidden))
