"""`import shallownet_c` in a checkout, whose source folder hides the installed package, and where that is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(folder, *arguments):
    # -S: without the hook of an editable install, which finds the compiled modules from everywhere.
    command = [sys.executable, "-S", "-B", *arguments]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", [["-c", "import shallownet_c"], ["-m", "shallownet_c", "info"]], ids="".join)
def test_in_the_checkout(how):
    process = run(ROOT, *how)
    assert process.returncode == 1
    last = process.stderr.splitlines()[-1]
    assert "run Python from another folder, or run it as python -P, or use the editable install" in last
    assert "circular" not in process.stderr


def copy(tmp_path):
    """The package's Python files, as pip lays them into site-packages."""
    shutil.copytree(
        ROOT / "shallownet_c", tmp_path / "shallownet_c", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    return tmp_path / "shallownet_c"


def test_an_installation_that_lacks_a_module_keeps_its_own_error(tmp_path):
    copy(tmp_path)
    process = run(tmp_path, "-c", "import shallownet_c")
    assert process.returncode == 1
    assert "cannot import name '_cpu'" in process.stderr
    assert "another folder" not in process.stderr


def test_a_module_that_does_not_load_keeps_its_own_error(tmp_path):
    package = copy(tmp_path)
    (tmp_path / "meson.build").touch()
    (package / "_cpu.py").write_text("raise ImportError('undefined symbol: kernels')", encoding="utf-8")
    process = run(tmp_path, "-c", "import shallownet_c")
    assert process.stderr.splitlines()[-1] == "ImportError: undefined symbol: kernels"
