"""How Sphinx builds the site.

pip install ".[docs]" && sphinx-build -W -n -c docs . build/site

The source directory is the repository itself, so that every document has one set of links, which work on GitHub and in
the site. What is generated goes to docs/_generated.
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import itertools
import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.search.en import SearchEnglish

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "docs/_generated"

#: The modules with public names beside `shallownet_c` itself, each of which gets a page if it is there.
#: tests/test_site.py asks for every module that has an `__all__`.
MODULES = [
    "sklearn",
    "plot",
    "dask",
    "sources",
    "datasets",
    "schedules",
    "kernels",
    "reference.loop",
    "reference.vectorized",
    "serialization",
]

#: What a page says of a class, apart from its docstring; of names of `shallownet_c` it is in docs/_templates.
CLASS = "   :members:\n   :inherited-members:\n   :special-members: __call__\n"

project = "shallownet_c"
author = "The shallownet_c developers"
copyright = author  # the name that Sphinx gives this setting
release = importlib.metadata.version("shallownet-c")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "docs/_generated/**", "benchmarks/README.md", "shallownet_c/data/README.md"]
templates_path = [str(ROOT / "docs/_templates")]

myst_heading_anchors = 4

default_role = "py:obj"
# A single backtick in a docstring is code, which becomes a link where it names something public.
nitpick_ignore_regex = [("py:obj", ".*")]
autodoc_typehints = "none"  # the docstrings say types and shapes
autodoc_member_order = "bysource"
autosummary_ignore_module_all = False
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "docs/gallery",
    "gallery_dirs": "docs/_generated/gallery",
    "download_all_examples": False,
    "min_reported_time": 1e9,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"shallownet_c {release}"
html_additional_pages = {"index": "to_docs.html"}
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
html_search_language = "en-zh"
html_show_search_summary = False  # a page that is read from a file may not fetch others to show a piece of them


class EnglishAndChinese(SearchEnglish):
    """English words, and of Chinese text, which has no spaces, each two characters that stand side by side."""

    lang = "en-zh"
    js_splitter_code = r"""
function splitQuery(query) {
  const runs = query.match(/[\u3400-\u9fff]+|(?:(?![\u3400-\u9fff])[\p{L}\p{N}_])+/gu) ?? [];
  return runs.flatMap((run) => /^[\u3400-\u9fff]{3}/.test(run) ? [...run].slice(1).map((c, i) => run[i] + c) : [run]);
}
"""

    def split(self, text: str) -> list[str]:
        words = []
        for run in re.findall(r"[\u3400-\u9fff]+|[^\W\u3400-\u9fff]+", text):
            is_long = len(run) > 2 and "\u3400" <= run[0] <= "\u9fff"
            words += ["".join(pair) for pair in itertools.pairwise(run)] if is_long else [run]
        return words


def is_not_ours(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what classes inherit from other libraries, such as scikit-learn's and Python's own."""
    home = getattr(getattr(obj, "fget", obj), "__module__", None) or "shallownet_c"
    return None if home.startswith("shallownet_c") else True


def escape_bars(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings have |a| for the absolute value, which reStructuredText takes for a substitution."""
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else line.replace("|", r"\|") for line in lines]


def public_names(module: Any) -> list[str]:
    """What `__all__` lists, or the functions and classes whose home the module is; functions first."""
    homed = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    names = getattr(module, "__all__", [name for name in homed if not name.startswith("_")])
    return sorted(names, key=lambda name: (isinstance(getattr(module, name), type), name))


def directive(name: str, value: Any) -> str:
    """What has autodoc describe a name of a module."""
    if isinstance(value, type):
        return f".. autoclass:: {name}\n{CLASS}"
    return f".. auto{'function' if callable(value) else 'data'}:: {name}\n"


def write_module_pages() -> None:
    """A page for each of the modules, with its docstring and its public names, and a table of the modules."""
    folder = GENERATED / "modules"
    folder.mkdir(parents=True)
    table = ".. currentmodule:: None\n\n.. autosummary::\n\n"
    for place, name in enumerate(f"shallownet_c.{name}" for name in MODULES):
        if importlib.util.find_spec(name) is not None:
            module = importlib.import_module(name)
            names = public_names(module)
            parts = [
                f"{name}\n{'=' * len(name)}\n",
                f".. automodule:: {name}\n   :no-members:\n",
                ".. autosummary::\n\n" + "".join(f"   {one}\n" for one in names),
                *(directive(one, getattr(module, one)) for one in names),
            ]
            (folder / f"{place:02}_{name}.rst").write_text("\n".join(parts), encoding="utf-8")
            table += f"   {name}\n"
    (GENERATED / "modules.txt").write_text(table, encoding="utf-8")


def write_example_pages() -> None:
    """A page for each program in examples/, whose docstring begins with the title and a colon."""
    folder = GENERATED / "examples"
    folder.mkdir(parents=True)
    for path in sorted((ROOT / "examples").glob("*.py")):
        title = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).partition(":")[0]
        place = f"../../../examples/{path.name}"
        code = f"```{{literalinclude}} {place}\n:language: python\n```\n"
        text = f"# {title}\n\nDownload: [{path.name}]({place})\n\n{code}"
        (folder / f"{path.stem}.md").write_text(text, encoding="utf-8")


def setup(app: Any) -> None:
    """Sphinx looks for the documents after this."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    write_module_pages()
    write_example_pages()
    app.add_search_language(EnglishAndChinese)
    app.connect("autodoc-skip-member", is_not_ours)
    app.connect("autodoc-process-docstring", escape_bars, priority=400)  # before numpydoc's
