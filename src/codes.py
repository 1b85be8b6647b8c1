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
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "OPTIMIZERS"
)


def enum(name: str, members: list[str]) -> str:
    lines = [f"    {member.upper()} = {code}" for code, member in enumerate(members)]
    return "\n".join([f"cdef enum {name}:", *lines, "", ""])


def bits(name: str, holds: list[bool], meaning: str) -> str:
    return f"    {name} = {sum(one << code for code, one in enumerate(holds))}    # {meaning}"


print('"""Made by codes.py from the tables of shallownet_c: see there."""\n')
print(enum("Activation", list(activations)))
print(enum("Loss", list(losses)))
print(enum("Rule", rules))
print("cdef enum:     # a bit for each code of which it is true")
print(bits("NEEDS_Z", [row.needs_z for row in activations.values()], "whose derivative is computed from z"))
print(bits("FROM_ZERO", [row.least == 0 for row in losses.values()], "whose targets are at least 0"))
print(bits("UP_TO_ONE", [row.greatest == 1 for row in losses.values()], "whose targets are at most 1"))
