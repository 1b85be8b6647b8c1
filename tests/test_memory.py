"""Memory does not grow with the number of rows: a full batch needs the workspace of a few blocks."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "memory.py"


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
@pytest.mark.parametrize("call", ["cost_and_grad", "predict", "fit"])
def test_a_million_rows_need_less_than_four_megabytes(call):
    if not SCRIPT.exists():
        pytest.skip("the tests are run without the repository's benchmarks")
    spec = importlib.util.spec_from_file_location("memory_benchmark", SCRIPT)
    memory = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(memory)
    # The rows and outputs themselves have 48 MB.
    assert memory.extra(call, "float32", 1_000_000) < memory.LIMIT
