"""Several networks as one file of C99, whose function gives the mean of their outputs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._exchange import _c_code, _c_names, _c_source
from shallownet_c._model import Model
from shallownet_c._storage import _files


def to_c(
    nets: Sequence[tuple[Model, Array]],
    names: tuple[str, ...] | None,
    path: str | os.PathLike[str] | None,
    name: object,
    int8: object,
) -> str:
    """See `Ensemble.to_c`; a network is its model and its parameters (P,)."""
    name = _c_names.checked(name)
    members = [f"{name}_{i}" for i in range(len(nets))]
    _c_names.checked(members[-1])  # no longer than it may be
    int8 = _validation.boolean("int8", int8)
    if path is not None:
        _files.check(path)
    networks = []
    for i, (model, params) in enumerate(nets):
        try:
            networks.append((model, _c_source.rounded_layers(model, params, int8)))
        except ValueError as error:
            raise ValueError(f"nets[{i}]: {error}") from None
    models = [model for model, _ in networks]
    parts = [
        _c_source.header(models, names, name, int8),
        "#include <math.h>\n",
        _sizes(models, name),
        _c_code.dense(name, max(max(model.sizes[:-1]) for model in models), int8),
    ]
    for (model, layers), member in zip(networks, members, strict=True):
        parts.append(_c_source.size_macros(model, member))
        parts += _c_source.tables(model, layers, member)
        parts += _c_source.activation_functions(model, member)
        parts.append(_c_source.prediction(model, member, int8, f"{name}_dense", _c_code.MEMBER))
    listed = "".join(f"    {member}_predict,\n" for member in members)
    parts.append(f"static void (*const {name}_networks[])(const float *x, float *y) = {{\n{listed}}};\n")
    parts.append(_c_code.PREDICT.substitute(name=name, body=_c_code.MEAN.substitute(name=name, NAME=name.upper())))
    parts.append(_c_source.self_test(networks, name))
    text = "\n".join(parts)
    if path is not None:
        _files.replace(path, [text.encode("ascii")])
    return text


def _sizes(models: Sequence[Model], name: str) -> str:
    """The macros of what all networks share, and of their number."""
    sizes = {"INPUTS": models[0].sizes[0], "OUTPUTS": models[0].sizes[-1], "NETWORKS": len(models)}
    return "".join(f"#define {name.upper()}_{macro} {size}\n" for macro, size in sizes.items())
