"""Sums over partitions, added up in an order that depends on nothing but the number of partitions.

The partitions are the leaves of a binary tree, and a node is the pair of its first leaf and the one after its last.
Whoever has both halves of a node adds them, so that the sum of all has the same bits whoever computed what.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from shallownet_c._checks._validation import Array

Node = tuple[int, int]


class Sum(NamedTuple):
    """Of the rows of some partitions: a vector, which may be left out, Σ w L, Σ w, and steps of the optimizer."""

    vector: Array | None
    loss: float
    weight: float
    step: int = 0


class Partial(NamedTuple):
    """The sums of some nodes, and how they came about.

    `seconds` are those of the longest chain of computations that wait for each other, `sent` the bytes that tasks have
    handed on, and `work` has for each task on partitions its place in the round, its worker and its seconds.
    """

    nodes: dict[Node, Sum]
    seconds: float
    sent: int
    work: list[tuple[int, str, float]]


def added(a: Sum, b: Sum) -> Sum:
    """The sum over the rows of both."""
    vector = None if a.vector is None or b.vector is None else a.vector + b.vector
    return Sum(vector, a.loss + b.loss, a.weight + b.weight)


def averaged(a: Sum, b: Sum) -> Sum:
    """The mean vector by weight, the sums of all else, and the greater number of steps."""
    if a.vector is None or b.vector is None or not (a.weight and b.weight):
        vector = a.vector if a.weight else b.vector
    else:
        vector = a.vector + (b.vector - a.vector) * a.vector.dtype.type(b.weight / (a.weight + b.weight))
    return Sum(vector, a.loss + b.loss, a.weight + b.weight, max(a.step, b.step))


def collected(
    n: int, leaves: Collection[int], sum_of: Callable[[Node], Sum | None], merge: Callable[[Sum, Sum], Sum]
) -> dict[Node, Sum]:
    """The sums of the nodes of a tree of n leaves, the fewest that stand for all of `leaves`.

    `sum_of` gives the sum of a node, None where there is none and that of its halves is to be looked for. No more
    sums are kept at a time than the tree is deep.
    """
    wanted = sorted(leaves)
    found: dict[Node, Sum] = {}

    def visit(node: Node, wanted: list[int]) -> Sum | None:
        if not wanted:
            return None
        known = sum_of(node)
        first, end = node
        if known is not None or end - first == 1:
            return known
        middle = (first + end + 1) // 2
        halves = (first, middle), (middle, end)
        split = sum(leaf < middle for leaf in wanted)
        sums = [visit(half, part) for half, part in zip(halves, (wanted[:split], wanted[split:]), strict=True)]
        if sums[0] is not None and sums[1] is not None:
            return merge(sums[0], sums[1])
        found.update((half, one) for half, one in zip(halves, sums, strict=True) if one is not None)
        return None

    root = visit((0, n), wanted)
    return found if root is None else {(0, n): root}


def combined(n: int, parts: list[dict[Node, Sum]], merge: Callable[[Sum, Sum], Sum]) -> dict[Node, Sum]:
    """The nodes of all parts, added up as far as they meet."""
    known = {node: one for part in parts for node, one in part.items()}
    leaves = {leaf for first, end in known for leaf in range(first, end)}
    return collected(n, leaves, known.get, merge)


def size(nodes: dict[Node, Sum]) -> int:
    """Bytes of the vectors and numbers of the sums."""
    values: list[Any] = list(nodes.values())
    return sum(24 + (0 if one.vector is None else one.vector.nbytes) for one in values)
