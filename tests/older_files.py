"""What was done for each file of tests/data: models and checkpoints of an older version, which go on being read.

``python tests/older_files.py FOLDER`` writes them anew, with the version that is installed.
"""

import contextlib
import sys
from pathlib import Path

import numpy as np

import shallownet_c as sn

FOLDER = Path(__file__).parent / "data"
#: Of numbers that every machine has exactly, since a checkpoint knows its data by their bits.
X = (np.arange(120) * 37 % 101 - 50).reshape(40, 3) / 64
Y = (np.arange(80) * 53 % 97 - 48).reshape(40, 2) / 64
WEIGHTS = 1 + np.arange(40) % 3 / 4
EPOCHS, BREAK = 12, 5

MODELS = {
    "squared_error": lambda: sn.MLP([3, 4, 2], ["tanh"]),
    "log_loss": lambda: sn.MLP([3, 4, 1], "sigmoid", "sigmoid", dtype="float32"),
    "softmax": lambda: sn.MLP([3, 4, 4, 3], ["relu", "leaky_relu"], "softmax", leak=0.125),
    "huber": lambda: sn.MLP([3, 4, 2], loss="huber", delta=0.25, dtype="float32"),
    "pinball": lambda: sn.MLP([3, 4, 2], "identity", loss="pinball", quantile=0.75),
    "poisson": lambda: sn.MLP([3, 4, 2], output="exp"),
    "absolute_error": lambda: sn.MLP([3, 2], loss="absolute_error", dtype="float32"),
}


def numbered(net):
    """The network with parameters that can be foretold."""
    net.params[:] = (np.arange(net.n_params) - 7) / 3
    return net


def order(epoch):
    return (np.arange(40) * 7 + epoch) % 40


def rate(epoch):
    return 0.5 / (epoch + 4)


def chunks():
    for first in range(0, 40, 10):
        yield X[first : first + 10], Y[first : first + 10]


#: Arguments of fit, and those of resume.
FITS = {
    "adam": lambda: ({"optimizer": sn.Adam(0.01, weight_decay=0.1), "batch_size": 16, "dropout": 0.25, "seed": 3}, {}),
    "cosine": lambda: ({"optimizer": sn.SGD(0.02, 0.9, True, "cosine"), "batch_size": 16, "seed": 3, "l1": 0.1}, {}),
    "invscaling": lambda: ({"optimizer": sn.SGD(0.1, schedule="invscaling"), "batch_size": 16, "seed": 1}, {}),
    "adaptive": lambda: (
        {"optimizer": sn.SGD(0.9, 0.5, schedule=sn.schedules.Adaptive(patience=1)), "clip_norm": 1.0},
        {},
    ),
    "rprop": lambda: ({"optimizer": sn.RPROP(), "l2": 0.1}, {}),
    "legacy": lambda: ({"batch_size": 16, "seed": np.random.RandomState(7)}, {}),
    **{
        name: lambda kind=name: ({"batch_size": 16, "seed": np.random.Generator(getattr(np.random, kind)(7))}, {})
        for name in ("MT19937", "PCG64DXSM", "Philox", "SFC64")
    },
    "validated": lambda: (
        {"optimizer": sn.Adam(0.1), "batch_size": 8, "seed": 1, "validation_data": (X[:9], Y[:9]), "patience": 5},
        {"validation_data": (X[:9], Y[:9])},
    ),
    "functions": lambda: (
        {"optimizer": sn.SGD(0.1, schedule=rate), "order": order, "batch_size": 10, "sample_weight": WEIGHTS},
        {"order": order, "schedule": rate, "sample_weight": WEIGHTS},
    ),
    "chunks": lambda: ({"batch_size": 5, "seed": 2}, {}),
    "ended": lambda: ({"epochs": BREAK, "optimizer": "adam"}, {}),
}


def network(name):
    return sn.MLP([3, 4, 2], "tanh", seed=5, dtype="float32" if name in ("invscaling", "rprop") else "float64")


def data(name):
    return (chunks,) if name == "chunks" else (X, Y)


class Stop(Exception):
    pass


def fit(name, path):
    """The fit of that name, which is broken off and leaves its checkpoint."""

    def stop(epoch, *_):
        if epoch == BREAK:
            raise Stop

    arguments = {"epochs": EPOCHS} | FITS[name]()[0]
    with contextlib.suppress(Stop):
        network(name).fit(*data(name), **arguments, callback=stop, checkpoint=path, checkpoint_every=0)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, make in MODELS.items():
        numbered(make()).save(folder / f"model-{name}.safetensors")
    for name in FITS:
        fit(name, folder / f"fit-{name}.safetensors")
