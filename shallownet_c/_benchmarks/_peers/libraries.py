"""This package, NumPy and scikit-learn as contenders; see `contenders` for what each has to offer."""

import importlib
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from shallownet_c import MLP, SGD, Adam, kernels
from shallownet_c._benchmarks._numpy_mlp import PreallocatedNumPy
from shallownet_c._benchmarks._peers.tasks import LEARNING_RATES, Array, Task


class Ours:
    """`MLP.fit` and `MLP.predict`."""

    name = "shallownet_c"

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads

    def trainer(self, task: Task, dtype: str) -> Callable[[int], Array]:
        net, (X, Y) = task.network(dtype), task.data(dtype)
        alpha = LEARNING_RATES[task.optimizer]
        optimizer = SGD(alpha) if task.optimizer == "sgd" else Adam(alpha)
        rows = task.steps * task.batch

        def train(epochs: int) -> Array:
            net.fit(
                X[:rows], Y[:rows], optimizer=optimizer, epochs=epochs, batch_size=task.batch, shuffle=False,
                n_threads=self.n_threads,
            )  # fmt: skip
            return net.params

        return train

    def predictor(self, net: MLP) -> Callable[[Array], Array]:
        return net

    def row(self, net: MLP, x: Array) -> Callable[[], Array]:
        return partial(net, x)

    def layer(self, X: Array, W: Array, b: Array, activation: str) -> Callable[[], Array]:
        out = np.empty((len(X), len(W)), X.dtype)
        return lambda: kernels.dense_forward(X, W, b, activation, out=out)

    def cost_and_grad(self, net: MLP, X: Array, Y: Array) -> Callable[[], Array]:
        return lambda: net.cost_and_grad(X, Y)[1]

    def classifier(self, units: int, epochs: int) -> Any:
        try:
            estimators = importlib.import_module("shallownet_c.sklearn")
        except ImportError:  # no scikit-learn, or one that is too old
            return None
        return _classifier(estimators.MLPClassifier, units, epochs)


class NumPy:
    """`PreallocatedNumPy`, and a plain forward pass."""

    name = "NumPy"

    def __init__(self, _n_threads: int) -> None:
        pass  # its BLAS is limited by threadpoolctl, for all

    def trainer(self, task: Task, dtype: str) -> Callable[[int], Array]:
        numpy, (X, Y) = PreallocatedNumPy(task.network(dtype), task.batch), task.data(dtype)
        step = numpy.sgd if task.optimizer == "sgd" else numpy.adam
        alpha = LEARNING_RATES[task.optimizer]

        def train(epochs: int) -> Array:
            for _ in range(epochs):
                for at in range(0, task.steps * task.batch, task.batch):
                    step(X[at : at + task.batch], Y[at : at + task.batch], alpha)
            return numpy.params

        return train

    def predictor(self, net: MLP) -> Callable[[Array], Array]:
        W = [np.ascontiguousarray(W.T) for W in net.weights]
        hidden, last = net.activations[0], len(W) - 1

        def predict(X: Array) -> Array:
            A = X
            for layer, (W_l, b_l) in enumerate(zip(W, net.biases, strict=True)):
                A = A @ W_l
                A += b_l
                if layer < last:
                    np.tanh(A, out=A) if hidden == "tanh" else np.maximum(A, 0, out=A)
            if net.activations[-1] == "softmax":
                A -= A.max(axis=-1, keepdims=True)
                np.exp(A, out=A)
                A /= A.sum(axis=-1, keepdims=True)
            return A

        return predict

    def row(self, net: MLP, x: Array) -> Callable[[], Array]:
        return partial(self.predictor(net), x)

    def layer(self, X: Array, W: Array, b: Array, activation: str) -> Callable[[], Array]:
        out, W = np.empty((len(X), len(W)), X.dtype), W.T

        def forward() -> Array:
            np.matmul(X, W, out=out)
            np.add(out, b, out=out)
            if activation == "identity":
                return out
            return np.tanh(out, out=out) if activation == "tanh" else np.maximum(out, 0, out=out)

        return forward

    def cost_and_grad(self, net: MLP, X: Array, Y: Array) -> Callable[[], Array]:
        numpy = PreallocatedNumPy(net, len(X))

        def gradient() -> Array:
            numpy.gradient(X, Y)
            numpy.grad /= len(X)
            return numpy.grad

        return gradient


class ScikitLearn:
    """`MLPClassifier` and `MLPRegressor`, `fit` for all epochs at once."""

    name = "scikit-learn"

    def __init__(self, _n_threads: int) -> None:
        self.network = importlib.import_module("sklearn.neural_network")
        self.warning = importlib.import_module("sklearn.exceptions").ConvergenceWarning

    def estimator(self, net: MLP, **settings: Any) -> Any:
        base = self.network.MLPRegressor if net.activations[-1] == "identity" else self.network.MLPClassifier
        start = iter(zip(net.weights, net.biases, strict=True))

        class Started(base):  # type: ignore[misc, valid-type]
            """One that begins with the parameters of `net`."""

            def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> tuple[Array, Array]:
                W, b = next(start)
                return np.ascontiguousarray(W.T, dtype), b.astype(dtype)

        hidden = net.activations[0]
        return Started(hidden_layer_sizes=net.layer_sizes[1:-1], activation=hidden, shuffle=False, alpha=0.0, tol=0.0,
                       n_iter_no_change=10**9, **settings)  # fmt: skip

    def targets(self, net: MLP, Y: Array) -> Array:
        return Y.argmax(axis=1) if net.activations[-1] == "softmax" else Y[:, 0] if Y.shape[1] == 1 else Y

    def trainer(self, task: Task, dtype: str) -> Callable[[int], Array]:
        net, (X, Y) = task.network(dtype), task.data(dtype)
        rows = task.steps * task.batch
        X, y = X[:rows], self.targets(net, Y[:rows])
        settings = {"solver": task.optimizer, "learning_rate_init": LEARNING_RATES[task.optimizer], "momentum": 0.0}
        estimator = self.estimator(net, batch_size=task.batch, warm_start=True, nesterovs_momentum=False, **settings)

        def train(epochs: int) -> Array:
            estimator.max_iter = epochs
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", self.warning)  # all epochs are wanted
                estimator.fit(X, y)
            pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
            return np.concatenate([part.ravel() for W, b in pairs for part in (W.T, b)])

        return train

    def predictor(self, net: MLP) -> Callable[[Array], Array]:
        estimator = self.estimator(net, max_iter=1, solver="sgd", learning_rate_init=1e-300)
        n, k = net.layer_sizes[0], net.layer_sizes[-1]
        y = np.arange(2 * k) % k if net.activations[-1] == "softmax" else np.zeros((2 * k, k)).squeeze()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self.warning)
            estimator.fit(np.zeros((2 * k, n), net.dtype), y.astype(int if k > 1 else net.dtype))
        probabilities = net.activations[-1] == "softmax"
        predict: Callable[[Array], Array] = estimator.predict_proba if probabilities else estimator.predict
        return predict

    def row(self, net: MLP, x: Array) -> Callable[[], Array]:
        return partial(self.predictor(net), x[None])

    def classifier(self, units: int, epochs: int) -> Any:
        return _classifier(self.network.MLPClassifier, units, epochs)


def _classifier(kind: Any, units: int, epochs: int) -> Any:
    """One that runs all epochs, from numbers at random that are the same in both packages."""
    return kind((units,), random_state=0, max_iter=epochs, n_iter_no_change=10**9, tol=0.0)
