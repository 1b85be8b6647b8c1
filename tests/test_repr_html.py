"""What notebooks show of networks and histories: well-formed HTML and SVG that asks for nothing from elsewhere."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import shallownet_c as sn

SVG = "{http://www.w3.org/2000/svg}"


def parsed(shown):
    """The HTML, which is well-formed XML, too; without scripts, identifiers and addresses."""
    html = shown._repr_html_()
    root = ElementTree.fromstring(html)
    assert {re.sub(r"{.*}", "", node.tag) for node in root.iter()} <= {
        *("div", "b", "small", "table", "thead", "tbody", "tr", "th", "td", "svg", "line", "circle", "polyline"),
    }
    assert html.count("http") == html.count('xmlns="http://www.w3.org/2000/svg"')
    assert not {name for node in root.iter() for name in node.attrib} & {"id", "href", "src", "class"}
    return root


def text(root):
    return " ".join("".join(root.itertext()).split())


def cells(root):
    return [[cell.text or "" for cell in row] for row in root.iter("tr")]


def test_a_network():
    net = sn.MLP([2, 4, 1], "tanh", "sigmoid", seed=0)
    root = parsed(net)
    assert "MLP: 17 parameters, 136 bytes as float64; loss log_loss" in text(root)
    assert cells(root)[1:] == [["inputs", "2", "", ""], ["1", "4", "tanh", "12"], ["2", "1", "sigmoid", "5"]]
    lines = list(root.iter(f"{SVG}line"))
    w = np.concatenate([W.ravel() for W in net.weights])
    widths = np.array([float(line.get("stroke-width")) for line in lines])
    np.testing.assert_allclose(widths, 0.3 + 2.7 * np.abs(w) / np.abs(w).max(), atol=0.01)
    colours = {(line.get("stroke"), value > 0) for line, value in zip(lines, w, strict=True)}
    assert len(colours) == 2
    assert len(list(root.iter(f"{SVG}circle"))) == 7
    assert {circle.get("stroke") for circle in root.iter(f"{SVG}circle")} == {"currentColor"}
    assert next(root.iter(f"{SVG}svg")).get("aria-label") == "a network of 2-4-1 units"


def test_what_lies_outside_the_drawing():
    for sizes in ([1, 1], [2, 50, 1], [64, 100, 10], [9, 8, 9], [3] * 30):
        svg = next(parsed(sn.MLP(sizes)).iter(f"{SVG}svg"))
        width, height = float(svg.get("width")), float(svg.get("height"))
        for circle in svg.iter(f"{SVG}circle"):
            x, y, r = (float(circle.get(name)) for name in ("cx", "cy", "r"))
            assert r <= x <= width - r
            assert r <= y <= height - r


def test_a_large_network_has_few_units_and_dots():
    root = parsed(sn.MLP([64, 100, *[50] * 30, 10], "relu", "softmax", dtype="float32", seed=0))
    assert "kB as float32" in text(root)
    assert len(cells(root)) == 1 + 12 + 1
    assert cells(root)[7] == ["⋮"] * 4
    circles = list(root.iter(f"{SVG}circle"))
    units = [circle for circle in circles if circle.get("r") == "7"]
    assert len(units) == 8 * 8
    assert len(circles) - len(units) == 3 * 8 + 3  # in each layer, and for the layers that are left out
    assert len(list(root.iter(f"{SVG}line"))) == 6 * 64
    assert len(ElementTree.tostring(root)) < 100_000


def test_names_of_columns_are_escaped():
    names = ["<script>alert(1)</script>", "a & b", '"quoted"', "x" * 500, *map(str, range(10))]
    net = sn.MLP([14, 2, 1], seed=0)
    net.fit(pd.DataFrame(np.eye(14), columns=names), np.arange(14.0), epochs=1)
    assert "<script" not in net._repr_html_()
    found = text(parsed(net))
    assert 'inputs: <script>alert(1)</script>, a & b, "quoted", xxx' in found
    assert found.count("x") < 60
    assert "and 6 more" in found


def test_a_subclass_zeros_and_what_is_not_finite():
    class Mine(sn.MLP):
        pass

    net = Mine([2, 3, 1], init="zeros")
    root = parsed(net)
    assert text(root).startswith("Mine: 13 parameters")
    assert {line.get("stroke") for line in root.iter(f"{SVG}line")} == {"currentColor"}
    net.params[:2] = np.nan, np.inf
    assert "some parameters are not finite" in text(parsed(net))
    assert "nan" not in net._repr_html_()


def points(polyline):
    return np.array([pair.split(",") for pair in polyline.get("points").split()], float)


def test_a_history():
    cost = [8.0, 4.0, 5.0, 3.0]
    history = sn.History(cost, [7.0, 2.0, 6.0, 6.0], 4, "epochs", 0.25)
    root = parsed(history)
    assert "History: 4 epochs, 0.25 seconds, stopped: epochs" in text(root)
    assert cells(root)[1:] == [["cost", "8", "3", "3", "4"], ["val_cost", "7", "6", "2", "2"]]
    first, second = map(points, root.iter(f"{SVG}polyline"))
    np.testing.assert_allclose(np.diff(first[:, 0]), 78, atol=0.2)
    np.testing.assert_allclose(first[:, 1], np.interp(cost, [2, 8], [77, 3]), atol=0.06)
    assert second[1, 1] == 77
    dashes = [line.get("stroke-dasharray") for line in root.iter(f"{SVG}polyline")]
    assert dashes == [None, "4 3"]


@pytest.mark.parametrize(
    ("history", "n_points", "says"),
    [
        (sn.History(), 0, "0 epochs, 0 seconds, not over yet"),
        (sn.History([1.0], [2.0], 1, "callback", 0.1), 0, "1 epoch, 0.1 seconds, stopped: callback"),
        (sn.History([float("nan")] * 3), 0, "nan"),
        (sn.History([1.0, float("inf"), 2.0, float("nan")]), 2, "nan"),
        (sn.History([5.0] * 10), 10, "5"),
        (sn.History([10.0**-k for k in range(10)]), 10, "logarithmic"),
        (sn.History([*range(100_000, 0, -1)]), 200, "100000"),
        (sn.History([1.0], [], 1, "<b>", 0.0), 0, "stopped: <b>"),
    ],
)
def test_histories_of_every_kind(history, n_points, says):
    root = parsed(history)
    assert says in text(root)
    assert [len(points(line)) for line in root.iter(f"{SVG}polyline")] == ([n_points] if n_points else [])
    assert "nan," not in history._repr_html_()
    assert ",nan" not in history._repr_html_()


def test_logarithmic_curves():
    (line,) = parsed(sn.History([100.0, 10.0, 1.0])).iter(f"{SVG}polyline")
    np.testing.assert_allclose(points(line)[:, 1], [3, 40, 77])
