"""
What the units of a digit reader look for
=========================================

Each unit of the first layer has a weight for each of the 64 pixels: drawn as a picture, they show what makes the unit
answer, and what silences it.
"""

import matplotlib.pyplot as plt
import numpy as np

import shallownet_c as sn
from shallownet_c import plot

X, y = sn.datasets.load_digits()
X_train, X_dev, y_train, y_dev = sn.datasets.train_dev_split(X / 16, y, stratify=y, seed=0)
net = sn.MLP([64, 16, 10], "relu", "softmax", seed=0)
net.fit(X_train, y_train, epochs=200, batch_size=50, l2=5.0, seed=0)

plot.weights(net, layer=1, shape=(8, 8))
plt.show()

# %%
# The digits of the dev set that it is surest of, and wrong about. The derivative of a digit's own loss by its pixels,
# ``net.input_gradient``, says which pixels mislead it: more ink on red ones would make the error greater.
P = net(X_dev)
wrong = np.flatnonzero(P.argmax(axis=1) != y_dev)
wrong = wrong[np.argsort(-P[wrong].max(axis=1))][:5]
figure, panels = plt.subplots(2, 5, figsize=(9, 4), layout="constrained")
for row, (above, below) in zip(wrong, panels.T, strict=False):
    above.imshow(X_dev[row].reshape(8, 8), cmap="gray_r")
    above.set_title(f"a {y_dev[row]}, read as a {P[row].argmax()}", fontsize=9)
    slopes = net.input_gradient(X_dev[row], y_dev[row]).reshape(8, 8)
    limit = abs(slopes).max()
    below.imshow(slopes, cmap="RdBu_r", vmin=-limit, vmax=limit)
for axes in panels.flat:
    axes.set_axis_off()
plt.show()
