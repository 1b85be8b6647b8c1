"""The comparison with other libraries, those of the test extra: it checks before it times, and says who is missing."""

import json
import os
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from shallownet_c._benchmarks import _peers
from shallownet_c._benchmarks._peers import libraries, measure
from shallownet_c._benchmarks._peers.tasks import Task

pytest.importorskip("threadpoolctl")


@pytest.fixture
def small(monkeypatch):
    tasks = [
        Task("tiny descent", [2, 3, 1], "tanh", "sigmoid", 40, 40, "sgd"),
        Task("tiny Adam", [4, 5, 3], "relu", "softmax", 30, 10, "adam"),
        Task("tiny regression", [3, 4, 2], "tanh", "identity", 20, 10, "adam", ("float32",)),
    ]
    monkeypatch.setattr(_peers, "TRAINING", tasks)
    monkeypatch.setattr(_peers, "PREDICTED_ROWS", (1, 40))
    monkeypatch.setattr(_peers, "LAYERS", [(8, 4, 3)])
    monkeypatch.setattr(_peers, "limit_cpus", lambda n: n)
    monkeypatch.setattr(_peers.measure, "peak", lambda: {"float32": 1e11, "float64": 5e10})
    monkeypatch.setattr(measure, "interleaved", lambda jobs, seconds=0: dict.fromkeys(jobs, 1.0))
    kept = {name: _peers.CONTENDERS[name] for name in ("shallownet_c", "NumPy", "scikit-learn")}
    monkeypatch.setattr(_peers, "CONTENDERS", kept | {"Absent": ("libraries", "Absent", "absent")})
    monkeypatch.setattr(libraries, "Absent", absent, raising=False)


def absent(n_threads):
    raise ImportError("No module named 'absent'", name="absent")


def test_table(small, capsys, tmp_path):
    pytest.importorskip("sklearn")
    assert _peers.run(str(tmp_path / "peers.json")) == 0
    out = capsys.readouterr().out
    assert "| | shallownet_c | GFLOP/s | of one core's peak | NumPy | scikit-learn |" in out
    assert "| Absent: not installed: pip install 'shallownet-c[bench]' |" in out
    report = json.loads((tmp_path / "peers.json").read_text())
    names = [result["name"] for result in report["results"]]
    assert names[:5] == [
        "tiny descent, float64",
        "tiny descent, float32",
        "tiny Adam, float64",
        "tiny Adam, float32",
        "tiny regression, float32",
    ]
    assert next(name for name in names if name.startswith("layer")) == "layer 8×4×3 identity, float32"
    assert all({"shallownet_c", "NumPy"} <= set(result["seconds"]) for result in report["results"])
    trained = [set(result["seconds"]) for result in report["results"][:5]]
    assert trained == [{"shallownet_c", "NumPy", "scikit-learn"}] * 5
    assert all(result["times_ours"]["NumPy"] == 1.0 for result in report["results"])
    assert list(report["missing"]) == ["Absent"]
    assert report["threads"] == 1


def test_who_is_wrong_is_not_timed(small, monkeypatch):
    class Wrong(libraries.NumPy):
        def trainer(self, task, dtype):
            train = super().trainer(task, dtype)
            return lambda epochs: train(epochs) * 1.01

    monkeypatch.setattr(libraries, "NumPy", Wrong)
    with pytest.raises(AssertionError, match="NumPy differs"):
        _peers.run(None)


def test_interleaved_takes_medians_of_turns(monkeypatch):
    clock = iter(np.arange(10_000.0))
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: next(clock), sleep=lambda _: None))
    monkeypatch.setattr(measure.os, "sched_getaffinity", lambda pid: {0}, raising=False)
    calls = []
    seconds = measure.interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, seconds=1)
    assert seconds == {"a": 1.0, "b": 1.0}
    assert calls == [*["a"] * 4, *["b"] * 4, *["a", "b"] * measure.ROUNDS]


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
