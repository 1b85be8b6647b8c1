"""The package's public names, as a value for JSON: what users may call, with which arguments and defaults.

``python -P tests/public_names.py > tests/data/VERSION/names.json`` keeps those of the installed version.
"""

import importlib
import inspect
import json
import pkgutil

import shallownet_c

DATA = (dict, list, tuple, str, int, float)


def described(function):
    """The parameters of a function: their kinds, and their defaults as they are printed."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a compiled one without a signature
        return None
    return {p.name: [p.kind.name, None if p.default is p.empty else repr(p.default)] for p in parameters}


def members(kind):
    """A class's own public methods and attributes; what scikit-learn's classes hand down is not ours to keep."""
    found = {}
    for base in kind.__mro__:
        for name in vars(base) if base.__module__.startswith("shallownet_c") else ():
            if not name.startswith("_"):
                member = getattr(kind, name)
                found[name] = described(member) if callable(member) else None
    return dict(sorted(found.items()))


def about(value):
    """What a caller relies on: a table's keys, a function's parameters, a class's methods."""
    if isinstance(value, type):
        return {"kind": "class", "parameters": described(value), "members": members(value)}
    if callable(value):
        return {"kind": "function", "parameters": described(value)}
    return {"kind": type(value).__name__, **({"keys": list(value)} if isinstance(value, dict) else {})}


def names(module):
    """Functions and classes whose home the module is, its tables and constants, and whatever is in its __all__."""
    offered = set(getattr(module, "__all__", ()))
    found = {name: getattr(module, name) for name in sorted(offered.union(dir(module)))}
    return {
        name: about(value)
        for name, value in found.items()
        if name in offered
        or (not name.startswith("_") and (type(value) in DATA or getattr(value, "__module__", None) == module.__name__))
    }


def modules():
    for module in pkgutil.walk_packages(shallownet_c.__path__, "shallownet_c."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            yield module.name


def public_names():
    return {name: names(importlib.import_module(name)) for name in ("shallownet_c", *modules())}


if __name__ == "__main__":
    print(json.dumps(public_names()))
