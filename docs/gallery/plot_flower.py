"""
From one unit to twenty
=======================

The flower cannot be cut by a straight line. One hidden unit makes one, a few bend it, and more of them find the petals.
Each panel shows the probability of the second class, and the line where it is one half.
"""

import matplotlib.pyplot as plt

import shallownet_c as sn
from shallownet_c import plot

X, y = sn.datasets.make_flower(400, seed=1)
widths = [1, 2, 4, 8, 12, 20]
nets = [sn.MLP([2, width, 1], output="sigmoid", seed=0) for width in widths]
sn.fit_many(nets, X, y, optimizer=sn.Adam(0.03), epochs=1000, batch_size=100, seed=0)

figure, panels = plt.subplots(2, 3, figsize=(10, 6.4), sharex=True, sharey=True, layout="constrained")
for net, axes in zip(nets, panels.flat, strict=True):
    plot.decision_regions(net, X, y, ax=axes)
    units = net.layer_sizes[1]
    axes.set_title(f"{units} unit{'s' if units > 1 else ''}: {net.score(X, y):.0%} right")
plt.show()
