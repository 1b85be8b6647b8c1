"""ONNX Runtime computes what our networks do, from the models that `MLP.to_onnx` makes."""

import numpy as np
import pytest
from tolerances import ONNX

import shallownet_c as sn
from shallownet_c.reference._activations import ACTIVATIONS

pytest.importorskip("onnx", reason="the extra onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra test-all is not installed")

#: 26 is the last one that ONNX Runtime 1.32 says to know; the last one that it must know is older.
OPSETS = [9, 13, 18, 22]


def session(proto):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_onnx_runtime_computes_ours(activation, dtype):
    """Relative to the greatest output: of an a next to nothing, such as σ(−20), its functions lose the digits."""
    if (activation, dtype) == ("gelu", "float64"):
        pytest.skip("ONNX Runtime has no erf in float64; tests/test_onnx.py has it by onnx.reference")
    hidden = activation if ACTIVATIONS[activation].hidden else "tanh"
    X = 3 * np.random.default_rng(1).standard_normal((50, 7)).astype(dtype)
    for depth in range(1, 6):
        # Weights as a fit begins with: large ones would make sin of sin of sin enlarge every rounding.
        net = sn.MLP([7, *[9] * (depth - 1), 4], hidden, activation, dtype=dtype, leak=0.13, seed=depth)
        for b in net.biases:
            b[:] = np.random.default_rng(depth).standard_normal(len(b))
        wanted = net(X)
        for opset in OPSETS if depth == 3 else OPSETS[2:3]:
            (found,) = session(net.to_onnx(opset=opset)).run(["A"], {"X": X})
            assert found.dtype == dtype
            assert np.abs(found - wanted).max() <= ONNX[dtype] * np.abs(wanted).max(), (depth, opset)


def test_a_file_runs_for_any_number_of_rows(tmp_path):
    net = sn.MLP([7, 5, 1], "mish", dtype="float32", seed=0)
    net.to_onnx(tmp_path / "net.onnx")
    run = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    assert [(value.name, value.shape) for value in run.get_inputs()] == [("X", ["batch", 7])]
    assert [(value.name, value.shape) for value in run.get_outputs()] == [("A", ["batch", 1])]
    assert run.get_modelmeta().custom_metadata_map["shallownet_c"]
    for m in (1, 3, 1000):
        X = np.random.default_rng(m).standard_normal((m, 7)).astype("float32")
        assert np.allclose(run.run(None, {"X": X})[0], net(X), rtol=0, atol=1e-6)
