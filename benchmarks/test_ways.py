"""Loop, vectorised, preallocated NumPy and compiled, side by side: forward, gradient and training."""

import pytest

import shallownet_c as sn
from shallownet_c._benchmarks._bench import Problem, digits, flower
from shallownet_c._benchmarks._numpy_mlp import PreallocatedNumPy
from shallownet_c.reference import loop, vectorized

PROBLEMS = {"flower": flower(), "digits": digits()}
REFERENCES = {"loop": loop, "vectorized": vectorized}
EVERY_WAY = [*REFERENCES, "preallocated", "compiled", "compiled float32"]

each_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


def measure(benchmark, name: str, problem: Problem, function, slow: bool) -> None:
    benchmark.group = f"{name}, {problem.name} {'-'.join(map(str, problem.layer_sizes))}, m = {len(problem.X)}"
    if slow and problem.name == "digits":
        benchmark.pedantic(function, rounds=1, iterations=1)  # seconds each
    else:
        benchmark(function)


@each_problem
@pytest.mark.parametrize("way", [*REFERENCES, "compiled", "compiled float32"])
def test_forward(benchmark, problem, way):
    net = problem.network("float32" if "float32" in way else "float64")
    X = problem.X.astype(net.dtype)
    if way in REFERENCES:
        names = list(net.activations)
        W, b = net.weights, net.biases
        measure(benchmark, "forward", problem, lambda: REFERENCES[way].forward(X, W, b, names), way == "loop")
    else:
        measure(benchmark, "forward", problem, lambda: net(X), False)


@each_problem
@pytest.mark.parametrize("way", EVERY_WAY)
def test_gradient(benchmark, problem, way):
    net = problem.network("float32" if "float32" in way else "float64")
    X, Y = problem.X.astype(net.dtype), problem.Y.astype(net.dtype)
    if way in REFERENCES:
        module, names = REFERENCES[way], list(net.activations)

        def gradient():
            Z, A = module.forward(X, net.weights, net.biases, names)
            module.cost(A[-1], Y, net.loss, names[-1])
            return module.backward(Z, A, net.weights, Y, names, net.loss)

    elif way == "preallocated":
        numpy = PreallocatedNumPy(net, len(X))

        def gradient():
            return numpy.gradient(X, Y)

    else:

        def gradient():
            return net.cost_and_grad(X, Y)

    measure(benchmark, "cost and gradient", problem, gradient, way == "loop")


@each_problem
@pytest.mark.parametrize("way", EVERY_WAY)
def test_training(benchmark, problem, way):
    """Gradient descent that goes on where the last round stopped: starting up is not in the time."""
    iterations = 20 if problem.name == "flower" else 2  # of the loop on digits each takes a second and a half
    net = problem.network("float32" if "float32" in way else "float64")
    X, Y = problem.X.astype(net.dtype), problem.Y.astype(net.dtype)
    if way in REFERENCES:
        module, names = REFERENCES[way], list(net.activations)

        def train():
            module.gradient_descent(X, Y, net.weights, net.biases, names, net.loss, problem.alpha, iterations)

    elif way == "preallocated":
        numpy = PreallocatedNumPy(net, len(X))

        def train():
            for _ in range(iterations):
                numpy.sgd(X, Y, problem.alpha)

    else:
        sgd = sn.SGD(problem.alpha)

        def train():
            net.fit(X, Y, optimizer=sgd, epochs=iterations)

    measure(benchmark, f"training, {iterations} iterations", problem, train, way == "loop")
