"""What the compiled kernels are measured against: training written for speed in NumPy."""

import itertools
from typing import Any

import numpy as np

from shallownet_c.mlp import MLP

Array = np.ndarray[Any, Any]


class PreallocatedNumPy:
    """The same training written for speed in NumPy: every array is made once, every operation has its `out`.

    Parameters
    ----------
    net : MLP
        Where the parameters start; not changed. Hidden layers all tanh or all relu; output sigmoid or softmax with
        log_loss, or identity with squared_error.
    m : int
        Rows of a batch at most.
    """

    def __init__(self, net: MLP, m: int) -> None:
        self.params = net.params.copy()
        self.grad = np.zeros_like(self.params)
        self.m, self.v, self.step = np.zeros_like(self.params), np.zeros_like(self.params), 0
        self.scratch = np.empty_like(self.params)
        self.W, self.b = self._views(self.params, net.layer_sizes)
        self.dW, self.db = self._views(self.grad, net.layer_sizes)
        self.ones = np.ones(m, net.dtype)
        self.hidden, self.output = net.activations[0], net.activations[-1]
        self.A = [np.empty((m, n), net.dtype) for n in net.layer_sizes[1:]]
        self.dZ = [np.empty((m, n), net.dtype) for n in net.layer_sizes[1:]]
        self.T = [np.empty((m, n), net.dtype) for n in net.layer_sizes[1:]]

    @staticmethod
    def _views(flat: Array, sizes: tuple[int, ...]) -> tuple[list[Array], list[Array]]:
        W, b, at = [], [], 0
        for n_in, n_out in itertools.pairwise(sizes):
            W.append(flat[at : at + n_out * n_in].reshape(n_out, n_in))
            b.append(flat[at + n_out * n_in : at + n_out * n_in + n_out])
            at += n_out * n_in + n_out
        return W, b

    def gradient(self, X: Array, Y: Array) -> float:
        """J, and m times its gradient in `grad`, over the rows of X (m, n_0) and Y (m, n_L)."""
        m, below = len(X), X
        A, dZ, T = ([buffer[:m] for buffer in buffers] for buffers in (self.A, self.dZ, self.T))
        last = len(A) - 1
        for layer, Z in enumerate(A):
            np.matmul(below, self.W[layer].T, out=Z)
            np.add(Z, self.b[layer], out=Z)
            if layer < last:
                np.tanh(Z, out=Z) if self.hidden == "tanh" else np.maximum(Z, 0, out=Z)
            below = Z
        output = {"sigmoid": self._sigmoid, "softmax": self._softmax, "identity": self._identity}[self.output]
        loss = output(A[last], Y, dZ[last], T[last])
        for layer in range(last, -1, -1):
            np.matmul(dZ[layer].T, A[layer - 1] if layer else X, out=self.dW[layer])
            np.matmul(self.ones[:m], dZ[layer], out=self.db[layer])  # many times as fast as sum(axis=0)
            if layer:
                below, d = A[layer - 1], dZ[layer - 1]
                np.matmul(dZ[layer], self.W[layer], out=d)
                if self.hidden == "tanh":
                    np.multiply(below, below, out=below)
                    np.subtract(1, below, out=below)
                    np.multiply(d, below, out=d)
                else:
                    np.multiply(d, below > 0, out=d)
        return float(loss) / m

    @staticmethod
    def _sigmoid(Z: Array, Y: Array, dZ: Array, T: Array) -> Any:
        """Σ L and dZ = A − Y, from Z: with e = e^−z, L = log(1 + e) + (1 − y) z and a = 1 / (1 + e)."""
        np.negative(Z, out=T)
        np.exp(T, out=T)
        np.log1p(T, out=dZ)
        loss = dZ.sum() + Z.sum() - np.vdot(Y, Z)
        np.add(T, 1, out=T)
        np.reciprocal(T, out=T)
        np.subtract(T, Y, out=dZ)
        return loss

    @staticmethod
    def _identity(Z: Array, Y: Array, dZ: Array, T: Array) -> Any:
        """Σ L and dZ = A − Y for squared_error."""
        np.subtract(Z, Y, out=dZ)
        return np.vdot(dZ, dZ) / 2

    @staticmethod
    def _softmax(Z: Array, Y: Array, dZ: Array, T: Array) -> Any:
        """Σ L and dZ = A − Y, from Z."""
        np.subtract(Z, Z.max(axis=1, keepdims=True), out=Z)
        np.exp(Z, out=T)
        sums = T.sum(axis=1, keepdims=True)
        loss = np.log(sums).sum() - np.vdot(Y, Z)
        np.divide(T, sums, out=T)
        np.subtract(T, Y, out=dZ)
        return loss

    def sgd(self, X: Array, Y: Array, alpha: float) -> float:
        """A step of gradient descent; J before it."""
        J = self.gradient(X, Y)
        np.multiply(self.grad, alpha / len(X), out=self.grad)
        np.subtract(self.params, self.grad, out=self.params)
        return J

    def adam(self, X: Array, Y: Array, alpha: float = 1e-3) -> float:
        """A step of Adam with the usual constants; J before it."""
        J = self.gradient(X, Y)
        np.divide(self.grad, len(X), out=self.grad)
        self.step += 1
        root = (1 - 0.999**self.step) ** 0.5
        np.multiply(self.m, 0.9, out=self.m)
        np.multiply(self.grad, 0.1, out=self.scratch)
        np.add(self.m, self.scratch, out=self.m)
        np.multiply(self.grad, self.grad, out=self.grad)
        np.multiply(self.grad, 0.001, out=self.grad)
        np.multiply(self.v, 0.999, out=self.v)
        np.add(self.v, self.grad, out=self.v)
        np.sqrt(self.v, out=self.scratch)
        np.add(self.scratch, 1e-8 * root, out=self.scratch)
        np.divide(self.m, self.scratch, out=self.scratch)
        np.multiply(self.scratch, alpha * root / (1 - 0.9**self.step), out=self.scratch)
        np.subtract(self.params, self.scratch, out=self.params)
        return J
