"""`MLP.to_c`: what the compiled file computes, that compilers accept it, and what is refused."""

import ctypes
import os
import re
import shlex
import shutil
import subprocess

import numpy as np
import pytest
from networks import HIDDEN, LEAK

import shallownet_c as sn
from shallownet_c._exchange import _c_code, _c_names
from shallownet_c.reference._activations import ACTIVATIONS

COMPILER = shlex.split(os.environ.get("CC", "cc"))
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic", "-Wdouble-promotion", "-Wshadow"]
C99 = ["-std=c99", *WARNINGS]
#: A float's rounding errors and the package's own, relative to the greatest output or 1.
CLOSE = 1e-6


def compiled(tmp_path, source, *options, compiler=COMPILER, stem="net"):
    """The path of what the compiler makes of the source, without a warning."""
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"there is no {compiler[0]} to compile C")
    file, made = tmp_path / f"{stem}.c", tmp_path / f"{stem}.out"
    file.write_text(source, encoding="ascii")
    done = subprocess.run([*compiler, *options, str(file), "-o", str(made), "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return made


class Library:
    """The functions of a source with several networks."""

    def __init__(self, tmp_path, source):
        self.library = ctypes.CDLL(str(compiled(tmp_path, source, *C99, "-O2", "-shared", "-fPIC")))

    def predict(self, name, X, n_out, in_place=False):
        function = self.library[f"{name}_predict"]
        function.restype = None
        rows = []
        for x in np.asarray(X, np.float32):
            read = np.full(max(len(x), n_out) + 1, 7, np.float32)
            read[: len(x)] = x
            written = read if in_place else np.full(n_out + 1, 7, np.float32)
            function(read.ctypes.data_as(ctypes.c_void_p), written.ctypes.data_as(ctypes.c_void_p))
            assert in_place or written[n_out] == 7, "it has written beyond y"
            assert read[-1] == 7
            assert in_place or (read[: len(x)].view(np.int32) == x.view(np.int32)).all()
            rows.append(written[:n_out].copy())
        return np.array(rows)


def network(sizes, activation, output, seed, dtype="float32"):
    net = sn.MLP(sizes, activation, output, leak=LEAK, seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    for b in net.biases:
        b[:] = 0.3 * rng.standard_normal(len(b))
    return net


def samples(net, seed=0, m=20):
    return np.random.default_rng(seed).standard_normal((m, net.layer_sizes[0])).astype(np.float32)


def expected(net, X):
    """What the network makes of rows of float32."""
    return net(X.astype(net.dtype))


def every_kind():
    """Networks by name: each hidden activation in each depth, each output, both dtypes; widths with every remainder."""
    nets = {}
    widths = [1, 4, 9, 16, 31, 6, 3, 64]
    for i, activation in enumerate(HIDDEN):
        for depth in range(1, 6):
            sizes = [widths[(i + layer) % len(widths)] for layer in range(depth)] + [3]
            output = list(ACTIVATIONS)[(3 * i + depth) % len(ACTIVATIONS)]
            hidden = [activation] * (depth - 1)
            nets[f"hidden_{activation}_{depth}"] = network(sizes, hidden, output, i, ["float32", "float64"][depth % 2])
    for output in ACTIVATIONS:
        nets[f"output_{output}"] = network([6, 5, 4], "tanh", output, 1)
        nets[f"single_{output}"] = network([6, 4], "tanh", output, 2)
    nets["mixed"] = network([6, 40, 9, 30, 7, 2], ["relu", "sin", "gelu", "selu"], "identity", 3)
    return nets


@pytest.fixture(scope="module")
def nets():
    return every_kind()


@pytest.fixture(scope="module")
def library(nets, tmp_path_factory):
    source = "".join(net.to_c(name=name) for name, net in nets.items())
    return Library(tmp_path_factory.mktemp("c"), source)


def test_the_networks_have_every_activation_and_output(nets):
    assert {net.activations[-1] for net in nets.values()} == set(ACTIVATIONS)
    assert {name for net in nets.values() for name in net.activations[:-1]} == set(HIDDEN)


@pytest.mark.parametrize("in_place", [False, True])
def test_outputs_are_ours(nets, library, in_place):
    errors = {}
    for name, net in nets.items():
        X = samples(net)
        A = expected(net, X)
        Y = library.predict(name, X, A.shape[1], in_place)
        errors[name] = np.abs(Y - A).max() / max(1.0, np.abs(A).max())
    assert {name: error for name, error in errors.items() if not error <= CLOSE} == {}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30, 200.0, -200.0, 0.0, 1e-45])
def test_extreme_inputs_give_what_they_give_here(nets, library, value):
    """One layer: behind it, sums of infinities depend on the order."""
    for name, net in nets.items():
        if len(net.activations) == 1 and net.dtype == np.float32:
            x = np.zeros((1, net.layer_sizes[0]), np.float32)
            x[0, 0] = value
            A = expected(net, x)
            # The sine of a large number has nothing of the digits that rounding has left of it.
            rtol = 2.0 if "sin" in net.activations and abs(value) > 1e6 else 1e-5
            np.testing.assert_allclose(library.predict(name, x, A.shape[1]), A, rtol, 1e-37, err_msg=name)


def test_each_activation_on_extreme_z(tmp_path):
    """z itself, through a weight of 1: infinities, where g(z) underflows, the sign of 0."""
    z = np.array(
        [np.nan, np.inf, -np.inf, 3e38, -3e38, -1000, -110, -104, -88, -15, -12, 88, 89, 1000, 0.0, -0.0, 1e-45]
    )
    elementwise = [name for name in ACTIVATIONS if name != "softmax"]
    nets = {name: sn.MLP([1, 1], output=name, dtype="float32") for name in elementwise}
    for net in nets.values():
        net.params[:] = [1, -0.0]
    library = Library(tmp_path, "".join(net.to_c(name=f"g_{name}") for name, net in nets.items()))
    X = z.astype(np.float32)[:, np.newaxis]
    for name, net in nets.items():
        Y, A = library.predict(f"g_{name}", X, 1), net(X)
        np.testing.assert_allclose(Y, A, 1e-5, 1e-35, err_msg=name)
        assert np.signbit(Y[np.isinf(A)]).tolist() == np.signbit(A[np.isinf(A)]).tolist()


def dequantized(net):
    """The network with the weights that int8=True makes, by the formula of the docstring, in float64."""
    exact = sn.MLP(net.layer_sizes, net.activations[:-1], net.activations[-1], leak=net.leak, dtype="float64")
    for W, b, V, c in zip(exact.weights, exact.biases, net.weights, net.biases, strict=True):
        for j, row in enumerate(V.astype(np.float32).astype(float)):
            s = float(np.float32(np.abs(row).max() / 127))
            W[j] = 0 if s == 0 else s * np.clip(np.rint(row / s), -127, 127)
            assert np.abs(W[j] - row).max() <= 0.5001 * s
        b[:] = c.astype(np.float32)
    return exact


def test_int8_computes_with_the_rounded_weights(tmp_path):
    nets = {
        "one": network([9, 4], "tanh", "softmax", 0),
        "deep": network([7, 30, 9, 3], "gelu", "identity", 1, "float64"),
    }
    nets["wide"] = network([75, 5, 2], "tanh", "identity", 4)
    nets["zeros"] = network([5, 6, 2], "tanh", "identity", 2)
    nets["zeros"].weights[0][2] = 0
    nets["zeros"].weights[1][:] = 0
    nets["tiny"] = network([5, 6, 2], "tanh", "identity", 3)
    nets["tiny"].weights[0][1] = 1e-45  # its scale is 0 in float
    nets["tiny"].weights[1][0] = 1e-38
    library = Library(tmp_path, "".join(net.to_c(name=name, int8=True) for name, net in nets.items()))
    for name, net in nets.items():
        X = samples(net)
        A = dequantized(net)(X.astype(float)) if name != "tiny" else expected(net, X)
        Y = library.predict(name, X, A.shape[1])
        assert np.abs(Y - A).max() <= (CLOSE if name != "tiny" else 0.02) * max(1.0, np.abs(A).max()), name
    assert (
        np.abs(expected(nets["deep"], samples(nets["deep"])) - dequantized(nets["deep"])(samples(nets["deep"]))).max()
        > 1e-4
    )


def test_int8_takes_a_quarter_of_the_memory():
    tables = re.findall(r"^static const ([\w ]+) net_(\w+)\[", sn.MLP([8, 20, 3]).to_c(int8=True), flags=re.MULTILINE)
    assert tables == [
        (kind, f"{table}{layer}")
        for layer in (1, 2)
        for kind, table in (("signed char", "W"), ("float", "scale"), ("float", "b"))
    ]


def numbers(source, table):
    """The literals of a table of the source, as float32."""
    text = re.search(rf"{table}\[[^=]*= \{{([^}}]*)\}}", source)[1]
    assert re.fullmatch(r"(\s*-?\d+(\.\d+)?(e[-+]\d+)?f,?)+\s*", text), "a literal is no float"
    return np.array([float(number) for number in re.findall(r"[-+.\de]+(?=f)", text)], np.float32)


def test_weights_are_in_the_source_bit_for_bit():
    net = sn.MLP([40, 25, 3], dtype="float32", seed=0)
    rng = np.random.default_rng(0)
    net.params[:] = rng.integers(0, 2**32, net.n_params, np.uint32).view(np.float32)
    net.params[~np.isfinite(net.params)] = 1.0
    net.params[:6] = [0.0, -0.0, 1e-45, np.finfo(np.float32).max, np.finfo(np.float32).tiny, 16777216.0]
    source = net.to_c()
    for layer, (W, b) in enumerate(zip(net.weights, net.biases, strict=True), 1):
        assert numbers(source, f"net_W{layer}").tobytes() == W.tobytes()
        assert numbers(source, f"net_b{layer}").tobytes() == b.tobytes()
    double = sn.MLP([40, 25, 3], seed=0)
    assert numbers(double.to_c(), "net_W1").tobytes() == double.weights[0].astype(np.float32).tobytes()


def with_a_test(tmp_path, net, compiler, *options, change=None, **arguments):
    source = net.to_c(**arguments)
    made = compiled(tmp_path, change(source) if change else source, *options, compiler=compiler)
    return subprocess.run([made], capture_output=True, text=True)


def works(tmp_path, compiler, options):
    """Whether the compiler is there, and makes programs with these options, which not every installation does."""
    if shutil.which(compiler[0]) is None:
        return False
    (tmp_path / "try.c").write_text("#include <math.h>\nint main(void) { return 0; }\n", encoding="ascii")
    done = subprocess.run([*compiler, *options, "try.c", "-o", "try.out"], cwd=tmp_path, capture_output=True)
    return done.returncode == 0


@pytest.mark.parametrize(
    ("compiler", "options"),
    [
        (COMPILER, [*C99, "-O0", "-ffp-contract=off"]),
        (COMPILER, [*C99, "-O3", "-march=native"]),
        (COMPILER, [*C99, "-O2", "-m32"]),
        (["clang"], [*C99, "-O2"]),
        (["g++"], ["-x", "c++", *WARNINGS, "-O2"]),
        (["clang++"], ["-x", "c++", *WARNINGS, "-O2"]),
    ],
    ids=["-O0", "-O3", "-m32", "clang", "g++", "clang++"],
)
def test_the_self_test_passes_without_a_warning(tmp_path, compiler, options):
    if not works(tmp_path, compiler, options):
        pytest.skip(f"{compiler[0]} is not installed, or does not take {' '.join(options)}")
    # Every function of the file, and both forms of its loop.
    net = network([6, *range(20, 20 - len(HIDDEN), -1), 3], HIDDEN, "softmax", 5)
    assert set(net.activations) >= {*_c_code.BODIES, *_c_code.FUNCTIONS} - {"exp"}
    wide = network([64, 64, 9], "tanh", "exp", 6)
    for one, arguments in (
        (net, {"name": "big_1"}),
        (net, {"name": "X", "int8": True}),
        (wide, {"int8": True}),
        (wide, {}),
    ):
        name = arguments.get("name", "net")
        done = with_a_test(tmp_path, one, compiler, *options, f"-D{name.upper()}_TEST", **arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{name}: 0 of {5 * one.layer_sizes[-1]} outputs are wrong\n"


def test_the_self_test_finds_a_wrong_output(tmp_path):
    net = network([3, 4, 2], "tanh", "identity", 0)

    def change(source):
        W = numbers(source, "net_W2")
        assert source.count(f"{W[0]:.9g}f") == 1
        return source.replace(f"{W[0]:.9g}f", f"{W[0] + 1e-4:.9g}f")

    done = with_a_test(tmp_path, net, COMPILER, *C99, "-DNET_TEST", change=change)
    assert done.returncode == 1
    assert re.match(r"net: row \d, output 0 is \S+, expected \S+\n", done.stdout)


def test_the_self_test_expects_nothing_where_floats_have_no_digits_left():
    net = network([5, 9, 9, 9, 2], ["tanh", "sin", "sin"], "identity", 7)
    assert "NAN" not in net.to_c()
    net.params[:] *= 1e4
    source = net.to_c()
    assert source.count("NAN") > 5, "a few of the ten may be right by chance"
    assert float(re.search(r"tolerance = (\S+)f;", source)[1]) < 0.1


def test_the_self_test_of_a_network_that_overflows(tmp_path):
    net = sn.MLP([1, 3], output="exp", dtype="float32", init="zeros")
    net.biases[0][:] = [1e30, -1e30, 2.0]
    done = with_a_test(tmp_path, net, COMPILER, *C99, "-DNET_TEST")
    assert (done.returncode, done.stdout) == (0, "net: 0 of 15 outputs are wrong\n")
    assert re.findall(r"NAN,\s+0\.0f, 7\.38905621f", net.to_c()) != []

    def change(source):
        return source.replace("2.0f\n", "2.0001f\n")

    done = with_a_test(tmp_path, net, COMPILER, *C99, "-DNET_TEST", change=change)
    assert (done.returncode, done.stdout[-31:]) == (1, "net: 5 of 15 outputs are wrong\n")


NASTY = [
    "*/ int x;",
    "/* /* */",
    "a\\",
    "??/",
    "???/",
    "\n#error",
    "*\\\n/",
    "größe",
    "\u202e\ud800",
    "",
    '"',
    "%s",
    "x" * 10_000,
]


class Table:
    """Columns with names that not every library of tables takes."""

    def __init__(self, values, columns):
        self.values, self.columns = values, columns

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


def test_names_of_inputs_cannot_leave_the_comment(tmp_path):
    net = sn.MLP([len(NASTY), 2], seed=0)
    X = samples(net)
    net.fit(Table(X, NASTY), X[:, :2], epochs=1)
    assert net.feature_names == tuple(NASTY)
    source = net.to_c()
    assert source.isascii()
    header, _, rest = source.partition("*/")
    assert rest.startswith("\n#include <math.h>\n")
    assert header.count("/*") == 1
    assert "??" not in header
    assert len(re.findall(r"x\[\d+\] \"", header)) == len(NASTY)
    assert not re.search(r"\\$", header, flags=re.MULTILINE)
    assert max(map(len, header.splitlines())) < 600
    done = with_a_test(tmp_path, net, COMPILER, *C99, "-DNET_TEST", "-trigraphs", "-Wcomment")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_header_says_what_the_network_is():
    net = sn.MLP([3, 5, 2], "leaky_relu", "identity", loss="huber", delta=0.5, leak=0.25)
    header = net.to_c(name="pump").partition("*/")[0]
    for fact in (
        f"shallownet_c {sn.__version__}",
        "3 inputs - 5 leaky_relu - 2 identity, leak 0.25",
        "huber, delta 0.5",
        "rounded to the nearest",
        "Stack    20 bytes",
        "-DPUMP_TEST pump.c",
    ):
        assert fact in header, fact
    assert "int8" in net.to_c(int8=True).partition("*/")[0]


@pytest.mark.parametrize("sizes", [[3, 7], [3, 7, 2], [3, 7, 9, 2], [3, 7, 9, 8, 2], [3, 7, 9, 8, 10, 2]])
def test_the_stack_holds_two_layers_at_most(sizes):
    source = sn.MLP(sizes, seed=0).to_c()
    macros = {name: int(size) for name, size in re.findall(r"#define (\w+) (\d+)", source)}
    assert [macros["NET_INPUTS"], macros["NET_OUTPUTS"], macros["NET_LAYERS"]] == [sizes[0], sizes[-1], len(sizes) - 1]
    buffers = [macros[size] for size in re.findall(r"^    float (?:odd|even)\[(\w+)\];", source, flags=re.MULTILINE)]
    hidden = sizes[1:-1] or sizes[1:]
    assert buffers == [max(turn) for turn in (hidden[::2], hidden[1::2]) if turn]
    assert f"Stack    {4 * sum(buffers)} bytes" in source


def test_lines_are_short_and_the_only_header_is_math_h():
    source = sn.MLP([50, 40, 30, 3], "relu", "softmax", seed=0).to_c(name="n" * 48)
    library, _, test = source.partition(f"#ifdef {'N' * 48}_TEST\n")
    assert re.findall("#include.*", library) == ["#include <math.h>"]
    assert re.findall("#include.*", test) == ["#include <stdio.h>"]
    assert max(map(len, sn.MLP([50, 40, 30, 3], "relu", "softmax", seed=0).to_c().splitlines())) <= 120


def test_nothing_changes_between_calls(tmp_path):
    """No symbol of the object file is writeable data."""
    made = compiled(tmp_path, sn.MLP([4, 9, 3], "mish", "softmax", seed=0).to_c(), *C99, "-c")
    nm = shutil.which("nm") or pytest.skip("nm is not installed")
    listed = subprocess.run([nm, made], capture_output=True, text=True, check=True).stdout
    symbols = re.findall(r" (\w) (\w+)$", listed, flags=re.MULTILINE)
    assert [name for kind, name in symbols if kind == "T"] == ["net_predict"]
    assert {kind for kind, _ in symbols} & set("dDbBcC") == set()


@pytest.mark.parametrize("name", ["exp", "NULL", "x", "a1", "A_b_2", "n" * 48])
def test_names_that_are_taken(tmp_path, name):
    net = sn.MLP([3, 5, 2], "gelu", "exp", seed=0)
    done = with_a_test(tmp_path, net, COMPILER, *C99, f"-D{name.upper()}_TEST", name=name)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "name",
    ["", "1a", "a-b", "_a", "a_", "a__b", "größe", "a b", "a\n", "int", "class", "restrict", "and_eq", "n" * 49, "a;"],
)
def test_names_that_are_refused(name):
    with pytest.raises(ValueError, match=r"name must be .*" + re.escape(repr(name)[1:-1])):
        sn.MLP([2, 1]).to_c(name=name)


def test_keywords():
    assert {"int", "inline", "typeof", "requires", "xor_eq"} <= set(_c_names.KEYWORDS.split())
    assert len(_c_names.KEYWORDS.split()) == len(set(_c_names.KEYWORDS.split()))


@pytest.mark.parametrize(
    ("argument", "value"), [("name", 3), ("name", b"net"), ("name", None), ("int8", 1), ("int8", "yes")]
)
def test_arguments_of_another_type(argument, value):
    with pytest.raises(TypeError, match=f"{argument} must be .*{value!r}"):
        sn.MLP([2, 1]).to_c(**{argument: value})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("int8", [False, True])
def test_parameters_that_no_float_can_hold(tmp_path, dtype, value, int8):
    if value == 1e39 and dtype == "float32":
        value = np.inf
    net = sn.MLP([2, 3, 1], dtype=dtype, seed=0)
    net.weights[0][1, 0] = value
    with pytest.raises(ValueError, match=r"finite as float32, got \S+ in weights\[0\] at \(1, 0\)"):
        net.to_c(tmp_path / "net.c", int8=int8)
    net.weights[0][1, 0] = 0
    net.biases[1][0] = value
    with pytest.raises(ValueError, match=r"finite as float32, got \S+ in biases\[1\] at \(0,\)"):
        net.to_c(tmp_path / "net.c", int8=int8)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_the_text(tmp_path):
    net = sn.MLP([2, 3, 1], seed=0)
    before = net.params.copy()
    source = net.to_c(tmp_path / "net.c", int8=True)
    assert (tmp_path / "net.c").read_bytes() == source.encode("ascii")
    assert source == net.to_c(int8=True)
    assert source.endswith("#endif\n")
    assert "\r" not in source
    assert (net.params == before).all()
    with pytest.raises(FileNotFoundError):
        net.to_c(tmp_path / "nowhere" / "net.c")
    with pytest.raises(TypeError, match="no argument 'nmae'; it takes path, name, int8"):
        net.to_c(nmae="net")
