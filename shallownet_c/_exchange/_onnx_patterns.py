"""Which activation a composition of ONNX's elementwise operators is.

A tree is a number, Z, or the name of an operator and its operands. Trees are made by `op`, which brings them into one
form: differences are sums with −1, quotients products with reciprocals; sums and products are flat and sorted, each
has one number at most, and that of a sum is 1. What computes the same formula then has the same tree, whatever the
exporter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from shallownet_c._checks._validation import shown
from shallownet_c._exchange._onnx_forms import FORMS, GELU_CUBE, GELU_SCALE
from shallownet_c.reference._activations import SELU_ALPHA, SELU_SCALE

#: A number is a float, all else a tuple.
Tree = Any
Z: Tree = ("z",)
#: In a pattern: any number.
ANY = math.nan
#: Of operators, operands and numbers in a tree: several times the largest pattern.
MOST_PARTS = 100
#: Constants are often rounded to float32, and so may be their products.
TOLERANCE = 1e-6


class NoTree(ValueError):
    """A composition that is too large to be an activation, or has operands that no tree has."""


def op(name: str, *operands: Tree) -> Tree:
    """The tree of the operator on these operands."""
    tree = MEANINGS[name](*operands)
    if parts(tree) > MOST_PARTS:
        raise NoTree("it has too many operators")
    return tree


def recognised(tree: Tree) -> tuple[str, float | None] | None:
    """The name of the activation of Z, and the leak where it has one; None if it is none."""
    for name, pattern in PATTERNS:
        numbers: list[float] = []
        if is_same(pattern, tree, numbers):
            return name, next(iter(numbers), None)
    return None


def is_same(pattern: Tree, tree: Tree, numbers: list[float]) -> bool:
    """Whether the tree is the pattern; the numbers that stand where that has ANY are appended to the list."""
    if isinstance(pattern, float) or isinstance(tree, float):
        if not (isinstance(pattern, float) and isinstance(tree, float)):
            return False
        if math.isnan(pattern):
            numbers.append(tree)
            return True
        return math.isclose(pattern, tree, rel_tol=TOLERANCE)
    if pattern[0] != tree[0] or len(pattern) != len(tree):
        return False
    return all(is_same(one, other, numbers) for one, other in zip(pattern[1:], tree[1:], strict=True))


def formula(tree: Tree) -> str:
    """The tree as messages print it."""
    if isinstance(tree, float):
        return f"{tree:.7g}"
    return str(tree[0]) + (f"({', '.join(map(formula, tree[1:]))})" if len(tree) > 1 else "")


def parts(tree: Tree) -> int:
    return 1 if isinstance(tree, float) else 1 + sum(map(parts, tree[1:]))


def structure(tree: Tree) -> str:
    """The tree without its numbers, by which operands are sorted."""
    return "#" if isinstance(tree, float) else f"{tree[0]}({','.join(map(structure, tree[1:]))})"


def in_order(trees: list[Tree]) -> list[Tree]:
    """The trees sorted, so that a multiple stands where the tree itself would."""

    def key(tree: Tree) -> tuple[list[str], float]:
        number, factors = factored(tree)
        return [structure(factor) for factor in factors], number

    return sorted(trees, key=key)


def factored(tree: Tree) -> tuple[float, list[Tree]]:
    """The number and the other factors of a product."""
    if isinstance(tree, float):
        return tree, []
    if tree[0] != "Mul":
        return 1.0, [tree]
    return (tree[1], list(tree[2:])) if isinstance(tree[1], float) else (1.0, list(tree[1:]))


def product(*operands: Tree) -> Tree:
    number, factors = 1.0, []
    for operand in operands:
        one, others = factored(operand)
        number *= one
        factors += others
    if not factors:
        return number
    factors = in_order(factors)
    if number != 1:
        return ("Mul", number, *factors)
    return factors[0] if len(factors) == 1 else ("Mul", *factors)


def total(*operands: Tree) -> Tree:
    number, terms = 0.0, []
    for operand in operands:
        times, factors = factored(operand)
        is_sum = len(factors) == 1 and factors[0][0] == "Add"
        for term in factors[0][1:] if is_sum else [product(*factors)]:
            if isinstance(term, float):
                number += times * term
            else:
                terms.append(product(times, term))
    if not terms:
        return number
    terms = in_order(terms)
    if number == 0 and len(terms) == 1:
        return terms[0]
    times = number or factored(terms[0])[0]
    if times == 0 or not math.isfinite(times):
        return ("Add", number, *terms)
    multiples = [*([(number, [])] if number else []), *map(factored, terms)]
    # Divided, so that the one that is to have the number 1 has it exactly.
    return product(times, ("Add", *(product(multiple / times, *factors) for multiple, factors in multiples)))


def reciprocal(operand: Tree) -> Tree:
    number, factors = factored(operand)
    inverses = [factor[1] if factor[0] == "Reciprocal" else ("Reciprocal", factor) for factor in factors]
    return product(1 / number if number else math.inf, *inverses)


def power(operand: Tree, exponent: Tree) -> Tree:
    if exponent in (1.0, 2.0, 3.0):
        return product(*[operand] * int(exponent))
    return ("Pow", operand, exponent)


def absolute(operand: Tree) -> Tree:
    number, factors = factored(operand)
    return product(abs(number), ("Abs", product(*factors))) if factors else abs(number)


def extreme(name: str, choose: Callable[..., float]) -> Callable[..., Tree]:
    """The meaning of Max or Min."""

    def of(*operands: Tree) -> Tree:
        numbers = [operand for operand in operands if isinstance(operand, float)]
        others = [operand for operand in operands if not isinstance(operand, float)]
        if not others:
            return choose(numbers)
        return (name, *([choose(numbers)] if numbers else []), *in_order(others))

    return of


greatest, least = extreme("Max", max), extreme("Min", min)


def clipped(operand: Tree, lower: Tree = -math.inf, upper: Tree = math.inf) -> Tree:
    operand = operand if lower == -math.inf else greatest(operand, lower)
    return operand if upper == math.inf else least(operand, upper)


def greater(one: Tree, other: Tree) -> Tree:
    """As a comparison with a number on the right; where both are the same, the branches of all patterns are, too."""
    return ("Not", ("Greater", other, one)) if isinstance(one, float) else ("Greater", one, other)


def less(one: Tree, other: Tree) -> Tree:
    return greater(other, one) if isinstance(one, float) else negation(("Greater", one, other))


def negation(operand: Tree) -> Tree:
    if isinstance(operand, float):
        raise NoTree("it has a constant condition")
    return operand[1] if operand[0] == "Not" else ("Not", operand)


def chosen(condition: Tree, one: Tree, other: Tree) -> Tree:
    if not isinstance(condition, float) and condition[0] == "Not":
        return ("Where", condition[1], other, one)
    return ("Where", condition, one, other)


def plain(name: str) -> Callable[..., Tree]:
    """The meaning of an operator that no other can stand for."""
    return lambda *operands: (name, *operands)


def sigmoid(z: Tree) -> Tree:
    return reciprocal(total(("Exp", product(-1.0, z)), 1.0))


def selu(z: Tree, alpha: Tree, gamma: Tree) -> Tree:
    return product(gamma, ("Elu", z, alpha))


#: The operators that trees are made of; those with attributes have these as further operands.
MEANINGS: dict[str, Callable[..., Tree]] = {
    "Add": total,
    "Sub": lambda one, other: total(one, product(-1.0, other)),
    "Mul": product,
    "Div": lambda one, other: product(one, reciprocal(other)),
    "Neg": lambda z: product(-1.0, z),
    "Reciprocal": reciprocal,
    "Pow": power,
    "Abs": absolute,
    "Max": greatest,
    "Min": least,
    "Clip": clipped,
    "Greater": greater,
    "GreaterOrEqual": greater,
    "Less": less,
    "LessOrEqual": less,
    "Not": negation,
    "Where": chosen,
    "Sigmoid": sigmoid,
    "Relu": lambda z: greatest(z, 0.0),
    "LeakyRelu": plain("LeakyRelu"),
    "PRelu": plain("LeakyRelu"),
    "Celu": lambda z, alpha: ("Elu", z, alpha) if alpha == 1.0 else ("Celu", z, alpha),
    "Selu": selu,
    "Swish": lambda z, alpha: product(z, sigmoid(product(alpha, z))),
    **{name: plain(name) for name in ("Exp", "Log", "Sqrt", "Tanh", "Erf", "Sin", "Softplus", "Elu", "Softmax")},
    **{name: plain(name) for name in ("Mish", "Gelu", "Gelu:tanh")},
}


def _softpluses() -> list[Tree]:
    one_plus_exp = op("Add", op("Exp", Z), 1.0)
    stable = op("Add", op("Max", Z, 0.0), op("Log", op("Add", op("Exp", op("Neg", op("Abs", Z))), 1.0)))
    forms = [op("Softplus", Z), op("Log", one_plus_exp)]
    # As PyTorch has it: beyond 20 it is z, which differs from softplus by 2e-9 at most.
    cut = [op("Where", op("Greater", Z, 20.0), Z, form) for form in forms]
    return [*forms, stable, *cut, FORMS["softplus"](op, Z)]


def _gelu_tanhs() -> list[Tree]:
    square = op("Mul", Z, Z)
    sums = op("Add", Z, op("Mul", square, Z, GELU_CUBE)), op("Mul", Z, op("Add", op("Mul", square, GELU_CUBE), 1.0))
    by_tanh = [op("Mul", Z, 0.5, op("Add", op("Tanh", op("Mul", u, GELU_SCALE / 2)), 1.0)) for u in sums]
    by_sigmoid = [op("Mul", Z, op("Sigmoid", op("Mul", u, GELU_SCALE))) for u in sums]
    return [op("Gelu:tanh", Z), *by_tanh, *by_sigmoid]


def _selus(elus: list[Tree]) -> list[Tree]:
    positive = op("Greater", Z, 0.0)
    curve = op("Mul", op("Sub", op("Exp", Z), 1.0), SELU_ALPHA)
    bounded = op("Mul", op("Sub", op("Exp", op("Min", Z, 0.0)), 1.0), SELU_ALPHA)
    whole = [op("Where", positive, Z, curve), op("Add", op("Max", Z, 0.0), bounded), op("Elu", Z, SELU_ALPHA)]
    return [op("Mul", each, SELU_SCALE) for each in whole] + [
        op("Where", positive, op("Mul", Z, SELU_SCALE), op("Mul", curve, SELU_SCALE)),
        FORMS["selu"](op, Z),
    ]


def _patterns() -> list[tuple[str, Tree]]:
    positive = op("Greater", Z, 0.0)
    softpluses = _softpluses()
    below = op("Sub", op("Exp", Z), 1.0), op("Sub", op("Exp", op("Min", Z, 0.0)), 1.0)
    elus = [
        op("Elu", Z, 1.0),
        op("Where", positive, Z, below[0]),
        op("Add", op("Max", Z, 0.0), below[1]),
        FORMS["elu"](op, Z),
    ]
    erf = op("Erf", op("Mul", Z, -math.sqrt(0.5)))
    every = {
        "sigmoid": [op("Sigmoid", Z), op("Div", op("Exp", Z), op("Add", op("Exp", Z), 1.0))],
        "tanh": [op("Tanh", Z)],
        "relu": [op("Relu", Z), op("Where", positive, Z, 0.0)],
        "leaky_relu": [
            op("LeakyRelu", Z, ANY),
            op("Max", op("Mul", Z, ANY), Z),
            op("Where", positive, Z, op("Mul", Z, ANY)),
        ],
        "softmax": [op("Softmax", Z)],
        "exp": [op("Exp", Z)],
        "silu": [op("Mul", Z, op("Sigmoid", Z))],
        "gelu": [op("Gelu", Z), FORMS["gelu"](op, Z), op("Mul", Z, 0.5, op("Sub", 1.0, erf))],
        "gelu_tanh": _gelu_tanhs(),
        "mish": [op("Mish", Z), FORMS["mish"](op, Z), *(op("Mul", Z, op("Tanh", each)) for each in softpluses)],
        "softplus": softpluses,
        "elu": elus,
        "selu": _selus(elus),
        "sin": [op("Sin", Z)],
    }
    return [(name, pattern) for name, patterns in every.items() for pattern in patterns]


PATTERNS = _patterns()


def refusal(tree: Tree) -> str:
    """Why the tree is taken for no activation."""
    return f"makes {shown(formula(tree))[1:-1]}, which is no activation of this package"
