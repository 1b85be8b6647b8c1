"""
Activations and their slopes
============================

All activations of ``MLP`` with their derivatives.
"""

import matplotlib.pyplot as plt

from shallownet_c import plot

plot.activations()
plt.show()
