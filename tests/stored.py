"""Rows that are read piece by piece, as a data set of HDF5 is."""

import numpy as np


class Stored:
    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, rows):
        return self.array[rows]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)
