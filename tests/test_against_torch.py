"""Fifty steps of each optimizer on each loss, next to PyTorch's; where PyTorch is installed (extra "bench")."""

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c import optimizers
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 6))
Y = np.abs(RNG.standard_normal((200, 2)))
STEPS = 50

OPTIMIZERS = {
    "sgd": (lambda: sn.SGD(0.05), lambda p: torch.optim.SGD(p, 0.05)),
    "momentum": (lambda: sn.SGD(0.05, 0.9), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)),
    "nesterov": (lambda: sn.SGD(0.05, 0.9, True), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True)),
    "adam": (lambda: sn.Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "adamw": (lambda: sn.Adam(0.01, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)),
    "rprop": (lambda: sn.RPROP(0.01), lambda p: torch.optim.Rprop(p, 0.01)),
    "adamax": (lambda: sn.AdaMax(0.01, 0.8, 0.9), lambda p: torch.optim.Adamax(p, 0.01, (0.8, 0.9))),
    "nadam": (lambda: sn.NAdam(0.01), lambda p: torch.optim.NAdam(p, 0.01)),
    "nadamw": (
        lambda: sn.NAdam(0.01, 0.8, 0.9, momentum_decay=1.0, weight_decay=0.1),
        lambda p: torch.optim.NAdam(
            p, 0.01, (0.8, 0.9), momentum_decay=1.0, weight_decay=0.1, decoupled_weight_decay=True
        ),
    ),
    "rmsprop": (lambda: sn.RMSprop(0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
    "centered": (
        lambda: sn.RMSprop(0.003, 0.9, 1e-6, 0.8, centered=True),
        lambda p: torch.optim.RMSprop(p, 0.003, 0.9, 1e-6, momentum=0.8, centered=True),
    ),
    "cosine": (lambda: sn.SGD(0.05, schedule="cosine"), lambda p: torch.optim.SGD(p, 0.05)),
}


def summed(function, **options):
    return lambda a, y: function(a, y, reduction="sum", **options) / len(y)


def losses():
    """The options of our losses, and PyTorch's function, None where it has none."""
    f = torch.nn.functional
    return {
        "squared_error": ({}, lambda a, y: 0.5 * ((a - y) ** 2).sum(1).mean()),
        "absolute_error": ({}, summed(f.l1_loss)),
        "huber": ({"delta": 0.6}, summed(f.huber_loss, delta=0.6)),
        "pinball": ({}, None),
        "poisson": ({}, summed(f.poisson_nll_loss, log_input=True)),
        "log_cosh": ({}, None),
    }


def activations():
    """PyTorch's functions by our names, None where PyTorch has none."""
    f = torch.nn.functional
    return {
        "identity": torch.nn.Identity(),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": lambda z: f.leaky_relu(z, 0.01),
        "silu": f.silu,
        "gelu": f.gelu,
        "gelu_tanh": lambda z: f.gelu(z, approximate="tanh"),
        "mish": f.mish,
        "softplus": f.softplus,
        "elu": f.elu,
        "selu": f.selu,
        "sin": torch.sin,
    }


@pytest.fixture(autouse=True)
def double():
    """The product of NAdam's momenta is of PyTorch's default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def test_names_are_those_of_the_tables():
    assert {type(ours()) for ours, _ in OPTIMIZERS.values()} == {
        kind for kind in optimizers.OPTIMIZERS.values() if kind.takes_steps
    }
    assert losses().keys() == {name for name, row in LOSSES.items() if row.form}
    assert activations().keys() == {name for name, row in ACTIVATIONS.items() if row.hidden}


@pytest.mark.parametrize("loss", [name for name, (_, function) in losses().items() if function])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps(name, loss):
    if (name, loss) == ("rprop", "absolute_error"):
        pytest.skip("signs of gradients that are 0 but for rounding")
    options, criterion = losses()[loss]
    net = sn.MLP([6, 10, 8, 2], ["tanh", "sigmoid"], loss=loss, seed=0, **options)
    layers = []
    for W, b, g in zip(net.weights, net.biases, (torch.nn.Tanh, torch.nn.Sigmoid, torch.nn.Identity), strict=True):
        linear = torch.nn.Linear(*W.T.shape, dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(W), torch.tensor(b)
        layers += [linear, g()]
    model = torch.nn.Sequential(*layers)
    ours, theirs = OPTIMIZERS[name]
    optimizer = theirs(list(model.parameters()))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS) if name == "cosine" else None
    costs = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        J = criterion(model(torch.tensor(X)), torch.tensor(Y))
        J.backward()
        costs.append(J.item())
        optimizer.step()
        if schedule is not None:
            schedule.step()
    history = net.fit(X, Y, optimizer=ours(), epochs=STEPS)
    params = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    np.testing.assert_allclose(net.params, params, rtol=0, atol=1e-13)
    np.testing.assert_allclose(history.cost, costs, rtol=1e-13)


@pytest.mark.parametrize("name", activations())
def test_gradients(name):
    net = sn.MLP([6, 10, 8, 2], name, seed=0)
    params = [torch.tensor(p, requires_grad=True) for p in (*net.weights, *net.biases)]
    A = torch.tensor(X)
    for layer in range(3):
        A = A @ params[layer].T + params[3 + layer]
        A = activations()[name](A) if layer < 2 else A
    J = losses()["squared_error"][1](A, torch.tensor(Y))
    J.backward()
    cost, grad = net.cost_and_grad(X, Y)
    expected = [p.grad.numpy().ravel() for pair in zip(params[:3], params[3:], strict=True) for p in pair]
    np.testing.assert_allclose(cost, J.item(), rtol=1e-13)
    np.testing.assert_allclose(grad, np.concatenate(expected), rtol=1e-12, atol=1e-14)
