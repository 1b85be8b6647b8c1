"""
The cost as it goes down
========================

Four update rules on the handwritten digits, from the same first weights: gradient descent, the same with momentum, and
Adam in batches of 100, and RPROP, which takes all rows for each step.
"""

import matplotlib.pyplot as plt

import shallownet_c as sn
from shallownet_c import plot

X, y = sn.datasets.load_digits()
X = X / 16
rules = {
    "SGD": (sn.SGD(0.1), 100),
    "SGD, momentum 0.9": (sn.SGD(0.1, momentum=0.9), 100),
    "Adam": (sn.Adam(0.002), 100),
    "RPROP, full batch": (sn.RPROP(), None),
}

figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
for name, (optimizer, batch_size) in rules.items():
    net = sn.MLP([64, 32, 10], "relu", "softmax", seed=0)
    history = net.fit(X, y, optimizer=optimizer, epochs=40, batch_size=batch_size, seed=0)
    plot.cost(history, ax=axes, label=name)
axes.set_yscale("log")
plt.show()
