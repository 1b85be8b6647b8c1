"""`shallownet-c export`, and `predict` with what it has written."""

import ctypes
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_cli import flowers_csv, refused, run, write

import shallownet_c as sn


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def trained(capsys):
    flowers_csv()
    assert run("train", "--data", "flowers.csv", "--epochs", "30", "--hidden", "8", "--out", "net.safetensors") == 0
    capsys.readouterr()


def predicted(capsys, *arguments):
    assert run("predict", *arguments) == 0
    return capsys.readouterr()


def test_onnx_predicts_as_the_model_does(trained, capsys):
    pytest.importorskip("onnx")
    assert run("export", "net.safetensors", "--onnx", "net.onnx") == 0
    assert "exported to net.onnx" in capsys.readouterr().out
    for more in [(), ("--probabilities",)]:
        theirs, ours = (predicted(capsys, model, "flowers.csv", *more) for model in ("net.onnx", "net.safetensors"))
        assert theirs == ours
        assert ours.err == ""
    assert (sn.from_onnx("net.onnx").params == sn.load("net.safetensors").params).all()
    # With its names it goes on into another file.
    assert run("export", "net.onnx", "--onnx", "again.onnx") == 0
    assert Path("again.onnx").read_bytes() == Path("net.onnx").read_bytes()


def test_onnx_columns_by_name(trained, capsys):
    pytest.importorskip("onnx")
    assert run("export", "net.safetensors", "--onnx", "net.onnx") == 0
    capsys.readouterr()
    lines = [line.split(",") for line in Path("flowers.csv").read_text().splitlines()]
    write("turned.csv", "".join(f"{b},{a}\n" for a, b, _ in lines))
    assert predicted(capsys, "net.onnx", "turned.csv").out == predicted(capsys, "net.onnx", "flowers.csv").out


def test_onnx_without_names(capsys):
    pytest.importorskip("onnx")
    sn.MLP([2, 3, 2], output="softmax", seed=0).to_onnx("net.onnx")
    write("two.csv", "1,2\n3,4\n")
    printed = predicted(capsys, "net.onnx", "two.csv")
    assert set(printed.out.split()) <= {"0", "1"}
    assert printed.err == "net.onnx has no names of its table: columns are taken in their order, classes are numbers\n"


@pytest.mark.parametrize("path", ["net.safetensors", "net.onnx", "onnx"])
def test_names_of_a_network_from_python(capsys, path):
    """It knows the columns of its table, and its file has no other names."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("onnx")
    X, y = sn.datasets.make_flower(50, seed=1)
    net = sn.MLP([2, 3, 2], output="softmax", seed=0)
    net.fit(pd.DataFrame(X, columns=["a", "b"]), y, epochs=3, batch_size=10, seed=0)
    (net.save if path.endswith(".safetensors") else net.to_onnx)(path)
    pd.DataFrame(X[:, ::-1], columns=["b", "a"]).to_csv("turned.csv", index=False)
    printed = predicted(capsys, path, "turned.csv")
    assert printed.out.split() == [str(j) for j in net.classify(X)]
    assert printed.err.endswith(": classes are numbers\n")


def test_two_columns_of_one_name(capsys):
    pd = pytest.importorskip("pandas")
    net = sn.MLP([2, 1], seed=0)
    net.partial_fit(pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), [1.0])
    net.save("net.safetensors")
    write("two.csv", "1,2\n")
    assert predicted(capsys, "net.safetensors", "two.csv").err.endswith(": columns are taken in their order\n")


def test_onnx_with_wrong_names(capsys):
    onnx = pytest.importorskip("onnx")
    model = sn.MLP([2, 3, 2], output="softmax", seed=0).to_onnx()
    names = {"model": None, "classes": ["a"], "columns": None, "target": None}
    model.metadata_props.add(key="shallownet_c.names", value=json.dumps(names))
    onnx.save(model, "net.onnx")
    write("two.csv", "1,2\n")
    assert "net.onnx is damaged: its property shallownet_c.names" in refused(capsys, "predict", "net.onnx", "two.csv")


def test_onnx_that_is_none(capsys):
    pytest.importorskip("onnx")
    write("net.onnx", "no model")
    write("two.csv", "1,2\n")
    assert "net.onnx" in refused(capsys, "predict", "net.onnx", "two.csv")


@pytest.mark.parametrize("options", [(), ("--int8",)])
def test_c(trained, capsys, options):
    assert run("export", "net.safetensors", "--c", "net.c", "--name", "flower", *options) == 0
    assert "void flower_predict(const float *x, float *y)" in Path("net.c").read_text()
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "net.c", "-o", "net.so", "-lm"], check=True)
    library = ctypes.CDLL("./net.so")
    x, y = (ctypes.c_float * 2)(0.5, -1.0), (ctypes.c_float * 2)()
    library.flower_predict(x, y)
    expected = sn.load("net.safetensors")(np.array(x, float))
    np.testing.assert_allclose(np.array(y), expected, atol=0.05 if options else 1e-6)


def test_torch(trained, capsys):
    torch = pytest.importorskip("torch", reason="it is not installed, as it is by the extra test-all")
    assert run("export", "net.safetensors", "--torch", "net.pt") == 0
    assert "Linear(in_features=2, out_features=8" in capsys.readouterr().out
    net = sn.load("net.safetensors")
    module = net.to_torch()
    module.load_state_dict(torch.load("net.pt", weights_only=True))
    assert (sn.from_torch(module).params == net.params).all()


def test_what_is_refused(trained, capsys):
    assert "one of the arguments --onnx --c --torch is required" in refused(capsys, "export", "net.safetensors")
    assert "not allowed with" in refused(capsys, "export", "net.safetensors", "--c", "a.c", "--onnx", "a.onnx")
    named = refused(capsys, "export", "net.safetensors", "--c", "a.c", "--name", "two words")
    assert "name must be a C identifier" in named
    assert "go with --c" in refused(capsys, "export", "net.safetensors", "--onnx", "a.onnx", "--int8")
    assert "would write over" in refused(capsys, "export", "net.safetensors", "--c", "net.safetensors")
    assert "no such file" in refused(capsys, "export", "net.safetensors", "--c", "nowhere/a.c")
    assert "absent.safetensors" in refused(capsys, "export", "absent.safetensors", "--c", "a.c")
    assert not list(Path().glob("a.*"))


def test_without_its_library(trained, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "pip install 'shallownet-c[torch]'" in refused(capsys, "export", "net.safetensors", "--torch", "net.pt")
    assert not Path("net.pt").exists()
