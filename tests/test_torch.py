"""Networks as modules of PyTorch, and modules of PyTorch as networks; where PyTorch is installed (extra "torch")."""

import io
import re
import subprocess
import sys
import threading
from collections import OrderedDict

import numpy as np
import pytest
import tolerances

import shallownet_c as sn
from shallownet_c.reference._activations import ACTIVATIONS

MISSING = """
import sys
sys.modules["torch"] = None
import shallownet_c as sn
for name, call in {"to_torch": sn.MLP([2, 1]).to_torch, "from_torch": lambda: sn.from_torch(None)}.items():
    try:
        call()
    except ImportError as error:
        print(error)
"""


def test_without_pytorch():
    run = subprocess.run([sys.executable, "-P", "-c", MISSING], capture_output=True, text=True, check=True)
    needs = "needs torch: pip install 'shallownet-c[torch]'"
    assert run.stdout.splitlines() == [f"to_torch {needs}", f"from_torch {needs}"]


torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
Linear, Sequential = nn.Linear, nn.Sequential
parametrizations, prune = nn.utils.parametrizations, pytest.importorskip("torch.nn.utils.prune")

SIZES = (5, 7, 6, 3)
BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])


def network(name, dtype="float32"):
    """A network of the activation in all hidden layers where it may be there, and else as its output."""
    hidden = ACTIVATIONS[name].hidden
    net = sn.MLP(SIZES, name if hidden else "tanh", name, leak=0.2, dtype=dtype, seed=1)
    net.params[:] = np.random.default_rng(2).uniform(-1, 1, net.n_params)
    return net


def rows(dtype="float32", m=64, n=SIZES[0]):
    return np.random.default_rng(3).standard_normal((m, n)).astype(dtype)


def outputs(module, X):
    """What the module predicts."""
    with torch.no_grad():
        return module.eval()(torch.from_numpy(X)).numpy()


def assert_near(got, expected, sizes=SIZES, m=1):
    error = tolerances.network(expected.dtype, sizes, m)
    np.testing.assert_allclose(got, expected, rtol=0, atol=error * np.abs(expected).max())


@BOTH
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_there_and_back(name, dtype):
    net = network(name, dtype)
    module = net.to_torch()
    again = sn.from_torch(module)
    assert again.params.tobytes() == net.params.tobytes()
    assert (again.layer_sizes, again.activations, again.loss) == (net.layer_sizes, net.activations, net.loss)
    assert again.dtype == net.dtype
    assert again.leak == (0.2 if name == "leaky_relu" else 0.01)
    assert_near(net(rows(dtype)), outputs(module, rows(dtype)))


@BOTH
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_are_autograds(name, dtype):
    net = network(name, dtype)
    X, Y = rows(dtype), np.random.default_rng(4).random((64, 3)).astype(dtype)
    if not ACTIVATIONS[name].elementwise:
        Y /= Y.sum(axis=1, keepdims=True)
    A = net.to_torch()
    a, y = A(torch.from_numpy(X)), torch.from_numpy(Y)
    losses = {
        "squared_error": lambda: ((a - y) ** 2).sum() / 2,
        "log_loss": lambda: -(y * a.log() + (0 if name == "softmax" else (1 - y) * (1 - a).log())).sum(),
        "poisson": lambda: (a - y * a.log()).sum(),
    }
    J = losses[net.loss]() / len(X)
    J.backward()
    cost, grad = net.cost_and_grad(X, Y)
    assert_near(np.array(cost, dtype), np.array(J.item(), dtype), m=64)
    assert_near(grad, np.concatenate([p.grad.numpy().ravel() for p in A.parameters()]), m=64)


@BOTH
def test_softplus_goes_over_into_its_line_where_ours_does(dtype):
    z = np.linspace(15, 50, 400, dtype=dtype)[:, np.newaxis]
    net = sn.MLP([1, 1], output="softplus", init="zeros", dtype=dtype)
    net.params[0] = 1
    np.testing.assert_allclose(outputs(net.to_torch(), z), net(z), rtol=2 * np.finfo(dtype).eps)


@BOTH
def test_parameters_are_copies_that_can_be_trained(dtype):
    net = network("tanh", dtype)
    before = net.params.copy()
    module = net.to_torch()
    for p in module.parameters():
        assert p.requires_grad
        assert p.is_leaf
        assert p.dtype is getattr(torch, dtype)
        with torch.no_grad():
            p += 1
    assert (net.params == before).all()
    taken = sn.from_torch(module)
    kept = [p.detach().clone() for p in module.parameters()]
    taken.params[:] = 0
    assert all(torch.equal(*pair) for pair in zip(module.parameters(), kept, strict=True))


def test_no_random_number_is_drawn():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    module = network("relu").to_torch()
    sn.from_torch(Sequential(module, nn.Dropout(0.5)))
    assert torch.equal(torch.get_rng_state(), before)


def test_whatever_pytorchs_defaults_are():
    torch.set_default_device("meta")
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            module = network("tanh").to_torch()
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert {(p.device.type, p.dtype, p.requires_grad) for p in module.parameters()} == {("cpu", torch.float32, True)}


@pytest.mark.parametrize("name", ["exp", "sin"])
def test_modules_of_our_own_in_files(name, tmp_path):
    module = network(name).to_torch()
    torch.save(module, tmp_path / "module.pt")
    again = torch.load(tmp_path / "module.pt", weights_only=False)
    assert repr(again) == repr(module)
    torch.save(module.state_dict(), tmp_path / "state.pt")
    again.load_state_dict(torch.load(tmp_path / "state.pt"))
    assert sn.from_torch(again).params.tobytes() == network(name).params.tobytes()


def test_a_saved_network_as_a_state_dict(tmp_path):
    """What docs/doors.md shows, through twelve layers: their names do not sort as numbers do."""
    load_file = pytest.importorskip("safetensors.torch").load_file
    net = sn.MLP([2] * 13, ["tanh"] * 5 + ["identity"] * 6, seed=0)
    net.save(tmp_path / "net.safetensors")
    module = net.to_torch()
    for p in module.parameters():
        p.data.zero_()
    tensors = load_file(tmp_path / "net.safetensors")
    linears = [name for name, layer in module.named_children() if isinstance(layer, Linear)]
    names = {f"{name}.{kind}": f"layers.{i}.{kind}" for i, name in enumerate(linears) for kind in ("weight", "bias")}
    module.load_state_dict({name: tensors[saved] for name, saved in names.items()})
    assert sn.from_torch(module).params.tobytes() == net.params.tobytes()


class Affine(Linear):
    """A Linear under another name."""


class Block(Sequential):
    """A Sequential under another name."""


relu = nn.ReLU()
TAKEN = {
    "a bare Linear": (lambda: Linear(5, 3), ["identity"]),
    "no bias": (lambda: Sequential(Linear(5, 4, bias=False), relu, Linear(4, 3, bias=False)), ["relu", "identity"]),
    "nested": (lambda: Sequential(Sequential(Linear(5, 4), Sequential(relu)), Linear(4, 3)), ["relu", "identity"]),
    "nothing within": (lambda: Sequential(Sequential(), Linear(5, 3), Sequential()), ["identity"]),
    "the same module twice": (
        lambda: Sequential(Linear(5, 4), relu, Linear(4, 4), relu, Linear(4, 3)), ["relu", "relu", "identity"]
    ),
    "skipped": (
        lambda: Sequential(nn.Dropout(), Linear(5, 4), nn.AlphaDropout(), nn.Identity(), nn.Tanh(),
                           nn.Dropout1d(), nn.FeatureAlphaDropout(), Linear(4, 3), nn.Identity()),
        ["tanh", "identity"],
    ),
    "flat": (lambda: Sequential(nn.Dropout(), nn.Flatten(), Linear(5, 3), nn.Sigmoid()), ["sigmoid"]),
    "subclasses": (lambda: Block(Affine(5, 3), nn.Tanh()), ["tanh"]),
    "in place": (lambda: Sequential(Linear(5, 3), nn.ReLU(inplace=True)), ["relu"]),
    "a slope of 0": (lambda: Sequential(Linear(5, 3), nn.LeakyReLU(0)), ["leaky_relu"]),
    "softmax by its column": (lambda: Sequential(Linear(5, 3), nn.Softmax(dim=1)), ["softmax"]),
    "softplus as it comes": (lambda: Sequential(Linear(5, 3), nn.Softplus()), ["softplus"]),
    "pruned": (lambda: Sequential(prune.l1_unstructured(Linear(5, 3), "weight", 6)), ["identity"]),
    "pruned twice": (
        lambda: prune.l1_unstructured(
            prune.ln_structured(prune.random_unstructured(Linear(5, 3), "weight", 4), "weight", 1, 2, 0), "bias", 1
        ),
        ["identity"],
    ),
    "weight_norm": (lambda: Sequential(parametrizations.weight_norm(Linear(5, 3)), nn.SiLU()), ["silu"]),
    "spectral_norm": (lambda: Sequential(parametrizations.spectral_norm(Linear(5, 3)), nn.SiLU()), ["silu"]),
    "orthogonal": (lambda: parametrizations.orthogonal(Linear(5, 3)), ["identity"]),
    "older spectral_norm": (lambda: nn.utils.spectral_norm(Linear(5, 3)), ["identity"]),
    "frozen": (lambda: Linear(5, 3).requires_grad_(False), ["identity"]),
}  # fmt: skip


def state(module):
    """All bits of the module: what it says, its parameters and buffers, and the random numbers to come."""
    tensors = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    return repr(module), module.training, tensors, torch.get_rng_state()


def assert_same(before, after):
    assert before[:2] == after[:2]
    assert before[2].keys() == after[2].keys()
    for name, tensor in before[2].items():
        assert torch.equal(tensor, after[2][name]), name
    assert torch.equal(before[3], after[3])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("make", "activations"), TAKEN.values(), ids=TAKEN)
def test_what_is_taken(make, activations, training):
    torch.manual_seed(5)
    module = make().train(training)
    if training:  # the weights that a hook made at its last call are not those of the next
        with torch.no_grad():
            for p in module.parameters():
                p += torch.rand_like(p)
    before = state(module)
    net = sn.from_torch(module)
    assert_same(before, state(module))
    assert list(net.activations) == activations
    assert_near(net(rows()), outputs(module, rows()))
    for array in (*net.weights, *net.biases):
        assert array.dtype == np.float32


def test_older_weight_norm():
    with pytest.warns(FutureWarning, match="weight_norm"):
        module = Sequential(nn.utils.weight_norm(Linear(5, 3)))
    with torch.no_grad():
        module[0].weight_g *= 2  # its weight is only made anew when it is called
    net = sn.from_torch(module)
    with torch.no_grad():
        assert_near(net(rows()), module(torch.from_numpy(rows())).numpy())


def test_softplus_as_it_comes_differs_by_no_more_than_said():
    z = np.linspace(-30, 50, 4000)[:, np.newaxis]
    linear = Linear(1, 1, dtype=torch.float64)
    linear.weight.data.fill_(1)
    linear.bias.data.zero_()
    module = Sequential(linear, nn.Softplus())
    error = np.abs(sn.from_torch(module)(z) - outputs(module, z)).max()
    assert 1e-9 < error < 2.1e-9


def test_losses():
    module = Sequential(Linear(5, 3), nn.Sigmoid())
    assert sn.from_torch(module).loss == "log_loss"
    assert sn.from_torch(module, loss="huber").loss == "huber"
    with pytest.raises(ValueError, match=r"loss must be one of .* did you mean 'squared_error'"):
        sn.from_torch(module, loss="mse")
    with pytest.raises(ValueError, match="loss 'log_loss' does not go with output 'tanh'"):
        sn.from_torch(Sequential(Linear(5, 3), nn.Tanh()), loss="log_loss")


class Net(nn.Module):
    """The usual way to write a network."""

    def __init__(self):
        super().__init__()
        self.head = Linear(2, 2)
        self.layers = Sequential(Linear(5, 3))

    def forward(self, x):
        return self.layers(x)


class Squared(Linear):
    def forward(self, x):
        return super().forward(x) ** 2


class Called(nn.Tanh):
    def __call__(self, x):
        return super().__call__(x) ** 2


def hooked(register):
    module = Sequential(Linear(5, 3), nn.Tanh())
    getattr(module[1], register)(lambda *_: None)
    return module


def patched():
    linear = Linear(5, 3)
    linear.forward = torch.tanh
    return linear


def endless():
    module = Sequential(Linear(5, 5))
    return module.append(module)


def with_parameter(tensor, name="weight"):
    linear = Linear(5, 3)
    setattr(linear, name, tensor)
    return linear


def compiled(kind):
    return getattr(torch.jit, kind)(Sequential(Linear(5, 3)), *([torch.ones(1, 5)] if kind == "trace" else []))


of_integers = nn.Parameter(torch.ones(3, 5, dtype=torch.int8), requires_grad=False)
REFUSED = {
    "nothing": (lambda: Sequential(nn.Dropout()), "module must have a Linear, got none"),
    "convolution": (
        lambda: Sequential(Linear(5, 5), relu, relu, Sequential(OrderedDict(a=Linear(5, 5), conv=nn.Conv1d(1, 1, 1)))),
        "module.2 (ReLU) must follow a Linear, and comes after module.1 (ReLU)",
    ),
    "deep": (
        lambda: Sequential(Linear(5, 5), relu, nn.Dropout(), Sequential(OrderedDict(conv=nn.Conv2d(1, 1, 1)))),
        "module.3.conv (Conv2d) is no part of a dense network: from_torch takes Linear, ",
    ),
    "own class": (
        Net,
        "test_torch.Net) is no part of a dense network: .*; sn.from_onnx may take what torch.onnx.export makes of it; "
        "module.layers is a Sequential",
    ),
    "own forward": (
        lambda: Sequential(Squared(5, 3)),
        "module.0 (.*test_torch.Squared) has a forward of its own: .*; sn.from_onnx may take what torch.onnx.export",
    ),
    "own call": (lambda: Sequential(Linear(5, 3), Called()), "module.1 (.*Called) has a forward of its own"),
    "own attribute": (patched, "module (Linear) has a forward of its own"),
    "hook": (lambda: hooked("register_forward_hook"), "module.1 (Tanh) must have no forward hooks"),
    "hook before": (lambda: hooked("register_forward_pre_hook"), "module.1 (Tanh) must have no forward hooks"),
    "endless": (endless, "module.1 (Sequential) must not contain itself"),
    "nothing at a place": (
        lambda: Sequential(OrderedDict(a=Linear(5, 3), b=None)), "module.b (builtins.NoneType) is no part"
    ),
    "list": (lambda: nn.ModuleList([Linear(5, 3)]), "module (ModuleList) is no part of a dense network"),
    "lazy": (lambda: Sequential(nn.LazyLinear(3)), "module.0 (LazyLinear) must have its parameters: call the module"),
    "batch norm": (
        lambda: Sequential(Linear(5, 3), nn.BatchNorm1d(3)),
        "module.1 (BatchNorm1d) must become part of module.0 (Linear): torch.nn.utils.fusion.fuse_linear_bn_eval makes",
    ),
    "batch norm after what is skipped": (
        lambda: Sequential(Sequential(Linear(5, 3), nn.Dropout()), nn.Identity(), nn.BatchNorm1d(3)),
        "module.2 (BatchNorm1d) must become part of module.0.0 (Linear): torch.nn.utils.fusion.fuse_linear_bn_eval",
    ),
    "batch norm after an activation": (
        lambda: Sequential(Linear(5, 3), relu, nn.Dropout(), nn.BatchNorm1d(3), Linear(3, 2)),
        "module.3 (BatchNorm1d) must become part of the Linear after it, since it stands after module.1 (ReLU): fold "
        "its scale and its shift into that Linear",
    ),
    "batch norm in front": (
        lambda: Sequential(nn.Flatten(), nn.BatchNorm1d(5), Linear(5, 2)),
        "module.1 (BatchNorm1d) must become part of the Linear after it, since it stands in front: fold its scale",
    ),
    "batch norm of several processes": (
        lambda: Sequential(Linear(5, 3), nn.SyncBatchNorm(3)), "module.1 (SyncBatchNorm) must become part of module.0"
    ),
    "log softmax": (
        lambda: Sequential(Linear(5, 3), nn.LogSoftmax(1)), "module.1 (LogSoftmax) must be a Softmax(dim=-1)"
    ),
    "rows' softmax": (lambda: Sequential(Linear(5, 3), nn.Softmax(0)), "module.1 (Softmax) must have dim=-1, got 0"),
    "hidden softmax": (
        lambda: Sequential(Linear(5, 3), nn.Softmax(-1), Linear(3, 2)),
        "module.1 (Softmax) must be the last activation, and module.2 (Linear) follows",
    ),
    "softmax of one": (lambda: Sequential(Linear(5, 1), nn.Softmax(-1)), "output 'softmax' needs an output for each"),
    "unknown activation": (lambda: Sequential(Linear(5, 3), nn.PReLU()), "module.1 (PReLU) is no part"),
    "celu": (lambda: Sequential(Linear(5, 3), nn.CELU()), "module.1 (CELU) is no part"),
    "elu": (lambda: Sequential(Linear(5, 3), nn.ELU(0.5)), "module.1 (ELU) must have alpha=1, got 0.5"),
    "slope": (
        lambda: Sequential(Linear(5, 3), nn.LeakyReLU(-0.5)),
        "module.1 (LeakyReLU) must have negative_slope in [0, 1), got -0.5",
    ),
    "slopes": (
        lambda: Sequential(Linear(5, 3), nn.LeakyReLU(0.1), Linear(3, 3), nn.LeakyReLU(0.2)),
        "module must have one negative_slope in all of its LeakyReLU, got 0.1 of module.1 (LeakyReLU) and 0.2 of "
        "module.3 (LeakyReLU)",
    ),
    "beta": (lambda: Sequential(Linear(5, 3), nn.Softplus(2.0)), "module.1 (Softplus) must have beta=1, got 2.0"),
    "threshold": (
        lambda: Sequential(Linear(5, 3), nn.Softplus(1, 5)), "module.1 (Softplus) must have threshold >= 20, got 5"
    ),
    "activation first": (
        lambda: Sequential(nn.Tanh(), Linear(5, 3)), "module.0 (Tanh) must follow a Linear, and comes before the first"
    ),
    "flat later": (
        lambda: Sequential(Linear(5, 3), nn.Flatten()), "module.1 (Flatten) must stand before the first Linear"
    ),
    "flat rows": (lambda: Sequential(nn.Flatten(0), Linear(5, 3)), "module.0 (Flatten) must stand .* start_dim=1"),
    "widths": (
        lambda: Sequential(Linear(5, 3), relu, Linear(4, 1)),
        "module.2 (Linear) must have the inputs that module.0 (Linear) has outputs, 3, got 4",
    ),
    "dtypes": (
        lambda: Sequential(Linear(5, 3), Linear(3, 1).double()),
        "module.1 (Linear) must have the dtype of module.0 (Linear), float32, got float64",
    ),
    "dtypes of one": (
        lambda: with_parameter(nn.Parameter(torch.ones(3).double()), "bias"),
        "module (Linear) must have a weight and a bias of one dtype, got float32 and float64",
    ),
    "half": (
        lambda: Sequential(Linear(5, 3)).half(),
        "module.0 (Linear) must have parameters of float32 or float64, got a weight of float16: module.float() makes",
    ),
    "bfloat16": (lambda: Linear(5, 3).bfloat16(), "got a weight of bfloat16: module.float() makes them float32"),
    "integers": (lambda: with_parameter(of_integers), "module (Linear) must have .* got a weight of int8"),
    "complex": (lambda: Linear(5, 3, dtype=torch.complex64), "got a weight of complex64"),
    "meta": (
        lambda: Sequential(Linear(5, 3, device="meta")),
        "module.0 (Linear) must have its weight in memory, and the device 'meta' holds no numbers: module.to_empty",
    ),
    "sparse": (
        lambda: with_parameter(nn.Parameter(torch.eye(3, 5).to_sparse())),
        "module (Linear) must have a plain dense tensor as its weight, got Parameter of layout torch.sparse_coo",
    ),
    "no inputs": (
        lambda: with_parameter(nn.Parameter(torch.ones(3, 0))),
        "module (Linear) must have a weight (n_out, n_in) and a bias (n_out,), neither 0, got (3, 0) and (3,)",
    ),
    "bias of another length": (
        lambda: with_parameter(nn.Parameter(torch.ones(1)), "bias"), "neither 0, got (3, 5) and (1,)"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=".*".join(map(re.escape, message.split(".*")))):
        sn.from_torch(make())


def test_pytorchs_own_modules_are_not_sent_to_onnx():
    with pytest.raises(ValueError, match="is no part of a dense network") as refusal:
        sn.from_torch(Sequential(Linear(5, 3), nn.Conv1d(1, 1, 1)))
    assert "onnx" not in str(refusal.value)


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: compiled("script"), ""),
        (lambda: compiled("trace"), ""),
        (lambda: torch.compile(Sequential(Linear(5, 3))), "; module._orig_mod is a Sequential"),
        (lambda: torch.ao.quantization.quantize_dynamic(Sequential(Linear(5, 3))), ""),
    ],
    ids=["script", "trace", "compile", "quantised"],
)
def test_compiled_modules_are_refused(make, remedy):
    with pytest.raises(ValueError, match="is no part of a dense network: from_torch takes") as refusal:
        sn.from_torch(make())
    assert str(refusal.value).endswith(remedy)
    assert "torch." in str(refusal.value)  # its Linear is not nn.Linear


@pytest.mark.parametrize(
    "value", [None, {}, "module.pt", Linear, torch.ones(3), Linear(2, 2).state_dict(), io.BytesIO()]
)
def test_what_is_no_module(value):
    with pytest.raises(TypeError, match=r"^module must be a torch\.nn\.Module, got ") as refusal:
        sn.from_torch(value)
    is_state = isinstance(value, (dict, str))
    assert str(refusal.value).endswith("module.load_state_dict(…) puts the parameters into it") == is_state


def test_a_batch_norm_folded_as_the_message_says():
    torch.manual_seed(6)
    linear, norm = Linear(5, 3), nn.BatchNorm1d(3)
    norm(torch.randn(50, 3))
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
    module = Sequential(linear, norm, nn.ReLU()).eval()
    folded = Sequential(nn.utils.fusion.fuse_linear_bn_eval(linear, norm), nn.ReLU())
    assert_near(sn.from_torch(folded)(rows()), outputs(module, rows()))


def test_networks_that_threads_hand_out_at_the_same_time():
    net = network("gelu")
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(sn.from_torch(net.to_torch()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.params.tobytes() for other in taken] == [net.params.tobytes()] * 4
