"""Results as rows of Markdown tables."""

from collections.abc import Iterable, Iterator
from typing import Any

from shallownet_c._benchmarks._peers import tasks
from shallownet_c._benchmarks._peers.work import OURS


def duration(seconds: float) -> str:
    """To three digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def compared(results: Iterable[dict[str, Any]], columns: list[str], peak: dict[str, float]) -> Iterator[str]:
    """Our time for each piece of work, how much of the core that uses, and how many times as long each peer takes."""
    yield "| | " + " | ".join([OURS, "GFLOP/s", "of one core's peak", *columns]) + " |"
    yield "|---|" + "---:|" * (3 + len(columns))
    for result in results:
        share = f"{100 * result['gflops'] * 1e9 / peak[result['dtype']]:.0f} %" if peak else "unknown"
        cells = [result["name"], duration(result["seconds"][OURS]), f"{result['gflops']:.1f}", share]
        cells += [f"{result['times_ours'][c]:.2f}×" if c in result["times_ours"] else "–" for c in columns]
        yield f"| {' | '.join(cells)} |"


def samples(seconds: dict[str, float]) -> str:
    """Samples a second, from the seconds of a step, of the net whose speed others have published, in a sentence."""
    rates = [f"{name} {tasks.HIGGS.batch / value:,.0f}" for name, value in seconds.items()]
    published = ", ".join(f"{name} {rate:,}" for name, rate in tasks.PUBLISHED.items())
    return (
        f"samples a second: {', '.join(rates)}; published: {published} ({tasks.PUBLISHED_ON}); "
        "28-300×5-1 is the network of OpenNN's HIGGS comparison, here on numbers at random"
    )


def shared(results: Iterable[dict[str, Any]], n_threads: int) -> Iterator[str]:
    """One thread and several: least and median times, and their ratios."""
    yield f"| a step, float32: least, median | one thread | {n_threads} threads | times as fast |"
    yield "|---|---:|---:|---:|"
    for result in results:
        times = [f"{duration(result['least'][n])}, {duration(result['seconds'][n])}" for n in result["seconds"]]
        gain = "{least:.2f}×, {seconds:.2f}×".format(**result["times_as_fast"])
        yield f"| {' | '.join([result['name'], *times, gain])} |"


def growth(results: Iterable[dict[str, Any]], columns: list[str]) -> Iterator[str]:
    """Our times along each axis, and with which power of it each contender's grow."""
    yield "| time against | from … to | shallownet_c | power: all values, upper half | " + " | ".join(columns) + " |"
    yield "|---|---:|---:|---:|" + "---:|" * len(columns)
    for result in results:
        values, seconds = result["values"], result["seconds"][OURS]
        cells = [
            f"{result['label']}, {result['unit']}",
            f"{values[0]:,} … {values[-1]:,}",
            f"{duration(seconds[0])} … {duration(seconds[-1])}",
        ]
        cells += ["{:.2f}, {:.2f}".format(*result["slopes"][name]) for name in (OURS, *columns)]
        yield f"| {' | '.join(cells)} |"
