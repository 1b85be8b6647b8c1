"""
What each hidden unit sees
==========================

A unit of the first hidden layer is a soft edge in the plane: its output goes from one bound to the other across a line.
The output layer adds such edges up with the weights that the second picture has as lines.
"""

import matplotlib.pyplot as plt

import shallownet_c as sn
from shallownet_c import plot

X, y = sn.datasets.make_flower(400, seed=1)
net = sn.MLP([2, 6, 1], output="sigmoid", seed=0)
net.fit(X, y, optimizer=sn.Adam(0.03), epochs=1000, batch_size=100, seed=0)

plot.hidden_units(net, X, y)
plt.show()

# %%
# The network itself: the thickness of a line is the size of a weight, its colour the sign.
plot.network(net)
plt.show()
