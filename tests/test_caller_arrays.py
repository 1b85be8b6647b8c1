"""Kernels take read-only arrays, leave every byte of them as it is, and change nothing but their outputs."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import networks
import numpy as np
import pytest

from shallownet_c import _core, _kernels
from shallownet_c.reference._activations import ACTIVATIONS


class Call(NamedTuple):
    """One call of a kernel: a function of arrays by name, and which of them it writes to."""

    name: str
    function: Callable[..., Any]
    arrays: dict[str, np.ndarray]
    outputs: set[str]

    def __call__(self):
        return self.function(**self.arrays)

    @property
    def bits(self):
        return {name: array.tobytes() for name, array in self.arrays.items()}


def call(name, function, outputs=(), **arrays):
    """A `Call` without the arrays that are None."""
    given = {key: array for key, array in arrays.items() if array is not None}
    absent = dict.fromkeys(arrays.keys() - given.keys())
    return Call(name, lambda **arrays: function(**absent, **arrays), given, set(outputs) & given.keys())


def calls(build, m, sizes):
    """Every entry point, with every choice of optional arguments, on fresh arrays."""
    rng = np.random.default_rng(m)
    n_in, n_out, P = sizes[0], sizes[-1], sum(a * (b + 1) for b, a in itertools.pairwise(sizes))
    kernels, hidden, rules = build.kernels, itertools.cycle(networks.HIDDEN), itertools.cycle(networks.rules())

    def numbers(*shape):
        return rng.standard_normal(shape).astype(build.dtype)

    def network(output, loss="squared_error"):
        activations = [*itertools.islice(hidden, len(sizes) - 2), output]
        return lambda params: networks.bound(kernels, sizes, activations, params, loss)

    def predictor(activations, params):
        return _core.Predictor(True, *networks.arguments(kernels, sizes, activations, params))

    def packed_row(packed, X, out):
        packed(X, out)

    def predict(net, params, X, out):
        _core.predict(net(params), X, out)

    def gradient(net, smoothing, params, X, Y, classes, weights, grad):
        _core.gradient(net(params), _core.Rows(X, Y, classes, weights, smoothing), grad)

    def plain(net, params, X, Y):
        net(params)._plain_cost_and_grad(X, Y, 1)

    def input_derivatives(net, params, X, into, V, U, Y, classes):
        _core.input_derivatives(net(params), X, into, V, U, Y, classes)

    def train(net, optimizer, smoothing, size, penalties, scale, params, X, Y, classes, weights, order, dropout, hyper,
              state, step, rates, cost):  # fmt: skip
        rule = _core.Rule(optimizer.code, hyper, state, step, *penalties)
        run = _core.Run(size, dropout, 7, scale)
        _core.train(net(params), _core.Rows(X, Y, classes, weights, smoothing), rule, run, order, rates, cost)

    def train_together(
        net, optimizer, params, others, X, Y, order, hyper, state, step, others_state, others_step, rates, costs
    ):
        nets, rows = [net(params), net(others)], [_core.Rows(X, Y), _core.Rows(X, Y)]
        rules = [_core.Rule(optimizer.code, hyper, *own, 0.1) for own in ((state, step), (others_state, others_step))]
        _core.train_together(nets, rows, rules, _core.Run(min(m, 2)), [order, None], rates, costs)

    def step(net, optimizer, params, grad, hyper, state, step):
        _core.step(net(params), _core.Rule(optimizer.code, hyper, state, step, 0.1, 0.1, 1.0), grad, 3.0)

    def output_gradient(output, loss, Z, Y, classes, weights):
        codes = _kernels.ACTIVATIONS[output], networks.LEAK, _kernels.LOSSES[loss]
        _core.output_gradient(kernels, *codes, 1.0, Z, _core.Rows(Z, Y, classes, weights))

    def bind(function, *first):
        return lambda **arrays: function(*first, **arrays)

    def rule_of(optimizer):
        state = optimizer.state(P, build.dtype)
        return {"hyper": optimizer.hyper_parameters(), "state": state, "step": np.zeros(1, np.int64)}

    for output in ACTIVATIONS:
        arrays = {"params": numbers(P), "X": numbers(m, n_in), "out": numbers(m, n_out)}
        yield call("predict", bind(predict, network(output)), ["out"], **arrays)
        one = {"params": numbers(P), "X": numbers(n_in), "out": numbers(n_out)}
        yield call("row", bind(lambda net, params, X, out: net(params)(X, out), network(output)), ["out"], **one)
        activations = [*["tanh"] * (len(sizes) - 2), output]
        yield call("pack", bind(predictor, activations), params=numbers(P))
        one = {"X": numbers(n_in), "out": numbers(n_out)}
        yield call("packed_row", bind(packed_row, predictor(activations, numbers(P))), ["out"], **one)

    Y = np.full((m, n_out), 1 / n_out, build.dtype)
    for output, loss in networks.PAIRS:
        targets = [{"Y": Y.copy(), "classes": None}]
        if not ACTIVATIONS[output].elementwise:
            targets.append({"Y": None, "classes": rng.integers(0, n_out, m)})
        net = network(output, loss)
        yield call("cost_and_grad", bind(plain, net), params=numbers(P), X=numbers(m, n_in), Y=Y.copy())
        for given, shape in (
            ({}, (m, n_out, n_in)), ({"V": numbers(m, n_out)}, (m, n_in)), ({"U": numbers(m, n_in)}, (m, n_out)),
            *((target, (m, n_in)) for target in targets),
        ):  # fmt: skip
            arrays = {"V": None, "U": None, "Y": None, "classes": None} | given
            arrays |= {"params": numbers(P), "X": numbers(m, n_in), "into": numbers(*shape)}
            yield call("input_derivatives", bind(input_derivatives, net), ["into"], **arrays)
        smoothings = (0.0, 0.1) if loss in networks.SMOOTHED else (0.0,)
        for target, weighted, smoothing in itertools.product(targets, (False, True), smoothings):
            data = target | {"weights": rng.random(m).astype(build.dtype) if weighted else None}
            yield call("output_gradient", bind(output_gradient, output, loss), ["Z"], Z=numbers(m, n_out), **data)
            data |= {"params": numbers(P), "X": numbers(m, n_in)}
            for grad in (numbers(P), None):
                yield call("gradient", bind(gradient, net, smoothing), ["grad"], **data, grad=grad)
            for ordered, size, dropped in itertools.product((False, True), (m, max(1, m // 3)), (False, True)):
                optimizer = next(rules)
                run = {"order": np.stack([rng.permutation(m) for _ in range(2)]) if ordered else None}
                run |= {"dropout": np.full(len(sizes) - 2, 0.5) if dropped else None}
                run |= {"rates": np.full(2, 1e-2), "cost": np.full(2, np.nan)} | rule_of(optimizer)
                fixed = optimizer, smoothing, size, (0.1, 0.1, 1.0) if dropped else (0.1,), 1.0 * dropped
                outputs = ["params", "state", "step", "cost"]
                yield call("train", bind(train, net, *fixed), outputs, **data | {"params": numbers(P)}, **run)

    for optimizer in networks.rules():
        arrays = {"params": numbers(P), "grad": numbers(P)} | rule_of(optimizer)
        yield call("step", bind(step, network("identity"), optimizer), ["params", "grad", "state", "step"], **arrays)

        arrays = {"params": numbers(P), "others": numbers(P), "X": numbers(m, n_in), "Y": Y.copy()} | rule_of(optimizer)
        arrays |= {f"others_{name}": array for name, array in rule_of(optimizer).items() if name != "hyper"}
        arrays |= {"order": np.stack([rng.permutation(m) for _ in range(2)])}
        arrays |= {"rates": np.full(2, 1e-2), "costs": np.full((2, 2), np.nan)}
        outputs = ["params", "others", "state", "step", "others_state", "others_step", "costs"]
        yield call("train_together", bind(train_together, network("identity"), optimizer), outputs, **arrays)
    count = bind(lambda net, params: _core.how_many_together(net(params), m), network("identity"))
    yield call("how_many_together", count, params=numbers(P))

    layer = {"X": numbers(m, n_in), "W": numbers(n_out, n_in)}
    for name in ACTIVATIONS:
        arrays = layer | {"b": numbers(n_out), "out": numbers(m, n_out)}
        forward = bind(lambda name, X, W, b, out: build.dense_forward(X, W, b, name, networks.LEAK, out), name)
        yield call("layer", forward, ["out"], **arrays)
    for name, dX in itertools.product(networks.ELEMENTWISE, (None, numbers(m, n_in))):
        arrays = layer | {"dA": numbers(m, n_out), "kept": np.abs(numbers(m, n_out))}
        arrays |= {"dW": numbers(n_out, n_in), "db": numbers(n_out), "dX": dX}

        def backward(name, X, W, dA, kept, dW, db, dX):
            build.dense_backward(X, W, dA, kept, name, (dW, db, dX), networks.LEAK)

        yield call("layer_backward", bind(backward, name), ["dW", "db", "dX"], **arrays)
    yield call("first_nonfinite", lambda a: kernels.first_nonfinite(a), a=numbers(m, n_in))


@pytest.mark.parametrize("m", [1, 20, 141])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 5, 2), (17, 9, 6, 40)], ids=str)
def test_inputs_may_be_read_only_and_stay_as_they_are(build, sizes, m):
    seen = set()
    for each in calls(build, m, sizes):
        before = each.bits
        for name, array in each.arrays.items():
            array.flags.writeable = name in each.outputs
        each()
        after = each.bits
        for name in each.arrays.keys() - each.outputs:
            assert after[name] == before[name], f"{each.name} changed {name}"
        seen.add(each.name)
    if networks.API_H.exists():
        assert seen == networks.kernel_functions()


def test_read_only_outputs_are_refused_and_nothing_is_written(build):
    for each in calls(build, 20, (3, 5, 2)):
        for name in each.outputs:
            before = each.bits
            each.arrays[name].flags.writeable = False
            if each.name in ("row", "packed_row", "layer") and name == "out":
                # These leave what they do not take to the package's checks, which no build has.
                with pytest.raises((AttributeError, TypeError)):
                    each()
            else:
                with pytest.raises(ValueError, match=r"read-only|writeable"):
                    each()
            each.arrays[name].flags.writeable = True
            assert each.bits == before


@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_a_prediction_of_one_row_changes_its_out_alone(build, output):
    rng = np.random.default_rng(0)
    params = rng.standard_normal(7 * 20 + 5 * 8).astype(build.dtype)
    x, out = rng.standard_normal(19).astype(build.dtype), np.full(5, np.nan, build.dtype)
    before = [array.tobytes() for array in (params, x)]
    net = networks.bound(build.kernels, (19, 7, 5), ["tanh", output], params)
    for array in (params, x):
        array.flags.writeable = False
    assert net(x, out) is out
    np.testing.assert_array_equal(net(x), out)
    assert np.isfinite(out).all()
    assert [array.tobytes() for array in (params, x)] == before
