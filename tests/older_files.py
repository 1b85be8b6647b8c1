"""What was done for each file of tests/data: files of older versions, which go on being read.

``python tests/older_files.py FOLDER`` writes all of them anew, with the version that is installed. A set, a folder of
tests/data, is named by the version of the package and the commit that wrote it.
"""

import contextlib
import json
import pickle
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import shallownet_c as sn

FOLDER = Path(__file__).parent / "data"
FIRST, SECOND = "0.1.0+a58b39b", "0.1.0+230fa3a"
#: Of numbers that every machine has exactly, since a checkpoint knows its data by their bits.
X = (np.arange(120) * 37 % 101 - 50).reshape(40, 3) / 64
Y = (np.arange(80) * 53 % 97 - 48).reshape(40, 2) / 64
CLASSES = np.arange(40) * 7 % 11 % 3
WEIGHTS = 1 + np.arange(40) % 3 / 4
ORDER = np.arange(40) * 3 % 40 + np.zeros((12, 1), int)
EPOCHS, BREAK = 12, 5


class Table(np.ndarray):
    """An array with names of columns, as a table of polars has them."""

    @property
    def columns(self):
        return ["height", "größe", "[{,"]


TABLE = X.view(Table)
#: Parameters that can be foretold, those of the second set such that nothing saturates.
PARAMETERS = {FIRST: lambda i: (i - 7) / 3, SECOND: lambda i: (i * 29 % 23 - 11) / 16}


def numbered(net, version):
    net.params[:] = PARAMETERS[version](np.arange(net.n_params))
    return net


def named(net):
    """The network with the names of TABLE's columns."""
    net.fit(TABLE, Y, epochs=1)
    return net


#: Their parameters are numbered in the end.
MODELS = {
    FIRST: {
        "squared_error": lambda: sn.MLP([3, 4, 2], ["tanh"]),
        "log_loss": lambda: sn.MLP([3, 4, 1], "sigmoid", "sigmoid", dtype="float32"),
        "softmax": lambda: sn.MLP([3, 4, 4, 3], ["relu", "leaky_relu"], "softmax", leak=0.125),
        "huber": lambda: sn.MLP([3, 4, 2], loss="huber", delta=0.25, dtype="float32"),
        "pinball": lambda: sn.MLP([3, 4, 2], "identity", loss="pinball", quantile=0.75),
        "poisson": lambda: sn.MLP([3, 4, 2], output="exp"),
        "absolute_error": lambda: sn.MLP([3, 2], loss="absolute_error", dtype="float32"),
    },
    SECOND: {
        "names": lambda: named(sn.MLP([3, 4, 2], seed=0)),
        "leaky_relu": lambda: sn.MLP([3, 4, 3, 2], ["leaky_relu", "sigmoid"], "leaky_relu", leak=0.3),
        "every_activation": lambda: sn.MLP(
            [3, 2, 3, 2, 3, 2, 3], ["identity", "sigmoid", "tanh", "relu", "leaky_relu"], "softmax", dtype="float32"
        ),
        "exp": lambda: sn.MLP([3, 2], output="exp", loss="squared_error"),
        "huber_tanh": lambda: sn.MLP([3, 4, 2], "relu", "tanh", loss="huber", delta=0.5),
        "pinball_sigmoid": lambda: sn.MLP([3, 4, 2], output="sigmoid", loss="pinball", quantile=0.125),
        "poisson_relu": lambda: sn.MLP([3, 4, 1], "tanh", "relu", loss="poisson", dtype="float32"),
    },
}


def trained():
    net = sn.MLP([3, 4, 2], ["leaky_relu"], leak=0.25, seed=5)
    return net.partial_fit(TABLE, Y, batch_size=16)  # and keeps its Adam


def attributed():
    net = numbered(sn.MLP([3, 4, 1], "relu", "sigmoid", dtype="float32"), SECOND)
    net.note = {"made for": "a pickle"}
    return net


def regressor():
    from shallownet_c.sklearn import MLPRegressor  # here, since only this one needs scikit-learn

    estimator = MLPRegressor(hidden_layer_sizes=(4,), activation="tanh", solver="lbfgs", max_iter=2, random_state=0)
    return estimator.fit(X, Y)


PICKLES = {FIRST: {}, SECOND: {"trained": trained, "attributed": attributed, "regressor": regressor}}


def order(epoch):
    return (np.arange(40) * 7 + epoch) % 40


def rate(epoch):
    return 0.5 / (epoch + 4)


def chunks():
    for first in range(0, 40, 10):
        yield X[first : first + 10], Y[first : first + 10]


def weighted_chunks():
    for first in range(0, 40, 10):
        yield TABLE[first : first + 10], CLASSES[first : first + 10], WEIGHTS[first : first + 10]


def network(**changes):
    return sn.MLP(**{"layer_sizes": [3, 4, 2], "activation": "tanh", "seed": 5} | changes)


def classifier(**changes):
    return network(layer_sizes=[3, 5, 4, 3], activation=["relu", "sigmoid"], output="softmax", **changes)


def with_a_normal_number(rng):
    """The source of random numbers, of which a RandomState then keeps a second normal number."""
    rng.standard_normal()
    return rng


def used(optimizer):
    """The optimizer after a fit of another network."""
    network(seed=6).fit(X, Y, optimizer=optimizer, epochs=3, batch_size=20, shuffle=False)
    return optimizer


@dataclass
class Fit:
    """Arguments of fit, those which resume is given again, the network, X and Y."""

    arguments: dict
    again: dict = field(default_factory=dict)
    net: sn.MLP = field(default_factory=network)
    data: tuple = (X, Y)


def worse_and_worse(**arguments):
    """A fit whose validation data are the contrary of its rows, so that early parameters stay the best."""
    data = {"validation_data": (X, -Y, WEIGHTS)}
    return Fit({"optimizer": sn.SGD(0.05, 0.9), "batch_size": 8, "seed": 1} | arguments | data, data)


FITS = {
    FIRST: {
        "adam": lambda: Fit(
            {"optimizer": sn.Adam(0.01, weight_decay=0.1), "batch_size": 16, "dropout": 0.25, "seed": 3}
        ),
        "cosine": lambda: Fit({"optimizer": sn.SGD(0.02, 0.9, True, "cosine"), "batch_size": 16, "seed": 3, "l1": 0.1}),
        "invscaling": lambda: Fit(
            {"optimizer": sn.SGD(0.1, schedule="invscaling"), "batch_size": 16, "seed": 1}, net=network(dtype="float32")
        ),
        "adaptive": lambda: Fit(
            {"optimizer": sn.SGD(0.9, 0.5, schedule=sn.schedules.Adaptive(patience=1)), "clip_norm": 1.0}
        ),
        "rprop": lambda: Fit({"optimizer": sn.RPROP(), "l2": 0.1}, net=network(dtype="float32")),
        "legacy": lambda: Fit({"batch_size": 16, "seed": np.random.RandomState(7)}),
        **{
            name: lambda kind=name: Fit({"batch_size": 16, "seed": np.random.Generator(getattr(np.random, kind)(7))})
            for name in ("MT19937", "PCG64DXSM", "Philox", "SFC64")
        },
        "validated": lambda: Fit(
            {"optimizer": sn.Adam(0.1), "batch_size": 8, "seed": 1, "validation_data": (X[:9], Y[:9]), "patience": 5},
            {"validation_data": (X[:9], Y[:9])},
        ),
        "functions": lambda: Fit(
            {"optimizer": sn.SGD(0.1, schedule=rate), "order": order, "batch_size": 10, "sample_weight": WEIGHTS},
            {"order": order, "schedule": rate, "sample_weight": WEIGHTS},
        ),
        "chunks": lambda: Fit({"batch_size": 5, "seed": 2}, data=(chunks,)),
        "ended": lambda: Fit({"epochs": BREAK, "optimizer": "adam"}),
    },
    SECOND: {
        "everything": lambda: Fit(
            {
                "optimizer": sn.Adam(0.01, 0.8, 0.99, 1e-6, 0.01, schedule=sn.schedules.InverseScaling(0.25)),
                "batch_size": 12, "dropout": [0.25, 0.125], "l1": 0.01, "l2": 0.1, "clip_norm": 0.25,
                "seed": np.random.default_rng(7),
            },
            net=classifier(dtype="float32"),
            data=(X, CLASSES),
        ),
        "RandomState": lambda: Fit(
            {"batch_size": 9, "dropout": 0.5, "seed": with_a_normal_number(np.random.RandomState(np.random.PCG64(7)))},
            net=network(activation="leaky_relu", leak=0.25),
        ),
        "best": lambda: worse_and_worse(patience=7),
        "out_of_patience": lambda: worse_and_worse(patience=2, tol=0.25),
        "best_cost": lambda: Fit(
            {"optimizer": sn.RPROP(0.05, 0.25, 1.5, 1e-4, 1.0), "patience": 9, "sample_weight": WEIGHTS},
            {"sample_weight": WEIGHTS},
        ),
        "names": lambda: Fit(
            {"optimizer": "sgd", "batch_size": 16, "shuffle": False},
            net=network(output="sigmoid", loss="huber", delta=0.5),
            data=(TABLE, Y),
        ),
        "used": lambda: Fit(
            {
                "optimizer": used(sn.SGD(0.1, 0.5, True, sn.schedules.Cosine(epochs=30, least=0.01))),
                "batch_size": 20, "order": ORDER, "l1": 0.01,
            },
            {"order": ORDER},
            network(loss="pinball", quantile=0.75),
        ),
        "weighted_chunks": lambda: Fit(
            {"optimizer": "adam", "batch_size": 5, "seed": 2, "clip_norm": 0.5, "dropout": 0.25},
            net=classifier(),
            data=(weighted_chunks,),
        ),
        "exp": lambda: Fit(
            {"optimizer": sn.Adam(0.01, schedule=rate), "batch_size": 16, "seed": 4, "l2": 0.5},
            {"schedule": rate},
            network(output="exp", dtype="float32"),
            (X, Y + 1),
        ),
    },
}  # fmt: skip


class Stop(Exception):
    pass


def fit(done, path=None):
    """The network as the whole fit leaves it; with a path, where that fit is broken off and leaves its checkpoint."""

    def stop(epoch, *_):
        if epoch == BREAK:
            raise Stop

    to_break = {"callback": stop, "checkpoint": path, "checkpoint_every": 0} if path is not None else {}
    with contextlib.suppress(Stop):
        done.net.fit(*done.data, **{"epochs": EPOCHS} | done.arguments | to_break)
    return done.net


if __name__ == "__main__":
    for version in (FIRST, SECOND):
        folder = Path(sys.argv[1], version)
        folder.mkdir(parents=True)
        predictions = {}
        for name, make in MODELS[version].items():
            net = numbered(make(), version)
            net.save(folder / f"model-{name}.safetensors")
            predictions[f"model-{name}"] = net.predict(X[:2]).tolist()
        for name, make in PICKLES[version].items():
            thing = make()
            (folder / f"{name}.pickle").write_bytes(pickle.dumps(thing, protocol=4))
            predictions[name] = thing.predict(X[:2]).tolist()
        for name, make in FITS[version].items():
            fit(make(), folder / f"fit-{name}.safetensors")
        (folder / "predictions.json").write_text(json.dumps(predictions), encoding="utf-8")
