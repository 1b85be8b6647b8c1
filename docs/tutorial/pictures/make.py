"""Draws the tutorial's pictures into this folder: ``python docs/tutorial/pictures/make.py``, with the extra `plot`.

Their background is opaque and white, so that they can be read on light and on dark pages; their words are few, and
English for both languages. The figures of 5-times.png are those that the chapter prints.
"""

import io
import re
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import shallownet_c as sn
from shallownet_c import plot

HERE = Path(__file__).parent
#: Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
UNITS = (BLUE, ORANGE, GREEN, PURPLE)
W1 = np.array([[1.0, 2.0, 0.5], [-1.0, 1.0, 1.0], [0.5, -0.5, 2.0], [2.0, -1.0, -1.0]])
B1 = np.array([-2.0, 0.0, -0.5, 0.5])
X_ROW = np.array([0.8, 0.7, 0.4])
SAMPLES = np.array([[0.8, 0.7, 0.4], [0.1, 0.3, -0.5], [0.5, 0.9, 0.1], [1.0, 0.9, 0.8], [0.0, 0.5, 0.0]])


def flower_net(activation="tanh", init=0.01):
    X, y = sn.datasets.make_flower(400, seed=1)
    net = sn.MLP([2, 4, 1], activation=activation, output="sigmoid", init=init, seed=0)
    net.fit(X, y, optimizer=sn.SGD(1.2), epochs=5000)
    return net, X, y


def unit():
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 2.8), layout="constrained")
    z = np.linspace(-6, 6, 200)
    left.plot(z, 1 / (1 + np.exp(-z)), color=BLUE)
    a = 1 / (1 + np.exp(-0.4))
    left.plot([0.4, 0.4, -6], [0, a, a], color="0.5", linestyle=":")
    left.plot(0.4, a, "o", color=ORANGE)
    left.annotate("z = 0.4\na = 0.599", (0.4, a), (1.2, 0.28), color=ORANGE)
    left.set(xlabel="z", ylabel="a = σ(z)", xlim=(-6, 6), ylim=(0, 1))
    a = np.linspace(0.005, 0.995, 200)
    right.plot(a, -np.log(a), color=BLUE, label="y = 1: −log a")
    right.plot(a, -np.log(1 - a), color=ORANGE, linestyle="--", label="y = 0: −log(1 − a)")
    right.set(xlabel="a", ylabel="L(a, y)", xlim=(0, 1), ylim=(0, 5))
    right.legend(loc="upper center")
    return figure


def there_and_back():
    figure, ax = plt.subplots(figsize=(7.5, 2.5), layout="constrained")
    ax.set(xlim=(-0.55, 5.55), ylim=(-1.75, 1.75))
    ax.axis("off")
    chains = (
        (0.85, BLUE, ("x", "z[1]", "a[1]", "z[2]", "a[2]", "L"), ("W[1], b[1]", "σ", "W[2], b[2]", "σ", "y"), "->"),
        (-0.85, ORANGE, (None, "dz[1]", "da[1]", "dz[2]", "da[2]", "L"), ("", "σ′", "W[2]", "σ′", ""), "<-"),
    )
    for height, colour, boxes, steps, arrow in chains:
        for place, name in enumerate(boxes):
            if name is not None:
                style = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colour, "linewidth": 1.5}
                ax.text(place, height, name, ha="center", va="center", fontsize=12, bbox=style)
        for place, step in enumerate(steps):
            if boxes[place] is not None:
                ends = {"arrowstyle": arrow, "color": colour, "linewidth": 1.5}
                ax.annotate("", (place + 0.68, height), (place + 0.32, height), arrowprops=ends)
                ax.text(place + 0.5, height + 0.16, step, ha="center", va="bottom", fontsize=9)
    for place, name in ((1, "dW[1], db[1]"), (3, "dW[2], db[2]")):
        ends = {"arrowstyle": "->", "color": ORANGE, "linewidth": 1.5}
        ax.annotate("", (place, -1.42), (place, -1.12), arrowprops=ends)
        ax.text(place, -1.7, name, ha="center", va="bottom", fontsize=11)
    ax.text(-0.1, -0.85, "back", ha="center", va="center", color=ORANGE, fontsize=12, fontweight="bold")
    ax.text(-0.1, 1.5, "there", ha="center", va="center", color=BLUE, fontsize=12, fontweight="bold")
    return figure


def network():
    net = sn.MLP([3, 4, 1], activation="sigmoid", output="sigmoid")
    net.params[:] = [*W1.ravel(), *B1, 1, -1, 2, 0.5, -1]
    figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    plot.network(net, ax=ax)
    return figure


def grid(ax, left, top, values, colours, title):
    """A matrix as cells of one unit, each with its number, and its name and shape above it."""
    rows, columns = values.shape
    for i in range(rows):
        for j in range(columns):
            corner = (left + j, top - i - 1)
            ax.add_patch(plt.Rectangle(corner, 1, 1, facecolor=colours(i, j), edgecolor="white", alpha=0.35))
            number = f"{values[i, j]:g}".replace("-", "−")
            ax.text(left + j + 0.5, top - i - 0.5, number, ha="center", va="center", fontsize=9)
    ax.text(left + columns / 2, top + 0.2, title, ha="center", va="bottom", fontsize=10)


def product():
    figure, ax = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
    ax.set(xlim=(-0.2, 10.7), ylim=(-0.2, 4.9), aspect="equal")
    ax.axis("off")
    grid(ax, 0, 4, W1, lambda i, j: UNITS[i], "W[1], 4×3")
    grid(ax, 4.3, 3.5, X_ROW[:, None], lambda i, j: "0.5", "x, 3×1")
    grid(ax, 6.9, 4, B1[:, None], lambda i, j: UNITS[i], "b[1], 4×1")
    grid(ax, 9.5, 4, (W1 @ X_ROW + B1)[:, None].round(4), lambda i, j: UNITS[i], "z[1], 4×1")
    for place, sign in ((3.65, "·"), (6.1, "+"), (8.7, "=")):
        ax.text(place, 2, sign, ha="center", va="center", fontsize=16)
    return figure


def rows_and_columns():
    figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    ax.set(xlim=(-0.2, 13.2), ylim=(-0.2, 6.2), aspect="equal")
    ax.axis("off")
    colours = (*UNITS, SKY)
    grid(ax, 0, 4, SAMPLES.T, lambda i, j: colours[j], "on paper: X, 3×5\nsamples are columns")
    grid(ax, 9, 5, SAMPLES, lambda i, j: colours[i], "in code: X, (5, 3)\nsamples are rows")
    ax.annotate("", (8.4, 2.5), (5.6, 2.5), arrowprops={"arrowstyle": "<->", "linewidth": 1.5})
    ax.text(7, 2.7, "transpose", ha="center", va="bottom", fontsize=10)
    return figure


def times():
    chapter = (HERE.parent / "5-many-samples.md").read_text(encoding="utf-8")
    ways = re.findall(r"^(\w+) +([\d.]+) ms$", chapter, flags=re.MULTILINE)
    figure, ax = plt.subplots(figsize=(7.5, 2), layout="constrained")
    bars = ax.barh([way for way, _ in ways], [float(time) for _, time in ways], color=(ORANGE, SKY, BLUE))
    ax.bar_label(bars, [f"{float(time):.3g} ms" for _, time in ways], padding=4)
    ax.invert_yaxis()
    ax.set(xscale="log", xlabel="milliseconds for 2,000 samples, logarithmic", xlim=(0.005, 100))
    return figure


def activations():
    figure, axes = plt.subplots(1, 4, figsize=(8, 2.6), layout="constrained")
    plot.activations(["sigmoid", "tanh", "relu", "leaky_relu"], ax=axes)
    return figure


def linear_or_not():
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained")
    for ax, name in zip(axes, ("identity", "tanh"), strict=True):
        plot.decision_regions(*flower_net(name), ax=ax, resolution=100)
        ax.set_title(f"hidden units: {name}", fontsize=10)
    return figure


def descent():
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained")
    net, X, y = flower_net(init=0.5)
    plot.cost(net.history, ax=left)
    plot.decision_regions(net, X, y, ax=right, resolution=100)
    return figure


def hidden_units():
    figure, axes = plt.subplots(1, 4, figsize=(8, 2.5), layout="constrained")
    plot.hidden_units(*flower_net(init=0.5), ax=axes, resolution=60)
    return figure


def starts():
    figure, ax = plt.subplots(figsize=(7.5, 3), layout="constrained")
    lines = (("zeros", "0.4", ":"), (0.01, BLUE, "-"), (10.0, GREEN, "-."), (100.0, ORANGE, "--"))
    for init, colour, style in lines:
        net, _, _ = flower_net(init=init)
        label = "zeros" if init == "zeros" else f"randn × {init:g}"
        ax.plot(net.history.cost, color=colour, linestyle=style, label=label)
    ax.set(xlabel="step", ylabel="J", yscale="log", xlim=(0, 5000), ylim=(0.1, 100))
    ax.legend(loc="upper right")
    return figure


DRAWINGS = {
    "1-unit": unit,
    "2-there-and-back": there_and_back,
    "3-network": network,
    "4-product": product,
    "5-rows-and-columns": rows_and_columns,
    "5-times": times,
    "6-activations": activations,
    "7-linear-or-not": linear_or_not,
    "8-descent": descent,
    "8-hidden-units": hidden_units,
    "9-starts": starts,
}


def make(folder):
    for name, draw in DRAWINGS.items():
        file = io.BytesIO()
        figure = draw()
        figure.savefig(file, dpi=110, facecolor="white")
        plt.close(figure)
        few_colours = Image.open(file).convert("RGB").quantize(96)  # a third of the bytes, and no difference to be seen
        few_colours.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    make(HERE)
