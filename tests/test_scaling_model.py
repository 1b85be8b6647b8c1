"""The model of a step over many machines: what it is fitted to, it gives back."""

import importlib.util
import itertools
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("scipy")
SCRIPT = Path(__file__).parents[1] / "benchmarks" / "scaling_model.py"


@pytest.fixture(scope="module")
def script():
    if not SCRIPT.exists():
        pytest.skip("the tests are run without the repository's benchmarks")
    spec = importlib.util.spec_from_file_location("scaling_model", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def steps_of(model):
    """Steps that take exactly as long as the model says."""
    steps = []
    for workers, params, rows in itertools.product((1, 2), (10**3, 10**5), (10**4, 10**6)):
        tasks, deep = 3 * workers, workers
        step = {"workers": workers, "params": params, "rows": rows, "tasks": tasks, "depth": deep}
        step["compute"] = model.compute(rows, params, workers)
        step["communication"] = model.communication(params, workers, deep)
        step["scheduler"] = model.scheduler(tasks)
        step["seconds"] = step["compute"] + step["communication"] + step["scheduler"]
        steps.append(step)
    return steps


def test_coefficients_are_found_again(script):
    model = script.Model(a=2e-10, b=1e-4, latency=2e-3, bandwidth=3e8, c=5e-4, d=1e-3)
    steps = steps_of(model)
    found = script.fitted(steps, 8)
    assert found == pytest.approx(model, rel=1e-6)
    assert max(map(abs, script.errors(found, steps))) < 1e-6


def test_more_workers_stop_paying_where_their_messages_take_longer_than_they_save(script):
    """a rows P / W against W (s P / bandwidth + 2 c): the least time is near the root of their quotient."""
    model = script.Model(a=2e-10, b=0, latency=0, bandwidth=1e9, c=5e-4, d=0)
    rows, params = 1e10, 1e5
    each = 8 * params / 1e9 + 2 * 5e-4
    assert model.best(rows, params) == pytest.approx((2e-10 * rows * params / each) ** 0.5, rel=0.02)


def test_the_table_is_printed(script, tmp_path, monkeypatch, capsys):
    model = script.Model(a=2e-10, b=1e-4, latency=2e-3, bandwidth=3e8, c=5e-4, d=1e-3)
    path = tmp_path / "steps.json"
    path.write_text(json.dumps({"machine": "made up", "dtype": "float64", "steps": steps_of(model)}), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["scaling_model.py", str(path)])
    script.main()
    printed = capsys.readouterr().out
    assert "200 ps a row and parameter, and 100 µs" in printed
    assert "2 ms a level, 0.3 GB/s" in printed
    lines = [line for line in printed.splitlines() if line.startswith("| 10")]
    assert len(lines) == 12
    # 2e-10 · 1e9 · 1e4 / 10 s is 200 s; the rest is some milliseconds.
    assert lines[0].startswith("| 10⁹ | 10⁴ | 3.33 min, 100 %")
