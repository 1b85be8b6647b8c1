"""The rooms of the package: dependencies go one way, whoever imports when, and no file is too long to read."""

import ast
import graphlib
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "shallownet_c"
LONGEST = 300


def name_of(path):
    """shallownet_c._fitting._fit of shallownet_c/_fitting/_fit.py, shallownet_c of shallownet_c/__init__.py."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
# The compiled modules import none of the others.
MODULES |= {f"shallownet_c._{path.stem}": ast.parse("") for path in (ROOT / "src").glob("*.pyx")}


def imported(module):
    """(module, name) of each import, wherever it stands: in a function, or for a type checker alone.

    The name is None where the module itself is imported.
    """
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            yield from ((one.value, None) for one in node.args if isinstance(one, ast.Constant))


def origin(package, name):
    """The module that `from package import name` needs: a package stands for what it takes from its modules."""
    if f"{package}.{name}" in MODULES:
        return f"{package}.{name}"
    for module, given in imported(MODULES[package]):
        if given == name and module in MODULES and module != package:
            return origin(module, name)
    return package


GRAPH = {
    name: {
        target
        for source, given in imported(module)
        if source in MODULES and (target := source if given is None else origin(source, given)) != name
    }
    for name, module in MODULES.items()
}


def circle(graph):
    """The names on one, the first again at the end, or an empty list."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1][::-1]
    return []


def test_the_graph_sees_every_kind_of_import():
    assert "shallownet_c._checks._validation" in GRAPH["shallownet_c.mlp"]  # from a package, a module
    assert "shallownet_c._model" in GRAPH["shallownet_c._engine"]  # from a module, a class
    assert "shallownet_c.datasets" in GRAPH["shallownet_c"]  # for a type checker alone
    assert "shallownet_c.sklearn._convert" in GRAPH["shallownet_c"]  # through a package's __init__
    assert "shallownet_c.tools" in GRAPH["shallownet_c"]
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) != []
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_circle_of_modules():
    assert circle(GRAPH) == []


def test_no_circle_of_rooms():
    """Rooms are the packages within the package."""
    rooms = {}
    for name, targets in GRAPH.items():
        room = name.split(".")[:2][-1]
        for other in {target.split(".")[1] for target in targets if target.count(".") > 1}:
            if name.count(".") > 0 and room != other:
                rooms.setdefault(room, set()).add(other)
    assert {"_checks", "_storage"} <= rooms["_fitting"]
    assert circle(rooms) == []


def test_the_reference_needs_nothing_of_the_package():
    for name, targets in GRAPH.items():
        if name.startswith("shallownet_c.reference"):
            assert all(target.startswith("shallownet_c.reference") for target in targets), name


def lines_of_python(text):
    """How many lines are code: no docstrings, no comments, none that are empty."""
    comments = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in comments:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def lines_of_cython_or_c(text):
    text = re.sub(r'""".*?"""|/\*.*?\*/', "", text, flags=re.DOTALL)
    lines = (line.strip() for line in text.splitlines())
    return sum(
        bool(line) and not re.match(r"#(?!\s*(define|include|if|el|endif|undef|error|pragma))|//", line)
        for line in lines
    )


def test_what_counts_as_a_line():
    assert lines_of_python('"""One.\n\nTwo."""\n\nX = [  # three\n    1,\n]\n# four\n\n\ndef f():\n    "five"\n') == 4
    assert (
        lines_of_cython_or_c(
            '"""One.\n\nTwo."""\n# three\ncdef int x\n#define Y 1\n/* four\nfive */\n\nint z; // six\n'
        )
        == 3
    )


SOURCES = [*PACKAGE.rglob("*.py"), *(path for path in (ROOT / "src").iterdir() if path.suffix != ".pyi")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_is_too_long(path):
    count = lines_of_python if path.suffix == ".py" else lines_of_cython_or_c
    assert count(path.read_text(encoding="utf-8")) <= LONGEST


@pytest.mark.parametrize("path", sorted((ROOT / "src").glob("*.pyi")), ids=lambda path: path.name)
def test_no_compiled_function_takes_more_than_twelve_arguments(path):
    """More belong together in a struct; tests/test_stubs.py says that the stubs are what has been compiled."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs) <= 12, node.name
