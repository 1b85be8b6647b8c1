"""Every example in a docstring, and every Python block of the documents, does what it shows."""

import contextlib
import doctest
import importlib
import importlib.util
import io
import pkgutil
import re
from pathlib import Path

import pytest

import shallownet_c as sn
from shallownet_c.optimizers import OPTIMIZERS
from shallownet_c.reference import _activations, _losses

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(sn.__path__, "shallownet_c.")
    if not re.search(r"\.(__main__|_kernels_|_cpu$|_mlp$)", module.name)
)
DOORS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/doors").glob("*.md"))
DOCUMENTS = ["README.md", "docs/many.md", "docs/notes.md", "docs/sklearn.md", "docs/sparse.md", *DOORS]
#: Libraries that the extra `test` does without, and others that are as optional.
LIBRARIES = ["cffi", "jax", "numba", "onnx", "onnxruntime", "polars", "pyarrow", "skl2onnx", "torch"]


def missing(code):
    """The first library that the code needs, by its name in an import or in a method's, and that is not installed."""
    for library in LIBRARIES:
        named = re.search(rf"import {library}\b|from {library}\b|_{library}\(", code)
        if named and importlib.util.find_spec(library) is None:
            return library
    return None


#: Nobody learns from an example that the package itself warns of.
pytestmark = pytest.mark.filterwarnings("error::shallownet_c.FitWarning")


@pytest.mark.parametrize("name", ["shallownet_c", *MODULES])
def test_docstrings(name):
    """Those that need a library which is not installed are left out."""
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if error.name not in LIBRARIES:
            raise
        pytest.skip(f"{error.name} is not installed, as it is by the extra test-all")
    runner = doctest.DocTestRunner()
    for test in doctest.DocTestFinder().find(module):
        if missing("".join(example.source for example in test.examples)) is None:
            runner.run(test)
    assert runner.summarize().failed == 0


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
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), flags=re.DOTALL)
    if library := missing("".join(blocks)):
        pytest.skip(f"{library} is not installed, as it is by the extra test-all")
    monkeypatch.chdir(tmp_path)
    assert blocks
    names: dict = {}
    for block in blocks:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(block, names)
        lines = iter(printed.getvalue().splitlines())
        for shown in re.findall(r"^print\(.*\)  # ([^,\n]+)", block, flags=re.MULTILINE):
            assert any(is_as_shown(line, shown) for line in lines), (shown, printed.getvalue())


ALL_DOCUMENTS = [
    *DOCUMENTS, "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/engine.md", "docs/files.md",
    "benchmarks/README.md",
]  # fmt: skip


def anchor(heading):
    """The name that a heading has in a link, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", ALL_DOCUMENTS)
def test_links_and_files(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for link, place in re.findall(r"\]\(([^)#:]*)#?([^)#:]*)\)", text):
        target = (ROOT / document).parent / link if link else ROOT / document
        assert target.exists(), link
        if place:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert place in map(anchor, headings), place


ACTIVATIONS, LOSSES = _activations.ACTIVATIONS, _losses.LOSSES


def is_named(name, text):
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


@pytest.mark.parametrize(
    ("read", "names"),
    [
        (lambda: sn.MLP.__doc__, {f'"{name}"' for name in (*ACTIVATIONS, *LOSSES)}),
        (lambda: sn.MLP.fit.__doc__, {f'"{name}"' for name in OPTIMIZERS}),
        (lambda: sn.MLP.fit.__doc__, {f"`{kind.__name__}`" for kind in OPTIMIZERS.values()}),
        (lambda: sn.kernels.dense_backward.__doc__, {f'"{name}"' for name, row in ACTIVATIONS.items() if row.needs_z}),
        (lambda: (ROOT / "README.md").read_text(encoding="utf-8"), {*ACTIVATIONS, *LOSSES}),
        (lambda: (ROOT / "README.md").read_text(encoding="utf-8"), {f"sn.{k.__name__}" for k in OPTIMIZERS.values()}),
    ],
    ids=["MLP", "fit", "fit's classes", "dense_backward", "README", "README's optimizers"],
)
def test_lists_of_names_are_whole(read, names):
    text = read()
    assert {name for name in names if not is_named(name, text)} == set()


def test_lists_of_the_estimators_names_are_whole():
    estimators = pytest.importorskip("shallownet_c.sklearn")
    activations = {f'"{row.sklearn_name or row.name}"' for row in ACTIVATIONS.values() if row.hidden}
    losses = {f'"{row.sklearn_name or row.name}"' for row in LOSSES.values() if not row.classes}
    added = {
        f'"{row.sklearn_name or row.name}"'
        for row in (*ACTIVATIONS.values(), *LOSSES.values())
        if not row.in_sklearn and getattr(row, "hidden", True)
    }
    document = (ROOT / "docs/sklearn.md").read_text(encoding="utf-8")
    for text, names in (
        (estimators.MLPClassifier.__doc__, activations),
        (estimators.MLPRegressor.__doc__, losses),
        (document, added),
    ):
        assert {name for name in names if not is_named(name, text)} == set()


FILE = r"`([\w/.]+\.(?:py|pyx|pyi|pxd|pxi|h))`"


def test_every_source_is_in_the_list_of_files_and_no_other():
    named = re.findall(FILE, (ROOT / "docs/files.md").read_text(encoding="utf-8"))
    assert len(named) == len(set(named))
    trivial = {"__main__.py", "__init__.py"}
    package = {path for path in (ROOT / "shallownet_c").rglob("*.py") if path.name not in trivial}
    sources = {path.relative_to(ROOT).as_posix() for path in (*package, *(ROOT / "src").iterdir())}
    assert sources - set(named) == set()
    assert {name for name in set(named) - sources if not (ROOT / name).is_file()} == set()


@pytest.mark.parametrize("document", [name for name in ALL_DOCUMENTS if name != "CHANGELOG.md"])
def test_documents_name_no_file_that_is_not_there(document):
    """By its path, or the end of that; the changelog may tell of files that have gone."""
    here = ["shallownet_c", "src", "tests", "benchmarks"]
    paths = [path.as_posix() for folder in here for path in (ROOT / folder).rglob("*.*")]
    elsewhere = {"codes.pxd", "math.h"}  # made by the build, and the C library's
    for name in re.findall(FILE, (ROOT / document).read_text(encoding="utf-8")):
        assert name in elsewhere or any(path.endswith(f"/{name}") for path in paths), name


def test_architecture_names_every_room_and_no_other():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(shallownet_c/\w+)/`", text, flags=re.MULTILINE))
    package = ROOT / "shallownet_c"
    rooms = {path.relative_to(ROOT).as_posix() for path in package.iterdir() if path.is_dir() and path.name[:2] != "__"}
    assert named == rooms
