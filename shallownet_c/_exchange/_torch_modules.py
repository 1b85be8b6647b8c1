"""Networks as modules of PyTorch, and the activations that PyTorch has no module for.

A pickle of such a network names the classes here, so they stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from shallownet_c._checks._validation import Array
from shallownet_c._model import Model


class Exp(nn.Module):
    """e^z"""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.exp(z)


class Sin(nn.Module):
    """sin z"""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.sin(z)


#: From where on log(1 + e^z) is z in float64; PyTorch's own 20 is right in float32.
SOFTPLUS_THRESHOLD = 40

#: The module for each activation's name, None where the layer's Linear is all there is.
MODULES: dict[str, Callable[[Model], nn.Module | None]] = {
    "identity": lambda model: None,
    "sigmoid": lambda model: nn.Sigmoid(),
    "tanh": lambda model: nn.Tanh(),
    "relu": lambda model: nn.ReLU(),
    "leaky_relu": lambda model: nn.LeakyReLU(model.leak),
    "softmax": lambda model: nn.Softmax(dim=-1),
    "exp": lambda model: Exp(),
    "silu": lambda model: nn.SiLU(),
    "gelu": lambda model: nn.GELU(),
    "gelu_tanh": lambda model: nn.GELU(approximate="tanh"),
    "mish": lambda model: nn.Mish(),
    "softplus": lambda model: nn.Softplus(threshold=SOFTPLUS_THRESHOLD),
    "elu": lambda model: nn.ELU(),
    "selu": lambda model: nn.SELU(),
    "sin": lambda model: Sin(),
}


def sequential(model: Model, params: Array) -> Any:
    """A Linear for each layer, with copies of the parameters, and after it the module of the layer's activation."""
    layers: list[nn.Module] = []
    for W, b, name in zip(*model.views(params), model.activations, strict=True):
        # On the device "meta" no first weights are drawn, which would move PyTorch's random numbers on.
        linear = nn.Linear(W.shape[1], W.shape[0], device="meta")
        linear.weight = nn.Parameter(torch.from_numpy(W.copy()))
        linear.bias = nn.Parameter(torch.from_numpy(b.copy()))
        activation = MODULES[name](model)
        layers += [linear] if activation is None else [linear, activation]
    return nn.Sequential(*layers)
