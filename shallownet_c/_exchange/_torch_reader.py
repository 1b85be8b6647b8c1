"""Networks from modules of PyTorch."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from shallownet_c._checks._validation import Array, shown
from shallownet_c._exchange._torch_modules import Exp, Sin
from shallownet_c._model import Model
from shallownet_c.reference._activations import ACTIVATIONS

#: The activations whose modules have no parameters that matter.
NAMES: dict[type, str] = {
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
    nn.ReLU: "relu",
    nn.SiLU: "silu",
    nn.Mish: "mish",
    nn.SELU: "selu",
    Exp: "exp",
    Sin: "sin",
}
WITH_PARAMETERS = (nn.LeakyReLU, nn.GELU, nn.ELU, nn.Softplus, nn.Softmax)
#: What makes no difference to a prediction.
SKIPPED = (nn.Identity, *_DropoutNd.__subclasses__())
#: Refused, with a remedy that depends on what stands before it.
BATCH_NORM: type = _BatchNorm
KINDS = {nn.Sequential, nn.Linear, nn.Flatten, *SKIPPED, *NAMES, *WITH_PARAMETERS}
#: From where on log(1 + e^z) may be z, with an error of e^−20 at most: PyTorch's default.
LEAST_THRESHOLD = 20
#: Hooks that make a parameter from others before each call.
MAKERS = (WeightNorm, SpectralNorm, prune.BasePruningMethod)


class Layer(NamedTuple):
    """A Linear's parameters and what messages call it, then the same of the activation after it, if there is one."""

    W: Array
    b: Array
    where: str
    name: str = "identity"
    activated_by: str | None = None


def read(module: Any, loss: object) -> tuple[Model, Array]:
    """The model and its parameters (P,), of the module as it predicts after `module.eval()`."""
    if not isinstance(module, nn.Module):
        remedy = ": build the module first, and module.load_state_dict(…) puts the parameters into it"
        is_state = isinstance(module, (Mapping, str, os.PathLike))
        raise TypeError(f"module must be a torch.nn.Module, got {shown(module)}{remedy if is_state else ''}")
    layers: list[Layer] = []
    leaks: dict[float, str] = {}
    for where, kind, leaf in _leaves(module, "module", ()):
        if kind in SKIPPED:
            continue
        if kind is BATCH_NORM:
            raise ValueError(f"{where} must become part of {_host(layers)}")
        if kind is nn.Flatten:
            if layers or (leaf.start_dim, leaf.end_dim) != (1, -1):
                raise ValueError(f"{where} must stand before the first Linear, with start_dim=1 and end_dim=-1")
        elif kind is nn.Linear:
            layers.append(_layer(where, leaf, layers[-1] if layers else None))
        else:
            name = _activation(where, kind, leaf)
            if not layers or layers[-1].activated_by is not None:
                before = f"after {layers[-1].activated_by}" if layers else "before the first one"
                raise ValueError(f"{where} must follow a Linear, and comes {before}")
            if name == "leaky_relu":
                leaks.setdefault(float(leaf.negative_slope), where)
            layers[-1] = layers[-1]._replace(name=name, activated_by=where)
    if not layers:
        raise ValueError("module must have a Linear, got none")
    if len(leaks) > 1:
        slopes = " and ".join(f"{leak} of {where}" for leak, where in list(leaks.items())[:2])
        raise ValueError(f"module must have one negative_slope in all of its LeakyReLU, got {slopes}")
    model = Model(
        [layers[0].W.shape[1], *(len(layer.W) for layer in layers)],
        [layer.name for layer in layers[:-1]],
        layers[-1].name,
        loss=loss,
        dtype=layers[0].W.dtype,
        **dict(zip(["leak"], leaks, strict=False)),
    )
    params = np.empty(model.n_params, model.dtype)
    for layer, W, b in zip(layers, *model.views(params), strict=True):
        W[...], b[...] = layer.W, layer.b
    return model, params


def _leaves(module: Any, name: str, within: tuple[Any, ...]) -> Iterator[tuple[str, type, Any]]:
    """The modules that are called one after the other: what messages call each, its kind, and itself."""
    where = f"{name} ({_class_name(type(module))})"
    kind = _kind(module)
    if kind is None:
        raise ValueError(f"{where} {_reason(name, module)}")
    if not all(isinstance(hook, MAKERS) for hook in _hooks(module)):
        raise ValueError(f"{where} must have no forward hooks, which may change what it computes: remove them")
    if kind is not nn.Sequential:
        yield where, kind, module
        return
    if any(module is one for one in within):
        raise ValueError(f"{where} must not contain itself")
    for key, child in module._modules.items():  # named_children leaves out a module that comes a second time
        yield from _leaves(child, f"{name}.{key}", (*within, module))


def _class_name(kind: type) -> str:
    """The class's name, with its module's where that is not torch.nn."""
    return kind.__name__ if kind.__module__.startswith("torch.nn.") else f"{kind.__module__}.{kind.__qualname__}"


def _kind(module: Any) -> type | None:
    """The class in KINDS that computes what the module does, or BATCH_NORM; None if there is none."""
    if isinstance(module, nn.LazyLinear):
        return None
    if isinstance(module, BATCH_NORM):
        return BATCH_NORM
    kind: Any = next((base for base in type(module).__mro__ if base in KINDS), None)
    if kind is None or "forward" in vars(module):
        return None
    own: Any = type(module)
    return kind if own.forward is kind.forward and own.__call__ is kind.__call__ else None


def _reason(name: str, module: Any) -> str:
    """The end of a message about a module that no dense network has."""
    if isinstance(module, nn.LazyLinear):
        return "must have its parameters: call the module on a batch first"
    if isinstance(module, nn.LogSoftmax):
        return "must be a Softmax(dim=-1), whose outputs are the probabilities themselves"
    what = "has a forward of its own" if isinstance(module, tuple(KINDS)) else "is no part of a dense network"
    is_own = isinstance(module, nn.Module) and not type(module).__module__.startswith("torch.")
    remedy = "; sn.from_onnx may take what torch.onnx.export makes of it" if is_own else ""
    children = module._modules.items() if isinstance(module, nn.Module) else ()
    inner = next((f"; {name}.{key} is a Sequential" for key, child in children if type(child) is nn.Sequential), "")
    return (
        f"{what}: from_torch takes Linear, the modules of our activations, Dropout, Identity and a Flatten in front, "
        f"alone or in Sequentials{remedy}{inner}"
    )


def _host(layers: list[Layer]) -> str:
    """The end of a message about a BatchNorm: the Linear that it can become part of, and how."""
    before = layers[-1] if layers else None
    if before is not None and before.activated_by is None:
        return f"{before.where}: torch.nn.utils.fusion.fuse_linear_bn_eval makes one of the two, after eval()"
    place = "in front" if before is None else f"after {before.activated_by}"
    return f"the Linear after it, since it stands {place}: fold its scale and its shift into that Linear"


def _hooks(module: Any) -> list[Any]:
    """What is called before and after the module's forward."""
    return [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]


def _layer(where: str, linear: Any, before: Layer | None) -> Layer:
    """The next layer; an error if it does not go with the one before."""
    W = _parameter(where, linear, "weight")
    b = np.zeros(len(W), W.dtype) if linear.bias is None else _parameter(where, linear, "bias")
    if W.ndim != 2 or 0 in W.shape or b.shape != W.shape[:1]:
        shapes = f"{W.shape} and {b.shape}"
        raise ValueError(f"{where} must have a weight (n_out, n_in) and a bias (n_out,), neither 0, got {shapes}")
    if b.dtype != W.dtype:
        raise ValueError(f"{where} must have a weight and a bias of one dtype, got {W.dtype} and {b.dtype}")
    if before is not None:
        if W.dtype != before.W.dtype:
            raise ValueError(f"{where} must have the dtype of {before.where}, {before.W.dtype}, got {W.dtype}")
        if W.shape[1] != len(before.W):
            raise ValueError(
                f"{where} must have the inputs that {before.where} has outputs, {len(before.W)}, got {W.shape[1]}"
            )
        if not ACTIVATIONS[before.name].hidden:
            raise ValueError(f"{before.activated_by} must be the last activation, and {where} follows")
    return Layer(W, b, where)


def _parameter(where: str, linear: Any, name: str) -> Array:
    """The weight or the bias as an array."""
    with torch.no_grad():
        tensor = _made(linear, name)
    if type(tensor) not in (torch.Tensor, nn.Parameter) or tensor.layout is not torch.strided:
        kind = f"{type(tensor).__name__} of layout {tensor.layout}"
        raise ValueError(f"{where} must have a plain dense tensor as its {name}, got {kind}")
    if tensor.dtype not in (torch.float32, torch.float64):
        remedy = ": module.float() makes them float32" if tensor.is_floating_point() else ""
        dtype = str(tensor.dtype).removeprefix("torch.")
        raise ValueError(f"{where} must have parameters of float32 or float64, got a {name} of {dtype}{remedy}")
    if tensor.is_meta:
        raise ValueError(
            f"{where} must have its {name} in memory, and the device 'meta' holds no numbers: "
            f"module.to_empty(device='cpu') and load_state_dict bring them"
        )
    array: Array = tensor.numpy(force=True)
    return array


def _made(linear: Any, name: str) -> Any:
    """The weight or the bias as the module's own hooks and parametrisations make it for a prediction."""
    for hook in _hooks(linear):
        if isinstance(hook, prune.BasePruningMethod):
            if hook._tensor_name == name:
                return hook.apply_mask(linear)
        elif hook.name == name:
            return hook.compute_weight(linear, *([False] if isinstance(hook, SpectralNorm) else []))
    if not parametrize.is_parametrized(linear, name):
        return getattr(linear, name)
    # Of a copy: in training a spectral_norm changes its state whenever its weight is asked for.
    return copy.deepcopy(linear.parametrizations[name]).eval()()


def _activation(where: str, kind: type, module: Any) -> str:
    """Our name of what the module computes."""
    if kind is nn.LeakyReLU:
        _refuse_unless(0 <= module.negative_slope < 1, where, "negative_slope in [0, 1)", module.negative_slope)
        return "leaky_relu"
    if kind is nn.GELU:
        return "gelu" if module.approximate == "none" else "gelu_tanh"
    if kind is nn.ELU:
        _refuse_unless(module.alpha == 1, where, "alpha=1", module.alpha)
        return "elu"
    if kind is nn.Softplus:
        _refuse_unless(module.beta == 1, where, "beta=1", module.beta)
        _refuse_unless(module.threshold >= LEAST_THRESHOLD, where, f"threshold >= {LEAST_THRESHOLD}", module.threshold)
        return "softplus"
    if kind is nn.Softmax:
        _refuse_unless(module.dim in (None, 1, -1), where, "dim=-1", module.dim)
        return "softmax"
    return NAMES[kind]


def _refuse_unless(right: bool, where: str, wanted: str, got: object) -> None:
    if not right:
        raise ValueError(f"{where} must have {wanted}, got {shown(got)}")
