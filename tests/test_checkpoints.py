"""A fit that is interrupted, by an exception or by SIGKILL, ends at the bits of one that was not."""

import copy
import errno
import os
import random
import signal
import subprocess
import sys

import networks
import numpy as np
import pytest
from users import as_nobody, root

import shallownet_c as sn
from shallownet_c._storage import _checkpoint, _files

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 5))
Y = np.column_stack([np.sin(X).sum(axis=1), X[:, 0] * X[:, 1]])

FITS = {
    "dropout": lambda: {"optimizer": sn.Adam(0.01), "batch_size": 32, "dropout": 0.2, "seed": 3},
    "cosine": lambda: {"optimizer": sn.SGD(0.02, 0.9, True, "cosine"), "batch_size": 50, "seed": 3, "l1": 0.1},
    "adaptive": lambda: {"optimizer": sn.SGD(0.3, schedule=sn.schedules.Adaptive(patience=2)), "clip_norm": 1.0},
    "legacy": lambda: {"batch_size": 32, "seed": np.random.RandomState(7)},
    "philox": lambda: {"batch_size": 32, "seed": np.random.Generator(np.random.Philox(7))},
    "validated": lambda: {
        "optimizer": sn.Adam(0.1), "batch_size": 16, "seed": 1, "validation_data": (X[:40], Y[:40]), "patience": 11,
    },
    **{
        repr(rule): lambda rule=rule: {
            "optimizer": copy.deepcopy(rule), "batch_size": None if rule.full_batch else 32, "seed": 3, "l2": 0.1,
        }
        for rule in networks.rules()
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
    kills, chance = 0, random.Random(5)
    for patience in (*(chance.uniform(0.0, 0.1) for _ in range(12)), 60):
        what = "resume" if path.exists() else "fit"
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, str(path), what], stdout=subprocess.PIPE, env=os.environ
        )
        process.stdout.readline()
        try:
            process.wait(patience)
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
    assert os.listdir(tmp_path) == ["fit"]  # no unfinished file of all those processes, and no lock
    np.testing.assert_array_equal(sn.resume(path, X, Y).params, whole.params)


HELD = "checkpoint is being written by another fit"


def refused_in_between(path, refused):
    """Call `refused`, which another fit's lock stops, while a fit of two epochs writes to `path`."""

    def meanwhile(epoch, *_):
        if epoch == 1:
            with pytest.raises(BlockingIOError, match=HELD):
                refused()

    network().fit(X, Y, epochs=2, checkpoint=path, checkpoint_every=0, callback=meanwhile)
    assert sorted(os.listdir(path.parent)) == sorted({path.name, *(["link"] if path.name != "link" else [])})


@pytest.fixture
def path(tmp_path):
    """That of a checkpoint, beside a link to it."""
    os.symlink("fit", tmp_path / "link")
    return tmp_path / "fit"


def test_one_fit_at_a_time(path):
    net, rng, optimizer = network(), np.random.default_rng(1), sn.Adam()
    before, state = net.params.copy(), rng.bit_generator.state
    for other in (path, path.with_name("link"), os.path.relpath(path)):
        refused_in_between(
            path,
            lambda other=other: net.fit(
                X, Y, epochs=2, optimizer=optimizer, seed=rng, dropout=0.5, batch_size=9, checkpoint=other
            ),
        )
    assert net.params.tobytes() == before.tobytes()
    assert net.history is None
    assert (optimizer.n_steps, rng.bit_generator.state) == (0, state)
    refused_in_between(path, lambda: sn.resume(path, X, Y))
    net.fit(X, Y, epochs=2, checkpoint=path)  # when the other has ended


def test_a_lock_ends_with_an_error(path):
    def fail(*_):
        raise Stop

    for _ in range(2):
        with pytest.raises(Stop):
            network().fit(X, Y, epochs=2, checkpoint=path, callback=fail)
    assert os.listdir(path.parent) == ["link"]


def test_a_checkpoint_of_a_fit_that_has_ended_is_read_whoever_writes(path, tmp_path):
    net = network()
    net.fit(X, Y, epochs=2, checkpoint=path)
    read = []
    network().fit(
        X, Y, epochs=2, checkpoint=path, callback=lambda *_: read.append(sn.resume(path, X, Y).params.tobytes())
    )
    assert read == [net.params.tobytes()] * 2


LONG_FIT = """
import sys, os, time, numpy as np, shallownet_c as sn
X = np.ones((4, 5))
Y = np.ones((4, 2))

def fork(epoch, *_):
    if epoch == 1:
        if os.fork() == 0:
            print(os.getpid(), flush=True)  # here the child has let go of the lock
            time.sleep(600)
            os._exit(0)

sn.MLP([5, 2]).fit(X, Y, epochs=10**9, checkpoint=sys.argv[1], callback=fork)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_process_leaves_no_lock(path):
    """Neither does a child that it has forked, which still runs."""
    with subprocess.Popen([sys.executable, "-P", "-c", LONG_FIT, path], stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        try:
            with pytest.raises(BlockingIOError, match=HELD):
                network().fit(X, Y, epochs=2, checkpoint=path)
            process.kill()
            process.wait()
            network().fit(X, Y, epochs=2, checkpoint=path)
        finally:
            process.kill()
            os.kill(child, signal.SIGKILL)
    assert sorted(os.listdir(path.parent)) == ["fit", "link"]


@pytest.mark.skipif(os.name != "posix", reason="this system has no flock to lack")
def test_file_systems_without_locks(path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(_files.fcntl, "flock", flock)
    other = network()
    network().fit(
        X, Y, epochs=2, checkpoint=path, callback=lambda *_: other.fit(X, Y, epochs=1, checkpoint=path) and None
    )
    assert sn.resume(path, X, Y).history.n_epochs == 2
    assert sorted(os.listdir(path.parent)) == ["fit", "link"]


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
def test_a_link_in_place_of_the_lock_is_not_followed(path, tmp_path):
    lock = _files.Lock(path).path
    os.symlink(tmp_path / "victim", lock)
    with pytest.raises(OSError, match="checkpoint cannot be written") as caught:
        network().fit(X, Y, epochs=1, checkpoint=path)
    assert caught.value.filename == lock
    assert not (tmp_path / "victim").exists()


def test_a_lock_that_another_puts_in_place_of_ours_is_left_there(path):
    lock = _files.Lock(path)
    lock.acquire()
    os.unlink(lock.path)
    other = _files.Lock(path)
    other.acquire()
    lock.release()
    with pytest.raises(BlockingIOError):
        _files.Lock(path).acquire()
    other.release()
    assert os.listdir(path.parent) == ["link"]


@pytest.mark.skipif(os.name != "posix", reason="links and devices are POSIX's")
def test_what_cannot_be_written_is_found_before_the_first_epoch(path, tmp_path):
    net = network()
    os.mkfifo(tmp_path / "pipe")
    os.symlink(tmp_path / "nowhere" / "fit", tmp_path / "dangling")
    os.symlink("loop", tmp_path / "loop")
    for name in ("pipe", "dangling", "loop", "n" * 300):
        with pytest.raises(OSError, match="checkpoint cannot be written"):
            net.fit(X, Y, checkpoint=tmp_path / name, callback=lambda *_: pytest.fail("trained"))
    assert net.history is None


UNWRITABLE = """
X, Y = np.ones((4, 5)), np.ones((4, 2))
net = sn.MLP([5, 8, 6, 2], seed=2)
before = net.params.copy()
for act in (
    lambda: net.fit(X, Y, epochs=2, checkpoint=sys.argv[1], callback=lambda *_: print("trained")),
    lambda: sn.resume(sys.argv[2], X, Y, callback=lambda *_: print("trained")),
):
    try:
        act()
    except PermissionError as error:
        print(error)
assert net.history is None and (net.params == before).all()
print(sn.resume(sys.argv[3], X, Y).history.n_epochs)
"""


@root
def test_a_folder_that_cannot_be_written(public):
    """Found before the first epoch; a fit that has ended is read from there all the same."""

    def stop(epoch, *_):
        if epoch == 1:
            raise Stop

    ones = np.ones((4, 5)), np.ones((4, 2))
    with pytest.raises(Stop):
        network().fit(*ones, epochs=3, checkpoint=public / "broken off", checkpoint_every=0, callback=stop)
    network().fit(*ones, epochs=3, checkpoint=public / "ended")
    said = as_nobody(UNWRITABLE, public / "fit", public / "broken off", public / "ended").splitlines()
    denied = f"[Errno 13] checkpoint cannot be written: cannot write into the folder: Permission denied: '{public}'"
    assert said == [denied, denied, "3"]
    assert sorted(os.listdir(public)) == ["broken off", "ended"]


def test_a_relative_path_stays_where_it_is(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    network().fit(X, Y, epochs=2, checkpoint="fit", callback=lambda *_: os.chdir(tmp_path / "elsewhere"))
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "fit"]
    assert os.listdir(tmp_path / "elsewhere") == []


class Own(np.random.PCG64):
    pass


def test_what_could_not_be_read_again_is_not_begun(path):
    net, rng = network(), np.random.Generator(Own(1))
    state = rng.bit_generator.state
    with pytest.raises(
        ValueError, match=r"checkpoint.random.state.bit_generator must be one of .*'PCG64'.*, got 'Own'"
    ):
        net.fit(X, Y, seed=rng, dropout=0.5, checkpoint=path)
    assert net.history is None
    assert rng.bit_generator.state == state
    optimizer = sn.SGD(schedule="invscaling")
    optimizer.schedule.power = "1"
    with pytest.raises(TypeError, match="power must be a number, got '1'"):
        net.fit(X, Y, optimizer=optimizer, checkpoint=path)
    assert os.listdir(path.parent) == ["link"]


def test_attributes_that_a_caller_adds_to_a_schedule(path):
    optimizer = sn.SGD(schedule="adaptive")
    optimizer.schedule.note = object()
    network().fit(X, Y, optimizer=optimizer, epochs=2, checkpoint=path)
    assert sn.resume(path, X, Y).history.n_epochs == 2


def test_what_is_no_checkpoint(tmp_path):
    net = network()
    net.save(tmp_path / "model")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        sn.resume(tmp_path / "model", X, Y)
    net.fit(X, Y, epochs=2, checkpoint=tmp_path / "fit")
    with pytest.raises(ValueError, match="X must have 120 rows, as in the fit, got 119"):
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


def test_label_smoothing_is_kept(path):
    def stop(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    X, y = sn.datasets.make_flower(40, seed=1)
    net = sn.MLP([2, 3, 1], output="sigmoid", seed=0)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y, epochs=5, label_smoothing=0.25, checkpoint=path, checkpoint_every=0, callback=stop)
    assert _checkpoint.read(path)[1]["settings"]["label_smoothing"] == 0.25
    whole = sn.MLP([2, 3, 1], output="sigmoid", seed=0)
    whole.fit(X, y, epochs=5, label_smoothing=0.25)
    again = sn.resume(path, X, y)
    np.testing.assert_array_equal(again.params, whole.params)
    assert _checkpoint.read(path)[1]["settings"]["label_smoothing"] == 0.25
