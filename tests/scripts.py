"""Scripts of the repository, which are no part of the package, as modules."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def benchmark(name: str) -> ModuleType:
    """A script of the folder `benchmarks`; without that folder the test is skipped."""
    path = Path(__file__).parents[1] / "benchmarks" / name
    if not path.exists():
        pytest.skip("the tests are run without the repository's benchmarks")
    return load(path)
