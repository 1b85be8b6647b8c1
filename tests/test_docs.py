"""Every example in a docstring, and every Python block of the documents, does what it shows."""

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
from pathlib import Path

import pytest

import shallownet_c as sn

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(sn.__path__, "shallownet_c.")
    if not re.search(r"\.(__main__|_kernels_|_cpu$|_mlp$)", module.name)
)
DOCUMENTS = ["README.md", "docs/notes.md", "docs/sklearn.md"]


#: Nobody learns from an example that the package itself warns of.
pytestmark = pytest.mark.filterwarnings("error::shallownet_c.FitWarning")


@pytest.mark.parametrize("name", ["shallownet_c", *MODULES])
def test_docstrings(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_public_names_have_examples():
    finder = doctest.DocTestFinder()
    data = sn.datasets.make_flower, sn.datasets.load_digits, sn.datasets.train_dev_split
    for public in (sn.MLP, sn.SGD, sn.Adam, sn.kernels.dense_forward, *data):
        tests = finder.find(public, public.__name__)
        assert any(test.examples for test in tests), public.__name__
    for method in ("predict", "layer_outputs", "cost", "cost_and_grad", "accumulate_grad", "fit", "save"):
        assert any(test.examples for test in finder.find(getattr(sn.MLP, method), method)), method


def is_as_shown(printed, shown):
    """Numbers, which another CPU may round in another way, to a hundredth."""
    try:
        return float(printed) == pytest.approx(float(shown), abs=0.01)
    except ValueError:
        return printed == shown


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_blocks(document, tmp_path, monkeypatch):
    """They run, and print what the comment after a print says, up to its first comma."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    names: dict = {}
    for block in blocks:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(block, names)
        lines = iter(printed.getvalue().splitlines())
        for shown in re.findall(r"^print\(.*\)  # ([^,\n]+)", block, flags=re.MULTILINE):
            assert any(is_as_shown(line, shown) for line in lines), (shown, printed.getvalue())


@pytest.mark.parametrize("document", [*DOCUMENTS, "ARCHITECTURE.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_links_and_files(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / document).parent / link).exists(), link


def test_architecture_names_every_source_and_no_other():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = {Path(name).name for name in re.findall(r"`([\w/.]+\.(?:py|pyx|pyi|pxd|pxi|h))`", text)}
    package = {path.name for path in (ROOT / "shallownet_c").rglob("*.py") if path.parent.name != "reference"}
    package -= {"__init__.py", "__main__.py"}
    sources = {path.name for path in (ROOT / "src").iterdir()}
    elsewhere = {path.name for folder in ("tests", "benchmarks") for path in (ROOT / folder).glob("*.py")}
    assert not (sources | package) - named
    assert not named - sources - package - elsewhere
