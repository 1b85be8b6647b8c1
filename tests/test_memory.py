"""Memory does not grow with the number of rows: a full batch needs the workspace of a few blocks."""

import sys

import pytest
import scripts


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
@pytest.mark.parametrize("call", ["cost_and_grad", "predict", "fit"])
def test_a_million_rows_need_less_than_four_megabytes(call):
    memory = scripts.benchmark("memory.py")
    # The rows and outputs themselves have 48 MB.
    assert memory.extra(call, "float32", 1_000_000) < memory.LIMIT
