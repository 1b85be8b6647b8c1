"""Kernels take read-only arrays, leave every byte of them as it is, and change nothing but their outputs."""

import itertools
from typing import NamedTuple

import networks
import numpy as np
import pytest
from shallownet_c._core import Network

from shallownet_c import _kernels
from shallownet_c.reference._activations import ACTIVATIONS

LEAK = 0.1


#: Outputs whose targets may be the numbers of classes, and the codes of the others.
CLASSES = [(output, loss) for output, loss in networks.OUTPUTS if not ACTIVATIONS[output].elementwise]
ELEMENTWISE = [_kernels.ACTIVATIONS[name] for name, row in ACTIVATIONS.items() if row.elementwise]


class Call(NamedTuple):
    """One call of a kernel: its arguments by name, and which of them it writes to."""

    function: str
    arguments: dict
    outputs: tuple[str, ...]


#: Code, hyper-parameters and vectors of state.
OPTIMIZERS = (
    (0, [1e-2, 0.0, 0.0], 0),
    (0, [1e-2, 0.9, 1.0], 1),
    (1, [1e-2, 0.9, 0.999, 1e-8, 0.1, 0.0], 2),
    (2, [1e-2, 0.5, 1.2, 1e-6, 50.0], 2),
)


def calls(build, m, sizes):
    """Every entry point, with every choice of optional arguments, on fresh arrays."""
    rng = np.random.default_rng(m)
    n_in, n_out, P = sizes[0], sizes[-1], sum(a * (b + 1) for b, a in itertools.pairwise(sizes))

    def numbers(*shape):
        return rng.standard_normal(shape).astype(build.dtype)

    def network(output):
        first = list(ACTIVATIONS).index(output)
        hidden = [networks.HIDDEN[(first + k) % len(networks.HIDDEN)] for k in range(len(sizes) - 2)]
        codes = np.array([_kernels.ACTIVATIONS[name] for name in (*hidden, output)], np.intc)
        return {"sizes": np.array(sizes, np.intp), "activations": codes, "leak": LEAK}

    for output in ACTIVATIONS:
        inputs = network(output) | {"params": numbers(P), "X": numbers(m, n_in)}
        yield Call("forward", inputs | {"out": numbers(m, n_out)}, ("out",))

    ones = np.ones((m, n_out), build.dtype)
    combinations = [
        *((output, loss, {"Y": ones / n_out, "classes": None}) for output, loss in networks.OUTPUTS),
        *((output, loss, {"Y": None, "classes": rng.integers(0, n_out, m)}) for output, loss in CLASSES),
    ]
    for output, loss, targets in combinations:
        for weights in (None, rng.random(m).astype(build.dtype)):
            net = network(output) | {"loss": _kernels.LOSSES[loss], "loss_parameter": 1.0}
            data = {"X": numbers(m, n_in), **targets, "weights": weights}
            yield Call("accumulate_grad", net | {"params": numbers(P)} | data | {"grad": numbers(P)}, ("grad",))
            yield Call("accumulate_grad", net | {"params": numbers(P)} | data | {"grad": None}, ())
            for order, batch_size, (code, hyper, k), dropped in itertools.product(
                (None, np.stack([rng.permutation(m) for _ in range(2)])),
                (m, max(1, m // 3)),
                OPTIMIZERS,
                (False, True),
            ):
                run = {"order": order, "n_epochs": 2, "batch_size": batch_size, "l2": 0.1}
                run |= {"l1": 0.1 * dropped, "clip_norm": 1.0 if dropped else np.inf}
                run |= {"objective_scale": 1.0 * dropped}
                run |= {"dropout": np.full(max(1, len(sizes) - 2), 0.5) if dropped else None, "dropout_seed": 7}
                run |= {"optimizer": code, "rates": np.full(2, 1e-2)}
                run |= {"hyper": np.array(hyper), "state": np.zeros((k, P), build.dtype)}
                run |= {"step": np.zeros(1, np.int64), "cost": np.full(2, np.nan)}
                outputs = ("params", "state", "step", "cost") if k else ("params", "step", "cost")
                yield Call("train", net | {"params": numbers(P)} | data | run, outputs)

    for code, hyper, k in OPTIMIZERS:
        run = {key: network("identity")[key] for key in ("sizes", "activations")}
        run |= {"params": numbers(P), "grad": numbers(P), "weight_sum": 3.0, "l2": 0.1, "l1": 0.1, "clip_norm": 1.0}
        run |= {"optimizer": code, "hyper": np.array(hyper), "state": np.zeros((k, P), build.dtype)}
        outputs = ("params", "grad", "state", "step") if k else ("params", "grad", "step")
        yield Call("optimize", run | {"step": np.zeros(1, np.int64)}, outputs)
    for weights, classes in itertools.product(
        (None, rng.random(m).astype(build.dtype)), (None, rng.integers(0, n_out, m))
    ):
        data = {"Y": ones / n_out if classes is None else None, "classes": classes, "weights": weights}
        for output, loss in networks.OUTPUTS if classes is None else CLASSES:
            codes = {"activation": _kernels.ACTIVATIONS[output], "leak": LEAK, "loss": _kernels.LOSSES[loss]}
            yield Call("output_gradient", codes | {"loss_parameter": 1.0, "Z": numbers(m, n_out)} | data, ("Z",))

    layer = {"X": numbers(m, n_in), "W": numbers(n_out, n_in)}
    for activation in _kernels.ACTIVATIONS.values():
        forward = layer | {"b": numbers(n_out), "activation": activation, "leak": LEAK, "out": numbers(m, n_out)}
        yield Call("dense_forward", forward, ("out",))
    for activation, dX in itertools.product(ELEMENTWISE, (None, numbers(m, n_in))):
        back = {"dA": numbers(m, n_out), "A": np.abs(numbers(m, n_out)), **layer, "activation": activation}
        back |= {"leak": LEAK, "dW": numbers(n_out, n_in), "db": numbers(n_out), "dX": dX}
        yield Call("dense_backward", back, ("dW", "db") if dX is None else ("dW", "db", "dX"))
    yield Call("first_nonfinite", {"a": numbers(m, n_in)}, ())


def arrays(call):
    return {name: value for name, value in call.arguments.items() if isinstance(value, np.ndarray)}


@pytest.mark.parametrize("m", [1, 20, 141])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 5, 2), (17, 9, 6, 40)], ids=str)
def test_inputs_may_be_read_only_and_stay_as_they_are(build, sizes, m):
    seen = set()
    for call in calls(build, m, sizes):
        given = arrays(call)
        before = {name: array.tobytes() for name, array in given.items()}
        for name, array in given.items():
            array.flags.writeable = name in call.outputs or array.size == 0
        getattr(build.kernels, call.function)(*call.arguments.values())
        for name, array in given.items():
            if name not in call.outputs:
                assert array.tobytes() == before[name], f"{call.function} changed {name}"
        seen.add(call.function)
    public = {name for name in dir(build.kernels) if not name.startswith("_")}
    entry_points = {name for name in public if callable(getattr(build.kernels, name))}
    assert seen == entry_points - {"max_threads"}


def test_read_only_outputs_are_refused_and_nothing_is_written(build):
    for call in calls(build, 20, (3, 5, 2)):
        for name in call.outputs:
            given = arrays(call)
            before = {key: array.tobytes() for key, array in given.items()}
            given[name].flags.writeable = False
            with pytest.raises(ValueError, match="read-only"):
                getattr(build.kernels, call.function)(*call.arguments.values())
            given[name].flags.writeable = True
            assert {key: array.tobytes() for key, array in given.items()} == before


@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_a_prediction_of_one_row_changes_its_out_alone(build, output):
    rng = np.random.default_rng(0)
    sizes, codes = np.array([19, 7, 5], np.intp), np.array([2, _kernels.ACTIVATIONS[output]], np.intc)
    params = rng.standard_normal(7 * 20 + 5 * 8).astype(build.dtype)
    x, out = rng.standard_normal(19).astype(build.dtype), np.full(5, np.nan, build.dtype)
    before = [array.tobytes() for array in (sizes, codes, params, x)]
    network = Network(build.kernels.k, params, sizes, codes, LEAK, 0, np.inf)
    for array in (sizes, codes, params, x):
        array.flags.writeable = False
    assert network(x, out) is out
    np.testing.assert_array_equal(network(x), out)
    assert np.isfinite(out).all()
    assert [array.tobytes() for array in (sizes, codes, params, x)] == before
