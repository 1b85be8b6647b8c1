"""The stubs of the compiled modules: they declare what the modules have, with the parameters that they take."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import shallownet_c as sn
from shallownet_c import _core, _cpu, _engine, _layer

MODULES = (_core, _cpu, _layer)
NET = sn.MLP([2, 1], seed=0)
#: Of the classes whose objects can be called or have attributes.
INSTANCES = {
    _core.Kernels: NET.model.kernels,
    _core.Network: _engine.network(NET.model, NET.params),
    _core.Predictor: NET.predictor(),
    _layer.DenseForward: sn.kernels._forward,
}


def stub(module):
    return ast.parse(Path(module.__file__).with_name(module.__name__.rpartition(".")[2] + ".pyi").read_text())


def declared(body):
    """Functions, classes and properties by name."""
    return {node.name: node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def parameters(node):
    """(name, default as it is written or None) of each parameter of a declared function, self and cls left out."""
    arguments = node.args
    defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + [ast.unparse(d) for d in arguments.defaults]
    pairs = [(argument.arg, default) for argument, default in zip(arguments.args, defaults, strict=True)]
    return pairs[1:] if pairs and pairs[0][0] in ("self", "cls") else pairs


def classes():
    return [
        pytest.param(getattr(module, name), node.body, id=f"{module.__name__}.{name}")
        for module in MODULES
        for name, node in declared(stub(module).body).items()
        if isinstance(node, ast.ClassDef)
    ]


def check_function(function, node):
    taken = [parameter for name, parameter in inspect.signature(function).parameters.items() if name != "self"]
    written = parameters(node)
    assert [name for name, _ in written] == [parameter.name for parameter in taken]
    for (_, default), parameter in zip(written, taken, strict=True):
        assert (default is None) == (parameter.default is parameter.empty)
        assert default in (None, "...", repr(parameter.default))


def check_call(function, node):
    """Of a compiled constructor or `__call__`, which has no signature, the errors say what it takes."""
    written = parameters(node)
    required = sum(default is None for _, default in written)
    with pytest.raises(Exception) as refused:  # noqa: PT011  of None, whatever that is
        function(**dict.fromkeys(name for name, _ in written))
    assert not re.search(r"positional|keyword", str(refused.value))
    counted = r"takes (exactly|at least|at most) (\d+) positional arguments? \((\d+) given\)"
    with pytest.raises(TypeError, match=counted) as too_few:
        function()
    assert int(re.search(counted, str(too_few.value))[2]) == required
    with pytest.raises(TypeError, match=counted) as too_many:
        function(*[None] * 20)
    assert int(re.search(counted, str(too_many.value))[2]) == len(written)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_module_is_as_declared(module):
    names = declared(stub(module).body)
    assert names.keys() == {name for name in vars(module) if not name.startswith("_")}
    for name, node in names.items():
        if isinstance(node, ast.FunctionDef):
            check_function(getattr(module, name), node)


@pytest.mark.parametrize(("kind", "body"), classes())
def test_class_is_as_declared(kind, body):
    members, names = vars(kind), declared(body)
    # Cython's __cinit__ is the constructor of a class that has no __init__ of its own.
    constructor = "__init__" if "__init__" in members else "__new__"
    special = {constructor} | (members.keys() & {"__call__"})
    assert names.keys() == special | {name for name in members if not name.startswith("__")}
    check_call(kind, names[constructor])
    for name in names.keys() - {constructor}:
        if name == "__call__":
            check_call(INSTANCES[kind].__call__, names[name])
        elif callable(members[name]):
            check_function(members[name], names[name])
        else:  # none can be set
            assert [decorator.id for decorator in names[name].decorator_list] == ["property"]
            with pytest.raises(AttributeError):
                setattr(INSTANCES[kind], name, getattr(INSTANCES[kind], name))
