"""What the workers do: rows loaded and checked once, gradients of them, steps on them, and the sums of all that."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from shallownet_c import _engine
from shallownet_c._checks import _features, _sparse, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._engine import Piece, Rule, Run
from shallownet_c._fitting import _sources
from shallownet_c._model import Model
from shallownet_c.dask._sums import Partial, Sum, added, averaged, collected, combined, size


class About(NamedTuple):
    """What a fit must know of a partition's rows: how many, Σ w, their bytes, and a checksum of all of them."""

    rows: int
    weight: float
    bytes: int
    checksum: int


class Task(NamedTuple):
    """A task on some partitions, which are leaves of a tree of n, and its place among the tasks of a round."""

    place: int
    leaves: list[int]
    n: int


def load(model: Model, names: tuple[str, ...] | None, number: int, X: Any, Y: Any, weights: Any) -> Piece | None:
    """The rows of a partition as the kernels take them, None if it has none.

    Raises
    ------
    ValueError, TypeError
        If they are not what the model takes; the partition and its first bad row are named.
    """
    try:
        _sparse.refuse("X", X)
        _features.Names(names).checked(X)
        if len(X) == len(Y) == 0:
            return None
        return _sources.check(model, X, Y, weights, all_zero=True)
    except (TypeError, ValueError) as error:
        raise _validation.retold(error, f"partition {number}: {error}") from None


def about(piece: Piece | None) -> About:
    """The partition's numbers, which the client needs."""
    if piece is None:
        return About(0, 0.0, 0, 0)
    arrays = [array for array in (_inputs(piece), *piece[1:4]) if array is not None]
    return About(piece.m, piece.weight_sum, sum(array.nbytes for array in arrays), checksum(arrays))


def _inputs(piece: Piece) -> Array:
    """X, which `load` has seen to be dense."""
    assert isinstance(piece.X, np.ndarray)
    return piece.X


def checksum(arrays: list[Array]) -> int:
    """A number that changes with any element and its column, though not with the order of the rows.

    Those of the partitions of a table add up to that of the table, however it is cut.
    """
    total = 0
    for array in arrays:
        bits = array.view(f"u{array.dtype.itemsize}").reshape(len(array), -1)
        sums = bits.sum(axis=0, dtype=np.uint64)  # which wraps
        total += sum(int(one) * (zlib.crc32(b"%d" % column) | 1) for column, one in enumerate(sums))
    return total % 2**32


def address() -> str:
    """Of the worker that runs this task."""
    from distributed import get_worker

    return str(get_worker().address)


def aligned(array: Array) -> Array:
    """The array where the kernels can read it: one that has come in a message may begin at any byte."""
    return np.require(array, requirements=["C", "A"])


def readable(piece: Piece) -> Piece:
    """The piece with arrays that the kernels can read."""
    Y, classes, weights = (None if array is None else aligned(array) for array in piece[1:4])
    return Piece(aligned(_inputs(piece)), Y, classes, weights)


def gradients(
    task: Task, pieces: list[Piece], params: Array, model: Model, with_grad: bool, smoothing: float, n_threads: int
) -> Partial:
    """Σ w L, Σ w and, if asked for, the gradient of the first, over the rows of the task's partitions."""
    began = time.perf_counter()
    net = _engine.network(model, aligned(params))
    by_leaf = dict(zip(task.leaves, pieces, strict=True))

    def sum_of(node: tuple[int, int]) -> Sum | None:
        if node[1] - node[0] > 1:
            return None
        grad = np.zeros(model.n_params, model.dtype) if with_grad else None
        piece = readable(by_leaf[node[0]])
        return Sum(grad, *_engine.gradient(net, piece, grad, n_threads, with_grad, smoothing))

    nodes = collected(task.n, task.leaves, sum_of, added)
    seconds = time.perf_counter() - began
    return Partial(nodes, seconds, size(nodes), [(task.place, address(), seconds)])


def nothing(task: Task, pieces: list[Piece], params: Array) -> Partial:
    """A task that computes nothing and has next to nothing to send: what is left is what each task costs Dask."""
    return Partial({}, 0.0, 0, [(task.place, address(), 0.0)])


class Steps(NamedTuple):
    """Steps on minibatches: those from `first` on to the one before `end`, of an epoch whose orders follow from `seed`;
    without a seed rows come as they lie."""

    batch: int
    first: int
    end: int
    seed: int | None


def batches(rows: int, batch: int) -> int:
    """How many batches a partition makes: they do not reach beyond it."""
    return -(-rows // batch)


def learn(
    task: Task, pieces: list[Piece], start: Array, model: Model, rule: Rule, rate: float, run: Run, steps: Steps
) -> Partial:
    """Steps of one learner on its own partitions, from parameters and an optimizer's state that are one array.

    `start` (1 + k, P) is left as it is; the sum's vector is such an array, after the steps, and its weight is that of
    the rows that they took.
    """
    began = time.perf_counter()
    vector = np.array(start)
    params, step = vector[0], rule.step.copy()
    own = rule._replace(state=vector[1:], step=step)
    net = _engine.network(model, params)
    loss_sum = weight_sum = 0.0
    for piece in taken(task.leaves, pieces, steps):
        cost = np.full(1, np.nan)
        _engine.train(net, piece, None, steps.batch, np.array([rate]), cost, own, run)
        weight = piece.m if piece.weights is None else float(piece.weights[piece.order].sum(dtype=np.float64))
        loss_sum, weight_sum = loss_sum + (cost.item() * weight if weight else 0.0), weight_sum + weight
        if not math.isfinite(loss_sum):
            break
    seconds = time.perf_counter() - began
    nodes = {(task.place, task.place + 1): Sum(vector, loss_sum, weight_sum, int(step[0]))}
    return Partial(nodes, seconds, size(nodes), [(task.place, address(), seconds)])


def taken(leaves: list[int], pieces: list[Piece], steps: Steps) -> list[Piece]:
    """The pieces with the rows that the steps take, in their order; only what is taken is shuffled."""
    order = np.arange(len(leaves))
    if steps.seed is not None:
        np.random.default_rng([steps.seed, leaves[0]]).shuffle(order)
    begin, found = 0, []
    for i in order:
        piece, m = readable(pieces[i]), pieces[i].m
        end = begin + batches(m, steps.batch)
        if begin < steps.end and steps.first < end:
            rows = np.arange(m)
            if steps.seed is not None:
                rows = np.random.default_rng([steps.seed, leaves[i], 1]).permutation(m)
            first, last = (max(0, place - begin) * steps.batch for place in (steps.first, steps.end))
            found.append(piece._replace(order=rows[first:last].astype(np.int64, copy=False)))
        begin = end
    return found


MERGES: dict[str, Callable[[Sum, Sum], Sum]] = {"sum": added, "average": averaged}


def merged(n: int, merge: str, parts: list[Partial]) -> Partial:
    """The sums of several tasks as one."""
    began = time.perf_counter()
    nodes = combined(n, [part.nodes for part in parts], MERGES[merge])
    work = [one for part in parts for one in part.work]
    seconds = max(part.seconds for part in parts) + time.perf_counter() - began
    return Partial(nodes, seconds, size(nodes) + sum(part.sent for part in parts), work)


def same(value: Any) -> Any:
    """The value, as the result of a task from which the others fetch it."""
    return value
