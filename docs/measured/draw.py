"""Draw the charts of docs/guide/fast.md from what the benchmarks have measured.

python docs/measured/draw.py

`peers.json` has the layout that ``shallownet-c bench --peers --json peers.json`` writes, and `ways.json` that of
``shallownet-c bench --json ways.json``: put a run of your own in their place to draw that. Those here hold the rows of
README.md's tables (tests/test_site.py compares them), with the figures as they are rounded there.
"""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
#: Okabe and Ito's colours, which the colour-blind can tell apart, and a marker for each.
LOOKS = {
    "JAX": ("#0072B2", "D"),
    "ONNX Runtime": ("#CC79A7", "v"),
    "NumPy": ("#009E73", "s"),
    "PyTorch": ("#D55E00", "o"),
    "scikit-learn": ("#E69F00", "^"),
}


def read(name: str) -> dict:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def shown(seconds: float) -> str:
    unit, scale = next((u, s) for u, s in (("s", 1), ("ms", 1e3), ("µs", 1e6), ("ns", 1e9)) if seconds * s >= 1)
    return f"{seconds * scale:.3g} {unit}"


def peers() -> None:
    """How many times as long each library takes, a row for each piece of work."""
    report = read("peers.json")
    results = report["results"][::-1]
    figure, axes = plt.subplots(figsize=(9, 0.42 * len(results) + 1.3), layout="constrained")
    for name, (colour, marker) in LOOKS.items():
        found = [(r["times_ours"][name], y) for y, r in enumerate(results) if name in r["times_ours"]]
        if found:
            axes.plot(*zip(*found, strict=True), marker, color=colour, markersize=7, label=name)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    axes.set_xticks(ticks, labels=map(str, ticks))
    axes.minorticks_off()
    axes.set_yticks(
        range(len(results)), labels=[f"{r['name']}: {shown(r['seconds']['shallownet_c'])}" for r in results]
    )
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    figure.supxlabel(f"times the time of shallownet_c, which stands beside each name; {report['cpu']}", fontsize=9)
    figure.legend(loc="outside upper center", ncols=len(LOOKS), fontsize=9, frameon=False)
    figure.savefig(HERE / "peers.png", dpi=110)


def ways() -> None:
    """An iteration of gradient descent in a loop, with NumPy, and compiled."""
    report = read("ways.json")
    figure, panels = plt.subplots(1, 2, figsize=(9, 2.3), sharey=True, layout="constrained")
    for axes, comparison in zip(panels, report["comparisons"], strict=True):
        rows = comparison["rows"][::-1]
        seconds = [row["seconds_per_iteration"] for row in rows]
        axes.scatter(seconds, [row["way"] for row in rows], color=["#D55E00", *["#0072B2"] * (len(rows) - 1)])
        for place, value in enumerate(seconds):
            axes.annotate(shown(value), (value, place), (8, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_xscale("log")
        axes.set_xlim(min(seconds) / 2, max(seconds) * 20)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(alpha=0.3)
        axes.set_title(f"{comparison['problem']}, {comparison['network']}, {comparison['m']:,} rows", fontsize=10)
        axes.tick_params(labelsize=8)
        axes.set_xlabel("seconds an iteration", fontsize=9)
    figure.savefig(HERE / "ways.png", dpi=110)


if __name__ == "__main__":
    peers()
    ways()
