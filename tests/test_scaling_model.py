"""The model of a step over many machines: what it is fitted to, it gives back."""

import itertools
import json
import sys

import pytest
import scripts

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def script():
    return scripts.benchmark("scaling_model.py")


def steps_of(model):
    """Steps that take exactly as long as the model says."""
    steps = []
    for tasks, sent, compute in itertools.product((1, 2, 9, 64), (10**5, 10**7), (0.01, 3.0)):
        levels = 1 if tasks <= 8 else 2
        seconds = compute + model.task * tasks + model.latency * levels + sent / model.bandwidth
        steps.append({"tasks": tasks, "bytes_down": 0.4 * sent, "bytes_up": 0.6 * sent, "compute": compute})
        steps[-1]["seconds"] = seconds
    return steps


def test_coefficients_are_found_again(script):
    model = script.Model(rate=2e-10, task=5e-4, latency=2e-3, bandwidth=3e8)
    steps = steps_of(model)
    found = script.fitted(steps, 2e-10)
    assert found == pytest.approx(model, rel=1e-6)
    assert max(map(abs, script.errors(found, steps))) < 1e-6


def test_more_workers_stop_paying_where_their_tasks_take_longer_than_they_save(script):
    """rate · rows P / W against 8/7 · task · W, for free messages: the least is at the root of their quotient."""
    model = script.Model(rate=2e-10, task=5e-4, latency=0, bandwidth=1e20)
    rows, params = 1e9, 1e5
    expected = (2e-10 * rows * params / (8 / 7 * 5e-4)) ** 0.5
    assert model.best(rows, params) == pytest.approx(expected, rel=0.02)


def test_the_parameters_reach_all_workers_by_way_of_fifty(script):
    P = 1_000
    assert script.bytes_of(P, 8) == 8 * P * (8 + 8)
    assert script.bytes_of(P, 50) == 8 * P * (50 + 2 * 8)
    assert script.bytes_of(P, 2_500) == pytest.approx(8 * P * (2 * 50 + 4 * 8))


def test_the_table_is_printed(script, tmp_path, monkeypatch, capsys):
    model = script.Model(rate=2e-10, task=5e-4, latency=2e-3, bandwidth=3e8)
    path = tmp_path / "steps.json"
    found = {"model": {"measured": steps_of(model), "constants": {"rate": 2e-10}}}
    path.write_text(json.dumps(found), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["scaling_model.py", str(path)])
    script.main()
    printed = capsys.readouterr().out
    assert "- 200 ps a row and parameter" in printed
    assert "500 µs a task, 2 ms a level, 0.3 GB/s" in printed
    lines = [line for line in printed.splitlines() if line.startswith("| 10")]
    assert len(lines) == 12
    # 2e-10 · 1e9 · 1e4 / 10 s is 200 s; the rest is some milliseconds.
    assert lines[0].startswith("| 10⁹ | 10⁴ | 3.33 min, 100 %")
