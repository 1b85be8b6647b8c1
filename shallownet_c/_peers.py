"""`shallownet-c bench --peers`: the same work done by NumPy, PyTorch, JAX and ONNX Runtime, side by side.

Every peer starts from the same parameters, takes the same rows in the same order, computes the cost in every step, and
must end where `MLP` ends before it is timed. One thread each; rounds of all contenders take turns; medians and ratios.
"""

import importlib
import itertools
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shallownet_c import MLP, SGD, Adam, __version__, kernels
from shallownet_c._numpy_mlp import PreallocatedNumPy

Array = np.ndarray[Any, Any]
ROUNDS = 15
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
        """In one pass over the rows; a last batch that is not full is left out, so that all batches are alike."""
        return self.m // self.batch

    @property
    def flops(self) -> int:
        """Of one step's products: forward, gradient, and backward but for the first layer."""
        sizes = self.layer_sizes
        return self.batch * (6 * sum(a * b for a, b in itertools.pairwise(sizes)) - 2 * sizes[0] * sizes[1])


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
#: (layer sizes, hidden, output, dtype) of batch predictions, at each number of rows
PREDICTIONS = [
    ([64, 100, 10], "relu", "softmax", "float32"),
    ([30, 128, 128, 1], "tanh", "identity", "float32"),
    ([30, 128, 128, 1], "tanh", "identity", "float64"),
]
PREDICTED_ROWS = (32, 1024, 100_000)
ONE_ROW = [([4, 16, 1], "tanh", "identity"), ([64, 100, 10], "relu", "softmax"), ([784, 512, 10], "relu", "softmax")]


class Ours:
    """`MLP.fit` and `MLP.predict`."""

    name = "shallownet_c"

    def trainer(self, task: Task, dtype: str) -> Callable[[int], Array]:
        net, (X, Y) = task.network(dtype), task.data(dtype)
        alpha = LEARNING_RATES[task.optimizer]
        optimizer = SGD(alpha) if task.optimizer == "sgd" else Adam(alpha)
        rows = task.steps * task.batch

        def train(epochs: int) -> Array:
            net.fit(X[:rows], Y[:rows], optimizer=optimizer, epochs=epochs, batch_size=task.batch, shuffle=False)
            return net.params

        return train

    def predictor(self, net: MLP) -> Callable[[Array], Array]:
        return net


class NumPy:
    """`PreallocatedNumPy`, and a plain forward pass."""

    name = "NumPy"

    def trainer(self, task: Task, dtype: str) -> Callable[[int], Array]:
        numpy, (X, Y) = PreallocatedNumPy(task.network(dtype), task.batch), task.data(dtype)
        step = numpy.descend if task.optimizer == "sgd" else numpy.adam
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


class Torch:
    """Eager PyTorch: fused Adam, foreach SGD; inference_mode."""

    name = "PyTorch"

    def __init__(self) -> None:
        self.torch = importlib.import_module("torch")
        self.torch.set_num_threads(1)

    def model(self, net: MLP) -> Any:
        nn = self.torch.nn
        layers: list[Any] = []
        for W, b, name in zip(net.weights, net.biases, net.activations, strict=True):
            linear = nn.Linear(W.shape[1], W.shape[0], dtype=getattr(self.torch, net.dtype.name))
            with self.torch.no_grad():
                linear.weight.copy_(self.torch.from_numpy(W.copy()))
                linear.bias.copy_(self.torch.from_numpy(b.copy()))
            layers.append(linear)
            if name in ("tanh", "relu"):
                layers.append(nn.Tanh() if name == "tanh" else nn.ReLU())
        return nn.Sequential(*layers)

    def trainer(self, task: Task, dtype: str) -> Callable[[int], Array]:
        torch = self.torch
        model = self.model(task.network(dtype))
        X, Y = (torch.from_numpy(array) for array in task.data(dtype))
        alpha = LEARNING_RATES[task.optimizer]
        if task.optimizer == "sgd":
            optimizer = torch.optim.SGD(model.parameters(), alpha, foreach=True)
        else:
            optimizer = torch.optim.Adam(model.parameters(), alpha, fused=True)
        functional = torch.nn.functional
        losses = {
            "sigmoid": lambda Z, T: functional.binary_cross_entropy_with_logits(Z, T, reduction="sum"),
            "softmax": lambda Z, T: functional.cross_entropy(Z, T, reduction="sum"),
            "identity": lambda Z, T: functional.mse_loss(Z, T, reduction="sum") / 2,
        }
        loss = losses[task.output]

        def train(epochs: int) -> Array:
            for _ in range(epochs):
                for at in range(0, task.steps * task.batch, task.batch):
                    optimizer.zero_grad()
                    J = loss(model(X[at : at + task.batch]), Y[at : at + task.batch]) / task.batch
                    J.backward()
                    optimizer.step()
            return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])

        return train

    def predictor(self, net: MLP) -> Callable[[Array], Array]:
        torch, model = self.torch, self.model(net)
        softmax = net.activations[-1] == "softmax"

        def predict(X: Array) -> Array:
            with torch.inference_mode():
                A = model(torch.from_numpy(X))
                return (A.softmax(-1) if softmax else A).numpy()

        return predict


class Jax:
    """The whole loop over epochs and batches inside one `jit`: `scan` in `scan`."""

    name = "JAX"

    def __init__(self) -> None:
        self.jax = importlib.import_module("jax")
        self.jax.config.update("jax_enable_x64", True)

    def forward(self, params: Any, X: Any, hidden: str) -> Any:
        jnp = self.jax.numpy
        A = X
        for layer, (W, b) in enumerate(params):
            A = A @ W.T + b
            if layer < len(params) - 1:
                A = jnp.tanh(A) if hidden == "tanh" else jnp.maximum(A, 0)
        return A

    def trainer(self, task: Task, dtype: str) -> Callable[[int], Array]:
        jax, jnp = self.jax, self.jax.numpy
        net, (X, Y) = task.network(dtype), task.data(dtype)
        rows = task.steps * task.batch
        X = jnp.asarray(X[:rows]).reshape(task.steps, task.batch, -1)
        Y = jnp.asarray(Y[:rows]).reshape(task.steps, task.batch, -1)
        params = [(jnp.asarray(W), jnp.asarray(b)) for W, b in zip(net.weights, net.biases, strict=True)]
        zeros = jax.tree.map(jnp.zeros_like, params)
        alpha = LEARNING_RATES[task.optimizer]

        def cost(params: Any, X: Any, Y: Any) -> Any:
            Z = self.forward(params, X, task.hidden)
            if task.output == "softmax":
                return -(Y * jax.nn.log_softmax(Z)).sum() / task.batch
            if task.output == "sigmoid":
                return (jax.nn.softplus(Z) - Y * Z).sum() / task.batch
            return ((Z - Y) ** 2).sum() / 2 / task.batch

        def step(state: Any, batch: Any) -> Any:
            params, m, v, t = state
            J, grad = jax.value_and_grad(cost)(params, *batch)
            t = t + 1
            if task.optimizer == "sgd":
                return (jax.tree.map(lambda w, g: w - alpha * g, params, grad), m, v, t), J
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grad)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grad)
            root = jnp.sqrt(1 - 0.999**t)
            rate = (alpha * root / (1 - 0.9**t)).astype(dtype)
            epsilon = (1e-8 * root).astype(dtype)
            params = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + epsilon), params, m, v)
            return (params, m, v, t), J

        def epoch(state: Any, _: Any) -> Any:
            return jax.lax.scan(step, state, (X, Y))

        run = jax.jit(lambda state, n: jax.lax.scan(epoch, state, None, length=n), static_argnums=1)
        state = [(params, zeros, zeros, jnp.zeros((), "float64"))]

        def train(epochs: int) -> Array:
            state[0], costs = run(state[0], epochs)
            costs.block_until_ready()
            return np.concatenate([np.asarray(p).ravel() for pair in state[0][0] for p in pair])

        return train

    def predictor(self, net: MLP) -> Callable[[Array], Array]:
        jax, jnp = self.jax, self.jax.numpy
        params = [(jnp.asarray(W), jnp.asarray(b)) for W, b in zip(net.weights, net.biases, strict=True)]
        hidden, softmax = net.activations[0], net.activations[-1] == "softmax"

        @jax.jit
        def forward(X: Any) -> Any:
            Z = self.forward(params, X, hidden)
            return jax.nn.softmax(Z) if softmax else Z

        return lambda X: np.asarray(forward(X))


class OnnxRuntime:
    """Predictions alone: it does not train."""

    name = "ONNX Runtime"

    def __init__(self) -> None:
        self.onnx = importlib.import_module("onnx")
        self.runtime = importlib.import_module("onnxruntime")

    def predictor(self, net: MLP) -> Callable[[Array], Array]:
        helper, numpy_helper = self.onnx.helper, self.onnx.numpy_helper
        kind = helper.np_dtype_to_tensor_dtype(net.dtype)
        nodes, weights, at = [], [], "X"
        operators = {"tanh": "Tanh", "relu": "Relu", "softmax": "Softmax"}
        for layer, (W, b, name) in enumerate(zip(net.weights, net.biases, net.activations, strict=True)):
            weights += [numpy_helper.from_array(W.copy(), f"W{layer}"), numpy_helper.from_array(b.copy(), f"b{layer}")]
            nodes.append(helper.make_node("Gemm", [at, f"W{layer}", f"b{layer}"], [f"Z{layer}"], transB=1))
            at = f"Z{layer}"
            if name in operators:
                nodes.append(helper.make_node(operators[name], [at], [f"A{layer}"]))
                at = f"A{layer}"
        graph = helper.make_graph(
            nodes,
            "mlp",
            [helper.make_tensor_value_info("X", kind, ["m", net.layer_sizes[0]])],
            [helper.make_tensor_value_info(at, kind, ["m", net.layer_sizes[-1]])],
            weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = self.runtime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        return lambda X: session.run(None, {"X": X})[0]


PEERS: dict[str, type[Any]] = {"NumPy": NumPy, "PyTorch": Torch, "JAX": Jax, "ONNX Runtime": OnnxRuntime}


def interleaved(jobs: dict[str, Callable[[], object]], seconds: float = 0.03) -> dict[str, float]:
    """Median seconds of each job over rounds that take turns; a job is repeated for about `seconds` a round."""
    repeats = {}
    for name, job in jobs.items():
        job()
        start = time.perf_counter()
        job()
        repeats[name] = max(1, round(seconds / max(time.perf_counter() - start, 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                job()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(values) for name, values in times.items()}


def peers() -> tuple[dict[str, Any], dict[str, str]]:
    """The peers that are installed, and why the others are not there."""
    present: dict[str, Any] = {Ours.name: Ours()}
    missing = {}
    for name, peer in PEERS.items():
        try:
            present[name] = peer()
        except ImportError as error:
            missing[name] = f"not installed ({error.name}): pip install 'shallownet-c[bench]'"
    return present, missing


def training(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A step of each task."""
    for task in TRAINING:
        for dtype in task.dtypes:
            trainers = {n: p.trainer(task, dtype) for n, p in present.items() if hasattr(p, "trainer")}
            # Enough steps a call that starting it does not count, for the slow ones few enough to wait for.
            epochs = max(1, min(1000 // task.steps, round(3e9 / (task.flops * task.steps))))
            params = {name: train(epochs).copy() for name, train in trainers.items()}
            # Adam divides by the root of its second moment: a small gradient's rounding becomes a visible step.
            tolerance = 2e4 * float(np.finfo(dtype).eps) * np.sqrt(epochs * task.steps)
            _check(task.name, params, tolerance)
            jobs = {name: partial(train, epochs) for name, train in trainers.items()}
            seconds = interleaved(jobs, 0.05)
            yield _result(
                f"{task.name}, {dtype}", "a step", {n: s / epochs / task.steps for n, s in seconds.items()}, task.flops
            )


def predictions(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A batch, and one row, through each network."""
    rng = np.random.default_rng(0)
    for sizes, hidden, output, dtype in PREDICTIONS:
        net = MLP(sizes, hidden, output, dtype=dtype, seed=0)
        predictors = {name: peer.predictor(net) for name, peer in present.items()}
        flops = 2 * sum(a * b for a, b in itertools.pairwise(sizes))
        for m in PREDICTED_ROWS:
            X = rng.standard_normal((m, sizes[0])).astype(dtype)
            _check("prediction", {n: f(X) for n, f in predictors.items()}, 1e3 * float(np.finfo(dtype).eps))
            seconds = interleaved({name: partial(predict, X) for name, predict in predictors.items()})
            name = f"{'-'.join(map(str, sizes))} {hidden}/{output}, {m:,} rows, {dtype}"
            yield _result(name, "a prediction", seconds, flops * m)
    for sizes, hidden, output in ONE_ROW:
        net = MLP(sizes, hidden, output, dtype="float32", seed=0)
        x = rng.standard_normal(sizes[0]).astype("float32")
        jobs = {
            name: partial(peer.predictor(net), x if name == Ours.name else x[None]) for name, peer in present.items()
        }
        _check("one row", {name: job().reshape(-1) for name, job in jobs.items()}, 1e3 * float(np.finfo("float32").eps))
        flops = 2 * sum(a * b for a, b in itertools.pairwise(sizes))
        yield _result(f"{'-'.join(map(str, sizes))}, one row, float32", "a call", interleaved(jobs), flops)


def layers() -> Iterator[dict[str, Any]]:
    """`kernels.dense_forward` into `out`, against NumPy's matmul, bias and activation."""
    rng = np.random.default_rng(0)
    for m, n_in, n_out in ((32, 16, 16), (256, 64, 64), (128, 784, 512), (4096, 30, 128), (1024, 1024, 1024)):
        for dtype, activation in itertools.product(("float32", "float64"), ("relu", "tanh")):
            X, W = rng.standard_normal((m, n_in)).astype(dtype), rng.standard_normal((n_out, n_in)).astype(dtype)
            W /= np.sqrt(n_in).astype(dtype)
            b, out, theirs = np.ones(n_out, dtype), np.empty((m, n_out), dtype), np.empty((m, n_out), dtype)

            def ours(X=X, W=W, b=b, out=out, activation=activation):
                return kernels.dense_forward(X, W, b, activation, out=out)

            def numpy(X=X, W=W, b=b, out=theirs, activation=activation):
                np.matmul(X, W.T, out=out)
                np.add(out, b, out=out)
                return np.tanh(out, out=out) if activation == "tanh" else np.maximum(out, 0, out=out)

            _check("layer", {Ours.name: ours(), "NumPy": numpy()}, 1e3 * float(np.finfo(dtype).eps))
            seconds = interleaved({Ours.name: ours, "NumPy": numpy})
            yield _result(f"layer {m}×{n_in}×{n_out} {activation}, {dtype}", "a call", seconds, 2 * m * n_in * n_out)


def _check(name: str, results: dict[str, Array], tolerance: float) -> None:
    """All results are ours, to the tolerance relative to the greatest value: who is not right is not timed."""
    ours = results[Ours.name].astype(float)
    scale = max(1.0, float(np.abs(ours).max()))
    for peer, values in results.items():
        error = float(np.abs(values.astype(float) - ours).max()) / scale
        if not error <= tolerance:
            raise AssertionError(f"{name}: {peer} differs by {error:.2e}, allowed {tolerance:.2e}")


def _result(name: str, unit: str, seconds: dict[str, float], flops: float) -> dict[str, Any]:
    return {"name": name, "unit": unit, "seconds": seconds, "gflops": flops / seconds[Ours.name] / 1e9}


def show(result: dict[str, Any], columns: list[str]) -> str:
    """A row of the Markdown table: our time, and how many times as long each peer takes."""
    ours = result["seconds"][Ours.name]
    scale, unit = (1e3, "ms") if ours > 1e-3 else (1e6, "µs") if ours > 1e-6 else (1e9, "ns")
    cells = [result["name"], f"{ours * scale:.3g} {unit}", f"{result['gflops']:.1f}"]
    cells += [f"{result['seconds'][c] / ours:.2f}×" if c in result["seconds"] else "–" for c in columns]
    return "| " + " | ".join(cells) + " |"


def run(json_file: str | None) -> int:
    """Print the table, and write it."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    present, missing = peers()
    columns = [name for name in PEERS if name in present]
    print(f"shallownet_c {__version__}, build {kernels.target}, one thread; peers: times as long\n")
    print("| | " + " | ".join([Ours.name, "GFLOP/s", *columns]) + " |")
    print("|---|" + "---:|" * (2 + len(columns)), flush=True)
    results = []
    for result in itertools.chain(training(present), predictions(present), layers()):
        results.append(result)
        print(show(result, columns), flush=True)
    for name, reason in missing.items():
        print(f"| {name}: {reason} |")
    if json_file:
        report = {
            "version": __version__,
            "build": kernels.target,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "missing": missing,
            "results": results,
        }
        Path(json_file).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0
