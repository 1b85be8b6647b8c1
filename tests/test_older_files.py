"""Files that older versions wrote are read, and fits go on from them as if nothing had happened."""

import json
import pickle
import shutil

import networks
import numpy as np
import pytest
import tolerances
from older_files import FITS, FOLDER, MODELS, PICKLES, SECOND, X, Y, fit, numbered

import shallownet_c as sn
from shallownet_c import serialization

TRAITS = (
    "layer_sizes", "activations", "loss", "leak", "delta", "quantile", "dtype", "feature_names", "n_params",
)  # fmt: skip


def every(table):
    """Each version with each name of its set."""
    return pytest.mark.parametrize(
        ("version", "name"), [(version, name) for version in table for name in table[version]]
    )


def assert_made_alike(net, wanted):
    assert {trait: getattr(net, trait) for trait in TRAITS} == {trait: getattr(wanted, trait) for trait in TRAITS}


def assert_predicts_as_it_did(thing, net, version, file):
    recorded = json.loads((FOLDER / version / "predictions.json").read_text(encoding="utf-8"))[file]
    networks.close(thing.predict(X[:2]), np.array(recorded), tolerances.network(net.dtype, net.layer_sizes))


@every(MODELS)
def test_models(version, name):
    net, wanted = sn.load(FOLDER / version / f"model-{name}.safetensors"), numbered(MODELS[version][name](), version)
    assert_made_alike(net, wanted)
    assert net.params.tobytes() == wanted.params.tobytes()
    if version == SECOND:  # the first version to write down what it predicts
        assert_predicts_as_it_did(net, net, version, f"model-{name}")


@every(PICKLES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pickles(version, name):
    if name == "regressor":
        pytest.importorskip("sklearn")
    thing, wanted = pickle.loads((FOLDER / version / f"{name}.pickle").read_bytes()), PICKLES[version][name]()
    net, wanted_net = (getattr(each, "network_", each) for each in (thing, wanted))
    assert_made_alike(net, wanted_net)
    assert_predicts_as_it_did(thing, net, version, name)
    if thing is not net:  # an estimator, whose fit may do without what was pickled
        assert (thing.get_params(), thing.n_iter_) == (wanted.get_params(), wanted.n_iter_)
        np.testing.assert_array_equal(thing.fit(X, Y).predict(X), wanted.fit(X, Y).predict(X))
        return
    assert vars(net) == vars(wanted)  # what a user added
    targets = np.tile(Y[:, :1] / 2 + 0.5, net.layer_sizes[-1])
    for _ in range(2):
        atol = tolerances.training(net.dtype, net.layer_sizes[:-1], 40, 6)
        np.testing.assert_allclose(net.params, wanted.params, rtol=0, atol=atol)
        for each in (net, wanted):
            each.partial_fit(X, targets, batch_size=16)
    assert net.history.n_epochs == wanted.history.n_epochs == 1


def known(values, new):
    """Of what the newer version says, the fields that the older one wrote."""
    return {key: known(value, new[key]) if isinstance(value, dict) else new[key] for key, value in values.items()}


@every(FITS)
def test_checkpoints(version, name, tmp_path):
    older, newer = tmp_path / "older", tmp_path / "newer"
    shutil.copy(FOLDER / version / f"fit-{name}.safetensors", older)
    made = FITS[version][name]()
    fit(made, newer)
    (tensors, metadata), (new_tensors, new_metadata) = serialization.read(older), serialization.read(newer)
    values, new_values = metadata["checkpoint"], known(metadata["checkpoint"], new_metadata["checkpoint"])
    for arithmetic in (values, new_values):
        del arithmetic["history"]["seconds"], arithmetic["position"]["best_cost"], arithmetic["optimizer"]["schedule"]
        if "seed" not in made.arguments:
            del arithmetic["random"]
    assert values == new_values
    assert tensors.keys() == new_tensors.keys()
    net, whole = sn.resume(older, *made.data, **made.again), fit(FITS[version][name]())
    assert_made_alike(net, whole)
    assert (net.history.n_epochs, net.history.stopped) == (whole.history.n_epochs, whole.history.stopped)
    pairs = [(tensors[key], new_tensors[key]) for key in tensors]
    pairs += [(net.params, whole.params), (net.history.cost, whole.history.cost)]
    pairs += [(net.history.val_cost, whole.history.val_cost)]
    atol = tolerances.training(net.dtype, net.layer_sizes[:-1], 40, values["optimizer"]["step"])
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)
    # Where this machine rounds as that did which wrote the file, the fit goes on to the same bits.
    if all(one.tobytes() == other.tobytes() for one, other in pairs[: len(tensors)]):
        assert net.params.tobytes() == whole.params.tobytes()
        assert net.history.cost == whole.history.cost
