"""A fit that is interrupted, by an exception or by SIGKILL, ends at the bits of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c import _checkpoint

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 5))
Y = np.column_stack([np.sin(X).sum(axis=1), X[:, 0] * X[:, 1]])

FITS = {
    "adam": lambda: {"optimizer": sn.Adam(0.01), "batch_size": 32, "dropout": 0.2, "seed": 3},
    "momentum": lambda: {"optimizer": sn.SGD(0.02, 0.9, True, "cosine"), "batch_size": 50, "seed": 3, "l1": 0.1},
    "adaptive": lambda: {"optimizer": sn.SGD(0.3, schedule=sn.schedules.Adaptive(patience=2)), "clip_norm": 1.0},
    "rprop": lambda: {"optimizer": "rprop", "l2": 0.1},
    "legacy": lambda: {"batch_size": 32, "seed": np.random.RandomState(7)},
    "philox": lambda: {"batch_size": 32, "seed": np.random.Generator(np.random.Philox(7))},
    "validated": lambda: {
        "optimizer": sn.Adam(0.1), "batch_size": 16, "seed": 1, "validation_data": (X[:40], Y[:40]), "patience": 11,
    },
}  # fmt: skip


def network():
    return sn.MLP([5, 8, 6, 2], ["tanh", "leaky_relu"], seed=2, loss="huber", delta=0.5)


class Stop(Exception):
    pass


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("at", [0, 9])
def test_resumed_fit_is_the_uninterrupted_one(name, at, tmp_path):
    def stop(epoch, *_):
        if epoch == at + 1:  # the checkpoint of epoch `at` is the last one
            raise Stop

    whole, net, path = network(), network(), tmp_path / "fit"
    expected = whole.fit(X, Y, epochs=40, **FITS[name]())
    with pytest.raises(Stop):
        net.fit(X, Y, epochs=40, checkpoint=path, checkpoint_every=0, callback=stop, **FITS[name]())
    again = {key: value for key, value in FITS[name]().items() if key == "validation_data"}
    resumed = sn.resume(path, X, Y, **again)
    np.testing.assert_array_equal(resumed.params, whole.params)
    assert resumed.history.cost == expected.cost
    assert resumed.history.val_cost == expected.val_cost
    assert (resumed.history.n_epochs, resumed.history.stopped) == (expected.n_epochs, expected.stopped)
    assert repr(resumed) == repr(net)
    # One that has ended is only read.
    np.testing.assert_array_equal(sn.resume(path, X, Y, **again).params, whole.params)


def test_functions_must_be_given_again(tmp_path):
    path = tmp_path / "fit"
    order = lambda epoch: np.random.default_rng(epoch).permutation(120)  # noqa: E731
    rate = lambda epoch: 0.1 / (epoch + 1)  # noqa: E731
    whole, net = network(), network()
    whole.fit(X, Y, epochs=20, optimizer=sn.SGD(0.1, schedule=rate), order=order, batch_size=30)

    def stop(epoch, *_):
        if epoch == 5:
            raise Stop

    with pytest.raises(Stop):
        net.fit(X, Y, epochs=20, optimizer=sn.SGD(0.1, schedule=rate), order=order, batch_size=30, checkpoint=path,
                checkpoint_every=0, callback=stop)  # fmt: skip
    with pytest.raises(ValueError, match="schedule must be given again"):
        sn.resume(path, X, Y, order=order)
    np.testing.assert_array_equal(sn.resume(path, X, Y, order=order, schedule=rate).params, whole.params)


PROGRAM = """
import sys, numpy as np, shallownet_c as sn
rng = np.random.default_rng(0)
X = rng.standard_normal((300, 30))
Y = np.sin(X[:, :2])
print("ready", flush=True)
if sys.argv[2] == "fit":
    net = sn.MLP([30, 100, 2], seed=2)
    net.fit(X, Y, epochs=1200, batch_size=64, seed=3, dropout=0.1, checkpoint=sys.argv[1], checkpoint_every=0)
else:
    net = sn.resume(sys.argv[1], X, Y, checkpoint_every=0)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_at_random_moments(tmp_path):
    """Checkpoints follow one another without a pause, so that many a blow falls during a write."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 30))
    Y = np.sin(X[:, :2])
    whole = sn.MLP([30, 100, 2], seed=2)
    whole.fit(X, Y, epochs=1200, batch_size=64, seed=3, dropout=0.1)
    path = tmp_path / "fit"
    kills, deadline = 0, time.monotonic() + 60
    chance = random.Random(5)
    while time.monotonic() < deadline:
        what = "resume" if path.exists() else "fit"
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, str(path), what], stdout=subprocess.PIPE, env=os.environ
        )
        process.stdout.readline()
        try:
            process.wait(chance.uniform(0.0, 0.1) if kills < 12 else 60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        process.stdout.close()
        if path.exists():
            _checkpoint.read(path)  # whole, whenever the blow fell
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert kills > 3
    assert len(list(tmp_path.iterdir())) <= 2  # the checkpoint and one unfinished file at most
    np.testing.assert_array_equal(sn.resume(path, X, Y).params, whole.params)


def test_what_is_no_checkpoint(tmp_path):
    net = network()
    net.save(tmp_path / "model")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        sn.resume(tmp_path / "model", X, Y)
    net.fit(X, Y, epochs=2, checkpoint=tmp_path / "fit")
    with pytest.raises(ValueError, match="X must have the fit's 120 rows, got 119"):
        sn.resume(tmp_path / "fit", X[1:], Y[1:])
    with pytest.raises(ValueError, match="is not a shallownet_c model"):
        sn.load(tmp_path / "fit")
    (tmp_path / "cut").write_bytes((tmp_path / "fit").read_bytes()[:-1])
    with pytest.raises(ValueError, match="cut is not"):
        sn.resume(tmp_path / "cut", X, Y)
    with pytest.raises(FileNotFoundError):
        sn.resume(tmp_path / "nothing", X, Y)


def test_lbfgs_has_none(tmp_path):
    with pytest.raises(ValueError, match="checkpoint does not go with LBFGS"):
        network().fit(X, Y, optimizer="lbfgs", checkpoint=tmp_path / "fit")
