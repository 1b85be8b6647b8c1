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

#: Seconds of training after which a message goes out, unless no more than as many are left: 5,000 iterations of nets up
#: to 2-20-1 mostly come whole.
PATIENCE = 0.04
#: The activations that are compared.
COMPARED = ("sigmoid", "tanh", "relu")


def messages(seq: int, settings: Settings, rows: Rows) -> Iterator[bytes]:
    """The messages of one training, each after some hundredths of a second, so that the caller can end it in time.

    The first one has the points, the others frames: the parameters, as float32, and the costs of each. There may be
    none in a message, where a single epoch takes long.
    """
    descent = Descent(settings, rows)
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
            "classes": rows.classes,
        },
        descent.X,
        descent.y,
        descent.X_dev,
        descent.y_dev,
    )
    for header, params in descent.frames():
        yield message({"kind": "frames", "seq": seq, **header}, params)
    for name in COMPARED if settings.compare and settings.layers else ():
        for header, _ in Descent(settings, rows, name).frames():
            yield message({"kind": "curve", "seq": seq, "name": name, **header})


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
        kind = OPTIMIZERS[settings.optimizer]
        self.optimizer = kind(learning_rate=settings.rate)  # type: ignore[call-arg]
        self.batch_size = None if kind is RPROP or not settings.batch else min(settings.batch, len(self.X))
        self.rng = np.random.default_rng(settings.seed)
        #: Epochs that are done, the seconds that they have taken, and those of one.
        self.at, self.seconds, self.each = 0, 0.0, math.inf
        #: What has not been sent yet: the iteration, both costs and the parameters of each frame.
        self.kept: list[tuple[int, float, float | None, Array]] = []
        self.sent = time.perf_counter()

    def frames(self) -> Iterator[tuple[dict[str, Any], Array]]:
        """What there is to show, whenever it is time to, and at the end."""
        for mark in marks(self.settings.iterations):
            try:
                while self.at < mark:
                    self.train(min(mark - self.at, max(1, int(PATIENCE / self.each))))
                    if self.at < mark and self.is_time():
                        yield self.batch(done=False)
                finite = self.keep()
            except DivergenceError:
                finite = False
            if not finite:
                yield self.batch(done=True, diverged=self.at)
                return
            if self.is_time():
                yield self.batch(done=False)
        yield self.batch(done=True)

    def train(self, epochs: int) -> None:
        start = time.perf_counter()
        with _advice.silenced():  # the page is there to see what odd settings do
            self.net.fit(
                self.X, self.y, optimizer=self.optimizer, epochs=epochs, batch_size=self.batch_size,
                l2=self.settings.l2, seed=self.rng, n_threads=1,
            )  # fmt: skip
        self.at += epochs
        taken = time.perf_counter() - start
        self.seconds += taken
        self.each = taken / epochs

    def keep(self) -> bool:
        """Keep a frame, unless the last step has led to where no cost is finite."""
        cost = self.net.cost(self.X, self.y)
        if not math.isfinite(cost) or not np.isfinite(self.net.params).all():
            return False
        dev_cost = self.net.cost(self.X_dev, self.y_dev) if len(self.X_dev) else None
        if dev_cost is not None and not math.isfinite(dev_cost):
            dev_cost = None
        self.kept.append((self.at, cost, dev_cost, self.net.params.copy()))
        return True

    def is_time(self) -> bool:
        """Whether the page has waited long enough, and would have to wait as long again for the end."""
        rest = self.each * (self.settings.iterations - self.at)
        return time.perf_counter() - self.sent > PATIENCE and rest > PATIENCE

    def batch(self, done: bool, diverged: int | None = None) -> tuple[dict[str, Any], Array]:
        """The frames that have been kept, as a header and parameters, one frame's after the other."""
        at, cost, dev_cost, params = map(list, zip(*self.kept, strict=True)) if self.kept else ([], [], [], [])
        self.kept.clear()
        self.sent = time.perf_counter()
        header = {"at": at, "cost": cost, "dev_cost": dev_cost, "seconds": self.seconds, "done": done}
        return header | {"diverged": diverged}, np.array(params, np.float32).ravel()
