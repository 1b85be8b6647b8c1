"""A network on disk: its description, and its parameters as tensors."""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np

from shallownet_c._checks._validation import Array
from shallownet_c._model import Model, tensor_shapes


def describe(model: Model, names: tuple[str, ...] | None) -> dict[str, Any]:
    """The model and the names of its inputs, fit for JSON."""
    return model.description() | ({} if names is None else {"feature_names": list(names)})


def described(description: dict[str, Any]) -> tuple[Model, tuple[str, ...] | None]:
    """The model and the names that `describe` has described."""
    arguments = dict(description)
    names = arguments.pop("feature_names", None)
    if names is not None and len(names) != arguments["layer_sizes"][0]:
        raise ValueError(f"feature_names must be {arguments['layer_sizes'][0]} names, got {len(names)}")
    return Model(**arguments), None if names is None else tuple(names)


def write(path: str | os.PathLike[str], model: Model, params: Array, names: tuple[str, ...] | None) -> None:
    """Write a file that `read` reads; it appears whole or not at all."""
    from shallownet_c import serialization  # only here: a network that is neither saved nor loaded needs no JSON

    serialization.write(path, _tensors(model, params), describe(model, names))


def read(path: str | os.PathLike[str]) -> tuple[Model, Array, tuple[str, ...] | None]:
    """The model, its parameters (P,) and the names of its inputs, from a file that `write` wrote.

    Raises
    ------
    ValueError
        If it is not such a file, or is damaged: the message names the file and what is wrong.
    """
    from shallownet_c import serialization
    from shallownet_c._storage import _schema

    with serialization.opened(path) as file:
        if "checkpoint" in file.metadata:
            raise ValueError("it is the checkpoint of a fit, which resume goes on with")
        _schema.ARCHITECTURE("its architecture", file.metadata)
        # Before anything is allocated: what the file holds is what the network needs.
        shapes = tensor_shapes(file.metadata["layer_sizes"])
        file.expect({name: (file.metadata["dtype"], shape) for name, shape in shapes.items()})
        model, names = described(file.metadata)
        params = np.empty(model.n_params, model.dtype)
        tensors = file.tensors()
        for name, parameter in _tensors(model, params).items():
            parameter[...] = tensors[name]
    return model, params, names


def _tensors(model: Model, params: Array) -> dict[str, Array]:
    """Views of the parameters by their names in a file."""
    parameters = itertools.chain.from_iterable(zip(*model.views(params), strict=True))
    return dict(zip(tensor_shapes(model.sizes), parameters, strict=True))
