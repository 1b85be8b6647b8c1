"""A training as the page sees it: messages with the parameters at some hundred of its iterations."""

import json
import math
import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from shallownet_c._fitting import _advice
from shallownet_c._play._data import Array, Rows
from shallownet_c._play._settings import Settings
from shallownet_c.errors import DivergenceError
from shallownet_c.mlp import MLP
from shallownet_c.optimizers import OPTIMIZERS, RPROP

#: Seconds of training after which a message goes out: nets up to 2-20-1 are mostly done by then.
PATIENCE = 0.06
#: The activations that are compared.
COMPARED = ("sigmoid", "tanh", "relu")


def messages(seq: int, settings: Settings, rows: Rows) -> Iterator[bytes | None]:
    """The messages of one training; None where there is nothing new, so that the caller can end it in time.

    The first one has the points, the others frames: the parameters, as float32, and the costs of each.
    """
    descent = Descent(settings, rows)
    arrays = [descent.X, descent.y, descent.X_dev, descent.y_dev]
    yield message(
        {
            "kind": "run",
            "seq": seq,
            "sizes": descent.net.layer_sizes,
            "activations": descent.net.activations,
            "iterations": settings.iterations,
            "n": [len(rows.X), len(rows.X_dev)],
            "reach": max(5, math.ceil(max(np.abs(X).max(initial=0) for X in (rows.X, rows.X_dev)))),
            "columns": rows.columns,
        },
        *arrays,
    )
    for frames in descent.frames():
        if frames is None:
            yield None
            continue
        header, params = frames
        yield message({"kind": "frames", "seq": seq, **header}, params)
    for name in COMPARED if settings.compare and settings.layers else ():
        for frames in Descent(settings, rows, name).frames():
            yield frames and message({"kind": "curve", "seq": seq, "name": name, **frames[0]})


def message(header: dict[str, Any], *arrays: Array) -> bytes:
    """The length of the header, the header as JSON, padded to a multiple of four bytes, and the arrays."""
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([struct.pack("<I", len(text)), text, *(array.astype("<f4").tobytes() for array in arrays)])


def marks(iterations: int) -> list[int]:
    """The iterations whose parameters are kept: each of the first few, then in growing steps, in the end even ones."""
    grown, even = np.geomspace(1, iterations, 50), np.linspace(0, iterations, 51)
    return sorted({round(mark) for mark in (*grown.tolist(), *even.tolist())})


class Descent:
    """A network on its way down; `activation` takes the place of that of every hidden layer."""

    def __init__(self, settings: Settings, rows: Rows, activation: str | None = None) -> None:
        self.settings = settings
        self.X, self.X_dev = rows.X.astype(np.float32), rows.X_dev.astype(np.float32)
        self.y, self.y_dev = rows.y.astype(np.float32), rows.y_dev.astype(np.float32)
        self.net = MLP(
            [2, *(units for units, _ in settings.layers), 1],
            [activation or name for _, name in settings.layers],
            "sigmoid",
            init=float(settings.init) if settings.init[0].isdigit() else settings.init,
            dtype="float32",
            seed=settings.seed,
        )

    def frames(self) -> Iterator[tuple[dict[str, Any], Array] | None]:
        """What there is to show, as soon as `PATIENCE` allows; None instead while nothing is."""
        settings, net, X, y = self.settings, self.net, self.X, self.y
        kind = OPTIMIZERS[settings.optimizer]
        optimizer = kind(learning_rate=settings.rate)  # type: ignore[call-arg]
        batch_size = None if kind is RPROP or not settings.batch else min(settings.batch, len(X))
        rng = np.random.default_rng(settings.seed)
        at, seconds, each = 0, 0.0, math.inf  # epochs that are done, the time they have taken, that of each
        kept: list[tuple[int, float, float | None]] = []
        params: list[Array] = []
        shown = time.perf_counter()

        def batch(**ending: object) -> tuple[dict[str, Any], Array]:
            iterations, cost, dev_cost = zip(*kept, strict=True) if kept else ((), (), ())
            flat = np.concatenate(params) if params else np.empty(0, np.float32)
            kept.clear()
            params.clear()
            return {"at": iterations, "cost": cost, "dev_cost": dev_cost, "seconds": seconds, **ending}, flat

        for mark in marks(settings.iterations):
            while at < mark:
                start = time.perf_counter()
                n = min(mark - at, max(1, int(PATIENCE / 2 / each)))
                try:
                    with _advice.silenced():  # the page is there to see what odd settings do
                        net.fit(
                            X, y, optimizer=optimizer, epochs=n, batch_size=batch_size, l2=settings.l2, seed=rng,
                            n_threads=1,
                        )  # fmt: skip
                except DivergenceError:
                    yield batch(done=True, diverged=at)
                    return
                at += n
                now = time.perf_counter()
                seconds += now - start
                each = (now - start) / n
                if at < mark and now - shown > PATIENCE:
                    yield batch(done=False) if kept else None
                    shown = time.perf_counter()
            cost = net.cost(X, y)
            dev_cost = net.cost(self.X_dev, self.y_dev) if len(self.X_dev) else None
            if not math.isfinite(cost) or not np.isfinite(net.params).all():
                yield batch(done=True, diverged=at)
                return
            kept.append((at, cost, dev_cost if dev_cost is None or math.isfinite(dev_cost) else None))
            params.append(net.params.copy())
            if time.perf_counter() - shown > PATIENCE:
                yield batch(done=False)
                shown = time.perf_counter()
        yield batch(done=True, diverged=None)
