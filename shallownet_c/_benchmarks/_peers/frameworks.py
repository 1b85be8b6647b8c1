"""PyTorch, JAX and ONNX Runtime as contenders; see `contenders` for what each has to offer."""

import importlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from shallownet_c import MLP
from shallownet_c._benchmarks._peers.tasks import LEARNING_RATES, Array, Task


class Torch:
    """Eager PyTorch: fused Adam, foreach SGD; inference_mode."""

    name = "PyTorch"

    def __init__(self, n_threads: int) -> None:
        self.torch = importlib.import_module("torch")
        self.torch.set_num_threads(n_threads)

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
        losses: dict[str, Callable[[Any, Any], Any]] = {
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
                outputs: Array = (A.softmax(-1) if softmax else A).numpy()
            return outputs

        return predict

    def row(self, net: MLP, x: Array) -> Callable[[], Array]:
        return partial(self.predictor(net), x[None])

    def layer(self, X: Array, W: Array, b: Array, activation: str) -> Callable[[], Array]:
        torch = self.torch
        X, W, b = (torch.from_numpy(array) for array in (X, W.T, b))
        out = torch.empty((len(X), W.shape[1]), dtype=X.dtype)

        @torch.inference_mode()
        def forward() -> Array:
            torch.addmm(b, X, W, out=out)
            if activation != "identity":
                out.tanh_() if activation == "tanh" else out.relu_()
            A: Array = out.numpy()
            return A

        layer: Callable[[], Array] = forward
        return layer


class Jax:
    """The whole loop over epochs and batches inside one `jit`: `scan` in `scan`, `fori_loop` where a batch is all rows.

    XLA vectorises along the last axis of an array: where layers are narrow, samples are put there, the notes' columns.
    """

    name = "JAX"

    def __init__(self, _n_threads: int) -> None:
        self.jax = importlib.import_module("jax")
        self.jax.config.update("jax_enable_x64", True)

    def params(self, net: MLP) -> Any:
        return [
            (self.jax.numpy.asarray(W), self.jax.numpy.asarray(b)) for W, b in zip(net.weights, net.biases, strict=True)
        ]

    def forward(self, params: Any, X: Any, hidden: str, columns: bool) -> Any:
        jnp = self.jax.numpy
        A = X
        for layer, (W, b) in enumerate(params):
            A = W @ A + b[:, None] if columns else A @ W.T + b
            if layer < len(params) - 1:
                A = jnp.tanh(A) if hidden == "tanh" else jnp.maximum(A, 0)
        return A

    def cost(self, params: Any, X: Any, Y: Any, hidden: str, output: str, columns: bool) -> Any:
        jax, jnp = self.jax, self.jax.numpy
        Z = self.forward(params, X, hidden, columns)
        m = X.shape[1 if columns else 0]
        if output == "softmax":
            return -(Y * jax.nn.log_softmax(Z, 0 if columns else 1)).sum() / m
        if output == "sigmoid":
            return (jnp.maximum(Z, 0) - Y * Z + jnp.log1p(jnp.exp(-jnp.abs(Z)))).sum() / m
        return ((Z - Y) ** 2).sum() / 2 / m

    def trainer(self, task: Task, dtype: str) -> Callable[[int], Array]:
        """The faster of the two ways to lay out the samples, by a short run of each."""
        seconds = {}
        for columns in (False, True):
            train = self.laid_out(task, dtype, columns)
            epochs = min(max(1, 200 // task.steps), task.epochs(3e9))
            train(epochs)
            start = time.perf_counter()
            train(epochs)
            seconds[columns] = time.perf_counter() - start
        return self.laid_out(task, dtype, min(seconds, key=seconds.__getitem__))

    def laid_out(self, task: Task, dtype: str, columns: bool) -> Callable[[int], Array]:
        jax, jnp = self.jax, self.jax.numpy
        net, data = task.network(dtype), task.data(dtype)
        X, Y = (jnp.asarray(a[: task.steps * task.batch]).reshape(task.steps, task.batch, -1) for a in data)
        if columns:
            X, Y = X.transpose(0, 2, 1), Y.transpose(0, 2, 1)
        params = self.params(net)
        zeros = jax.tree.map(jnp.zeros_like, params)
        alpha = LEARNING_RATES[task.optimizer]
        gradient = jax.value_and_grad(partial(self.cost, hidden=task.hidden, output=task.output, columns=columns))

        def step(state: Any, batch: Any) -> Any:
            params, m, v, t = state
            J, grad = gradient(params, *batch)
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

        def epochs_of_one_batch(state: Any, n: int) -> Any:
            batch, J = (X[0], Y[0]), jnp.zeros((), dtype)
            return jax.lax.fori_loop(0, n, lambda _, carry: step(carry[0], batch), (state, J))

        def epochs_of_batches(state: Any, n: int) -> Any:
            return jax.lax.scan(lambda state, _: jax.lax.scan(step, state, (X, Y)), state, None, length=n)

        run = jax.jit(epochs_of_one_batch if task.steps == 1 else epochs_of_batches, static_argnums=1)
        state = [(params, zeros, zeros, jnp.zeros((), "float64"))]

        def train(epochs: int) -> Array:
            state[0], costs = run(state[0], epochs)
            costs.block_until_ready()
            return np.concatenate([np.asarray(p).ravel() for pair in state[0][0] for p in pair])

        return train

    def predictor(self, net: MLP) -> Callable[[Array], Array]:
        jax, params = self.jax, self.params(net)
        hidden, softmax = net.activations[0], net.activations[-1] == "softmax"

        @jax.jit
        def forward(X: Any) -> Any:
            Z = self.forward(params, X, hidden, False)
            return jax.nn.softmax(Z) if softmax else Z

        return lambda X: np.asarray(forward(X))

    def row(self, net: MLP, x: Array) -> Callable[[], Array]:
        return partial(self.predictor(net), x[None])

    def layer(self, X: Array, W: Array, b: Array, activation: str) -> Callable[[], Array]:
        jax, jnp = self.jax, self.jax.numpy
        functions = {"identity": lambda Z: Z, "tanh": jnp.tanh, "relu": lambda Z: jnp.maximum(Z, 0)}
        forward = jax.jit(lambda X, W, b: functions[activation](X @ W.T + b))
        X, W, b = (jnp.asarray(array) for array in (X, W, b))
        return lambda: forward(X, W, b).block_until_ready()

    def cost_and_grad(self, net: MLP, X: Array, Y: Array) -> Callable[[], Array]:
        jax, jnp = self.jax, self.jax.numpy
        cost = partial(self.cost, hidden=net.activations[0], output=net.activations[-1], columns=False)
        gradient, params, X, Y = jax.jit(jax.value_and_grad(cost)), self.params(net), jnp.asarray(X), jnp.asarray(Y)

        def run() -> Any:
            return jax.block_until_ready(gradient(params, X, Y))[1]

        flat = np.concatenate([np.asarray(part).ravel() for pair in run() for part in pair])

        def timed() -> Array:
            run()
            return flat  # the first run's, the same for every run: making it is not the peer's work

        return timed


class OnnxRuntime:
    """Predictions alone: it does not train."""

    name = "ONNX Runtime"

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self.onnx = importlib.import_module("onnx")
        self.runtime = importlib.import_module("onnxruntime")

    def session(self, net: MLP) -> tuple[Any, str]:
        """A session with the network, whose input is X, and the name of its output."""
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
        options.intra_op_num_threads, options.inter_op_num_threads = self.n_threads, 1
        return self.runtime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"]), at

    def predictor(self, net: MLP) -> Callable[[Array], Array]:
        session, _ = self.session(net)
        return lambda X: session.run(None, {"X": X})[0]

    def row(self, net: MLP, x: Array) -> Callable[[], Array]:
        """One row by an IOBinding to memory that stays where it is, the fastest way."""
        session, name = self.session(net)
        X, out = x[None].copy(), np.empty((1, net.layer_sizes[-1]), net.dtype)
        binding = session.io_binding()
        binding.bind_cpu_input("X", X)
        binding.bind_output(name, "cpu", 0, net.dtype.type, out.shape, out.ctypes.data)

        def run() -> Array:
            session.run_with_iobinding(binding)
            return out

        return run
