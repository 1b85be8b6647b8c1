"""The server of `shallownet-c play`: who may talk to it, what it answers, and what its presets show."""

import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.parse

import numpy as np
import pytest
from play_server import TOKEN, serving
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import shallownet_c as sn
from shallownet_c._play import _data, _descent
from shallownet_c._play._settings import CHOICES, PAGE, Refusal, Settings
from shallownet_c.cli import main
from shallownet_c.reference._activations import ACTIVATIONS

PRESETS = json.loads(PAGE.joinpath("presets.json").read_text(encoding="utf-8"))
DEFAULTS = PRESETS["defaults"]
WORDS = json.loads(PAGE.joinpath("words.json").read_text(encoding="utf-8"))
FILES = {file.name: file.read_bytes() for file in PAGE.iterdir() if file.is_file()}
#: Many seconds of training on any machine.
LONG = {"layers": [[50, "tanh"]] * 3, "points": 1000, "iterations": 20000, "init": "glorot_uniform", "rate": 0.01}


@pytest.fixture(scope="module")
def port():
    with serving() as number:
        yield number


def get(port, path, host=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", f"127.0.0.1:{port}" if host is None else host)
    connection.endheaders()
    with contextlib.closing(connection):
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def tab(port, token=TOKEN, origin=None, host="127.0.0.1"):
    origin = f"http://127.0.0.1:{port}" if origin is None else origin
    return connect(f"ws://{host}:{port}/{token}/socket", origin=origin or None, open_timeout=10, proxy=None)


def ask(ws, seq, csv=None, **changes):
    ws.send(json.dumps({"seq": seq, "state": DEFAULTS | changes} | ({"csv": csv} if csv is not None else {})))


def unpacked(message):
    end = 4 + int.from_bytes(message[:4], "little")
    assert end % 4 == 0
    return json.loads(message[4:end]), np.frombuffer(message[end:], "<f4")


def receive(ws):
    return unpacked(ws.recv(timeout=30))


def until_done(ws):
    """All messages up to the last frames of a training."""
    messages = [receive(ws)]
    while not messages[-1][0].get("done"):
        messages.append(receive(ws))
    return messages


def trained(**changes):
    """A training without a server: at, cost, dev_cost, params (frames, P), and the descent with its network."""
    settings = Settings.of(DEFAULTS | changes)
    descent = _descent.Descent(settings, _data.rows_of(settings, None))
    batches = [frames for frames in descent.frames() if frames is not None]
    assert batches[-1][0]["diverged"] is None
    at, cost, dev_cost = (np.array([x for b in batches for x in b[0][k]]) for k in ("at", "cost", "dev_cost"))
    return at, cost, dev_cost, np.concatenate([b[1] for b in batches]).reshape(len(at), -1), descent


# --- who may talk to it


def test_the_page_and_its_headers(port):
    status, headers, body = get(port, f"/{TOKEN}/")
    assert (status, body) == (200, FILES["index.html"])
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    for name, content in FILES.items():
        status, headers, body = get(port, f"/{TOKEN}/{name}")
        assert (status, body) == (200, content), name
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/", None, 403),
        ("/index.html", None, 403),
        ("/wrong/", None, 403),
        (f"/{TOKEN}x/", None, 403),
        (f"/{TOKEN[:-1]}/", None, 403),
        ("/%C3%A9/", None, 403),
        ("//", None, 403),
        ("*", None, 403),
        (f"/{TOKEN}/nothing.js", None, 404),
        (f"/{TOKEN}/..%2F_server.py", None, 404),
        (f"/{TOKEN}/../_server.py", None, 404),
        (f"/{TOKEN}/", "rebound.example", 403),
        (f"/{TOKEN}/", "127.0.0.1", 403),
        (f"/{TOKEN}/", "", 403),
        (f"/{TOKEN}/", "127.0.0.1:1", 403),
    ],
)
def test_who_is_turned_away(port, path, host, status):
    got, headers, body = get(port, path, host)
    assert got == status
    assert TOKEN.encode() not in body
    assert "content-security-policy" in headers


@pytest.mark.parametrize(
    ("token", "origin"),
    [
        ("wrong", None),
        (TOKEN + "x", None),
        (TOKEN, "http://evil.example"),
        (TOKEN, "http://127.0.0.1:1"),
        (TOKEN, "null"),
        (TOKEN, False),
    ],
)
def test_sockets_that_are_refused(port, token, origin):
    with pytest.raises(InvalidStatus) as error, tab(port, token, origin):
        pass
    assert error.value.response.status_code == 403


# --- what it answers


def test_a_training_has_the_bits_of_one_fit(port):
    """In segments with the same optimizer, and at each mark the parameters on the way."""
    with tab(port) as ws:
        ask(ws, 7, optimizer="adam", rate=0.01, iterations=500, layers=[[5, "tanh"], [3, "relu"]], batch=32)
        (run, points), *frames = until_done(ws)
    assert (run["kind"], run["seq"], run["sizes"]) == ("run", 7, [2, 5, 3, 1])
    assert run["activations"] == ["tanh", "relu", "sigmoid"]
    n, n_dev = run["n"]
    X, y = points[: 2 * n].reshape(n, 2), points[2 * n : 3 * n]
    assert len(points) == 3 * (n + n_dev)
    at = [mark for header, _ in frames for mark in header["at"]]
    assert (at[:4], at[-1]) == ([0, 1, 2, 3], 500)
    assert at == sorted(set(at))
    params = np.concatenate([array for _, array in frames]).reshape(len(at), -1)
    net = sn.MLP([2, 5, 3, 1], ["tanh", "relu"], "sigmoid", init=0.01, dtype="float32", seed=0)
    np.testing.assert_array_equal(params[0], net.params)
    net.fit(X, y, optimizer=sn.Adam(learning_rate=0.01), epochs=500, batch_size=32, seed=0)
    np.testing.assert_array_equal(params[-1], net.params)
    assert frames[-1][0]["cost"][-1] == net.cost(X, y)


def test_the_flower_is_the_courses():
    X, y = sn.datasets.make_flower(400, seed=np.random.default_rng(1))
    rows = _data.rows_of(Settings.of(DEFAULTS), None)
    np.testing.assert_array_equal(rows.X, X)
    np.testing.assert_array_equal(rows.y, y)


@pytest.mark.parametrize("name", sorted(_data.MAKERS))
@pytest.mark.parametrize("points", CHOICES["points"])
def test_data_are_balanced_and_in_sight(name, points):
    rows = _data.rows_of(Settings.of(DEFAULTS | {"data": name, "points": points}), None)
    assert rows.X.shape == (points, 2)
    assert rows.y.sum() == points / 2
    assert np.abs(rows.X).max() < 5
    assert not np.array_equal(rows.X, rows.X_dev[:points])


def test_the_newest_of_ten_fast_changes_is_answered_last(port):
    with tab(port) as ws:
        for seq in range(1, 11):
            ask(ws, seq, layers=[[seq, "tanh"]])
        messages = []
        while not (messages and messages[-1]["seq"] == 10 and messages[-1].get("done")):
            messages.append(receive(ws)[0])
    seqs = [header["seq"] for header in messages]
    assert seqs == sorted(seqs)
    assert next(header for header in messages if header["seq"] == 10)["sizes"] == [2, 10, 1]


def test_a_change_ends_the_training_before_it(port):
    with tab(port) as ws:
        ask(ws, 1, **LONG)
        assert receive(ws)[0]["seq"] == 1
        assert not receive(ws)[0]["done"]  # the first frames, long before the end
        ask(ws, 2)
        messages = until_done(ws)
    assert messages[-1][0]["seq"] == 2
    assert not any(header.get("done") for header, _ in messages if header["seq"] == 1)


def test_two_tabs_do_not_disturb_each_other(port):
    with tab(port) as one, tab(port) as other:
        ask(one, 1, **LONG)
        receive(one)
        ask(other, 1, layers=[[3, "relu"]])
        assert until_done(other)[0][0]["sizes"] == [2, 3, 1]
        header, params = receive(one)
        assert header["kind"] == "frames"
        assert params.size % (3 * 50 + 2 * 51 * 50 + 51) == 0


def test_a_tab_that_leaves_ends_its_training(port):
    for _ in range(40):  # more than there are threads, of which each training that went on would keep one
        with tab(port) as ws:
            ask(ws, 1, **LONG)
            receive(ws)
            ws.socket.shutdown(socket.SHUT_RDWR)
    with tab(port) as ws:
        ask(ws, 2)
        assert until_done(ws)[-1][0]["seq"] == 2


def test_comparison_of_activations(port):
    with tab(port) as ws:
        ask(ws, 1, compare=1, iterations=100)
        until_done(ws)
        ends = {}
        while len(ends) < 3:
            header, numbers = receive(ws)
            assert header["kind"] == "curve"
            assert not len(numbers)
            if header["done"]:
                ends[header["name"]] = header["at"][-1]
    assert ends == dict.fromkeys(("sigmoid", "tanh", "relu"), 100)


def test_a_descent_that_diverges_says_where(port):
    with tab(port) as ws:
        ask(ws, 1, layers=[[50, "relu"]] * 3, init="10", rate=10)
        header, _ = until_done(ws)[-1]
    assert header["diverged"] < 5000
    assert np.isfinite(header["cost"]).all()


@pytest.mark.parametrize("iterations", CHOICES["iterations"])
def test_marks(iterations):
    marks = _descent.marks(iterations)
    assert (marks[0], marks[1], marks[-1]) == (0, 1, iterations)
    assert len(marks) <= 101
    assert max(np.diff(marks)) <= max(1, iterations / 49)


# --- what is wrong with a request


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", '"x"', "[" * 100_000, '{"seq": 1e400}', '{"seq": 1, "state": []}', "{}"],
)
def test_what_is_no_request(port, text):
    with tab(port) as ws:
        ws.send(text)
        assert receive(ws)[0]["code"] == "message"
        ask(ws, 2)
        assert until_done(ws)[-1][0]["seq"] == 2


def test_a_request_of_bytes(port):
    with tab(port) as ws:
        ws.send(b"\0\xff")
        assert receive(ws)[0]["code"] == "message"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", "/etc/passwd"), ("data", None), ("data", ["flower"]), ("noise", -1), ("noise", float("nan")),
        ("noise", "0.2"), ("points", 10**9), ("points", 7), ("rate", 0), ("rate", float("inf")), ("init", "100"),
        ("init", 1), ("optimizer", "lbfgs"), ("l2", -0.1), ("batch", -1), ("batch", 10**30), ("iterations", 10**9),
        ("iterations", True), ("seed", -1), ("compare", 2), ("layers", [[4, "tanh"]] * 4), ("layers", 1),
        ("layers", [4]),
        ("layers", [[51, "tanh"]]), ("layers", [[0, "tanh"]]), ("layers", [[4, "softmax"]]), ("layers", [[4, []]]),
        ("layers", [[4, "tanh", 1]]), ("added", [[0, 0, 1]] * 201), ("added", [[0, 0]]), ("added", [[0, 11, 1]]),
        ("added", [[float("nan"), 0, 1]]), ("added", [["0", 0, 1]]), ("added", [[0, 0, 2]]), ("added", "none"),
        ("added", [[True, 0, 1]]), ("added", [[0, 0, [1]]]),
    ],
)  # fmt: skip
def test_settings_that_are_refused(name, value):
    with pytest.raises(Refusal) as error:
        Settings.of(DEFAULTS | {name: value})
    assert error.value.code == "setting"
    assert error.value.values["name"] in (name, "units", "activation")
    json.dumps(error.value.values, allow_nan=False)


def test_refusals_reach_the_page(port):
    with tab(port) as ws:
        ask(ws, 1, rate=7)
        header, _ = receive(ws)
        assert (header["kind"], header["seq"], header["code"], header["name"]) == ("refused", 1, "setting", "rate")
        assert header["got"] == "7"
        ask(ws, 2, data="none")
        assert receive(ws)[0]["code"] == "no_points"
        ask(ws, 3, data="none", added=[[1, 2, 0]])
        assert until_done(ws)[0][0]["n"] == [1, 0]


def test_a_message_that_is_too_large_ends_the_conversation(port):
    def send_and_receive(ws):
        ws.send("x" * (1 << 22))
        ws.recv(timeout=30)

    with tab(port) as ws, pytest.raises(ConnectionClosed) as error:  # whichever of both the end comes upon
        send_and_receive(ws)
    assert error.value.rcvd is None or error.value.rcvd.code == 1009
    with tab(port) as ws:
        ask(ws, 1)
        until_done(ws)


# --- CSV files


def csv_text(header="a,b,colour\n", separator=","):
    X, y = sn.datasets.make_flower(100, seed=1)
    rows = [separator.join([str(100 + a), str(1e-3 * b), ("red", "blue")[j]]) for (a, b), j in zip(X, y, strict=True)]
    return header.replace(",", separator) + "\n".join(rows) + "\n"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["a,b,colour\n", "", "\ufeffa,b,colour\r\n\r\n"])
def test_csv(port, header, separator):
    with tab(port) as ws:
        ask(ws, 1, csv=csv_text(header, separator), data="csv")
        run, points = until_done(ws)[0]
        ask(ws, 2, data="csv", rate=0.1)  # the server has kept it
        again, same = until_done(ws)[0]
    assert run["n"] == again["n"] == [80, 20]
    np.testing.assert_array_equal(points, same)
    assert [column["name"] for column in run["columns"]] == (["a", "b"] if header else ["x₁", "x₂"])
    X = np.concatenate([points[:160], points[240:280]]).reshape(-1, 2)
    np.testing.assert_allclose([X.min(axis=0), X.max(axis=0)], [[-4, -4], [4, 4]], rtol=1e-6)
    assert run["columns"][0]["least"] == pytest.approx(100, abs=5)
    assert set(np.concatenate([points[160:240], points[280:]])) == {0, 1}


@pytest.mark.parametrize(
    ("text", "code", "values"),
    [
        ("", "csv_empty", {}),
        ("a,b,c\n", "csv_empty", {}),
        ("\n\n", "csv_empty", {}),
        ("1,2\n3,4\n", "csv_no_label", {"line": 1}),
        ("1,2,a\n3,4\n", "csv_no_label", {"line": 2}),
        ("1,2,3,a\n", "csv_columns", {"line": 1, "got": 4}),
        ("1,2,a\n3\n", "csv_columns", {"line": 2, "got": 1}),
        ("x,y,c\n1,2,a\n3,four,b\n", "csv_number", {"line": 3, "column": 2, "got": "four"}),
        ("1,2,a\n,4,b\n", "csv_number", {"line": 2, "column": 1, "got": ""}),
        ("1;2,5;a\n3;4;b\n", "csv_number", {"line": 1, "column": 2, "got": "2,5"}),
        ("1,nan,a\n1,2,b\n", "csv_number", {"line": 1, "column": 2, "got": "nan"}),
        ("1,1e999,a\n1,2,b\n", "csv_number", {"line": 1, "column": 2, "got": "1e999"}),
        ("1,1_0,a\n1,2,b\n", "csv_number", {"line": 1, "column": 2, "got": "1_0"}),
        ("1,5;2,5;a\n1,7;2,5;b\n", "csv_number", {"line": 2, "column": 1, "got": "1,7"}),
        ("1,2,a\n3,4,\n5,6,b\n", "csv_label_empty", {"line": 2}),
        ("1,2,a\n3,4,a\n", "csv_classes", {"got": 1, "classes": "a"}),
        ("1,2,a\n3,4,b\n5,6,c\n", "csv_classes", {"got": 3, "classes": "a, b, c"}),
        ("1,2,a\n" * 5001, "csv_rows", {"got": 5001, "most": 5000}),
        ("1,2,a\n" * 170_000, "csv_bytes", {"most": 1_000_000}),
        ("1,2," + "x" * 200_000, "csv_text", {}),
        ("\0\n\0\n", "csv_columns", {"line": 2, "got": 1}),
    ],
    ids=itertools.count(),
)
def test_csv_faults(text, code, values):
    with pytest.raises(Refusal) as error:
        _data.read_csv(text)
    assert error.value.code == code
    assert values.items() <= error.value.values.items()


def test_a_csv_file_that_was_superseded_is_kept(port):
    """The newest request is answered, and a file that came with one before it is not lost."""
    with tab(port) as ws:
        ask(ws, 1, csv=csv_text(), data="csv")
        ask(ws, 2, data="csv", rate=0.1)
        messages = until_done(ws)
        while messages[-1][0]["seq"] != 2:
            messages += until_done(ws)
    assert messages[-1][0]["kind"] == "frames"


def test_a_constant_column_and_few_rows():
    rows = _data.read_csv("1,5,a\n2,5,b\n")
    assert rows.X.tolist() == [[-4, 0], [4, 0]]
    assert rows.y.tolist() == [0, 1]
    assert len(rows.X_dev) == 0


def test_lines_of_nothing_but_separators():
    """Which spreadsheets leave at the end."""
    rows = _data.read_csv("\n1,5,a\n   \n2,6,b\n,,\n")
    assert rows.X.tolist() == [[-4, -4], [4, 4]]


@pytest.mark.parametrize(
    ("labels", "classes"), [("ba", ["a", "b"]), (["10", "9"], ["9", "10"]), (["no", "1"], ["1", "no"])]
)
def test_which_label_is_which_class(labels, classes):
    """The page says so, and numbers go in their order."""
    rows = _data.read_csv("".join(f"{i},{i},{label}\n" for i, label in enumerate(labels)))
    assert rows.classes == classes
    assert rows.y.tolist() == [classes.index(label) for label in labels]


def test_a_faulty_file_is_remembered(port):
    """Whatever is changed next: that no file has been chosen would be wrong."""
    with tab(port) as ws:
        for seq, csv in ((1, "1,2,a\n"), (2, None)):
            ask(ws, seq, csv=csv, data="csv")
            header, _ = receive(ws)
            assert (header["seq"], header["code"]) == (seq, "csv_classes")
        ask(ws, 3, csv=csv_text(), data="csv")
        assert until_done(ws)[0][0]["classes"] == ["blue", "red"]


# --- what the presets' sentences say


def test_four_units_find_the_petals():
    *_, descent = trained(**PRESETS["presets"]["notes"])
    assert descent.net.layer_sizes == (2, 4, 1)
    assert descent.net.score(descent.X, descent.y) > 0.9
    assert descent.net.score(descent.X_dev, descent.y_dev) > 0.9


def test_linear_units_collapse():
    preset = PRESETS["presets"]["linear"]
    assert {activation for _, activation in preset["layers"]} == {"identity"}
    _, cost, *_, descent = trained(**preset)
    _, plain_cost, *_, plain = trained(**preset | {"layers": []})
    assert cost[-1] == pytest.approx(plain_cost[-1], abs=1e-4)
    # z is the same affine function of x, up to what the descent has left: so is the line z = 0
    z = [np.log(a / (1 - a)) for a in (descent.net(descent.X)[:, 0], plain.net(plain.X)[:, 0])]
    design = np.column_stack([descent.X, np.ones(len(descent.X))])
    _, residual, *_ = np.linalg.lstsq(design, z[0], rcond=None)
    assert residual < 1e-8
    np.testing.assert_allclose(z[0], z[1], atol=5e-3)


def test_zeros_never_break_symmetry():
    *_, params, descent = trained(**PRESETS["presets"]["zeros"])
    for frame in params:
        descent.net.params[:] = frame
        assert not descent.net.weights[0].any()
        assert not descent.net.weights[1].any()
    assert descent.net.cost(descent.X, descent.y) == pytest.approx(np.log(2), abs=1e-6)


def test_a_large_init_saturates():
    preset = PRESETS["presets"]["large"]
    *_, params, descent = trained(**preset)
    answers = descent.net.layer_outputs(descent.X)[1]
    assert (np.abs(answers) > 0.99).mean() > 0.85
    assert descent.net.score(descent.X, descent.y) < 0.6
    descent.net.params[:] = params[0]
    gradient = np.abs(descent.net.layer_gradients(descent.X, descent.y)[0].dA * (1 - answers**2))
    assert np.median(gradient) < 1e-3
    *_, small = trained(**preset | {"init": "1"})
    assert small.net.score(small.X, small.y) > 0.98


def test_one_unit_draws_a_line():
    *_, descent = trained(**PRESETS["presets"]["one"])
    (w,), (v,), b = descent.net.weights[0], descent.net.weights[1], descent.net.biases
    # a > ½ where tanh(wᵀx + b₁) lies on one side of −b₂ / v: on one side of a line
    level = np.arctanh(-b[1][0] / v[0])
    side = (descent.X @ w + b[0][0] > level) == (v[0] > 0)
    np.testing.assert_array_equal(descent.net.classify(descent.X) == 1, side)
    assert 0 < side.mean() < 1


def test_twenty_units_overfit():
    preset = PRESETS["presets"]["overfit"]
    assert (preset["points"], preset["layers"][0][0]) == (40, 20)
    at, cost, dev_cost, _, descent = trained(**preset)
    assert cost[-1] < 0.01
    assert descent.net.score(descent.X, descent.y) == 1
    best = int(np.argmin(dev_cost))
    assert at[best] < 1000
    assert dev_cost[-1] > 3 * dev_cost[best]


def test_tanh_before_relu_before_sigmoid():
    preset = PRESETS["presets"]["activations"]
    assert preset["compare"] == 1
    below = {}
    for name in _descent.COMPARED:
        at, cost, *_ = trained(**preset | {"layers": [[units, name] for units, _ in preset["layers"]]})
        below[name] = at[np.argmax(cost < 0.3)]
    assert 0 < below["tanh"] < below["relu"] < below["sigmoid"] / 3


# --- the page's files


def test_the_page_is_small_and_asks_no_other_host():
    assert sum(map(len, FILES.values())) < 200_000
    for name, content in FILES.items():
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", content.decode()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name


def test_both_languages_have_the_same_words():
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, text in WORDS["en"].items():
        places = re.findall(r"\{(\w+)\}", text)
        assert sorted(places) == sorted(re.findall(r"\{(\w+)\}", WORDS["zh"][key])), key
        assert text.strip()
        assert WORDS["zh"][key].strip()


def test_every_key_that_is_used_has_words():
    sources = "".join(FILES[name].decode() for name in FILES if name.endswith((".js", ".html")))
    used = set(re.findall(r'data-word(?:-label)?="(\w+)"|\bsay\("(\w+)"|warn\("(\w+)"', sources))
    used = {key for match in used for key in match if key} | {"ended", "too_large"}
    assert {"questions", "language", "seconds", "ended"} <= used
    used |= {f"{kind}_{name}" for kind in ("preset", "sentence") for name in PRESETS["presets"]}
    used |= {f"name_{name}" for name in (*DEFAULTS, "units", "activation")}
    used |= {f"{kind}_{name}" for kind in ("data", "init", "optimizer") for name in CHOICES[kind]}
    python = "".join(
        (path).read_text(encoding="utf-8") for path in PAGE.joinpath("..").iterdir() if path.name.endswith(".py")
    )
    codes = set(re.findall(r'Refusal\(\s*"(\w+)"', python))
    assert "csv_rows" in codes
    assert (used | codes) - WORDS["en"].keys() == set()


def test_the_pages_choices_are_the_packages():
    assert set(CHOICES["activation"]) <= {name for name, row in ACTIVATIONS.items() if row.hidden}
    assert {"identity", "sigmoid", "tanh", "relu", "leaky_relu"} <= set(CHOICES["activation"])
    functions = FILES["net.js"].decode()
    for name in CHOICES["activation"]:
        assert re.search(rf"^  {name}\b", functions, flags=re.MULTILINE), name
    assert CHOICES["units"] == list(range(1, 51))
    for name in ("points", "noise", "rate", "l2", "iterations"):
        assert CHOICES[name] == sorted(CHOICES[name])
    for preset in PRESETS["presets"].values():
        assert isinstance(Settings.of(DEFAULTS | preset), Settings)


# --- the command


def command(*arguments):
    return [sys.executable, "-P", "-m", "shallownet_c", "play", "--no-browser", *arguments]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is POSIX's")
def test_the_command_prints_the_address_and_ends_quietly():
    with subprocess.Popen(command("--port", "0"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline()
            match = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/([\w-]{20,})/\n", address)
            assert match, address
            port, token = int(match[1]), match[2]
            assert get(port, f"/{token}/")[0] == 200
            for _ in range(10):  # tabs that are closed in the midst of a training
                with tab(port, token) as gone:
                    ask(gone, 1, **LONG)
                    receive(gone)
                    gone.socket.shutdown(socket.SHUT_RDWR)
            with tab(port, token) as ws:
                ask(ws, 1, **LONG)
                receive(ws)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are POSIX's")
def test_the_command_opens_a_browser(tmp_path):
    opened = tmp_path / "opened"
    os.mkfifo(opened)
    environment = os.environ | {"BROWSER": f"/bin/sh -c 'echo $0 > {opened}' %s"}
    arguments = [argument for argument in command("--port", "0") if argument != "--no-browser"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        address = process.stdout.readline()
        assert opened.read_text() == address  # waits for the browser
        process.kill()


def test_two_servers_have_two_tokens():
    addresses = []
    for _ in range(2):
        with subprocess.Popen(command("--port", "0"), stdout=subprocess.PIPE, text=True) as process:
            addresses.append(urllib.parse.urlsplit(process.stdout.readline()).path)
            process.kill()
    assert addresses[0] != addresses[1]


def refusal(capsys, *arguments):
    assert main(["play", "--no-browser", *arguments]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("shallownet-c: error: ")
    assert err.count("\n") == 1
    return err


def test_a_port_that_is_in_use(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"--port {port}: " in (err := refusal(capsys, "--port", port))
    assert "--port 0" in err


@pytest.mark.parametrize("port", ["-1", "65536", "http", "1.5", ""])
def test_what_is_no_port(capsys, port):
    assert "--port" in refusal(capsys, f"--port={port}")


@pytest.mark.parametrize("library", ["starlette", "uvicorn", "websockets"])
def test_a_library_that_is_missing(capsys, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    assert f"shallownet-c play needs {library}: pip install 'shallownet-c[play]'" in refusal(capsys, "--port", "0")
