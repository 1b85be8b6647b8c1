"""Draws the pictures of docs/plot.md beside this file, with the extras plot and sklearn."""

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot
from PIL import Image

import shallownet_c as sn
from shallownet_c import plot

HERE = Path(__file__).parent


def keep(axes, name):
    """A file of 128 colours, which is half as large."""
    figure = getattr(axes, "figure", None) or axes[0].figure
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=80)
    Image.open(drawn).convert("RGB").quantize(128).save(HERE / f"{name}.png", optimize=True)
    pyplot.close(figure)


def main():
    mpl.use("agg")
    pyplot.rcParams["figure.figsize"] = (4.4, 3.2)
    X, y = sn.datasets.make_flower(400, seed=1)
    net = sn.MLP([2, 4, 1], activation="tanh", output="sigmoid", init=0.01, seed=0)
    history = net.fit(X, y, optimizer=sn.SGD(learning_rate=1.2), epochs=5000)
    keep(plot.decision_regions(net, X, y), "decision_regions")
    keep(plot.network(net), "network")
    keep(plot.hidden_units(net, X, y), "hidden_units")
    keep(plot.cost(history), "cost")
    X, y = sn.datasets.load_digits()
    X, X_dev, y, y_dev = sn.datasets.train_dev_split(X / 16, y, stratify=y, seed=0)
    digits = sn.MLP([64, 16, 10], activation="relu", output="softmax", seed=0)
    digits.fit(X, y, epochs=30, batch_size=100, seed=0)
    keep(plot.weights(digits, shape=(8, 8)), "weights")
    keep(plot.confusion(digits, X_dev, y_dev), "confusion")


if __name__ == "__main__":
    main()
