"""Several writers and readers of one path, and writers that are killed: no file is read half, nothing is left over."""

import os
import random
import signal
import subprocess
import sys
import threading

import pytest
import racers

import shallownet_c as sn
from shallownet_c._storage import _checkpoint, _files

TIMES = 60


def run(action, path, read):
    """The outcomes of two threads and two processes, while two threads more read."""
    outcomes, errors, over = [], [], threading.Event()

    def write(who):
        try:
            outcomes.extend(getattr(racers, action)(path, who) for _ in range(TIMES))
        except BaseException as error:
            errors.append(error)

    def look():
        try:
            while not over.is_set():
                if path.exists():
                    read(path)
        except BaseException as error:
            errors.append(error)

    processes = [
        subprocess.Popen(
            [sys.executable, "-P", racers.__file__, action, path, str(who), str(TIMES)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in (3, 4)
    ]
    writers = [threading.Thread(target=write, args=(who,)) for who in (1, 2)]
    readers = [threading.Thread(target=look) for _ in range(2)]
    for thread in (*readers, *writers):
        thread.start()
    try:
        for thread in writers:
            thread.join()
        for process in processes:
            outcomes.extend(process.communicate()[0].split())
    finally:
        over.set()
    for thread in readers:
        thread.join()
    assert [process.returncode for process in processes] == [0, 0]
    assert not errors, errors
    assert len(outcomes) == 4 * TIMES
    assert os.listdir(path.parent) == [path.name]
    return outcomes


def test_models(tmp_path):
    def read(path):
        assert len(set(sn.load(path).params.tolist())) == 1

    assert set(run("save", tmp_path / "net", read)) == {"saved"}


def test_checkpoints(tmp_path):
    """Fits that find their checkpoint taken are refused, and the others end as if they had been alone."""
    outcomes = run("fit", tmp_path / "fit", _checkpoint.read)
    assert outcomes.count("fitted") > 0
    assert sn.resume(tmp_path / "fit", racers.X, racers.Y).history.n_epochs == 5


WRITER = """
import sys
from shallownet_c._storage import _files

def chunks():
    yield b"x" * 100_000
    if sys.argv[2] == "wait":
        print("half", flush=True)
        sys.stdin.read()

print("ready", flush=True)
while True:
    _files.replace(sys.argv[1], chunks())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_writers(tmp_path):
    path = tmp_path / "file"
    chance = random.Random(3)
    for i in range(12):
        wait = i % 3 == 0  # surely killed in the middle of a file; the others somewhere
        command = [sys.executable, "-P", "-c", WRITER, path, "wait" if wait else "go"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            if wait:
                process.stdout.readline()
            else:
                threading.Event().wait(chance.uniform(0, 0.05))
            process.kill()
        if wait:
            assert len(list(tmp_path.glob(".*.part"))) == 1  # what it left; that of the one before is gone
        assert not path.exists() or path.read_bytes() == b"x" * 100_000
    assert path.exists()
    _files.replace(path, [b"y"])
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == b"y"
