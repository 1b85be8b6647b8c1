"""The rows of a fit on the workers of a cluster."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

from shallownet_c._checks import _features
from shallownet_c._checks._validation import Array
from shallownet_c._engine import Piece
from shallownet_c._fitting import _sources
from shallownet_c._model import Model
from shallownet_c.dask import _partitions, _work
from shallownet_c.dask._report import Report
from shallownet_c.dask._rounds import Cluster, Rounds


class Collection(_sources.Source):
    """Partitions of rows, loaded and checked by the workers, which keep them.

    Each is loaded by one task, consecutive ones by the same worker. Rows that the cluster holds already stay where they
    are, and those of one worker are added up before those of another, unless there is a `sync_every`: then there are as
    many runs of consecutive partitions as `learners`, who take steps on their own.

    Raises
    ------
    ValueError, TypeError
        If a partition's rows are not what the model takes, or partitions do not go together.
    """

    whole_batch_in_pieces = True

    def __init__(
        self,
        model: Model,
        params: Array,
        names: _features.Names,
        data: tuple[Any, Any, Any],
        cluster: Cluster,
        report: Report,
        sync_every: int | None = None,
        learners: int | None = None,
    ) -> None:
        super().__init__(model, params, names)
        began = time.perf_counter()
        self.sync_every = sync_every
        self.weighted = data[2] is not None
        pieces: list[Any] = []
        about: list[Any] = []
        with contextlib.ExitStack() as refused, cluster.watched():
            # The traceback of an error keeps the futures, and they the rows, for as long as somebody has it.
            refused.callback(lambda: [future.release() for future in (*about, *pieces)])
            pieces, runs = self._loaded(data, cluster, learners)
            about = cluster.client.map(_work.about, pieces, key=f"shallownet-check-{uuid.uuid4().hex}", pure=False)
            abouts: list[_work.About] = cluster.results(about)
            self._check(abouts)
            refused.pop_all()
        #: Rows of all partitions. A fit that is to order them has m; learners take them in orders of their own.
        self.n_rows = sum(one.rows for one in abouts)
        self.m = self.n_rows if sync_every is None else None
        self.fingerprint = sum(one.checksum for one in abouts) % 2**32
        full = [number for number, one in enumerate(abouts) if one.rows]
        #: Rows of each partition that has any.
        self.sizes = [abouts[number].rows for number in full]
        self.rounds = Rounds(cluster, [pieces[number] for number in full], self.sizes, report)
        if sync_every is not None:
            place = {number: leaf for leaf, number in enumerate(full)}
            of_each = ([place[number] for number in run if number in place] for run in runs)
            self.rounds.learners = [leaves for leaves in of_each if leaves]
        elif not runs:
            with cluster.watched():
                self.rounds.sort_by_holder()
        report.load += time.perf_counter() - began

    def _check(self, abouts: list[_work.About]) -> None:
        """Refuse what no partition by itself shows to be wrong."""
        if not any(one.rows for one in abouts):
            raise ValueError(f"X must have at least one row, got {len(abouts)} empty partitions")
        if not any(one.weight for one in abouts):
            raise ValueError("sample_weight must not be zero in every row of X")

    def _loaded(
        self, data: tuple[Any, Any, Any], cluster: Cluster, learners: int | None
    ) -> tuple[list[Any], list[list[int]]]:
        """Futures of the partitions, and the runs of them that were sent to one place each, none if they stay put."""
        X, Y, weights = data
        rows = _partitions.rows_of(X, self.model.sizes[0])
        columns = [rows.items, _partitions.goes_with("Y", Y, rows).items]
        columns.append([None] * len(rows.items))
        if weights is not None:
            columns[2] = _partitions.goes_with("sample_weight", weights, rows).items
        if self.names.known is None:
            self.names.known = rows.names
        delayed, key = _partitions.library("dask").delayed, f"shallownet-load-%d-{uuid.uuid4().hex}"
        tasks = [
            delayed(_work.load)(self.model, self.names.known, number, *parts, dask_key_name=key % number)
            for number, parts in enumerate(zip(*columns, strict=True))
        ]
        threads = cluster.threads()
        if self.sync_every is None and rows.held:
            return cluster.client.compute(tasks), []
        # A place for each of a worker's threads; learners go round where they are more.
        places = [worker for worker, n in threads.items() for _ in range(n)]
        n = len(places) if learners is None else learners
        runs = _partitions.runs(rows.sizes, n)
        futures: dict[int, Any] = {}
        for i, run in enumerate(runs):
            wanted = [tasks[number] for number in run]
            worker = places[i * len(places) // len(runs)]
            futures |= zip(run, cluster.client.compute(wanted, workers=[worker], allow_other_workers=True), strict=True)
        return [futures[number] for number in range(len(tasks))], runs

    def pieces(self, order: Array | None, batch: Any, rng: Any) -> Iterator[Piece]:
        raise TypeError("the rows are on the workers")

    def sums(
        self,
        grad: Array | None,
        n_threads: int,
        model: Model | None = None,
        training: bool = False,
        label_smoothing: float = 0.0,
        stop: Array | None = None,
    ) -> tuple[float, float]:
        model = self.model if model is None else model
        name = "cost" if grad is None else "gradient"
        total = self.rounds.run(name, _work.gradients, self.params, model, grad is not None, label_smoothing, n_threads)
        if grad is not None and total.vector is not None:
            grad += total.vector
        return total.loss, total.weight
