"""The work of the comparison: networks to train and to run."""

import importlib
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from shallownet_c import MLP

Array = np.ndarray[Any, Any]
LEARNING_RATES = {"sgd": 0.05, "adam": 1e-3}


@dataclass
class Task:
    """A network to train: `steps` steps in all on batches of `batch` of m rows, which come round and round."""

    name: str
    layer_sizes: list[int]
    hidden: str
    output: str
    m: int
    batch: int
    optimizer: str
    dtypes: tuple[str, ...] = ("float64", "float32")

    def network(self, dtype: str) -> MLP:
        return MLP(self.layer_sizes, self.hidden, self.output, dtype=dtype, seed=0)

    def data(self, dtype: str) -> tuple[Array, Array]:
        rng = np.random.default_rng(1)
        X = rng.standard_normal((self.m, self.layer_sizes[0])).astype(dtype)
        n = self.layer_sizes[-1]
        if self.output == "softmax":
            return X, np.eye(n, dtype=dtype)[rng.integers(0, n, self.m)]
        if self.output == "sigmoid":
            return X, rng.integers(0, 2, (self.m, n)).astype(dtype)
        return X, rng.standard_normal((self.m, n)).astype(dtype)

    @property
    def steps(self) -> int:
        """Steps in one pass over the rows; a last batch that is not full is left out, so that all batches are alike."""
        return self.m // self.batch

    @property
    def flops(self) -> int:
        """Operations of one step's products: forward, gradient, and backward except for the first layer."""
        sizes = self.layer_sizes
        return self.batch * (6 * sum(a * b for a, b in itertools.pairwise(sizes)) - 2 * sizes[0] * sizes[1])

    def epochs(self, flops: float) -> int:
        """How many take about so many operations, at least one."""
        return max(1, round(flops / (self.flops * self.steps)))


TRAINING = [
    Task("flower 2-4-1 tanh/sigmoid, m = 400, descent", [2, 4, 1], "tanh", "sigmoid", 400, 400, "sgd"),
    Task("4-16-16-1 tanh, batch 64, Adam", [4, 16, 16, 1], "tanh", "identity", 6400, 64, "adam"),
    Task("64-100-10 relu/softmax, batch 200, Adam", [64, 100, 10], "relu", "softmax", 1800, 200, "adam"),
    Task("10-64-64-1 tanh, batch 256, Adam", [10, 64, 64, 1], "tanh", "identity", 19_968, 256, "adam", ("float32",)),
    Task("784-512-10 relu/softmax, batch 128, SGD", [784, 512, 10], "relu", "softmax", 1280, 128, "sgd", ("float32",)),
    Task(
        "784-512-10 relu/softmax, batch 128, Adam", [784, 512, 10], "relu", "softmax", 1280, 128, "adam", ("float32",)
    ),
    Task("4-32-16-4 tanh, m = 10,000, Adam", [4, 32, 16, 4], "tanh", "identity", 10_000, 10_000, "adam", ("float32",)),
]
#: The net of OpenNN's comparison on the HIGGS data (28 numbers of a collision, signal or background), with Adam.
HIGGS = Task(
    "28-300×5-1 tanh/sigmoid, batch 100, Adam", [28, *[300] * 5, 1], "tanh", "sigmoid", 2000, 100, "adam", ("float32",)
)
#: What others have measured on a machine of theirs, in samples a second: by momentum, with a validation pass.
PUBLISHED = {"OpenNN": 72_000, "PyTorch": 46_000}
PUBLISHED_ON = "16 threads of an Intel Core i9-12900K, https://www.opennn.net/blog/higgs-cpu-opennn-pytorch/"
#: Steps that are long enough to be shared by threads.
SHARED = [
    *(task for task in TRAINING if task.optimizer == "adam" and task.flops > 1e6),
    HIGGS,
    Task("20-256×3-1 tanh, batch 128, Adam", [20, *[256] * 3, 1], "tanh", "identity", 1280, 128, "adam"),
]
#: Rows, columns, and the share of numbers that are not 0, of sparse X; the units, classes and epochs of the estimators.
SPARSE = ((5_000, 5_000, 0.005), (5_000, 20_000, 0.002), (20_000, 1_000, 0.02))
UNITS, CLASSES, EPOCHS = 50, 10, 3
#: (layer sizes, hidden, output, dtype) of batch predictions, at each number of rows
PREDICTIONS = [
    ([64, 100, 10], "relu", "softmax", "float32"),
    ([30, 128, 128, 1], "tanh", "identity", "float32"),
    ([30, 128, 128, 1], "tanh", "identity", "float64"),
]
PREDICTED_ROWS = (32, 1024, 100_000)
ONE_ROW = [([4, 16, 1], "tanh", "identity"), ([64, 100, 10], "relu", "softmax"), ([784, 512, 10], "relu", "softmax")]
#: (rows, inputs, outputs) of single layers.
LAYERS = [(32, 16, 16), (256, 64, 64), (128, 784, 512), (4096, 30, 128), (1024, 1024, 1024)]


def products(sizes: tuple[int, ...] | list[int]) -> int:
    """Multiplications and additions of one row's way through the layers."""
    return 2 * sum(a * b for a, b in itertools.pairwise(sizes))


def sparse_rows(shape: tuple[int, int, float], dtype: str) -> tuple[Any, Array]:
    """CSR with numbers at random places, and classes."""
    m, n, density = shape
    rng = np.random.default_rng(0)
    sparse = importlib.import_module("scipy.sparse")
    X = sparse.random_array((m, n), density=density, format="csr", rng=rng, dtype=dtype)
    return X, rng.integers(0, CLASSES, m)
