"""The examples run, quickly and without a warning."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_quickly(path, tmp_path):
    command = [sys.executable, "-P", "-W", "error", str(path), "--quick"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    assert len(process.stdout.splitlines()) > 10
    assert not list(tmp_path.iterdir())
