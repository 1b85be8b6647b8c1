"""Activations in ONNX: the operators that compute them, and what composes them where no operator does.

A form is a function of `op` and z. `op(name, *inputs)` stands for a node of ONNX's operator of that name, and numbers
among its inputs are constants, so that the same form makes nodes in one place and a pattern to recognise in another.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from shallownet_c.reference._activations import SELU_ALPHA, SELU_SCALE

Op = Callable[..., Any]
Form = Callable[[Op, Any], Any]

#: 2u of the formula for gelu_tanh is GELU_SCALE (z + GELU_CUBE z³).
GELU_SCALE, GELU_CUBE = 2.0 * math.sqrt(2.0 / math.pi), 0.044715


class Operator(NamedTuple):
    """An operator of ONNX that is an activation."""

    name: str
    attributes: dict[str, Any]
    #: The opset that brought it.
    opset: int = 1


#: Those that are right in both dtypes.
OPERATORS = {
    "sigmoid": Operator("Sigmoid", {}),
    "tanh": Operator("Tanh", {}),
    "relu": Operator("Relu", {}),
    "softmax": Operator("Softmax", {"axis": 1}),
    "exp": Operator("Exp", {}),
    "sin": Operator("Sin", {}),
}
#: Those for float32 alone: their attributes are float32, or ONNX Runtime lacks them in float64. Swish of opset 24 is
#: not among them, since ONNX Runtime 1.32 lacks it from opset 26 on.
SINGLE_OPERATORS = {
    "leaky_relu": Operator("LeakyRelu", {}),
    "softplus": Operator("Softplus", {}),
    "elu": Operator("Elu", {}),
    "selu": Operator("Selu", {}),
    "mish": Operator("Mish", {}, 18),
    "gelu": Operator("Gelu", {}, 20),
    "gelu_tanh": Operator("Gelu", {"approximate": "tanh"}, 20),
}


def silu(op: Op, z: Any) -> Any:
    """z / (1 + e^−z), which keeps the digits that z σ(z) loses where σ is rounded as a number near 0 in float32"""
    return op("Div", z, op("Add", op("Exp", op("Neg", z)), 1.0))


def gelu(op: Op, z: Any) -> Any:
    """½ z (1 + erf(z / √2))"""
    return op("Mul", op("Mul", z, 0.5), op("Add", op("Erf", op("Mul", z, math.sqrt(0.5))), 1.0))


def gelu_tanh(op: Op, z: Any) -> Any:
    """z / (1 + e^−2u), 2u = √(8/π) (z + 0.044715 z³)"""
    cube = op("Mul", op("Mul", z, z), z)
    u = op("Mul", op("Add", z, op("Mul", cube, GELU_CUBE)), -GELU_SCALE)
    return op("Div", z, op("Add", op("Exp", u), 1.0))


def mish(op: Op, z: Any) -> Any:
    """z n / (n + 2), n = e^z (e^z + 2), where n / (n + 2) is tanh(log(1 + e^z)) and next to 1 from z = 20 on"""
    e = op("Exp", op("Min", z, 20.0))
    n = op("Mul", e, op("Add", e, 2.0))
    return op("Mul", z, op("Div", n, op("Add", n, 2.0)))


def softplus(op: Op, z: Any) -> Any:
    """max(z, 0) + log u + (e − (u − 1)) / u, e = e^−|z| and u = 1 + e: the last term is what rounding u has lost"""
    e = op("Exp", op("Neg", op("Abs", z)))
    u = op("Add", e, 1.0)
    lost = op("Div", op("Sub", e, op("Sub", u, 1.0)), u)
    return op("Add", op("Max", z, 0.0), op("Add", op("Log", u), lost))


def expm1(op: Op, z: Any) -> Any:
    """e^z − 1 for z ≤ 0 and 0 elsewhere: 2t / (1 − t), t = tanh(½ min(z, 0)), which keeps all digits near 0"""
    t = op("Tanh", op("Mul", op("Min", z, 0.0), 0.5))
    return op("Div", op("Mul", t, 2.0), op("Sub", 1.0, t))


def elu(op: Op, z: Any) -> Any:
    """max(z, 0) + (e^min(z, 0) − 1)"""
    return op("Add", op("Max", z, 0.0), expm1(op, z))


def selu(op: Op, z: Any) -> Any:
    """λ max(z, 0) + λ α (e^min(z, 0) − 1)"""
    return op("Add", op("Mul", op("Max", z, 0.0), SELU_SCALE), op("Mul", expm1(op, z), SELU_SCALE * SELU_ALPHA))


def leaky_relu(op: Op, z: Any, leak: Any) -> Any:
    """max(leak z, z), the leak in [0, 1)"""
    return op("Max", op("Mul", z, leak), z)


#: What `_onnx_layers` writes where there is no operator; `leaky_relu` takes the leak besides.
FORMS: dict[str, Callable[..., Any]] = {
    form.__name__: form for form in (leaky_relu, silu, gelu, gelu_tanh, mish, softplus, elu, selu)
}
