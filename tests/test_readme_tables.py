"""The documents' tables are made from JSON: heads and labels are those of the documents, figures those of the files."""

import json
from pathlib import Path

import pytest
import scripts

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script():
    return scripts.benchmark("readme_tables.py")


@pytest.fixture
def report(script):
    times = {library: 2.345 for library in script.LIBRARIES}
    sparse = [
        f"sparse {m:,}×{n:,}, {density:.1%}, {kind}, {dtype}"
        for m, n, density in script.SPARSE
        for kind in (f"fit of {script.EPOCHS} epochs", "predict")
        for dtype in ("float64", "float32")
    ]
    names = dict.fromkeys([*script.PEERS, *sparse])
    seconds = dict.fromkeys(["shallownet_c", *script.LIBRARIES], 1.236e-3)
    drawn = ["shallownet_c", "NumPy", "PyTorch", "JAX"]
    rows = [{"way": way, "seconds_per_iteration": 2.5e-6, "speed_up": 1234.5} for way in script.WAYS]
    problem = {"network": "2-4-1", "m": 400, "rows": rows}
    return {
        "version": "0.1.0",
        "build": "v3",
        "comparisons": [problem | {"problem": "flower"}, problem | {"problem": "digits"}],
        "training": [{"problem": "flower", "accuracy": 0.94, "seconds": 0.05}],
        "estimators": [
            {"name": f"{name}, {dtype}", "seconds": {"shallownet_c": 3.41e-6}, "times_ours": {"scikit-learn": 51.4}}
            for name in script.ESTIMATORS
            for dtype in ("float64", "float32")
        ],
        "results": [{"name": name, "seconds": seconds, "times_ours": times} for name in names],
        "shared": [
            {
                "name": "a step",
                "least": {"1": 2e-3, "2": 1e-3},
                "seconds": {"1": 2e-3, "2": 1.5e-3},
                "times_as_fast": {"least": 2.0, "seconds": 1.33},
            }
        ],
        "growth": [
            {
                "axis": "rows", "label": "rows", "unit": "an epoch", "values": [1, 2],
                "seconds": {name: [1e-3, 2e-3] for name in drawn},
                "slopes": {name: [1.0, 1.0] for name in drawn},
            }
        ],
    }  # fmt: skip


def test_each_table_takes_the_place_of_the_one_in_the_document(script, report):
    made = script.made_of(report)
    assert [name for name, _ in made].count("README.md") == [name for name, _ in made].count("README.zh-CN.md") == 3
    for name, table in made:
        text = (ROOT / name).read_text(encoding="utf-8")
        new = script.replaced(text, table)
        assert "\n".join(table) in new
        assert [line for line in new.split("\n") if line[:1] != "|"] == [
            line for line in text.split("\n") if line[:1] != "|"
        ]
    tables = ["\n".join(table) for name, table in made if name == "README.md"]
    assert "| **compiled, `MLP.fit`** | **2.5 µs** | **1,234×** | **2.5 µs** | **1,234×** |" in tables[0]
    assert "| predict one row, 10-16-1 (3.4 µs) | 51× | 51× |" in tables[1]
    assert "| 4-16-1, predict one row, float32 | 1.2 ms | 2.3× | 2.3× | 2.3× | 2.3× | 2.3× |" in tables[2]


def test_rows_have_the_labels_of_the_documents(script, report):
    """Rows that are new may be missing there until the next run."""
    for name, table in script.made_of(report):
        if name.startswith("README"):
            text = (ROOT / name).read_text(encoding="utf-8")
            labels = [line.split(" | ")[0].split("(3.4")[0].split("（3.4")[0] for line in table[2:]]
            assert [
                label for label in labels if label not in text and "28-300" not in label and "5,000" not in label
            ] == []


def test_the_charts_have_the_figures_of_the_tables(script, report, monkeypatch):
    written = {}
    monkeypatch.setattr(script, "write", written.__setitem__)
    script.charts(script.made_of(report), report | {"growth": []}, "a CPU")
    flower, digits = written["ways"]["comparisons"]
    assert flower["rows"][0] == {"way": "loop (plain Python)", "seconds_per_iteration": 2.5e-6}
    assert digits["problem"] == "digits"
    assert written["peers"]["cpu"] == "a CPU"
    first = written["peers"]["results"][0]
    assert first["name"] == "flower 2-4-1, m = 400, a step of descent, float32"
    assert first["seconds"] == {"shallownet_c": 1.2e-3}
    assert first["times_ours"] == dict.fromkeys(script.LIBRARIES, 2.3)


@pytest.mark.parametrize(
    ("value", "shown"), [(1.04, "1.04"), (1.09, "1.09"), (1.1, "1.1"), (9.94, "9.9"), (9.96, "10"), (1234.0, "1,234")]
)
def test_ratios(script, value, shown):
    assert script.ratio(value) == shown


def test_files_of_one_kind_are_put_together(script, tmp_path):
    for name, part in (("a", {"results": [1], "growth": []}), ("b", {"results": [2], "growth": [3]})):
        (tmp_path / name).write_text(json.dumps({"build": "v4", "cpu": "x", **part}), encoding="utf-8")
    (tmp_path / "c").write_text(json.dumps({"build": "v3"}), encoding="utf-8")
    paths = [str(tmp_path / name) for name in "abc"]
    both = script.read(paths[:2])
    assert (both["results"], both["growth"], both["cpu"]) == ([1, 2], [3], "x")
    with pytest.raises(SystemExit, match="several builds: v3, v4"):
        script.read(paths)
