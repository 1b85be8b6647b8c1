"""`from_onnx` on what other libraries write: graphs by hand in their forms, and PyTorch's and skl2onnx's own."""

import io
import logging
import re

import numpy as np
import pytest

import shallownet_c as sn

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_graphs import RNG, computed, model, weights  # noqa: E402  it needs onnx

W, B, W2, B2 = weights(4, 3), weights(4), weights(2, 4), weights(2)
DENSE = {"W": W, "b": B, "W2": W2, "b2": B2}
X = 2 * weights(20, 3)


def taken(proto, x=X, activations=None, atol=2e-6):
    """The network of the model, once it has been found to compute the same."""
    net = sn.from_onnx(proto)
    wanted = computed(proto, x)
    rows = x.reshape(len(x), -1)
    assert np.abs(net(rows) - wanted).max() <= atol * max(1, np.abs(wanted).max())
    if activations is not None:
        assert net.activations == activations
    return net


def of_layers(*between, **options):
    """Two layers with `between`, from z to a, for their activation."""
    first = ("Gemm", "x W b", "z", {"transB": 1})
    last = ("Gemm", "a W2 b2", "y", {"transB": 1})
    constants = options.pop("constants", {})
    dtype = options.get("dtype", "float32")
    cast = {name: each.astype(dtype) for name, each in DENSE.items()}
    cast |= {name: np.asarray(each, dtype) for name, each in constants.items()}
    return model([first, *between, last], cast, **options)


@pytest.mark.parametrize("bias", [None, (), (1,), (4,), (1, 4), (1, 1)])
@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, 1.0), (1.0, -2.0), (0.3, 0.0)])
def test_every_gemm(alpha, beta, transposed, bias):
    flags = {"alpha": alpha, "beta": beta, "transB": transposed, "transA": 0}
    for dtype, atol in ("float32", 2e-6), ("float64", 1e-12):
        tensors = {"W": weights(*((4, 3) if transposed else (3, 4)), dtype=dtype)}
        if bias is not None:
            tensors["b"] = weights(*bias, dtype=dtype)
        proto = model([("Gemm", "x W b" if bias is not None else "x W", "y", flags)], tensors, dtype=dtype)
        net = taken(proto, X.astype(dtype), atol=atol)
        assert (net.layer_sizes, net.activations, net.dtype) == ((3, 4), ("identity",), dtype)


@pytest.mark.parametrize("add", ["product b", "b product"])
@pytest.mark.parametrize("bias", [(4,), (1, 4), (1, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matmul_and_add_in_either_order(add, bias, dtype):
    tensors = {"W": weights(3, 4, dtype=dtype), "b": weights(*bias, dtype=dtype)}
    proto = model([("MatMul", "x W", "product", {}), ("Add", add, "y", {})], tensors, dtype=dtype)
    net = taken(proto, X.astype(dtype))
    assert net.dtype == dtype
    assert (net.weights[0] == tensors["W"].T).all()
    assert (net.biases[0] == tensors["b"]).all()


def test_layers_without_bias_or_activation():
    proto = model([("MatMul", "x W", "h", {}), ("MatMul", "h V", "y", {})], {"W": W.T, "V": W2.T})
    assert taken(proto).activations == ("identity", "identity")


def test_tf2onnx_keras():
    """MatMul with weights (n_in, n_out), Add, casts at both ends, and a batch of its own name."""
    nodes = [
        ("Cast", "x", "input", {"to": onnx.TensorProto.FLOAT}),
        ("MatMul", "input W", "dense/MatMul", {}),
        ("Add", "dense/MatMul b", "dense/BiasAdd", {}),
        ("Sigmoid", "dense/BiasAdd", "sigmoid", {}),
        ("Mul", "dense/BiasAdd sigmoid", "swish", {}),
        ("Dropout", "swish", "dropout", {}),
        ("MatMul", "dropout W2", "dense_1/MatMul", {}),
        ("Add", "dense_1/MatMul b2", "dense_1/BiasAdd", {}),
        ("Softmax", "dense_1/BiasAdd", "probabilities", {}),
        ("Identity", "probabilities", "same", {}),
        ("Cast", "same", "y", {"to": onnx.TensorProto.DOUBLE}),
    ]
    double = onnx.TensorProto.DOUBLE
    proto = model(nodes, DENSE | {"W": W.T, "W2": W2.T}, ("unk__7", 3), x_type=double, y_type=double)
    net = taken(proto, X.astype("float64"), ("silu", "softmax"))
    assert (net.loss, net.dtype) == ("log_loss", np.float32)


@pytest.mark.parametrize(
    ("nodes", "dims"),
    [
        ([("Flatten", "x", "rows", {})], ("m", 3, 1)),
        ([("Flatten", "x", "rows", {"axis": -2})], ("m", 1, 3)),
        ([("Reshape", "x to", "rows", {})], ("m", 1, 3)),
        ([("Shape", "x", "s", {}), ("Gather", "s zero", "m", {}), ("Unsqueeze", "m axes", "m1", {}),
          ("Concat", "m1 minus", "shape", {"axis": 0}), ("Reshape", "x shape", "rows", {})], ("m", 1, 3)),
        ([("Div", "x scale", "scaled", {}), ("Flatten", "scaled", "rows", {})], ("m", 3, 1)),
        ([("Reshape", "x fixed", "rows", {})], (20, 3, 1)),
    ],
)  # fmt: skip
def test_what_makes_rows_of_the_input(nodes, dims):
    shapes = {"to": np.array([-1, 3]), "zero": np.array(0), "axes": np.array([0]), "minus": np.array([-1])}
    tensors = {**DENSE, **shapes, "fixed": np.array([20, 3]), "scale": np.float32(255)}
    proto = model([*nodes, ("Gemm", "rows W b", "y", {"transB": 1})], tensors, dims)
    x = X.reshape([20, *dims[1:]])
    assert taken(proto, x).layer_sizes == (3, 4)


@pytest.mark.parametrize("kind", ["scalar", "vector", "row"])
@pytest.mark.parametrize("before", [True, False])
def test_scaling_becomes_a_part_of_the_weights(kind, before):
    n = 3 if before else 2
    shape = {"scalar": (), "vector": (n,), "row": (1, n)}[kind]
    tensors = DENSE | {name: 1 + np.abs(weights(*shape)) for name in ("c1", "c2", "c3", "c4")}

    def scaling(x, y):
        return [("Sub", f"{x} c1", "s1", {}), ("Div", "s1 c2", "s2", {}), ("Neg", "s2", "s3", {}),
                ("Mul", "c3 s3", "s4", {}), ("Sub", "c4 s4", "s5", {}), ("Add", "s5 c1", y, {})]  # fmt: skip

    def layers(x, y):
        return [("Gemm", f"{x} W b", "z", {"transB": 1}), ("Tanh", "z", "a", {}), ("Gemm", "a W2 b2", y, {"transB": 1})]

    nodes = [*scaling("x", "scaled"), *layers("scaled", "y")] if before else [*layers("x", "raw"), *scaling("raw", "y")]
    net = taken(model(nodes, tensors), activations=("tanh", "identity"))
    assert (net.weights[0] == W).all() != before
    assert (net.weights[1] == W2).all() == before


def test_scaling_between_two_layers():
    nodes = ("Mul", "z scale", "z1", {}), ("Relu", "z1", "z2", {}), ("Sub", "one z2", "a", {})
    proto = of_layers(*nodes, constants={"scale": 1 + np.abs(weights(4)), "one": 1})
    assert taken(proto).activations == ("relu", "identity")


def test_constants_that_nodes_make():
    value = onnx.numpy_helper.from_array
    nodes = [
        ("Constant", "", "Wt", {"value": value(W)}),
        ("Transpose", "Wt", "W", {"perm": [1, 0]}),
        ("Constant", "", "one", {"value_float": 1.0}),
        ("Constant", "", "numbers", {"value_floats": [1.0, 2.0, 3.0, 4.0]}),
        ("Constant", "", "double", {"value": value(np.array([2.0, 4.0, 8.0, 16.0]))}),
        ("Cast", "double", "single", {"to": onnx.TensorProto.FLOAT}),
        ("Div", "numbers single", "ratio", {}),
        ("Add", "ratio one", "b", {}),
        ("MatMul", "x W", "product", {}),
        ("Add", "product b", "y", {}),
    ]
    net = taken(model(nodes))
    assert net.biases[0].tolist() == [1.5, 1.5, 1.375, 1.25]


HALF, ROOT, CUBE, SCALE = 0.5, 2**0.5, 0.044715, (2 / np.pi) ** 0.5
LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772
FORMS = {
    "silu": [[("Sigmoid", "z", "s", {}), ("Mul", "s z", "a", {})]],
    "sigmoid": [[("Neg", "z", "n", {}), ("Exp", "n", "e", {}), ("Add", "one e", "d", {}), ("Div", "one d", "a", {})]],
    "gelu": [
        # PyTorch's old and new exporter, and Keras's.
        [("Div", "z root", "u", {}), ("Erf", "u", "e", {}), ("Add", "e one", "f", {}), ("Mul", "z f", "g", {}),
         ("Mul", "g half", "a", {})],
        [("Div", "z root", "u", {}), ("Erf", "u", "e", {}), ("Add", "e one", "f", {}), ("Mul", "half f", "g", {}),
         ("Mul", "z g", "a", {})],
        [("Neg", "z", "n", {}), ("Div", "n root", "u", {}), ("Erf", "u", "e", {}), ("Sub", "one e", "f", {}),
         ("Mul", "half z", "g", {}), ("Mul", "g f", "a", {})],
    ],
    "gelu_tanh": [
        [("Mul", "z z", "q", {}), ("Mul", "z q", "p", {}), ("Mul", "cube p", "c", {}), ("Add", "z c", "s", {}),
         ("Mul", "scale s", "u", {}), ("Tanh", "u", "t", {}), ("Add", "one t", "f", {}), ("Mul", "z f", "g", {}),
         ("Mul", "half g", "a", {})],
        [("Pow", "z three", "p", {}), ("Mul", "cube p", "c", {}), ("Add", "z c", "s", {}), ("Mul", "scale s", "u", {}),
         ("Tanh", "u", "t", {}), ("Add", "t one", "f", {}), ("Mul", "half f", "g", {}), ("Mul", "z g", "a", {})],
        [("Pow", "z two", "p", {}), ("Mul", "cube p", "c", {}), ("Add", "one c", "s", {}), ("Mul", "scale z", "v", {}),
         ("Mul", "v s", "u", {}), ("Tanh", "u", "t", {}), ("Add", "t one", "f", {}), ("Mul", "half z", "g", {}),
         ("Mul", "g f", "a", {})],
    ],
    "mish": [
        [("Softplus", "z", "s", {}), ("Tanh", "s", "t", {}), ("Mul", "z t", "a", {})],
        [("Exp", "z", "e", {}), ("Add", "e one", "f", {}), ("Log", "f", "s", {}), ("Tanh", "s", "t", {}),
         ("Mul", "t z", "a", {})],
    ],
    "softplus": [
        [("Exp", "z", "e", {}), ("Add", "one e", "f", {}), ("Log", "f", "a", {})],
        [("Softplus", "z", "s", {}), ("Greater", "z twenty", "c", {}), ("Where", "c z s", "a", {})],
        [("Abs", "z", "b_", {}), ("Neg", "b_", "n", {}), ("Exp", "n", "e", {}), ("Add", "e one", "f", {}),
         ("Log", "f", "l", {}), ("Relu", "z", "r", {}), ("Add", "l r", "a", {})],
    ],
    "relu": [
        [("Max", "z zero", "a", {})],
        [("Clip", "z zero", "a", {})],
        [("Greater", "z zero", "c", {}), ("Where", "c z zero", "a", {})],
        [("Less", "z zero", "c", {}), ("Where", "c zero z", "a", {})],
    ],
    "leaky_relu": [
        [("Mul", "z leak", "l", {}), ("Max", "z l", "a", {})],
        [("Mul", "leak z", "l", {}), ("GreaterOrEqual", "z zero", "c", {}), ("Where", "c z l", "a", {})],
        [("Mul", "leak z", "l", {}), ("LessOrEqual", "z zero", "c", {}), ("Where", "c l z", "a", {})],
        [("Mul", "leak z", "l", {}), ("Less", "zero z", "d", {}), ("Not", "d", "c", {}), ("Where", "c l z", "a", {})],
        [("PRelu", "z leak", "a", {})],
    ],
    "elu": [
        [("Exp", "z", "e", {}), ("Sub", "e one", "m", {}), ("Greater", "z zero", "c", {}), ("Where", "c z m", "a", {})],
        [("Min", "z zero", "l", {}), ("Exp", "l", "e", {}), ("Sub", "e one", "m", {}), ("Relu", "z", "r", {}),
         ("Add", "r m", "a", {})],
        [("Celu", "z", "a", {})],
    ],
    "selu": [
        [("Elu", "z", "e", {"alpha": ALPHA}), ("Mul", "e lambda", "a", {})],
        [("Exp", "z", "e", {}), ("Sub", "e one", "m", {}), ("Mul", "alpha m", "n", {}), ("Greater", "z zero", "c", {}),
         ("Where", "c z n", "w", {}), ("Mul", "w lambda", "a", {})],
    ],
}  # fmt: skip
CONSTANTS = {
    "half": HALF, "root": ROOT, "cube": CUBE, "scale": SCALE, "one": 1, "two": 2, "three": 3, "zero": 0, "twenty": 20,
    "leak": 0.2, "lambda": LAMBDA, "alpha": ALPHA,
}  # fmt: skip


@pytest.mark.parametrize(("activation", "nodes"), [(name, form) for name, forms in FORMS.items() for form in forms])
def test_composed_activations(activation, nodes):
    for dtype in ("float32", "float64"):
        if dtype == "float64" and "Celu" in [node[0] for node in nodes]:
            continue  # which is defined for float32 alone
        proto = of_layers(*nodes, constants=CONSTANTS, dtype=dtype)
        net = taken(proto, X.astype(dtype), (activation, "identity"))
        assert net.leak == pytest.approx(0.2 if activation == "leaky_relu" else 0.01, rel=1e-15)


def test_the_leak_of_a_float32_is_the_number_that_it_was():
    for dtype in ("float32", "float64"):
        assert sn.from_onnx(of_layers(("LeakyRelu", "z", "a", {"alpha": 0.3}), dtype=dtype)).leak == 0.3
    assert sn.from_onnx(of_layers(("LeakyRelu", "z", "a", {}))).leak == 0.01


REFUSED = {
    "another operator": ([("Softsign", "z", "a", {})], "(Softsign) is an operator that no dense network has"),
    "LogSoftmax": ([("LogSoftmax", "z", "a", {})], "(LogSoftmax) is an operator"),
    "alpha of ELU": ([("Elu", "z", "a", {"alpha": 0.5})], "(Elu) makes Elu(z, 0.5), which is no activation"),
    "quick GELU": ([("Mul", "z two", "u", {}), ("Sigmoid", "u", "s", {}), ("Mul", "z s", "a", {})], "(Mul) makes Mul("),
    "ReLU6": ([("Clip", "z zero twenty", "a", {})], "(Clip) makes Min(20, Max(0, z))"),
    "leak of 1.5": ([("LeakyRelu", "z", "a", {"alpha": 1.5})], "is a leaky ReLU of slope 1.5"),
    "leak below 0": ([("LeakyRelu", "z", "a", {"alpha": -0.1})], "is a leaky ReLU of slope -0.1"),
    "a slope for each": ([("PRelu", "z b", "a", {})], "(PRelu) makes no activation: its constants differ"),
    "hidden softmax": ([("Softmax", "z", "a", {})], "(Softmax) is the softmax of a hidden layer"),
    "hidden exp": ([("Exp", "z", "a", {})], "(Exp) is the exp of a hidden layer"),
    "softmax of columns": ([("Softmax", "z", "a", {"axis": 0})], "(Softmax) has axis 0"),
    "Transpose": ([("Transpose", "z", "a", {})], "(Transpose) transposes what is no constant"),
    "two branches": ([("Tanh", "z", "t", {}), ("Add", "t z", "a", {})], "(Add) makes Add(Tanh(z), z)"),
    "a shortcut": ([("MatMul", "z Q", "q", {}), ("Add", "q z", "a", {})], "joins the values of two layers"),
    "division by 0": ([("Div", "z zero", "a", {})], "(Div) divides by 0"),
    "a reciprocal": ([("Div", "one z", "a", {})], "(Div) makes Reciprocal(z)"),
    "training": ([("Dropout", "z ratio yes", "a", {})], "(Dropout) is in training mode"),
    "cast between": ([("Cast", "z", "h", {"to": 11}), ("Cast", "h", "a", {"to": 1})], "must multiply rows by weights"),
    "cast to integers": ([("Cast", "z", "a", {"to": 7})], "(Cast) casts to INT64"),
    "cast to halves": ([("Cast", "z", "a", {"to": 10})], "(Cast) casts to FLOAT16"),
    "constant from the left": ([("MatMul", "Q z", "a", {})], "must multiply rows by weights from the right"),
    "a batch norm": (
        [("BatchNormalization", "z one one one one", "a", {})],
        "(BatchNormalization) must become part of a layer: torch.onnx.export(…, dynamo=True) folds it into the layer",
    ),
    "a layer norm": ([("ReduceMean", "z", "a", {})], "(ReduceMean) is an operator"),
    "an unknown attribute": ([("Relu", "z", "a", {"slope": 0.1})], "(Relu) has an attribute 'slope'"),
    "too many operands": ([("Max", " ".join("z" * 9), "a", {})], "(Max) has 9 operands"),
    "no operand": ([("Relu", "", "a", {})], "(Relu) has 0 operands"),
    "three operands": ([("Add", "z z z", "a", {})], "(Add) has 3 operands"),
    "other domain": ([("Relu", "z", "a", {"domain": "com.example"})], "(com.example.Relu) is an operator"),
    "reshaped": ([("Reshape", "z to", "a", {})], "(Reshape) makes shape (-1, 2)"),
    "columns": ([("Add", "z column", "a", {})], "a constant of shape (4, 1)"),
}  # fmt: skip


@pytest.mark.parametrize(("nodes", "message"), REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused_by_its_node(nodes, message):
    proto = of_layers(*nodes, constants=CONSTANTS | {"Q": weights(4, 4), "column": weights(4, 1), "ratio": 0.1})
    for name, array in ("yes", np.array(True)), ("to", np.array([-1, 2])):
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    with pytest.raises(ValueError, match=f"^path_or_model is not a dense network in ONNX: .*{re.escape(message)}"):
        sn.from_onnx(proto)


OTHERS = {
    "no layer": (model([("Relu", "x", "y", {})]), "it has no layer"),
    "only scaling": (model([("Neg", "x", "y", {})]), "it has no layer"),
    "scaled probabilities": (
        model([("Gemm", "x W b", "z", {"transB": 1}), ("Sigmoid", "z", "s", {}), ("Mul", "s two", "y", {})],
              DENSE | {"two": np.float32(2)}), "(Mul) changes the output after its activation"),
    "activation of the input": (
        model([("Tanh", "x", "t", {}), ("Gemm", "t W b", "y", {"transB": 1})], DENSE), "(Tanh) comes before the first"),
    "other width": (model([("Gemm", "x W b", "y", {"transB": 1})], DENSE, ("m", 5)), "of 5 values by weights for 3"),
    "output's width": (model([("Gemm", "x W b", "y", {"transB": 1})], DENSE, n_out=7), "is declared as (None, 7)"),
    "three dimensions": (model([("MatMul", "x V", "y", {})], {"V": W.T}, ("m", 2, 3)), "of 3 dimensions, and"),
    "transposed rows": (model([("Gemm", "x W", "y", {"transA": 1})], DENSE), "(Gemm) transposes its rows"),
    "vector": (model([("MatMul", "x b", "y", {})], {"b": weights(3)}), "must have weights of two dimensions"),
    "computed weights": (model([("MatMul", "x x", "y", {})]), "must have weights of two dimensions that are constant"),
    "half": (model([("MatMul", "x V", "y", {})], {"V": W.T.astype("float16")}), "initialiser 'V' is FLOAT16"),
    "integers": (model([("MatMul", "x V", "y", {})], {"V": W.T.astype("int8")}), "initialiser 'V' is INT8"),
    "long integers": (model([("MatMul", "x V", "y", {})], {"V": W.T.astype("int64")}), "float32 by weights of int64"),
    "mixed": (model([("MatMul", "x V", "y", {})], {"V": W.T.astype("float64")}), "float32 by weights of float64"),
    "half input": (model([("MatMul", "x V", "y", {})], {"V": W.T}, x_type=10), "input 'x' is FLOAT16"),
    "two leaks": (
        model([("Gemm", "x W b", "z", {"transB": 1}), ("LeakyRelu", "z", "a", {"alpha": 0.1}),
               ("Gemm", "a W2 b2", "z2", {"transB": 1}), ("LeakyRelu", "z2", "y", {"alpha": 0.2})], DENSE),
        "its leaky ReLUs have slopes [0.1, 0.2]"),
    "constant": (model([("Identity", "W", "y", {})], DENSE), "its output 'y' does not depend on its input"),
    "one class": (
        model([("Gemm", "x V", "z", {}), ("Softmax", "z", "y", {})], {"V": weights(3, 1)}), "output 'softmax' needs"),
}  # fmt: skip


@pytest.mark.parametrize(("proto", "message"), OTHERS.values(), ids=OTHERS)
def test_other_graphs_are_refused(proto, message):
    with pytest.raises(ValueError, match=f"^path_or_model is not a dense network in ONNX: .*{re.escape(message)}"):
        sn.from_onnx(proto)


def torch_models(torch, module, x, exporters):
    module.eval()
    if "old" in exporters:
        file = io.BytesIO()
        torch.onnx.export(module, (x,), file, dynamo=False, opset_version=17)
        yield onnx.ModelProto.FromString(file.getvalue())
    if "new" in exporters:
        yield torch.onnx.export(module, (x,), dynamo=True, verbose=False, opset_version=18).model_proto


@pytest.fixture
def torch(monkeypatch):
    module = pytest.importorskip("torch", reason="the extra test-all is not installed")
    pytest.importorskip("onnxscript", reason="the extra test-all is not installed")
    monkeypatch.setattr(logging.root.manager, "disable", logging.WARNING)
    return module


@pytest.mark.filterwarnings("ignore")  # PyTorch's old exporter announces its end
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["SiLU", "GELU", "GELU tanh", "Mish", "Softplus", "ELU", "SELU", "LeakyReLU"])
def test_pytorch(activation, dtype, torch):
    kind, _, option = activation.partition(" ")
    made = getattr(torch.nn, kind)(**({"approximate": option} if option else {}))
    layers = torch.nn.Linear(6, 4), made, torch.nn.Dropout(0.5), torch.nn.Linear(4, 2, bias=False), torch.nn.Sigmoid()
    module = torch.nn.Sequential(torch.nn.Flatten(), *layers).to(getattr(torch, dtype))
    x = torch.from_numpy(RNG.standard_normal((5, 2, 3)).astype(dtype))
    # The new exporter takes seconds for each network.
    for proto in torch_models(torch, module, x, ("old", "new") if activation in ("GELU", "Softplus") else ("old",)):
        net = sn.from_onnx(proto)
        wanted = module(x).detach().numpy()
        assert np.abs(net(x.numpy().reshape(5, -1)) - wanted).max() < (1e-6 if dtype == "float32" else 1e-8)
        assert (net.weights[0] == layers[0].weight.detach().numpy()).all()
        name = {"GELU tanh": "gelu_tanh", "LeakyReLU": "leaky_relu"}.get(activation, activation.lower())
        assert (net.activations, net.loss) == ((name, "sigmoid"), "log_loss")


@pytest.mark.filterwarnings("ignore")
def test_pytorchs_file_and_its_batch_norm(torch, tmp_path):
    """What docs/doors/onnx.md and the messages say of both exporters."""
    nn = torch.nn
    norm = nn.BatchNorm1d(40)
    module = nn.Sequential(nn.Linear(30, 40), norm, nn.ReLU(), nn.Linear(40, 2))
    x = torch.from_numpy(RNG.standard_normal((50, 30)).astype(np.float32))
    module(x)  # sets the running mean and variance
    wanted = module.eval()(x).detach().numpy()
    path = tmp_path / "torch.onnx"
    for external in (True, False):
        torch.onnx.export(module, (x,), path, dynamo=True, verbose=False, external_data=external)
        if external:
            with pytest.raises(ValueError, match=r"is in another file, .* sn.from_onnx\(onnx.load\(path\)\)"):
                sn.from_onnx(path)
        net = sn.from_onnx(onnx.load(path) if external else path)
        assert np.abs(net(x.numpy()) - wanted).max() < 1e-5
    for behind, exporters in ((False, ("old",)), (True, ("old", "new"))):
        layers = [module[0], norm, module[2]] if not behind else [module[0], module[2], norm]
        for proto in torch_models(torch, nn.Sequential(*layers, module[3]), x, exporters):
            with pytest.raises(ValueError, match=r"\(BatchNormalization\) must become part of a layer"):
                sn.from_onnx(proto)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", ["two classes", "three classes", "names", "labels", "number"])
@pytest.mark.parametrize("scaler", [None, "StandardScaler", "MinMaxScaler"])
def test_skl2onnx(scaler, target, dtype):
    skl2onnx = pytest.importorskip("skl2onnx", reason="the extra test-all is not installed")
    from sklearn import neural_network, pipeline, preprocessing

    x = RNG.standard_normal((60, 3)).astype(dtype) * 3 + 1
    targets = {
        "two classes": x[:, 0] > 0,
        "three classes": np.digitize(x[:, 0], [-0.5, 0.5]),
        "names": np.array(["a", "b", "c"])[np.digitize(x[:, 0], [-0.5, 0.5])],
        "labels": (x[:, :2] > 0).astype(int),
        "number": x[:, 0],
    }
    kind = neural_network.MLPRegressor if target == "number" else neural_network.MLPClassifier
    estimator = kind(hidden_layer_sizes=(5, 4), activation="tanh", max_iter=5, random_state=0)
    whole = estimator if scaler is None else pipeline.make_pipeline(getattr(preprocessing, scaler)(), estimator)
    whole.fit(x, targets[target])
    for zipmap in (True, False) if target != "number" else (None,):
        options = {} if zipmap is None else {"options": {id(estimator): {"zipmap": zipmap}}}
        net = sn.from_onnx(skl2onnx.to_onnx(whole, x[:1], **options))
        wanted = whole.predict(x)[:, np.newaxis] if target == "number" else whole.predict_proba(x)
        if target == "two classes":
            wanted = wanted[:, 1:]
        assert np.abs(net(x) - wanted).max() < (2e-6 if dtype == "float32" else 1e-12)
        assert net.loss == ("squared_error" if target == "number" else "log_loss")
