"""Every argument of every public function against values that nobody would expect there.

Each is taken, or refused by a ValueError or TypeError that names the argument: without a warning, and before anything
has changed.
"""

import datetime
import functools
import itertools
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse

import shallownet_c as sn
from shallownet_c._checks._validation import shown
from shallownet_c.reference import loop, vectorized
from shallownet_c.reference._losses import LOSSES


class OwnError(Exception):
    """What an object of the caller's raises, which may come through."""


class Raises:
    """An object that can do nothing."""

    def fail(self, *_arguments, **_more):
        raise OwnError

    __float__ = __index__ = __array__ = __iter__ = __len__ = __getitem__ = __repr__ = fail


class Text(str):
    """A string of a class of the caller's."""


class Flag(int):
    """An integer of a class of the caller's."""


in_itself = []
in_itself.append(in_itself)
deep = functools.reduce(lambda inner, _: [inner], range(100), [1.0])

VALUES = [
    *(10**400, -(10**400), 10**5000, -(10**5000), 2**63, -(2**63) - 1, 2**200, Flag(2)),
    *(np.nan, np.inf, -np.inf, -0.0, 1e308, -1e308, 5e-324, 0.999999999999999),
    *(np.float32(1.5), np.float16(np.inf), np.longdouble("1e400"), np.longdouble(0.5), np.uint64(2**64 - 1)),
    *(1j, np.complex64(1), np.array(1j), Fraction(1, 3), Fraction(10**400), Decimal("0.5"), Decimal("1e400")),
    *(Decimal("NaN"), Decimal("sNaN"), True, np.True_, np.array(True), np.array(True, object)),
    *(np.array(2), np.array(0.5), np.array("1.5"), np.array("1.5", object), np.array(10**400), np.array(None)),
    *("", ",", "(", "\0", "x" * 10**6, Text("tanh"), Text("1.5"), np.str_("1.5"), b"x", b"1.5", bytearray(b"1.5")),
    *(memoryview(b"1.5"), np.void(b"1.5"), None, ..., object(), object, Raises(), [], (), {}, set(), {1, 2}, {"a": 1}),
    *([[]], [None], [10**400], [[1.0], [1.0, 2.0]], in_itself, deep, range(10**30), range(0), np.zeros((0, 3))),
    *(np.datetime64("2020-01-01"), np.datetime64("2020-01-01T00:00", "ns"), np.datetime64("NaT", "s")),
    *(np.timedelta64(3, "s"), datetime.date(2020, 1, 1), [np.timedelta64(3, "ns")], np.array([1, "a"], object)),
    *(np.ma.masked, np.ma.array(3, mask=True), np.ma.array([1, 2, 3], mask=[0, 1, 0])),
    *(np.array([(1, 2.0)], [("a", int), ("b", float)]), scipy.sparse.csr_array(np.eye(3)), np.zeros((1,) * 33)),
    *(np.full((6, 3), 1e308), np.full(6, -1), np.full((6, 2), np.nan), [[10**400] * 3] * 6, [10**5000] * 6),
    *(np.full((6, 3), np.timedelta64(3, "ns"), object), np.full((6, 3), "1.5"), np.full(6, "1.5", object)),
    *(np.full((6, 3), "1.5", object), [[1.0, 2.0, Fraction(1, 2)]] * 6, [[1.0, 2.0, Decimal("sNaN")]] * 6),
    *(np.ma.masked_less(np.arange(18.0).reshape(6, 3), 4), [np.ma.array([1.0, 2, 3], mask=[0, 0, 1])] * 6),
    *(np.ma.masked_less(np.arange(6), 1), np.full((6, 3), 1j), np.full((6, 3), "2020", "datetime64[ns]")),
]


X = np.random.default_rng(0).standard_normal((6, 3))
Y = np.random.default_rng(1).random((6, 2))
CLASSES = np.array([0, 1, 1, 0, 1, 0])
WEIGHTS = np.ones(6)
LAYER = {"X": X, "W": np.ones((2, 3)), "b": np.zeros(2), "activation": "leaky_relu", "leak": 0.1}
BACK = {"dA": Y, "A": Y, "X": X, "W": np.ones((2, 3)), "activation": "leaky_relu", "leak": 0.1}


class World:
    """What a call may change: a network, an optimizer, a source of random numbers, a gradient."""

    def __init__(self, dtype="float64"):
        self.net = sn.MLP([3, 4, 2], output="sigmoid", seed=0, dtype=dtype)
        self.optimizer = sn.Adam(schedule=sn.schedules.Adaptive(patience=1))
        self.optimizer.schedule.watch(1.0)
        self.rng = np.random.default_rng(0)
        self.grad = np.zeros(self.net.n_params, dtype)

    def state(self):
        optimizer = self.optimizer
        return {
            "params": self.net.params.tobytes(),
            "grad": self.grad.tobytes(),
            "history": self.net.history,
            "optimizer": (optimizer.n_steps, optimizer._epoch, optimizer._state, optimizer.learning_rate),
            "schedule": vars(optimizer.schedule).copy(),
            "rng": self.rng.bit_generator.state,
        }


def fit(**changes):
    def call(world, value):
        arguments = {"X": X, "Y": Y, "epochs": 2, "batch_size": 2, "optimizer": world.optimizer, "seed": world.rng}
        for name, make in changes.items():
            arguments[name] = make(value)
        return world.net.fit(**arguments)

    return call


def of(function, /, **fixed):
    """Calls by name: the argument of that name is the value, the others are as they should be."""
    return {name: (lambda world, v, name=name: function(world, **fixed | {name: v})) for name in fixed}


def itself(value):
    return value


DATA = {"X": X, "Y": Y, "sample_weight": WEIGHTS}
MAKE = dict(layer_sizes=[3, 4, 2], activation="tanh", output="identity", loss=None, init=0.1, leak=0.1, delta=1.0,
            quantile=0.5, dtype="float32", seed=0)  # fmt: skip
SGD = dict(learning_rate=0.1, momentum=0.5, nesterov=False, schedule="constant")
ADAM = dict(learning_rate=0.1, beta_1=0.5, beta_2=0.5, epsilon=1e-8, weight_decay=0.0, schedule="constant")
RPROP = dict(learning_rate=0.1, eta_minus=0.5, eta_plus=1.2, step_min=1e-6, step_max=50.0)
LBFGS = dict(history_size=10, max_fun=100, gtol=1e-5, ftol=1e-9)


def trained(world, optimizer):
    world.net.fit(X, Y, optimizer=optimizer, epochs=3)


def stepped(world, grad, **arguments):
    if isinstance(grad, np.ndarray) and grad.shape == (26,):
        grad = grad.astype(world.net.dtype)
    world.optimizer.step(world.net, grad, **arguments)
    world.net.params[:] = 0  # what absurd penalties make of them is not checked


def made(world, **arguments):
    net = sn.MLP(**arguments)
    assert np.isfinite(net.params).all()
    for loss in LOSSES:
        arguments = {"output": LOSSES[loss].usual_output, "delta": net.delta, "quantile": net.quantile}
        assert np.isfinite(sn.MLP([3, 2], loss=loss, seed=0, **arguments).cost(X, Y))


ENTRIES = {
    "MLP": of(made, **MAKE),
    "MLP of": {
        "layer_sizes": lambda w, v: sn.MLP([3, v, 2]),
        "activation": lambda w, v: sn.MLP([3, 4, 2], activation=[v]),
    },
    "net": {"X": lambda w, v: w.net(v), "out": lambda w, v: w.net(X, v)},
    "net of a row": {"X": lambda w, v: w.net.predict(v), "out": lambda w, v: w.net.predict(X[0], v)},
    "layer_outputs": of(lambda w, X: w.net.layer_outputs(X), X=X),
    "layer_gradients": of(lambda w, **data: w.net.layer_gradients(**data), **DATA),
    "jacobian": of(lambda w, X: w.net.jacobian(X), X=X),
    "vjp": of(lambda w, X, V: w.net.vjp(X, V), X=X, V=Y),
    "jvp": of(lambda w, X, U: w.net.jvp(X, U), X=X, U=X),
    "input_gradient": of(lambda w, X, Y: w.net.input_gradient(X, Y), X=X, Y=Y),
    "derivatives of a row": {
        "X": lambda w, v: w.net.jacobian(v),
        "V": lambda w, v: w.net.vjp(X[0], v),
        "U": lambda w, v: w.net.jvp(X[0], v),
        "Y": lambda w, v: w.net.input_gradient(X[0], v),
    },
    "cost": of(lambda w, **data: w.net.cost(**data), **DATA),
    "cost_and_grad": of(lambda w, **data: w.net.cost_and_grad(**data), **DATA),
    "cost and grad": of(lambda w, **data: w.net.cost_and_grad(**data), X=X, Y=Y),
    "classes": {
        "Y": lambda w, v: sn.MLP([3, 2], output="softmax", seed=0, dtype=w.net.dtype).fit(X, v, epochs=2),
    },
    "class": {"Y": lambda w, v: sn.MLP([3, 2], output="softmax").cost_and_grad(X, [0, 1, v, 1, 0, 1])},
    "accumulate_grad": of(lambda w, **data: w.net.accumulate_grad(grad=w.grad, **data), **DATA)
    | {"grad": lambda w, v: w.net.accumulate_grad(X, Y, v)},
    "fit": of(
        lambda w, **arguments: w.net.fit(
            **{"seed": w.rng, "optimizer": w.optimizer, "epochs": 2, "batch_size": 2} | arguments
        ),
        **DATA,
        optimizer="sgd",
        epochs=2,
        batch_size=2,
        shuffle=True,
        l2=0.1,
        l1=0.1,
        dropout=0.1,
        clip_norm=1.0,
        label_smoothing=0.1,
        validation_data=(X, Y),
        patience=1,
        tol=0.1,
        seed=0,
        n_threads=1,
        callback=None,
        checkpoint_every=1.0,
    )
    | {"order": fit(order=itself), "progress": fit(progress=itself)},
    "fit with": {
        "dropout": fit(dropout=lambda v: [v]),
        "validation_data: X": fit(validation_data=lambda v: (v, Y)),
        "validation_data: Y": fit(validation_data=lambda v: (X, v)),
        "validation_data: sample_weight": fit(validation_data=lambda v: (X, Y, v)),
    },
    "fit by items": {
        "X": fit(X=lambda v: [[v, 1.0, 2.0]] * 6),
        "Y": fit(Y=lambda v: [[v, 1.0]] * 6),
        "sample_weight": fit(sample_weight=lambda v: [1.0, v, 1.0, 1.0, 1.0, 1.0]),
        "order": fit(order=lambda v: [[0, 1, 2, v, 4, 5]] * 2),
    },
    "partial_fit": of(
        lambda w, **arguments: w.net.partial_fit(**arguments),
        **DATA,
        optimizer="adam",
        batch_size=2,
        l2=0.1,
        n_threads=1,
    ),
    "step": of(
        lambda w, **arguments: stepped(w, **arguments),
        grad=np.ones(26),
        weight_sum=2.0,
        l2=0.1,
        l1=0.1,
        clip_norm=1.0,
        epoch=1,
    )
    | {"net": lambda w, v: w.optimizer.step(v, w.grad, 1.0)},
    "SGD": of(lambda w, **a: trained(w, sn.SGD(**a)), **SGD),
    "Adam": of(lambda w, **a: trained(w, sn.Adam(**a)), **ADAM),
    "RPROP": of(lambda w, **a: trained(w, sn.RPROP(**a)), **RPROP),
    "LBFGS": of(lambda w, **a: trained(w, sn.LBFGS(**a)), **LBFGS),
    "Constant": of(lambda w, learning_rate: trained(w, sn.SGD(learning_rate, schedule="cosine")), learning_rate=0.1),
    "InverseScaling": of(lambda w, power: trained(w, sn.SGD(schedule=sn.schedules.InverseScaling(power))), power=0.5),
    "Cosine": of(lambda w, **a: trained(w, sn.SGD(schedule=sn.schedules.Cosine(**a))), epochs=2, least=0.1),
    "Adaptive": of(
        lambda w, **a: trained(w, sn.SGD(schedule=sn.schedules.Adaptive(**a))),
        factor=0.5,
        patience=1,
        tol=0.1,
        least=0.1,
    ),
    "functions": {
        "order": lambda w, v: World().net.fit(X, Y, order=lambda epoch: v, epochs=2),
        "schedule": lambda w, v: trained(World(), sn.SGD(schedule=lambda epoch: v)),
    },
    "dense_forward": of(lambda w, **a: sn.kernels.dense_forward(**a), **LAYER, out=np.empty((6, 2))),
    "dense_backward": of(
        lambda w, **a: sn.kernels.dense_backward(**a), **BACK, dW=np.zeros((2, 3)), db=np.zeros(2), dX=np.zeros((6, 3))
    ),
    "make_flower": of(lambda w, m, seed: sn.datasets.make_flower(m, seed), m=4, seed=0),
    "check_gradient": of(
        lambda w, X, Y, sample_weight, epsilon: sn.check_gradient(w.net, X, Y, sample_weight, epsilon=epsilon),
        **DATA,
        epsilon=1e-5,
    )
    | {"net": lambda w, v: sn.check_gradient(v, X, Y)},
    "compare_activations": of(
        lambda w, X, Y, X_dev, Y_dev, **more: sn.compare_activations(X, Y, X_dev, Y_dev, epochs=2, **more),
        **{"X": X, "Y": Y, "X_dev": X, "Y_dev": Y, "hidden": 4, "activations": ["relu"], "output": None, "seed": 0},
        optimizer="adam",
    )
    | {"Y": lambda w, v: sn.compare_activations(X, v, X, CLASSES, epochs=2)}
    | {"hidden": lambda w, v: sn.compare_activations(X, Y, X, Y, hidden=[v], activations=["tanh"], epochs=2)},
    **{
        f"{module.__name__} {function}": of(
            lambda w, m=module, name=function, **arguments: getattr(m, name)(*arguments.values()), **arguments
        )
        for module in (loop, vectorized)
        for function, arguments in {
            "activation": {"z": X, "activation": "relu", "leak": 0.1},
            "derivative": {"z": X, "activation": "relu", "leak": 0.1},
            "cost": {"A_L": Y, "Y": Y, "loss": "squared_error", "output": "sigmoid"},
        }.items()
    },
    **{
        f"{module.__name__} descent": {
            "X": lambda w, v, m=module: m.forward(v, [np.ones((2, 3))], [np.ones(2)], ["tanh"]),
            "W": lambda w, v, m=module: m.forward(X, [v], [np.ones(2)], ["tanh"]),
            "b": lambda w, v, m=module: m.forward(X, [np.ones((2, 3))], [v], ["tanh"]),
            "activation": lambda w, v, m=module: m.forward(X, [np.ones((2, 3))], [np.ones(2)], [v]),
            "alpha": lambda w, v, m=module: descend(m, alpha=v),
            "parameter": lambda w, v, m=module: m.cost(Y, Y, "huber", parameter=v),
            "n_iterations": lambda w, v, m=module: descend(m, n_iterations=v),
        }
        for module in (loop, vectorized)
    },
}


def descend(module, alpha=0.1, n_iterations=1):
    return module.gradient_descent(
        X, Y, [np.ones((2, 3))], [np.zeros(2)], ["tanh"], "squared_error", alpha, n_iterations
    )


#: Names by which an error may speak of an argument besides its own.
ALSO = {
    "X": ("out", "dA", "a layer"),
    "W": ("b", "dA"),
    "A_L": ("the output's shape",),
    "output": ("loss",),
    "validation_data: X": ("validation_data",),
    "validation_data: Y": ("validation_data",),
    "validation_data: sample_weight": ("validation_data",),
}


def outcome(call, world, value):
    """The error by which the value is refused; None where it is taken."""
    try:
        call(world, value)
    except (ValueError, TypeError) as error:
        return error
    except OwnError:
        assert isinstance(value, Raises)
    except sn.DivergenceError:
        pass
    assert np.isfinite(world.net.params).all()
    return None


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_value_is_taken_or_refused(dtype, entry):
    for (argument, call), value in itertools.product(ENTRIES[entry].items(), VALUES):
        world = World(dtype)
        before = world.state()
        error = outcome(call, world, value)
        if error is not None:
            message = str(error)
            where = f"{argument} = {shown(value)}: {message}"
            if value is object and "takes no arguments" in message:
                continue  # a function of the caller's that fails
            names = (argument, *ALSO.get(argument, ()))
            assert any(re.search(rf"\b{name}\b", message) for name in names), where
            assert len(message) < 600, where
            assert world.state() == before, where
