"""Pieces of work in Python, one after the other by each member of a team of threads, whoever is free next."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence

from shallownet_c import _core
from shallownet_c._checks._validation import Array

#: How often the thread that has begun the team looks for a Ctrl-C while it waits for the others, in seconds.
PAUSE = 0.05


def work_through(
    kernels: _core.Kernels, work: Callable[[int], None], queue: Sequence[int], n_threads: int, stop: Array
) -> None:
    """work(i) for each i of the queue, begun in its order. The first error ends the work of all, and is raised."""
    left, done = iter(queue), []
    all_done = threading.Event()
    # NumPy's error handling, among others, is that of the caller in each thread.
    contexts = [contextvars.copy_context() for _ in range(n_threads)]

    def member(number: int) -> None:
        for i in left:
            if stop[0]:
                return
            contexts[number].run(work, i)
            done.append(i)
        if len(done) == len(queue):
            all_done.set()
        while number == 0 and not stop[0] and not all_done.wait(PAUSE):
            pass

    kernels.team(member, n_threads, stop)
