"""The comparison with other libraries, here with NumPy alone: it checks before it times, and says who is missing."""

import json

import numpy as np
import pytest

from shallownet_c import _peers


@pytest.fixture
def small(monkeypatch):
    tasks = [
        _peers.Task("tiny descent", [2, 3, 1], "tanh", "sigmoid", 40, 40, "sgd"),
        _peers.Task("tiny Adam", [4, 5, 2], "relu", "softmax", 30, 10, "adam"),
        _peers.Task("tiny regression", [3, 4, 2], "tanh", "identity", 20, 10, "adam", ("float32",)),
    ]
    monkeypatch.setattr(_peers, "TRAINING", tasks)
    monkeypatch.setattr(_peers, "PREDICTED_ROWS", (1, 40))
    monkeypatch.setattr(_peers, "ROUNDS", 1)
    monkeypatch.setattr(_peers, "interleaved", lambda jobs, seconds=0: {name: 1.0 for name, job in jobs.items()})
    monkeypatch.setattr(_peers, "PEERS", {"NumPy": _peers.NumPy, "Absent": Absent})


class Absent:
    def __init__(self):
        raise ImportError("No module named 'absent'", name="absent")


def test_table(small, capsys, tmp_path):
    assert _peers.run(str(tmp_path / "peers.json")) == 0
    out = capsys.readouterr().out
    assert "| | shallownet_c | GFLOP/s | NumPy |" in out
    assert "| Absent: not installed (absent): pip install 'shallownet-c[bench]' |" in out
    report = json.loads((tmp_path / "peers.json").read_text())
    names = [result["name"] for result in report["results"]]
    assert names[:5] == [
        "tiny descent, float64",
        "tiny descent, float32",
        "tiny Adam, float64",
        "tiny Adam, float32",
        "tiny regression, float32",
    ]
    assert all(set(result["seconds"]) == {"shallownet_c", "NumPy"} for result in report["results"])
    assert list(report["missing"]) == ["Absent"]


def test_who_is_wrong_is_not_timed(small, monkeypatch):
    class Wrong(_peers.NumPy):
        def trainer(self, task, dtype):
            train = super().trainer(task, dtype)
            return lambda epochs: train(epochs) * 1.01

    monkeypatch.setattr(_peers, "PEERS", {"Wrong": Wrong})
    with pytest.raises(AssertionError, match="Wrong differs"):
        _peers.run(None)


def test_interleaved_takes_medians_of_turns(monkeypatch):
    clock = iter(np.arange(10_000.0))
    monkeypatch.setattr(_peers.time, "perf_counter", lambda: next(clock))
    calls = []
    seconds = _peers.interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, seconds=1)
    assert seconds == {"a": 1.0, "b": 1.0}
    assert calls == ["a", "a", "b", "b", *["a", "b"] * _peers.ROUNDS]
