"""Models and checkpoints that an older version wrote are read, and fits go on from them as if nothing had happened."""

import shutil

import numpy as np
import pytest
from older_files import BREAK, FITS, FOLDER, MODELS, data, fit, numbered
from tolerances import training

import shallownet_c as sn
from shallownet_c._storage import _checkpoint


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    net, wanted = sn.load(FOLDER / f"model-{name}.safetensors"), numbered(MODELS[name]())
    assert net.params.tobytes() == wanted.params.tobytes()
    assert net.model.description() == wanted.model.description()


@pytest.mark.parametrize("name", FITS)
def test_checkpoints(name, tmp_path):
    older, newer = tmp_path / "older", tmp_path / "newer"
    shutil.copy(FOLDER / f"fit-{name}.safetensors", older)
    fit(name, newer)
    (tensors, values), (new_tensors, new_values) = _checkpoint.read(older), _checkpoint.read(newer)
    assert values["history"]["n_epochs"] == BREAK
    for discrete in ("architecture", "rows", "fingerprint", "given", "settings"):
        assert values[discrete] == new_values[discrete]
    assert values["optimizer"]["step"] == new_values["optimizer"]["step"]
    if "seed" in FITS[name]()[0]:
        assert values["random"] == new_values["random"]
    given = FITS[name]()[1]
    net, wanted = sn.resume(older, *data(name), **given), sn.resume(newer, *data(name), **given)
    assert (net.history.n_epochs, net.history.stopped) == (wanted.history.n_epochs, wanted.history.stopped)
    assert tensors.keys() == new_tensors.keys()
    pairs = [(tensors[key], new_tensors[key]) for key in tensors]
    pairs += [(net.params, wanted.params), (net.history.cost, wanted.history.cost)]
    atol = training(net.dtype, (3, 4), 40, values["optimizer"]["step"])
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)
    # Where this machine rounds as that did which wrote the file, the fit goes on to the same bits.
    if all(one.tobytes() == other.tobytes() for one, other in pairs[: len(tensors)]):
        assert net.params.tobytes() == wanted.params.tobytes()
        assert net.history.cost == wanted.history.cost
