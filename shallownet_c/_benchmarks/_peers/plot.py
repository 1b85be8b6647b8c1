"""Pictures of how time grows: of ours and of peers, and how many times as long these take."""

import importlib
from typing import Any

from shallownet_c._benchmarks._peers.growth import PEERS
from shallownet_c._command._input import InputError

OURS = "shallownet_c"
#: The axes of the picture of speed-ups.
SPEED_UPS = ("width", "batch")
COLOURS = {OURS: "black"} | dict(zip(PEERS, ("C0", "C1", "C2"), strict=True))


def library() -> Any:
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError:
        raise InputError("bench --plot needs matplotlib: pip install 'shallownet-c[bench]'") from None


def draw(results: list[dict[str, Any]], path: str, n_threads: int = 1) -> None:
    """Speed-ups if the results are those of `SPEED_UPS` alone, times along all axes otherwise."""
    drawn = speed_ups if [result["axis"] for result in results] == list(SPEED_UPS) else times
    figure, title = drawn(results)
    figure.suptitle(f"{title}, float32, {'one thread' if n_threads == 1 else f'{n_threads} threads'}", fontsize=11)
    figure.savefig(path, dpi=110)
    library().close(figure)


def speed_ups(results: list[dict[str, Any]]) -> tuple[Any, str]:
    """How many times as long each peer takes."""
    figure, panels = library().subplots(1, len(results), figsize=(9, 3.6), sharey=True, layout="constrained")
    for panel, result in zip(panels, results, strict=True):
        ours = result["seconds"][OURS]
        for name, seconds in result["seconds"].items():
            if name != OURS:
                ratios = [theirs / mine for theirs, mine in zip(seconds, ours, strict=True)]
                panel.plot(result["values"], ratios, marker="o", color=COLOURS[name], label=name)
        panel.axhline(1, color="black", linewidth=1)
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.set_xticks(result["values"], labels=map(str, result["values"]))
        panel.set_yticks([1, 2, 5, 10, 20, 50, 100], labels=["1", "2", "5", "10", "20", "50", "100"])
        panel.minorticks_off()
        panel.set_xlabel(f"{result['label']}, {result['fixed']}")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("times shallownet_c's time")
    panels[0].legend()
    return figure, "A step of Adam, 10-w-w-1 tanh"


def times(results: list[dict[str, Any]]) -> tuple[Any, str]:
    """Seconds along each axis, with the power in the upper half of the values."""
    figure, panels = library().subplots(2, 3, figsize=(11, 6.4), layout="constrained")
    for panel, result in zip(panels.flat, results, strict=False):
        for name, seconds in result["seconds"].items():
            power = result["slopes"][name][1]
            panel.loglog(
                result["values"], seconds, marker="o", markersize=4, color=COLOURS[name], label=f"{name}: {power:.2f}"
            )
        panel.set_xlabel(f"{result['label']}, {result['fixed']}")
        panel.set_ylabel(f"seconds, {result['unit']}")
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8, title="power, upper half", title_fontsize=8)
    for panel in panels.flat[len(results) :]:
        panel.set_axis_off()
    return figure, "Time of 10-64-64-1 tanh, Adam, batch of 128, with one size changed"
