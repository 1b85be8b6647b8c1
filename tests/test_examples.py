"""The examples run, quickly and without a warning. The one with MPI has tests/test_mpi.py."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "mpi_allreduce")


def run(name, folder):
    command = [sys.executable, "-P", "-W", "error", str(FOLDER / f"{name}.py"), "--quick"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    assert not list(folder.iterdir())
    return process.stdout


def test_the_docstrings_begin_with_titles_for_the_site():
    docstrings = [ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) for path in FOLDER.glob("*.py")]
    titles = [re.match(r"[^:\n]{1,60}(?=:)", docstring)[0] for docstring in docstrings]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_quickly(name, tmp_path):
    if name == "joblib_networks":
        pytest.importorskip("joblib", reason="joblib is not installed")
    assert len(run(name, tmp_path).splitlines()) > 10


def test_processes_of_joblib_train_the_same_networks(tmp_path):
    pytest.importorskip("joblib", reason="joblib is not installed")
    assert "the same bits: True" in run("joblib_networks", tmp_path)


def test_all_ways_out_of_core_learn_the_same(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow comes with the extra test-all")
    output = run("out_of_core", tmp_path)
    scores = re.findall(r"^ *(?:a mapped file|… in its own order|a function|Parquet) .* (\S+)$", output, re.MULTILINE)
    assert len(scores) == 4
    assert min(map(float, scores)) > 0.7
