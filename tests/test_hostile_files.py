"""Checkpoints and models come from outside: whatever they say is a ValueError that names the file, or is harmless."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c import serialization
from shallownet_c._storage import _checkpoint

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 3))
Y = RNG.standard_normal((30, 2))
GIVEN = {"validation_data": (X[:9], Y[:9])}
DIGITS = 10**400


class Stop(Exception):
    pass


def unfinished(path, **options):
    """A checkpoint with four epochs of eight done, and every tensor."""

    def stop(epoch, *_):
        if epoch == 4:
            raise Stop

    arguments = {
        "optimizer": sn.Adam(0.01, schedule="adaptive"),
        "batch_size": 8,
        "dropout": 0.2,
        "seed": 3,
        "patience": 7,
    }
    with pytest.raises(Stop):
        sn.MLP([3, 4, 2], "leaky_relu", seed=0).fit(
            X, Y, epochs=8, checkpoint=path, checkpoint_every=0, callback=stop, **arguments | GIVEN | options
        )
    return path


@pytest.fixture
def path(tmp_path):
    return unfinished(tmp_path / "fit")


def rewritten(path, edit):
    """The file with its tensors and values changed by `edit(tensors, values)`, sound as a file."""
    tensors, metadata = serialization.read(path)
    edit(tensors, metadata["checkpoint"])
    serialization.write(path, tensors, metadata)


def refused(path, **given):
    with pytest.raises(ValueError, match="fit is not a checkpoint: ") as caught:
        sn.resume(path, X, Y, **given or GIVEN)
    message = str(caught.value)
    assert len(message) - len(str(path)) < 450
    return message


def places(tree, path=()):
    for key, item in tree.items():
        yield (*path, key)
        if isinstance(item, dict):
            yield from places(item, (*path, key))


def put(tree, place, value):
    *parents, last = place.split(".") if isinstance(place, str) else place
    for key in parents:
        tree = tree[key]
    if value is ...:
        del tree[last]
    else:
        tree[last] = value


def test_the_file_as_it_is_goes_on(path):
    assert sn.resume(path, X, Y, **GIVEN).history.n_epochs == 8


def test_every_field_is_needed_and_no_other_known(path):
    content = path.read_bytes()
    all_places = list(places(_checkpoint.read(path)[1]))
    assert len(all_places) > 50
    for place in all_places:
        path.write_bytes(content)
        rewritten(path, lambda _, values, place=place: put(values, place, ...))
        if place[-1] in ("delta", "quantile", "label_smoothing"):  # of files from before there were any
            assert _checkpoint.read(path)
        else:
            refused(path)
        path.write_bytes(content)
        rewritten(path, lambda _, values, place=place: put(values, (*place[:-1], "more"), 1))
        assert "'more'" in refused(path)


@pytest.mark.parametrize(
    "value", [float("nan"), DIGITS, "x" * 10**6, [None], {"": 1}], ids=["nan", "digits", "text", "list", "object"]
)
def test_nothing_may_stand_just_anywhere(path, value):
    content = path.read_bytes()
    for place in places(_checkpoint.read(path)[1]):
        path.write_bytes(content)
        rewritten(path, lambda _, values, place=place: put(values, place, value))
        refused(path)


VALUES = {
    # What ended Python, or was read past its end.
    "settings.batch_size": [0, -1, True, 1.0, 2**63, DIGITS],
    "settings.dropout": [[], [0.2, 0.2], [1.0], [-0.1], ["0.2"], 0.2, [None]],
    "random.state.bit_generator": ["test", "bytes", "BitGenerator", "default_rng", "os", None, ["PCG64"]],
    "random.state.state.inc": [0, 2, 2**128 - 2, 2**128 + 1, -1, 1.0],
    "random.state.state.state": [-1, 2**128, "1", None],
    "random.state.has_uint32": [2, -1, True],
    "random.state.uinteger": [2**32, -1],
    "random.kind": ["", "RandomState", "Philox"],
    # Counters and lists that do not go together.
    "settings.epochs": [0, 3, -1, True, 8.0, 2**63, DIGITS],
    "settings.patience": [0, True, None, "7"],
    "settings.l2": [-1e-9, np.inf, True, "0", None, DIGITS],
    "settings.l1": [-1, -np.inf],
    "settings.tol": [-1.0],
    "settings.clip_norm": [0, -1.0, -np.inf, None],
    "settings.label_smoothing": [0.1, 1, -0.5, None, "0"],
    "settings.objective_scale": [-1.0, np.inf],
    "settings.dropout_seed": [-1, 2**32, 0.0],
    "settings.shuffle": [1, None],
    "history.n_epochs": [0, 3, 5, 9, -1, 4.0],
    "history.stopped": ["epochs", "patience", "diverged", None, False, "x" * 10**6],
    "history.seconds": [-1, np.inf, np.nan],
    "position.wait": [5, -1, 0.0],
    "position.best_cost": [-np.inf, np.nan, None],
    "optimizer.name": ["LBFGS", "Optimizer", "adam", None, []],
    "optimizer.step": [-1, 2**63 - 1, 2**64, DIGITS, True],
    "optimizer.epoch": [3, -1, 2**63 - 1],
    "optimizer.epsilon_as_given": [1, None],
    "optimizer.settings.learning_rate": [0, -1.0, np.inf, np.nan, True, "1", DIGITS],
    "optimizer.settings.beta_1": [1.0, -0.1],
    "optimizer.settings.epsilon": [0.0, 1e-320],
    "optimizer.schedule.name": ["PerEpoch", "Cosine", "Schedule", None],
    "optimizer.schedule.factor": [0, 1.0, np.nan],
    "optimizer.schedule._cuts": [-1, DIGITS, 0.5, None],
    "optimizer.schedule._wait": [-1, "0"],
    "optimizer.schedule._best": [np.nan, -np.inf, None],
    "architecture.layer_sizes": [[2**40, 2**40, 2], [3, 4], [3], [], "342", [3, 4, 0], [3, True, 2], [3.0, 4, 2]],
    "architecture.activation": [["relu", "relu"], [], "relu", ["softmax"], [1], None],
    "architecture.dtype": ["float32", "f8", ",", "float16", None, ["float64"], "object"],
    "architecture.loss": ["log_loss", "mse", None],
    "architecture.leak": [1.0, -1, np.nan, None],
    "given": [[True, False], [True, False, False, False], [1, 0, 0], [None] * 3, True],
    "fingerprint": [-1, 2**32, 0.0, None],
    "rows": [0, -1, 2**63, "30", DIGITS],
}  # fmt: skip


@pytest.mark.parametrize("place", VALUES)
def test_values_at_their_edges(path, place):
    content = path.read_bytes()
    for value in VALUES[place]:
        path.write_bytes(content)
        rewritten(path, lambda _, values, value=value: put(values, place, value))
        refused(path)


STATES = {
    "MT19937": {
        "state.pos": [625, -1, 2**31, 1.0, True],
        "state.key": [[0] * 623, [0] * 625, [2**32] + [0] * 623, [-1] * 624, [0.5] * 624, {}],
    },
    "Philox": {
        "buffer_pos": [5, -1, 2**40],
        "buffer": [[0] * 3, [0] * 5, [2**64] + [0] * 3],
        "state.counter": [[0] * 3, [-1] * 4],
        "state.key": [[0] * 4, [2**64, 0]],
    },
    "SFC64": {"state.state": [[0] * 3, [2**64] * 4, [-1] * 4], "has_uint32": [2]},
    "PCG64DXSM": {"state.inc": [0, 2**128 + 1], "uinteger": [-1]},
}
LEGACY = {"has_gauss": [2, True, -1], "gauss": [np.nan, np.inf, "0"], "state.pos": [625]}


@pytest.mark.parametrize("kind", [*STATES, "RandomState"])
def test_states_of_generators(tmp_path, kind):
    """Their setters write the numbers to places in C arrays that read from there."""
    seed = np.random.RandomState(1) if kind == "RandomState" else np.random.Generator(getattr(np.random, kind)(1))
    path = unfinished(tmp_path / "fit", seed=seed)
    content = path.read_bytes()
    for place, values in (LEGACY if kind == "RandomState" else STATES[kind]).items():
        for value in values:
            path.write_bytes(content)
            rewritten(
                path, lambda _, all_values, place=place, value=value: put(all_values, f"random.state.{place}", value)
            )
            refused(path)
    path.write_bytes(content)
    assert sn.resume(path, X, Y, **GIVEN).history.n_epochs == 8


def resized(name, shape, dtype=None):
    def edit(tensors, _):
        tensors[name] = np.zeros(shape, dtype or tensors[name].dtype)

    return edit


def poisoned(name, value):
    def edit(tensors, _):
        tensors[name] = tensors[name].copy()
        tensors[name].flat[-1] = value

    return edit


TENSORS = {
    "parameters that could be broadcast": resized("params", 1),
    "too few parameters": resized("params", 25),
    "parameters in rows": resized("params", (1, 26)),
    "parameters of another dtype": resized("params", 26, np.float32),
    "parameters without end": poisoned("params", np.inf),
    "parameters that are no numbers": poisoned("params", np.nan),
    "no parameters": lambda tensors, _: tensors.pop("params"),
    "one vector of state": resized("optimizer.state", (1, 26)),
    "a short state": resized("optimizer.state", (2, 1)),
    "a flat state": resized("optimizer.state", 52),
    "no state": lambda tensors, _: tensors.pop("optimizer.state"),
    "NaN in the state": poisoned("optimizer.state", np.nan),
    "negative squares": poisoned("optimizer.state", -1.0),
    "short history": resized("history.cost", 3),
    "long history": resized("history.cost", 5),
    "history in another dtype": resized("history.cost", 4, np.float32),
    "history without end": poisoned("history.cost", np.inf),
    "no validation": resized("history.val_cost", 0),
    "no best parameters": lambda tensors, _: tensors.pop("best.params"),
    "best parameters that are too few": resized("best.params", 1),
    "best parameters that are no numbers": poisoned("best.params", np.nan),
    "a tensor too many": lambda tensors, _: tensors.update(more=np.zeros(1)),
    "a long name": lambda tensors, _: tensors.update({"x" * 10**6: np.zeros(0)}),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors(path, name):
    rewritten(path, TENSORS[name])
    refused(path)


def test_squares_that_overflowed_are_what_a_fit_leaves(tmp_path):
    """The parameters stay finite, and the fit goes on: it must do so from its checkpoint, too."""
    path, far = tmp_path / "fit", np.full((8, 1), 1e25)

    def stop(epoch, *_):
        if epoch == 1:
            raise Stop

    net = sn.MLP([1, 1], loss="absolute_error", dtype="float32", init="zeros")
    with pytest.raises(Stop):
        net.fit(far, np.ones(8), epochs=4, checkpoint=path, checkpoint_every=0, callback=stop)
    assert np.isinf(_checkpoint.read(path)[0]["optimizer.state"]).any()
    assert np.isfinite(sn.resume(path, far, np.ones(8)).params).all()


def test_a_key_twice_is_refused(path):
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    for key in (b'\\"rows\\": 30', b'"dtype": "F64"'):
        header = content[8 : 8 + length]
        assert key in header
        header = header.replace(key, key + b", " + key, 1)
        path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
        assert "not JSON" in refused(path)


def test_sizes_are_compared_before_they_are_allocated(path):
    """The file says 2**33 parameters and holds 26."""
    rewritten(path, lambda _, values: put(values, "architecture.layer_sizes", [3, 2**33, 2]))
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def hostile_headers():
    """Headers of about a megabyte: what costs Python most for each byte, in the header and in the architecture."""
    metadata = {"format": "shallownet_c", "model": "{}"}
    n = 10**6
    for name, piece in (
        ("lists", "[],"),
        ("objects", "{},"),
        ("words", '"ab",'),
        ("numbers", "999,"),
        ("text", '"abcd",'),
    ):
        yield name, json.dumps({"__metadata__": metadata})[:-1] + ',"a":[' + piece * (n // len(piece)) + "1]}"
        model = '{"layer_sizes":[' + piece * (n // len(piece)) + "1]}"
        yield f"{name} in the model", json.dumps({"__metadata__": metadata | {"model": model}})
    entries = {str(i): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(n // 60)}
    yield "entries", json.dumps({"__metadata__": metadata, **entries}, separators=(",", ":"))
    yield "keys", json.dumps({"__metadata__": metadata, **dict.fromkeys(map(str, range(n // 12)), 1)})
    yield "brackets", json.dumps({"__metadata__": metadata})[:-1] + ',"a":' + "[" * n


@pytest.mark.parametrize(("name", "header"), [pytest.param(*case, id=case[0]) for case in hostile_headers()])
@pytest.mark.parametrize("data", [0, 1])
def test_a_header_costs_little_memory(tmp_path, name, header, data):
    path = tmp_path / "fit"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode() + bytes(data * len(header)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="fit is not a shallownet_c model") as caught:
            sn.load(path)
        assert tracemalloc.get_traced_memory()[1] < 25 * path.stat().st_size
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 450


def test_a_deep_network_has_a_large_header(tmp_path):
    """Of two parameters a layer, most of its file is the header."""
    net = sn.MLP([1] * 3000, "relu", seed=0, dtype="float32")
    net.save(tmp_path / "net")
    assert (tmp_path / "net").stat().st_size > 10 * net.n_params * 4
    assert sn.load(tmp_path / "net").params.tobytes() == net.params.tobytes()
    net.fit([[1.0]], [1.0], epochs=1, dropout=0.1, checkpoint=tmp_path / "fit")
    assert sn.resume(tmp_path / "fit", [[1.0]], [1.0]).params.tobytes() == net.params.tobytes()


def test_no_message_holds_much_of_the_file(tmp_path):
    long = "x" * 10**6
    net = sn.MLP([2, 1], seed=0)
    for tensors, model in (
        ({long: np.zeros(3)}, net.model.description()),
        ({"layers.0.weight": np.zeros((1, 2)), long: np.zeros(1)}, net.model.description()),
        ({}, net.model.description() | {long: 1}),
        ({}, net.model.description() | {"output": long}),
        ({}, net.model.description() | {"layer_sizes": [long]}),
    ):
        serialization.write(tmp_path / "net", tensors, model)
        with pytest.raises(ValueError, match="net is not a shallownet_c model") as caught:
            sn.load(tmp_path / "net")
        assert len(str(caught.value)) < 450 + len(str(tmp_path))


def test_a_checkpoint_of_the_best_parameters_ends_with_them(path):
    """The process may have died between the last epoch and the moment when the network gets the best parameters."""

    def edit(tensors, values):
        values["history"]["stopped"], values["settings"]["patience"] = "patience", 1
        values["position"]["wait"] = 1
        tensors["params"] = tensors["params"] + 1

    rewritten(path, edit)
    best = _checkpoint.read(path)[0]["best.params"]
    assert sn.resume(path, X, Y, **GIVEN).params.tobytes() == best.tobytes()


FUZZ = Path(__file__).with_name("fuzz_checkpoints.py")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by what /proc says")
def test_some_cases_of_the_fuzz():
    done = subprocess.run([sys.executable, "-P", FUZZ, "--cases", "150"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("150 cases of seed 0: ")
