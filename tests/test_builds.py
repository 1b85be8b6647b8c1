"""The builds: all there, as wide as their level allows, chosen as asked, and harmless to the process."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c import _kernels

WIDTHS = {"v2": 16, "v3": 32, "v4": 64, "generic": 16}


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "SHALLOWNET_C_CPU"} | environment
    return subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_vector_is_as_wide_as_the_level(build):
    # Wider vectors than the level's registers compile silently, to code that is many times slower.
    assert build.kernels.vector_bytes == WIDTHS[build.level]
    assert build.kernels.lanes == WIDTHS[build.level] // build.dtype.itemsize


ONCE_H = Path(__file__).parents[1] / "src" / "once.h"
#: Functions that are known by their address alone, or whose numbers are only 0 and NaN.
SINGLE = ("row_row", "packed_row", "first_nonfinite", "cost_and_grad", "train_together")


@pytest.mark.skipif(not (shutil.which("nm") and shutil.which("objdump")), reason="needs nm and objdump (binutils)")
@pytest.mark.skipif(not ONCE_H.exists(), reason="needs the source: src/once.h")
def test_loops_that_make_numbers_exist_once(build):
    """A second copy, inlined or cloned, may be contracted to fused operations in another way: other last bits."""
    names = re.findall(r"^ONCE \w+ (\w+)\(", ONCE_H.read_text(), re.MULTILINE)
    assert len(names) > 10
    library = build.library
    run = {"capture_output": True, "text": True, "check": True}
    symbols = [line.split()[-1] for line in subprocess.run(["nm", library], **run).stdout.splitlines()]
    if not symbols:
        pytest.skip("the installed modules have been stripped of their symbols")
    for name in names:
        copies = [symbol for symbol in symbols if re.fullmatch(rf"{name}(\.(?!cold)\w+)*", symbol)]
        assert copies == [name]
    function, elsewhere = "", set()
    for line in subprocess.run(["objdump", "-d", "--no-show-raw-insn", library], **run).stdout.splitlines():
        if line.endswith(">:"):
            function = line.split("<")[1][:-2]
        # Packed products, fused or not: whoever else has them is a copy of one of those loops.
        elif re.search(r"\s(v?mulp[sd]|vfn?m(add|sub)\d+p[sd])\s", line):
            elsewhere.add(function)
    elsewhere -= set(names)
    assert not {function for function in elsewhere if not function.endswith(SINGLE)}


def test_every_level_of_this_cpu_is_installed():
    builds = [_kernels.load(level, dtype) for level in _kernels.available for dtype in ("float32", "float64")]
    assert len({(build.vector_bytes, build.itemsize) for build in builds}) == 2 * len(_kernels.available) >= 2


@pytest.mark.parametrize("level", _kernels.available)
def test_environment_chooses_the_build(level):
    done = python("import shallownet_c as sn; print(sn.kernels.target)", SHALLOWNET_C_CPU=level)
    assert done.stdout.strip() == level, done.stderr


def test_best_build_by_default():
    done = python("import shallownet_c as sn; print(sn.kernels.target)")
    assert done.stdout.strip() == _kernels.available[0], done.stderr


@pytest.mark.parametrize("level", ["v9", "generic" if _kernels.available[0] != "generic" else "v3"])
def test_unavailable_build_is_an_import_error(level):
    done = python("import shallownet_c", SHALLOWNET_C_CPU=level)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError")
    assert level in last
    for name in _kernels.available:
        assert name in last


def test_other_dtype_is_refused(build):
    other = np.dtype("float64" if build.dtype == np.float32 else "float32")
    a = np.zeros((2, 2), other)
    with pytest.raises(ValueError, match=f"take C-contiguous arrays of {build.dtype} .*, got ndarray {other}"):
        build.kernels.first_nonfinite(a)


def test_subnormals_survive_import_and_training():
    # A library built with -ffast-math would flush them to zero for the whole process.
    net = sn.MLP([2, 3, 1], dtype="float32", seed=0)
    net.fit(np.ones((4, 2)), np.ones(4), epochs=3)
    for dtype in (np.float32, np.float64):
        smallest = np.finfo(dtype).smallest_subnormal
        assert smallest * np.ones(1, dtype)[0] > 0
        assert np.finfo(dtype).tiny / dtype(2) > 0
