"""The site: every public name has its place, figures are those of the README, and it builds without a warning."""

import ast
import importlib
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import shallownet_c as sn

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONF = ast.parse((ROOT / "docs/conf.py").read_text(encoding="utf-8"))


def modules_of_the_site():
    (listed,) = [node.value for node in CONF.body if isinstance(node, ast.Assign) and node.targets[0].id == "MODULES"]
    return {f"shallownet_c.{name}" for name in ast.literal_eval(listed)}


def names_of_the_index():
    text = (ROOT / "docs/api/index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^\.\. autosummary::\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if re.fullmatch(r" +\w+", line)]


def public_modules():
    """The names of the modules that have an `__all__` and no underscore; what is not installed has none to look at."""
    for found in pkgutil.walk_packages(sn.__path__, "shallownet_c."):
        if "._" not in found.name and found.name != "shallownet_c.cli":
            try:
                module = importlib.import_module(found.name)
            except ImportError:
                continue
            if hasattr(module, "__all__"):
                yield module


def test_the_index_has_every_name_of_the_package_once():
    names = names_of_the_index()
    modules = {name for name in sn.__all__ if isinstance(getattr(sn, name), ModuleType)}
    assert sorted(names) == sorted(set(sn.__all__) - modules - {"__version__"})


def test_every_public_module_has_a_page():
    """One is left out if it has nothing but names of the package, or nothing but modules that have pages."""
    pages = modules_of_the_site()
    for module in public_modules():
        places = {f"{module.__name__}.{name}" for name in module.__all__}
        assert module.__name__ in pages or set(module.__all__) <= set(sn.__all__) or places <= pages, module.__name__


def cells(line):
    return [cell.strip().strip("*×") for cell in line.strip().strip("|").split("|")]


def seconds(text):
    value, unit = text.split()
    return float(value) * {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]


def test_the_charts_have_the_figures_of_the_readme():
    results = json.loads((ROOT / "docs/measured/peers.json").read_text(encoding="utf-8"))["results"]
    libraries = ["NumPy", "scikit-learn", "PyTorch", "JAX", "ONNX Runtime"]
    rows = {result["name"]: result for result in results}
    for name, result in rows.items():
        (line,) = [line for line in README.splitlines() if line.startswith(f"| {name} |")]
        _, ours, *theirs = cells(line)
        assert result["seconds"]["shallownet_c"] == pytest.approx(seconds(ours), rel=1e-9)
        ratios = {k: float(v.replace(",", "")) for k, v in zip(libraries, theirs, strict=True) if v}
        assert ratios == result["times_ours"], name
    assert len(rows) == len(re.findall(r"^\| .*, float(?:32|64) \|", README, flags=re.MULTILINE))


def test_the_chart_of_ways_has_the_figures_of_the_readme():
    flower, digits = json.loads((ROOT / "docs/measured/ways.json").read_text(encoding="utf-8"))["comparisons"]
    lines = [line for line in README.splitlines() if re.match(r"\| (\*\*compiled|loop|vectorised|NumPy with)", line)]
    assert len(lines) == len(flower["rows"])
    for line, one, other in zip(lines, flower["rows"], digits["rows"], strict=True):
        _, of_flower, _, of_digits, _ = cells(line)
        assert one["seconds_per_iteration"] == pytest.approx(seconds(of_flower), rel=1e-9)
        assert other["seconds_per_iteration"] == pytest.approx(seconds(of_digits), rel=1e-9)


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = dict(re.findall(r"^([\w-]+): (\S+)$", text, flags=re.MULTILINE))
    assert said["version"] in (ROOT / "meson.build").read_text(encoding="utf-8")
    assert sn.__version__.startswith(said["version"])
    assert said["license"] == project["license"]
    assert project["authors"][0]["name"] in text
    assert re.findall(r"^  - (\S.*)$", text, flags=re.MULTILINE)[1:] == project["keywords"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("sphinx", reason="the site is built with the extra docs")
    out = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-P",
        "-m",
        "sphinx",
        "-q",
        "-W",
        "-n",
        "-E",
        "-c",
        str(ROOT / "docs"),
        str(ROOT),
        str(out),
    ]
    process = subprocess.run(command, cwd=out, capture_output=True, text=True, timeout=600, check=False)
    assert process.returncode == 0, process.stderr
    return out


def test_the_site_documents_every_public_name(site):
    from sphinx.util.inventory import InventoryFile

    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, place: place)
    documented = {name for kind, found in inventory.items() if kind.startswith("py:") for name in found}
    names = {f"shallownet_c.{name}" for name in names_of_the_index()}
    for module in public_modules():
        if module.__name__ in modules_of_the_site():
            names |= {f"{module.__name__}.{name}" for name in module.__all__}
    assert names - documented == set()
    assert {f"shallownet_c.MLP.{name}" for name in ("fit", "predict", "jacobian", "to_c", "__call__")} <= documented


def test_the_site_asks_no_other_host_for_anything(site):
    """Scripts, styles, pictures and fonts are files of its own; links that a reader may follow are not meant."""
    host = r"""["']?(?:https?:)?//"""
    wanted = rf"(?:\bsrc=|\bsrcset=|<link[^>]*\bhref=|url\(|@import\s+){host}[^>]+"
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert re.findall(wanted, path.read_text(encoding="utf-8")) == [], path


def test_the_site_has_what_a_search_needs(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(")
    for word in ("predictor", "quantil", "microcontrol"):
        assert re.search(rf'"?\b{word}\w*"?:', index), word
    assert "Stemmer" in (site / "_static/language_data.js").read_text(encoding="utf-8")


def test_every_example_and_picture_is_in_the_site(site):
    pages = site / "docs/_generated"
    for example in (ROOT / "examples").glob("*.py"):
        assert (pages / "examples" / f"{example.stem}.html").is_file(), example
    for program in (ROOT / "docs/gallery").glob("plot_*.py"):
        assert list((site / "_images").glob(f"sphx_glr_{program.stem}_*.png")), program
