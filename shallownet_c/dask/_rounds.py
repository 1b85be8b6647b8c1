"""Rounds of tasks on the workers that hold the partitions, and what becomes of a round when workers go away."""

from __future__ import annotations

import contextlib
import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c.dask import _work
from shallownet_c.dask._partitions import library, runs
from shallownet_c.dask._report import Report
from shallownet_c.dask._sums import Partial, Sum

#: As many results are added up by one task, or by the client; more by several tasks first.
FAN_IN = 8
#: How often it is looked whether there are still workers, in seconds.
LOOK = 1.0
#: Rounds of tasks with nothing to do, by which the scheduler's share of the time is told.
EMPTY_ROUNDS = 3

KEPT = "the network has the parameters of the last step that was completed"


class Group(NamedTuple):
    """Partitions for one task, and the worker that holds them."""

    leaves: list[int]
    worker: str


def client_of(client: Any) -> Any:
    """The client itself, or the one in use.

    Raises
    ------
    ValueError, TypeError
        If it is none, it is asynchronous, or there is none in use.
    """
    distributed = library()
    if client is None:
        try:
            client = distributed.default_client()
        except ValueError:
            raise ValueError(
                "client must be a distributed.Client where none is in use, got None: distributed.Client() starts one "
                "with workers on this machine"
            ) from None
    if not isinstance(client, distributed.Client):
        raise TypeError(f"client must be a distributed.Client, got {_validation.shown(client)}")
    if client.asynchronous:
        raise ValueError("client must be synchronous, got one with asynchronous=True")
    if client.status != "running":
        raise ValueError(f"client must be connected to a scheduler, got one that is {client.status}")
    return client


class ClusterLostError(RuntimeError):
    """No worker, or no scheduler, that could go on with a fit; the network has the last step that was completed."""

    __module__ = "shallownet_c.dask"  # where users find it


class Cluster:
    """A client, and how long to wait for workers."""

    def __init__(self, client: Any, worker_timeout: float) -> None:
        self.client, self.worker_timeout = client, worker_timeout
        self.library = library()

    def threads(self) -> dict[str, int]:
        """The workers' addresses and their threads, sorted; an error if there are none within the time."""
        threads = self._threads()
        if not threads:
            try:
                self.client.wait_for_workers(1, timeout=self.worker_timeout)
            except TimeoutError:
                self._raise_lost()
            threads = self._threads()
        return threads

    def _threads(self) -> dict[str, int]:
        if self.client.status != "running":
            return {}
        try:
            return dict(sorted(self.client.nthreads().items()))
        except OSError:  # the connection to the scheduler has gone meanwhile
            return {}

    def _raise_lost(self) -> None:
        what = "scheduler" if self.client.status != "running" else "worker"
        raise ClusterLostError(f"no {what} has been there for {self.worker_timeout:g} s (worker_timeout): {KEPT}")

    def results(self, futures: Sequence[Any]) -> list[Any]:
        """The results of tasks; an error if there is nobody to compute them for `worker_timeout` seconds."""
        waited_since, patience = None, LOOK
        while True:
            try:
                self.library.wait(futures, timeout=LOOK)
                patience *= 2  # large results may take longer to come than it takes to see that a worker has gone
                return [future.result(timeout=patience) for future in futures]
            except TimeoutError:
                if self._threads():
                    waited_since = None
                elif waited_since is None:
                    waited_since = time.monotonic()
                elif time.monotonic() - waited_since > self.worker_timeout:
                    self._raise_lost()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Within, tasks are those of this client, and what fails for want of its scheduler is an error that says so."""
        try:
            # `wait` would take the client that is in use, and each step sends what Dask calls a large graph where the
            # network has a million parameters.
            large = {"distributed.admin.large-graph-warning-threshold": "1 TB"}
            with self.client.as_current(), library("dask").config.set(large):
                yield
        except ClusterLostError:
            raise
        except Exception as error:
            lost = isinstance(error, (self.library.CancelledError, self.library.comm.CommClosedError))
            if self.client.status == "running" and not lost:
                raise
            raise ClusterLostError(f"the scheduler has gone, or lost what the fit needs ({error}): {KEPT}") from None


class Rounds:
    """Rounds of tasks on loaded partitions: futures of those that have rows, and how many rows these are."""

    def __init__(self, cluster: Cluster, pieces: list[Any], rows: list[int], report: Report) -> None:
        self.cluster, self.pieces, self.rows, self.report = cluster, pieces, rows, report
        #: Groups of partitions that stay together, wherever these are.
        self.learners: list[list[int]] | None = None
        self.id = uuid.uuid4().hex
        self.count = 0
        self.latency = 0.0
        self.groups: list[Group] = []
        #: Whether others hold the partitions than the groups say.
        self.moved = True

    def holders(self) -> list[str]:
        """The worker that holds each partition; of several that do, the one with the fewest rows so far."""
        load = dict.fromkeys(self.cluster.threads(), 0)
        known = self.cluster.client.who_has(self.pieces)
        holders = []
        for future, rows in zip(self.pieces, self.rows, strict=True):
            who = [worker for worker in sorted(known.get(future.key, ())) if worker in load] or list(load)
            chosen = min(who, key=lambda worker: load[worker])
            load[chosen] += rows
            holders.append(chosen)
        return holders

    def sort_by_holder(self) -> None:
        """Number the partitions anew, those of one worker after those of another, which makes few nodes of a tree."""
        holders = self.holders()
        places = sorted(range(len(holders)), key=lambda leaf: (holders.index(holders[leaf]), leaf))
        self.pieces, self.rows = [self.pieces[leaf] for leaf in places], [self.rows[leaf] for leaf in places]

    def plan(self) -> None:
        """Find out who holds which partitions, and divide each worker's among its threads."""
        holders = self.holders()
        if self.learners is not None:
            self.groups = [Group(leaves, _most(leaves, holders, self.rows)) for leaves in self.learners]
            return
        self.groups, threads = [], self.cluster.threads()
        for worker in set(holders):
            leaves = [leaf for leaf, holder in enumerate(holders) if holder == worker]
            for run in runs([self.rows[leaf] for leaf in leaves], threads.get(worker, 1)):
                self.groups.append(Group([leaves[i] for i in run], worker))
        self.groups.sort()

    def run(
        self, name: str, work: Callable[..., Partial], params: Array, *others: Any, merge: str = "sum",
        only: Sequence[int] | None = None,
    ) -> Sum:  # fmt: skip
        """One round: `work` on each group, or on those whose numbers are in `only`, and the sum of all of them."""
        with self.cluster.watched():
            if self.moved:
                self.moved = False
                self.plan()
                none = params[:0]
                empty = [self._round("latency", _work.nothing, none, (), "sum", None)[1] for _ in range(EMPTY_ROUNDS)]
                self.latency = statistics.median(empty)
            part, wall, down = self._round(name, work, params, others, merge, only)
        slowest: dict[str, float] = {}
        for _, worker, seconds in part.work:
            slowest[worker] = max(seconds, slowest.get(worker, 0.0))
        self.report.add(wall, part.seconds, self.latency, down, part.sent, slowest)
        (total,) = part.nodes.values()
        return total

    def _round(
        self, name: str, work: Callable[..., Partial], params: Array, others: tuple[Any, ...], merge: str,
        only: Sequence[int] | None,
    ) -> tuple[Partial, float, int]:  # fmt: skip
        """The sum, the seconds until it was there, and the bytes of parameters that were sent for it."""
        began = time.perf_counter()
        submit, round = self.cluster.client.submit, self.count
        self.count += 1
        groups = self.groups if only is None else [self.groups[number] for number in only]
        n = len(self.pieces) if self.learners is None else len(groups)
        sent: Any = params
        copies = len(groups)
        if copies > FAN_IN:  # workers fetch it from each other, where the client would have to send it to each task
            sent = submit(_work.same, params, key=f"shallownet-params-{round}-{self.id}", pure=False)
            copies = len({group.worker for group in groups})
        futures = [
            submit(
                work, _work.Task(place, group.leaves, n), [self.pieces[leaf] for leaf in group.leaves], sent, *others,
                key=f"shallownet-{name}-{round}-{place}-{self.id}", workers=[group.worker], allow_other_workers=True,
                pure=False,
            )
            for place, group in enumerate(groups)
        ]  # fmt: skip
        level = 0
        while len(futures) > FAN_IN:
            level += 1
            futures = [
                submit(
                    _work.merged,
                    n,
                    merge,
                    futures[first : first + FAN_IN],
                    key=f"shallownet-sum-{round}-{level}-{first}-{self.id}",
                    pure=False,
                )
                for first in range(0, len(futures), FAN_IN)
            ]
        parts = self.cluster.results(futures)
        part = _work.merged(n, merge, parts)._replace(sent=sum(part.sent for part in parts))
        if any(worker != groups[place].worker for place, worker, _ in part.work):
            self.moved = True  # a worker has gone: plan anew before the next round
        return part, time.perf_counter() - began, copies * params.nbytes


def _most(leaves: list[int], holders: list[str], rows: list[int]) -> str:
    """The worker that holds most rows of these partitions."""
    held: dict[str, int] = {}
    for leaf in leaves:
        held[holders[leaf]] = held.get(holders[leaf], 0) + rows[leaf]
    return max(sorted(held), key=lambda worker: held[worker])
