"""What a fit on several machines reports: bytes, seconds, and which worker the others waited for."""

from __future__ import annotations

from dataclasses import dataclass, field

from shallownet_c import history


@dataclass
class Worker:
    """What a worker has done: rounds that it computed in, the seconds of its longest task in each, added up, and the
    rounds in which all others were done before it."""

    rounds: int = 0
    seconds: float = 0.0
    waited_for: int = 0

    @property
    def mean(self) -> float:
        """Mean seconds of a round."""
        return self.seconds / max(1, self.rounds)


@dataclass
class Report:
    """Where the time of a fit went.

    A round is one evaluation of the cost and its gradient on all rows, which is what a step takes ("lbfgs" may take
    several), or for "local-sgd" the steps between two averages.

    Attributes
    ----------
    rounds : int
    bytes_down, bytes_up : int
        Bytes of parameters sent to tasks, and of gradients and sums sent by them, in all rounds.
    load : float
        Seconds until all partitions were loaded and checked.
    compute : float
        Seconds of arithmetic: in each round those of the longest chain of tasks that wait for each other.
    scheduler : float
        Seconds that the same tasks take with nothing to compute or to send, measured before the first round.
    communication : float
        All other seconds of the rounds.
    workers : dict of str to Worker
        By their addresses: each worker's rounds and seconds, and how often the others waited for it.
    """

    rounds: int = 0
    bytes_down: int = 0
    bytes_up: int = 0
    load: float = 0.0
    compute: float = 0.0
    communication: float = 0.0
    scheduler: float = 0.0
    workers: dict[str, Worker] = field(default_factory=dict)

    @property
    def straggler(self) -> str | None:
        """The address of the worker whose rounds took longest on average; None if only one has computed."""
        if len(self.workers) < 2:
            return None
        return max(self.workers, key=lambda worker: self.workers[worker].mean)

    def add(self, wall: float, compute: float, latency: float, down: int, up: int, work: dict[str, float]) -> None:
        """Count a round that took `wall` seconds."""
        self.rounds += 1
        self.bytes_down += down
        self.bytes_up += up
        compute = min(compute, wall)
        scheduler = min(latency, wall - compute)
        self.compute += compute
        self.scheduler += scheduler
        self.communication += wall - compute - scheduler
        for worker, seconds in work.items():
            one = self.workers.setdefault(worker, Worker())
            one.rounds += 1
            one.seconds += seconds
            one.waited_for += seconds == max(work.values())

    def __str__(self) -> str:
        n = max(1, self.rounds)
        lines = [
            f"{self.rounds} rounds, loaded in {self.load:.3g} s",
            f"a round: {1e3 * self.compute / n:.3g} ms compute, {1e3 * self.communication / n:.3g} ms communication, "
            f"{1e3 * self.scheduler / n:.3g} ms scheduler",
            f"a round: {self.bytes_down // n:,} bytes down, {self.bytes_up // n:,} bytes up",
        ]
        slowest = self.straggler
        for address, worker in sorted(self.workers.items()):
            mark = "  (slowest)" if address == slowest else ""
            lines.append(
                f"{address}: {1e3 * worker.mean:.3g} ms in each of {worker.rounds} rounds, "
                f"the last in {worker.waited_for}{mark}"
            )
        return "\n".join(lines)


@dataclass(repr=False)
class History(history.History):
    """The course of one call of `fit`, as `shallownet_c.History` has it, and where its time went.

    Attributes
    ----------
    report : Report
        What this process has measured; a checkpoint does not keep it.
    """

    report: Report = field(default_factory=Report)
