"""`import shallownet_c` in a checkout, whose source folder hides the installed package, and where that is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import shallownet_c as sn

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


def test_who_only_predicts_does_not_wait_for_the_import_of_what_trains():
    code = (
        "import sys, numpy; before = set(sys.modules); import shallownet_c as sn; "
        "sn.MLP([3, 2], init='zeros')([1.0, 2.0, 3.0]); print(*sorted(sys.modules.keys() - before))"
    )
    process = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    imported = set(process.stdout.split())
    assert "shallownet_c.mlp" in imported
    for name in ("dataclasses", "inspect", "json", "threading", "difflib"):
        assert name not in imported
    for name in ("_fitting._fit", "_storage._schema", "serialization", "resumption", "reference.loop", "tools"):
        assert f"shallownet_c.{name}" not in imported


def test_names_that_are_imported_when_they_are_asked_for():
    code = (
        "import shallownet_c as sn; from shallownet_c import *; "
        "assert all(getattr(sn, name) is not None for name in sn.__all__); print(len(sn.__all__), *dir(sn.reference)); "
        "print(sn.History().n_epochs, resume.__module__, sn.reference.loop.__name__); sn.nothing"
    )
    process = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert process.stderr.splitlines()[-1] == "AttributeError: module 'shallownet_c' has no attribute 'nothing'"
    assert process.stdout.splitlines() == [
        f"{len(sn.__all__)} loop vectorized",
        "0 shallownet_c.resumption shallownet_c.reference.loop",
    ]
