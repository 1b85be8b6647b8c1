"""How many threads a call may use. Whether it uses them is decided by the kernels, which know the amount of work."""

import math
import os
import sys

from shallownet_c import _kernels
from shallownet_c._checks import _validation

#: For fewer multiply-adds no kernel starts a thread, so that their number need not be found out.
LEAST_WORK = 400_000

_forked = False


def _in_forked_child() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    # The OpenMP runtime of GCC waits for ever for threads that fork has not copied.
    os.register_at_fork(after_in_child=_in_forked_child)


def _cpu_quota() -> int:
    """Processors' worth of time that the control group of a container grants, at least 1."""
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return sys.maxsize


_quota = _cpu_quota()


def _is_worker() -> bool:
    """Whether this is one of several workers that are to share the CPUs.

    That is a process of multiprocessing whose number of threads OMP_NUM_THREADS does not say, or a thread of one of its
    pools, of which joblib makes use.
    """
    dummy = sys.modules.get("multiprocessing.dummy")
    if dummy is not None and isinstance(dummy.current_process(), dummy.DummyProcess):
        return True
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None and "OMP_NUM_THREADS" not in os.environ


def allowed(n_threads: int | None = None) -> int:
    """The number asked for, within the limits of OMP_NUM_THREADS, threadpoolctl and the container.

    None asks for as many as there are, and in a worker for one. A forked child always has one.
    """
    if n_threads is not None:
        n_threads = _validation.integer("n_threads", n_threads, 1, None)
    if _forked:
        return 1
    limit = min(_kernels.max_threads(), _quota)
    if n_threads is None:
        return 1 if _is_worker() else limit
    return min(n_threads, limit)


def for_work(multiply_adds: int) -> int:
    """The number of threads for so much work: one if it is little, otherwise what `allowed` says."""
    return 1 if multiply_adds < LEAST_WORK else allowed()
