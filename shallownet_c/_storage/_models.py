"""A network on disk, or several in one file: their descriptions, and their parameters as tensors."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c._checks._validation import Array
from shallownet_c._model import Model, tensor_shapes

if TYPE_CHECKING:
    from shallownet_c import serialization

#: A model, its parameters (P,) and the names of its inputs.
Stored = tuple[Model, Array, tuple[str, ...] | None]


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


def write(
    path: str | os.PathLike[str],
    model: Model,
    params: Array,
    names: tuple[str, ...] | None,
    table: dict[str, Any] | None = None,
) -> None:
    """Write a file that `read` reads; it appears whole or not at all. Only the command reads its `table`."""
    from shallownet_c import serialization  # only here: a network that is neither saved nor loaded needs no JSON

    serialization.write(path, _tensors(model, params), describe(model, names), table)


def write_ensemble(path: str | os.PathLike[str], nets: Sequence[Stored]) -> None:
    """Write a file that `read_ensemble` reads; it appears whole or not at all."""
    from shallownet_c import serialization

    tensors: dict[str, Array] = {}
    for i, (model, params, _) in enumerate(nets):
        tensors |= {f"nets.{i}.{name}": tensor for name, tensor in _tensors(model, params).items()}
    serialization.write(path, tensors, {"ensemble": [describe(model, names) for model, _, names in nets]})


def read(path: str | os.PathLike[str]) -> Stored:
    """The network of a file that `write` wrote.

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
        if "ensemble" in file.metadata:
            raise ValueError("it is an ensemble, which Ensemble.load reads")
        _schema.ARCHITECTURE("its architecture", file.metadata)
        return _networks(file, {"": file.metadata})[0]


def read_ensemble(path: str | os.PathLike[str]) -> list[Stored]:
    """The networks of a file that `write_ensemble` wrote.

    Raises
    ------
    ValueError
        As `read`.
    """
    from shallownet_c import serialization
    from shallownet_c._storage import _schema

    with serialization.opened(path, "a shallownet_c ensemble") as file:
        if "ensemble" not in file.metadata:
            which = "a checkpoint, for resume" if "checkpoint" in file.metadata else "a single network, for load"
            raise ValueError(f"it is {which}")
        _schema.ENSEMBLE("its metadata", file.metadata)
        return _networks(file, {f"nets.{i}.": one for i, one in enumerate(file.metadata["ensemble"])})


def _networks(file: serialization.Contents, descriptions: dict[str, dict[str, Any]]) -> list[Stored]:
    """The networks of checked descriptions, by what the names of their tensors in the file begin with."""
    # Before anything is allocated: what the file holds is what the networks need.
    file.expect(
        {
            prefix + name: (description["dtype"], shape)
            for prefix, description in descriptions.items()
            for name, shape in tensor_shapes(description["layer_sizes"]).items()
        }
    )
    tensors = file.tensors()
    networks: list[Stored] = []
    for prefix, description in descriptions.items():
        model, names = described(description)
        params = np.empty(model.n_params, model.dtype)
        for name, parameter in _tensors(model, params).items():
            parameter[...] = tensors[prefix + name]
        networks.append((model, params, names))
    return networks


def _tensors(model: Model, params: Array) -> dict[str, Array]:
    """Views of the parameters by their names in a file."""
    parameters = itertools.chain.from_iterable(zip(*model.views(params), strict=True))
    return dict(zip(tensor_shapes(model.sizes), parameters, strict=True))
