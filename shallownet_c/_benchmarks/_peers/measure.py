"""Timing in turns, the check of results before it, and the peak that the core has to offer."""

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shallownet_c._benchmarks._peers.tasks import Array
from shallownet_c._benchmarks._progress import at_work

ROUNDS = 15
#: Seconds.
PAUSE = 0.15

#: 16 independent chains of multiply-adds on the widest vectors that the compiler knows of here.
PEAK_SOURCE = """
#include <time.h>
#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
typedef REAL vec __attribute__((vector_size(BYTES)));
double peak(long n) {
    vec c[CHAINS], a = (vec){} + (REAL)0.999, b = (vec){} + (REAL)0.001;
    struct timespec start, end;
    double sum = 0;
    for (int i = 0; i < CHAINS; i++) c[i] = (vec){} + (REAL)i;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long k = 0; k < n; k++) {
        _Pragma("GCC unroll 16")
        for (int i = 0; i < CHAINS; i++) c[i] = c[i] * a + b;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    for (int i = 0; i < CHAINS; i++) sum += (double)c[i][0];
    /* The sums converge; the compiler cannot know, and has to do the work. */
    double seconds = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    return sum == sum ? 2.0 * CHAINS * (BYTES / sizeof(REAL)) * (double)n / seconds : 0;
}
"""


def peak() -> dict[str, float]:
    """Operations a second of one core in multiply-adds, by dtype; empty where no C compiler is there to measure it."""
    compiler = shutil.which("cc")
    found = {}
    for dtype, real in (("float32", "float"), ("float64", "double")):
        if compiler is None:
            break
        with tempfile.TemporaryDirectory() as folder:
            source, library = Path(folder, "peak.c"), Path(folder, f"peak_{real}.so")
            source.write_text(PEAK_SOURCE)
            flags = ["-O3", "-march=native", f"-DREAL={real}", "-DCHAINS=12", "-ffp-contract=fast", "-shared", "-fPIC"]
            done = subprocess.run([compiler, *flags, "-o", library, source], capture_output=True, check=False)
            if done.returncode != 0:
                break
            measure = ctypes.CDLL(str(library)).peak
            measure.restype, measure.argtypes = ctypes.c_double, [ctypes.c_long]
            found[dtype] = max(measure(5_000_000) for _ in range(15))
    return found


def check(name: str, results: dict[str, Array], tolerances: dict[str, float]) -> None:
    """An error unless all results are ours within the tolerance, relative to the greatest value."""
    ours = np.asarray(results["shallownet_c"], float).reshape(-1)
    scale = max(1.0, float(np.abs(ours).max()))
    for peer, values in results.items():
        error = float(np.abs(np.asarray(values, float).reshape(-1) - ours).max()) / scale
        allowed = tolerances.get(peer, tolerances["all"])
        if not error <= allowed:
            raise AssertionError(f"{name}: {peer} differs by {error:.2e}, allowed {allowed:.2e}")


def turns(
    name: str, jobs: Mapping[str, Callable[[], Any]], seconds: float = 0.03, rounds: int = ROUNDS, pause: bool = True
) -> dict[str, list[float]]:
    """Seconds of each job in each of the rounds, which take turns; a job is repeated for about `seconds` a round.

    With more than one CPU it waits before each turn: the threads of the contender before it may spin for a while
    (OpenBLAS: a tenth of a second). Jobs that are all ours need no such `pause`.
    """
    pauses = pause and hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1
    repeats = {}
    for contender, job in jobs.items():
        at_work(f"{name}: {contender} …")
        time.sleep(PAUSE if pauses else 0)
        job()
        best = float("inf")
        for _try in range(3):
            start = time.perf_counter()
            job()
            best = min(best, time.perf_counter() - start)
            if best >= seconds:  # it will be repeated once, whatever the other tries say
                break
        repeats[contender] = max(1, round(seconds / max(best, 1e-7)))
    times: dict[str, list[float]] = {contender: [] for contender in jobs}
    for i in range(rounds):
        at_work(f"{name}: round {i + 1} of {rounds} …")
        for contender, job in jobs.items():
            again = range(repeats[contender])
            if pauses:
                time.sleep(PAUSE)
                job()
            start = time.perf_counter()
            for _turn in again:
                job()
            times[contender].append((time.perf_counter() - start) / repeats[contender])
    at_work("")
    return times
