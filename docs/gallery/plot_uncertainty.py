"""
Two kinds of doubt
==================

Noise makes targets spread although their inputs are the same: two networks with the pinball loss learn the bounds
between which 90 % of them lie. Where there are no rows, from 0.3 to 0.6, the members of an ensemble disagree, which no
quantile shows. Their spread is a warning and no bound: there the curve is farther off than that.
"""

import matplotlib.pyplot as plt
import numpy as np

import shallownet_c as sn

rng = np.random.default_rng(0)
x = rng.uniform(0, 1, 900)
x = x[(x < 0.3) | (x > 0.6)]
X, y = x[:, np.newaxis], np.sin(8 * x) + (0.05 + 0.3 * x) * rng.standard_normal(len(x))

quantiles = [sn.MLP([1, 16, 1], loss="pinball", quantile=q, seed=0) for q in (0.05, 0.95)]
sn.fit_many(quantiles, X, y, optimizer=sn.Adam(0.005), epochs=600, batch_size=50, seed=0)

members = [sn.MLP([1, 32, 1], init="glorot_normal", seed=seed) for seed in range(30)]
bootstraps = [rng.integers(len(X), size=len(X)) for _ in members]
sn.fit_many(members, X, y, rows=bootstraps, optimizer=sn.Adam(0.01), epochs=600, batch_size=50, seed=list(range(30)))
ensemble = sn.Ensemble(members)

grid = np.linspace(-0.1, 1.1, 300)[:, np.newaxis]
low, high = (net(grid)[:, 0] for net in quantiles)
mean, std = ensemble(grid)[:, 0], ensemble.std(grid)[:, 0]

figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
panels[0].fill_between(grid[:, 0], low, high, color="#0072B2", alpha=0.25, label="5 % to 95 %, pinball loss")
panels[1].fill_between(
    grid[:, 0], mean - 2 * std, mean + 2 * std, color="#D55E00", alpha=0.3, label="ensemble, ± 2 std"
)
panels[1].plot(grid, mean, color="#D55E00", label="its mean")
for axes in panels:
    axes.plot(X, y, ".", color="gray", markersize=3, zorder=0)
    axes.plot(grid, np.sin(8 * grid), "--", color="black", linewidth=1, label="without noise")
    axes.set_ylim(-2.2, 2.2)
    axes.legend(loc="lower left", fontsize=8)
panels[0].set_title("noise")
panels[1].set_title("what the data leave open")
plt.show()
