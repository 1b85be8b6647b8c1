"""Whatever an older version offered is still there, and is called as it was."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from public_names import about, described

import shallownet_c as sn
from shallownet_c import mlp
from shallownet_c.reference import loop, vectorized
from shallownet_c.reference._activations import ACTIVATIONS

OLDER = sorted((Path(__file__).parent / "data").glob("*/names.json"))


def check_parameters(place, before, now):
    """All have their names, kinds and defaults; what is new has a default, and stands behind what may be positional."""
    if before is None:
        return
    kept = {name: what for name, what in now.items() if name in before}
    assert list(kept.items()) == list(before.items()), place
    positional = [name for name, (kind, _) in before.items() if kind.startswith("POSITIONAL")]
    assert list(now)[: len(positional)] == positional, place
    assert all(default is not None for name, (_, default) in now.items() if name not in before), place


@pytest.mark.parametrize("path", OLDER, ids=lambda path: path.parent.name)
def test_names_of_older_versions(path):
    for module, names in json.loads(path.read_text(encoding="utf-8")).items():
        for name, before in names.items():
            place, now = f"{module}.{name}", about(getattr(importlib.import_module(module), name))
            assert now["kind"] == before["kind"], place
            assert set(before.get("keys", ())) <= set(now.get("keys", ())), place
            check_parameters(place, before.get("parameters"), now.get("parameters"))
            for member, parameters in before.get("members", {}).items():
                assert member in now["members"], (place, member)
                check_parameters(f"{place}.{member}", parameters, now["members"][member])


def test_there_are_older_versions():
    assert OLDER


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (lambda x: 0, lambda y: 0),
        (lambda x=1: 0, lambda x=2: 0),
        (lambda x=1: 0, lambda *, x=1: 0),
        (lambda x=1: 0, lambda x: 0),
        (lambda x: 0, lambda x, y: 0),
        (lambda x=1: 0, lambda y=1, x=1: 0),
        (lambda x=1, y=1: 0, lambda y=1, x=1: 0),
        (lambda x=1, **more: 0, lambda x=1: 0),
    ],
)
def test_what_breaks_a_call_is_seen(before, now):
    check_parameters("f", described(before), described(before))
    with pytest.raises(AssertionError):
        check_parameters("f", described(before), described(now))


def test_what_breaks_no_call_is_not():
    check_parameters("f", described(lambda x, **more: 0), described(lambda x, y=1, **more: 0))
    check_parameters("f", described(lambda x, *, z=1: 0), described(lambda x, y=1, *, a=2, z=1: 0))


def test_the_references_tables_are_those_of_all_activations():
    z, leak = np.array([[-2.0, 0.0, 0.5, 3.0]]), 0.125
    assert list(vectorized.ACTIVATIONS) == list(ACTIVATIONS)
    elementwise = [name for name, row in ACTIVATIONS.items() if row.elementwise]
    assert list(loop.ACTIVATIONS) == list(loop.DERIVATIVES) == list(vectorized.DERIVATIVES) == elementwise
    for name in ACTIVATIONS:
        A = vectorized.activation(z, name, leak)
        np.testing.assert_array_equal(vectorized.ACTIVATIONS[name](z, leak), A)
        if name in elementwise:
            np.testing.assert_array_equal(
                vectorized.DERIVATIVES[name](z, A, leak), vectorized.derivative(z, name, leak)
            )
            for function, table in ((loop.activation, loop.ACTIVATIONS), (loop.derivative, loop.DERIVATIVES)):
                assert [table[name](z_i, leak) for z_i in z[0].tolist()] == function(z, name, leak)[0].tolist()
    np.testing.assert_array_equal(vectorized.softmax(z), vectorized.activation(z, "softmax"))
    np.testing.assert_array_equal(vectorized.sigmoid(z), vectorized.activation(z, "sigmoid"))
    assert loop.sigmoid(0.0) == 0.5


def test_a_network_of_zeros_from_a_description():
    net = mlp.described(sn.MLP, {**sn.MLP([3, 4, 2], "relu").model.description(), "feature_names": ["a", "b", "c"]})
    assert (net.layer_sizes, net.activations, net.feature_names) == ((3, 4, 2), ("relu", "identity"), ("a", "b", "c"))
    assert not net.params.any()
