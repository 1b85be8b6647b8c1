"""The comparison with other libraries, those of the test extra: it checks before it times, and says who is missing."""

import contextlib
import json
import os
import shutil
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from shallownet_c._benchmarks import PARTS, _peers
from shallownet_c._benchmarks._peers import growth, libraries, measure, tables, tasks, threads
from shallownet_c._benchmarks._peers.tasks import Task

pytest.importorskip("threadpoolctl")

COMPARED = [part for part in PARTS if part not in ("threads", "growth")]


@pytest.fixture
def small(monkeypatch):
    some = [
        Task("tiny descent", [2, 3, 1], "tanh", "sigmoid", 40, 40, "sgd"),
        Task("tiny Adam", [4, 5, 3], "relu", "softmax", 30, 10, "adam"),
        Task("tiny regression", [3, 4, 2], "tanh", "identity", 20, 10, "adam", ("float32",)),
    ]
    monkeypatch.setattr(tasks, "TRAINING", some)
    monkeypatch.setattr(tasks, "HIGGS", replace(tasks.HIGGS, layer_sizes=[28, 5, 5, 1]))
    monkeypatch.setattr(tasks, "SHARED", [tasks.HIGGS, some[1]])
    monkeypatch.setattr(tasks, "PREDICTED_ROWS", (1, 40))
    monkeypatch.setattr(tasks, "LAYERS", [(8, 4, 3)])
    monkeypatch.setattr(tasks, "SPARSE", [(300, 50, 0.1)])
    few = {name: replace(axis, values=(4, 8, 16)) for name, axis in growth.AXES.items()}
    few["rows"].values = (128, 256, 512)
    monkeypatch.setattr(growth, "AXES", few)
    monkeypatch.setattr(_peers, "limit_cpus", lambda n: n)
    monkeypatch.setattr(_peers.measure, "peak", lambda: {"float32": 1e11, "float64": 5e10})
    monkeypatch.setattr(measure, "turns", lambda name, jobs, *_, pause=True: {job: [3.0, 1.0, 5.0] for job in jobs})
    kept = {name: _peers.CONTENDERS[name] for name in ("shallownet_c", "NumPy", "scikit-learn")}
    monkeypatch.setattr(_peers, "CONTENDERS", kept | {"Absent": ("libraries", "Absent", "absent")})
    monkeypatch.setattr(libraries, "Absent", absent, raising=False)


def absent(n_threads):
    raise ImportError("No module named 'absent'", name="absent")


def test_table(small, capsys, tmp_path):
    pytest.importorskip("sklearn")
    assert _peers.run(str(tmp_path / "peers.json"), only=COMPARED) == 0
    out = capsys.readouterr().out
    assert "| | shallownet_c | GFLOP/s | of one core's peak | NumPy | scikit-learn |" in out
    assert "| Absent: not installed: pip install 'shallownet-c[bench]' |" in out
    assert (
        "samples a second: shallownet_c 33,333, NumPy 33,333, scikit-learn 33,333; published: OpenNN 72,000, PyTorch"
        in out
    )
    report = json.loads((tmp_path / "peers.json").read_text())
    names = [result["name"] for result in report["results"]]
    assert names[:6] == [
        "tiny descent, float64",
        "tiny descent, float32",
        "tiny Adam, float64",
        "tiny Adam, float32",
        "tiny regression, float32",
        "28-300×5-1 tanh/sigmoid, batch 100, Adam, float32",
    ]
    assert next(name for name in names if name.startswith("layer")) == "layer 8×4×3 identity, float32"
    assert names[-2:] == ["sparse 300×50, 10.0%, fit of 3 epochs, float32", "sparse 300×50, 10.0%, predict, float32"]
    sparse = [result for result in report["results"] if result["name"].startswith("sparse")]
    assert [set(result["seconds"]) for result in sparse] == [{"shallownet_c", "scikit-learn"}] * 4
    assert all({"shallownet_c", "NumPy"} <= set(r["seconds"]) for r in report["results"] if r not in sparse)
    trained = report["results"][:6]
    assert [set(result["seconds"]) for result in trained] == [{"shallownet_c", "NumPy", "scikit-learn"}] * 6
    assert all(result["times_ours"]["NumPy"] == 1.0 for result in trained)
    assert all(result["least"]["NumPy"] < result["seconds"]["NumPy"] for result in trained)
    assert list(report["missing"]) == ["Absent"]
    assert report["threads"] == 1
    assert report["shared"] == report["growth"] == []


def test_sparse_rows_need_scikit_learn(small, monkeypatch, capsys):
    monkeypatch.setattr(_peers, "CONTENDERS", {name: _peers.CONTENDERS[name] for name in ("shallownet_c", "NumPy")})
    assert _peers.run(None, only=["sparse"]) == 0
    assert "5,000" not in capsys.readouterr().out


def test_one_thread_and_several(small, capsys, monkeypatch, tmp_path):
    widened = []
    monkeypatch.setattr(_peers, "_available", lambda: [0, 1, 2])
    monkeypatch.setattr(_peers, "_on", lambda cpus: widened.append(cpus) or contextlib.nullcontext())
    assert _peers.run(str(tmp_path / "peers.json"), only=["threads"]) == 0
    assert widened == [[0, 1]]
    shared = json.loads((tmp_path / "peers.json").read_text())["shared"]
    assert [result["name"] for result in shared] == [tasks.HIGGS.name, "tiny Adam"]
    assert set(shared[0]["seconds"]) == set(shared[0]["least"]) == {"1", "2"}
    assert shared[0]["times_as_fast"] == {"least": 1.0, "seconds": 1.0}
    out = capsys.readouterr().out
    assert "| a step, float32: least, median | one thread | 2 threads | times as fast |" in out
    assert "best samples a second: one thread " in out
    monkeypatch.setattr(_peers, "_available", lambda: [0])
    assert _peers.run(None, only=["threads"]) == 0
    assert "2 threads beside one: this process may use one CPU alone" in capsys.readouterr().out


def test_several_threads_must_have_the_bits_of_one(small, monkeypatch):
    class Wrong(libraries.Ours):
        def trainer(self, task, dtype):
            train = super().trainer(task, dtype)
            return lambda epochs: train(epochs) + (self.n_threads > 1)

    monkeypatch.setattr(threads, "Ours", Wrong)
    with pytest.raises(AssertionError, match="2 threads do not have the bits of one"):
        list(threads.shared(2))


@pytest.mark.skipif(sys.platform != "linux", reason="no CPU affinity on this system")
def test_threads_have_more_cpus_and_give_them_back():
    before = os.sched_getaffinity(0)
    with _peers._on([min(before)]):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_growth(small, capsys, tmp_path):
    assert _peers.run(str(tmp_path / "peers.json"), only=["growth"]) == 0
    found = json.loads((tmp_path / "peers.json").read_text())["growth"]
    assert [result["axis"] for result in found] == ["rows", "width", "depth", "batch", "features"]
    assert all(set(result["seconds"]) == {"shallownet_c", "NumPy"} for result in found)
    out = capsys.readouterr().out
    assert "| time against | from … to | shallownet_c | power: all values, upper half | NumPy |" in out
    assert "| rows, an epoch | 128 … 512 |" in out


def test_slopes_are_powers():
    values = np.array([1.0, 3, 10, 50])
    assert growth.slope(values, 2e-6 * values**1.5) == pytest.approx(1.5)


@pytest.mark.parametrize(("only", "axes"), [(None, ["width", "batch"]), (["growth"], list(growth.AXES))])
def test_pictures(small, monkeypatch, tmp_path, only, axes):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from shallownet_c._benchmarks._peers import plot

    path, drawn = tmp_path / "growth.png", []
    draw = plot.draw
    monkeypatch.setattr(plot, "draw", lambda results, *rest: drawn.append(results) or draw(results, *rest))
    assert _peers.run(None, plot=str(path), only=only) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [result["axis"] for result in drawn[0]] == axes


@pytest.mark.parametrize(
    ("seconds", "shown"), [(2.5, "2.5 s"), (0.02531, "25.3 ms"), (4.4e-6, "4.4 µs"), (2.04e-7, "204 ns")]
)
def test_durations(seconds, shown):
    assert tables.duration(seconds) == shown


def test_who_is_wrong_is_not_timed(small, monkeypatch):
    class Wrong(libraries.NumPy):
        def trainer(self, task, dtype):
            train = super().trainer(task, dtype)
            return lambda epochs: train(epochs) * 1.01

    monkeypatch.setattr(libraries, "NumPy", Wrong)
    with pytest.raises(AssertionError, match="NumPy differs"):
        _peers.run(None, only=["training"])


def test_rounds_take_turns(monkeypatch):
    clock = iter(np.arange(10_000.0))
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: next(clock), sleep=lambda _: None))
    monkeypatch.setattr(measure.os, "sched_getaffinity", lambda pid: {0}, raising=False)
    calls = []
    jobs = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    assert measure.turns("", jobs, seconds=2, rounds=3) == {"a": [0.5] * 3, "b": [0.5] * 3}
    assert calls == [*["a"] * 4, *["b"] * 4, *["a", "a", "b", "b"] * 3]
    calls.clear()
    assert measure.turns("", jobs, seconds=1, rounds=3) == {"a": [1.0] * 3, "b": [1.0] * 3}
    assert calls == [*["a"] * 2, *["b"] * 2, *["a", "b"] * 3]  # what is longer than a round is not tried again


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_peak_is_measured_where_there_is_a_compiler(monkeypatch):
    found = measure.peak()
    assert list(found) == ["float32", "float64"]
    assert all(0 < operations < np.inf for operations in found.values())
    for compiler in (None, shutil.which("false")):  # none, and one that fails
        monkeypatch.setattr(measure.shutil, "which", lambda name, compiler=compiler: compiler)
        assert measure.peak() == {}


@pytest.mark.skipif(sys.platform != "linux", reason="no CPU affinity on this system")
def test_cpus_are_limited(monkeypatch):
    kept = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 7})
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cpus: kept.append(cpus))
    monkeypatch.setenv("XLA_FLAGS", "")
    assert [_peers.limit_cpus(n) for n in (1, 2, 0)] == [1, 2, 3]
    assert kept == [[3], [3, 5], [3, 5, 7]]
