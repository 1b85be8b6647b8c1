"""Writes the codes of activations, losses and update rules as enums for Cython: their places in the tables."""

import ast
import importlib
import sys
import types
from pathlib import Path

# The package itself needs its compiled modules, which are yet to be built; two of its tables do not, and the keys of
# the third can be read.
folder = Path(__file__).parents[1] / "shallownet_c"
package = types.ModuleType("shallownet_c")
package.__path__ = [str(folder)]
sys.modules["shallownet_c"] = package

activations = importlib.import_module("shallownet_c.reference._activations").ACTIVATIONS
losses = importlib.import_module("shallownet_c.reference._losses").LOSSES
optimizers = ast.parse((folder / "optimizers.py").read_text(encoding="utf-8"))
(rules,) = (
    [key.value for key in node.value.keys]
    for node in optimizers.body
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OPTIMIZERS"
)


def enum(name: str, members: list[str]) -> str:
    lines = [f"    {member.upper()} = {code}" for code, member in enumerate(members)]
    return "\n".join([f"cdef enum {name}:", *lines, "", ""])


print('"""Made by codes.py from the tables of shallownet_c: see there."""\n')
print(enum("Activation", list(activations)))
print(enum("Loss", list(losses)))
print(enum("Rule", rules))
needs_z = sum(1 << code for code, row in enumerate(activations.values()) if row.needs_z)
print(f"cdef enum:\n    NEEDS_Z = {needs_z}    # a bit for each activation whose derivative is computed from z")
