"""Pictures of networks, of their training and of what they predict, drawn by matplotlib (extra `plot`).

Every function takes `ax`, the Axes to draw in, and returns what it has drawn in: one Axes, or a one-dimensional array
of them where there are several panels. Without `ax` it makes a new figure by pyplot. Nothing is shown, and no setting
of matplotlib changes.

>>> import shallownet_c as sn
>>> from shallownet_c import plot
>>> X, y = sn.datasets.make_flower(400, seed=1)
>>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
>>> history = net.fit(X, y, optimizer=sn.Adam(0.05), epochs=300)
>>> ax = plot.decision_regions(net, X, y)
>>> ax.figure.savefig("regions.png")  # doctest: +SKIP
"""

from shallownet_c.plot._curves import activations, cost
from shallownet_c.plot._gradients import gradients
from shallownet_c.plot._networks import network, weights
from shallownet_c.plot._quality import calibration, confusion, predicted_vs_true
from shallownet_c.plot._regions import decision_regions, hidden_units

__all__ = [
    "activations",
    "calibration",
    "confusion",
    "cost",
    "decision_regions",
    "gradients",
    "hidden_units",
    "network",
    "predicted_vs_true",
    "weights",
]
