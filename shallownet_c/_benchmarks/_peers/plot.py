"""How many times as long a training step takes elsewhere, against the width of the layers and the size of the batch."""

import importlib
from functools import partial
from typing import Any

from shallownet_c._benchmarks._peers import measure
from shallownet_c._benchmarks._peers.tasks import Task
from shallownet_c._command._input import InputError

WIDTHS = (4, 8, 16, 32, 64, 128, 256)
BATCHES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
PEERS = ("NumPy", "PyTorch", "JAX")


def speed_ups(present: dict[str, Any], width: int, batch: int) -> dict[str, float]:
    """Each peer's time for a step of Adam, 10-w-w-1 tanh, float32, as a multiple of ours."""
    m = 16 * batch
    task = Task("", [10, width, width, 1], "tanh", "identity", m, batch, "adam")
    trainers = {name: peer.trainer(task, "float32") for name, peer in present.items()}
    epochs = max(1, round(3e8 / (task.flops * task.steps)))
    seconds = measure.interleaved({name: partial(train, epochs) for name, train in trainers.items()}, 0.02)
    return {name: seconds[name] / seconds["shallownet_c"] for name in PEERS if name in seconds}


def draw(present: dict[str, Any], path: str) -> None:
    try:
        pyplot = importlib.import_module("matplotlib.pyplot")
    except ImportError:
        raise InputError("bench --plot needs matplotlib: pip install 'shallownet-c[bench]'") from None
    present = {name: peer for name, peer in present.items() if name in ("shallownet_c", *PEERS)}
    panels = [
        ("units in each hidden layer, batch of 128", WIDTHS, [speed_ups(present, w, 128) for w in WIDTHS]),
        ("rows in a batch, 64 units", BATCHES, [speed_ups(present, 64, batch) for batch in BATCHES]),
    ]
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axis, (label, values, found) in zip(axes, panels, strict=True):
        for name in PEERS:
            if name in found[0]:
                axis.plot(values, [ratios[name] for ratios in found], marker="o", label=name)
        axis.axhline(1, color="black", linewidth=1)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xticks(values, labels=map(str, values))
        axis.set_yticks([1, 2, 5, 10, 20, 50, 100], labels=["1", "2", "5", "10", "20", "50", "100"])
        axis.minorticks_off()
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("times shallownet_c's time")
    axes[0].legend()
    figure.suptitle("A step of Adam, 10-w-w-1 tanh, float32, one thread", fontsize=11)
    figure.savefig(path, dpi=110)
