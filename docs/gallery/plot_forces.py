"""
Slopes of what has been learnt
==============================

A network has learnt an energy from a thousand points of the plane. Minus its gradient, which ``net.jacobian`` computes
exactly, is the force, although no force was among the data.
"""

import matplotlib.pyplot as plt
import numpy as np

import shallownet_c as sn


def energy(X):
    return X[:, 0] ** 2 + X[:, 0] * X[:, 1] ** 2


def force(X):
    return -np.column_stack([2 * X[:, 0] + X[:, 1] ** 2, 2 * X[:, 0] * X[:, 1]])


X = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
net = sn.MLP([2, 32, 32, 1], seed=0)
net.fit(X, energy(X), optimizer=sn.RPROP(), epochs=1000)

ticks = np.linspace(-1, 1, 80)
grid = np.stack(np.meshgrid(ticks, ticks), axis=-1)
arrows = grid[4::8, 4::8].reshape(-1, 2)

figure, axes = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
shades = axes.contourf(ticks, ticks, net(grid.reshape(-1, 2)).reshape(80, 80), levels=20, cmap="cividis")
figure.colorbar(shades, label="energy, as the network has it")
style = {"angles": "xy", "scale": 30, "width": 0.005}
axes.quiver(*arrows.T, *force(arrows).T, color="white", label="force", **style)
axes.quiver(*arrows.T, *-net.jacobian(arrows)[:, 0].T, color="#D55E00", label="minus the network's gradient", **style)
error = np.abs(-net.jacobian(X)[:, 0] - force(X)).mean() / np.abs(force(X)).mean()
axes.set_title(f"forces are off by {error:.1%} in the mean")
axes.legend(loc="upper right", framealpha=0.9, facecolor="#888888")
plt.show()
