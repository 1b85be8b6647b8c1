"""The tables of the documents, made from the JSON files of the benchmarks, so that nobody types a figure.

python benchmarks/readme_tables.py FILE... [--write] [--cpu NAME]

The files are those of `shallownet-c bench --json`, `shallownet-c bench --peers --json` (one, or several whose parts
`--only` named) and `python benchmarks/estimators.py --json`, in any order. Prints every table that can be made of
them, English and Chinese, and what the documents say in sentences. `--write` puts the tables in the place of those
with the same heads, makes docs/measured/*.json anew, whose figures are those of the tables, and draws
docs/speed-up.png and docs/growth.png; `--cpu` is what the charts call the CPU. Sentences, and the CPU's name in them,
are changed by hand.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from shallownet_c._benchmarks._peers import tables
from shallownet_c._benchmarks._peers.tasks import EPOCHS, HIGGS, SPARSE

ROOT = Path(__file__).parent.parent
README, CHINESE, FAST, ROWS = "README.md", "README.zh-CN.md", "docs/guide/fast.md", "docs/sparse.md"
LIBRARIES = ["NumPy", "scikit-learn", "PyTorch", "JAX", "ONNX Runtime"]
#: The rows of each table in both languages, by the name of the result.
WAYS = {
    "loop (plain Python)": ("loop (plain Python, `reference.loop`)", "循环（纯 Python，`reference.loop`）"),
    "vectorized (NumPy)": ("vectorised (NumPy, `reference.vectorized`)", "向量化（NumPy，`reference.vectorized`）"),
    "NumPy, preallocated": ("NumPy with preallocated buffers", "预先分配缓冲区的 NumPy"),
    "compiled": ("**compiled, `MLP.fit`**", "**编译好的代码，`MLP.fit`**"),
}
ESTIMATORS = {
    "fit, digits, 100 hidden, adam, batch 200, 20 epochs": (
        "fit, digits, 100 hidden, adam, batch 200",
        "训练，手写数字，100 个隐藏单元，adam，批量 200",
    ),
    "fit, 10-16-1 relu, 2,000 rows, batch 32, 20 epochs": (
        "fit, 10-16-1, 2,000 rows, adam, batch 32",
        "训练，10-16-1，2,000 行，adam，批量 32",
    ),
    "predict, one row of 10": ("predict one row, 10-16-1 ({})", "预测一行，10-16-1（{}）"),
    "predict_proba, 100,000 x 64, 100 units": (
        "predict_proba, 100,000 × 64, 100 hidden",
        "predict_proba，100,000 × 64，100 个隐藏单元",
    ),
}
PEERS = {
    "flower 2-4-1 tanh/sigmoid, m = 400, descent, float32": (
        "flower 2-4-1, m = 400, a step of descent, float32",
        "花 2-4-1，m = 400，梯度下降一步，float32",
    ),
    "4-16-16-1 tanh, batch 64, Adam, float32": (
        "4-16-16-1 tanh, batch 64, a step of Adam, float32",
        "4-16-16-1 tanh，批量 64，Adam 一步，float32",
    ),
    "64-100-10 relu/softmax, batch 200, Adam, float64": (
        "64-100-10 relu/softmax, batch 200, a step of Adam, float64",
        "64-100-10 relu/softmax，批量 200，Adam 一步，float64",
    ),
    "10-64-64-1 tanh, batch 256, Adam, float32": (
        "10-64-64-1 tanh, batch 256, a step of Adam, float32",
        "10-64-64-1 tanh，批量 256，Adam 一步，float32",
    ),
    "784-512-10 relu/softmax, batch 128, Adam, float32": (
        "784-512-10 relu/softmax, batch 128, a step of Adam, float32",
        "784-512-10 relu/softmax，批量 128，Adam 一步，float32",
    ),
    f"{HIGGS.name}, float32": (
        "28-300×5-1 tanh/sigmoid, batch 100, a step of Adam, float32",
        "28-300×5-1 tanh/sigmoid，批量 100，Adam 一步，float32",
    ),
    f"sparse 5,000×5,000, 0.5%, fit of {EPOCHS} epochs, float32": (
        f"5,000 sparse rows of 5,000, 0.5 %, a fit of {EPOCHS} epochs, float32",
        f"5,000 行 5,000 列的稀疏矩阵，非零 0.5%，训练 {EPOCHS} 轮，float32",
    ),
    "64-100-10 relu/softmax, 1,024 rows, float32": (
        "64-100-10, predict 1,024 rows, float32",
        "64-100-10，预测 1,024 行，float32",
    ),
    "30-128-128-1 tanh/identity, 100,000 rows, float64": (
        "30-128-128-1 tanh, predict 100,000 rows, float64",
        "30-128-128-1 tanh，预测 100,000 行，float64",
    ),
    "4-16-1, one row, float32": ("4-16-1, predict one row, float32", "4-16-1，预测一行，float32"),
    "64-100-10, one row, float32": ("64-100-10, predict one row, float32", "64-100-10，预测一行，float32"),
}
Table = list[str]


def short(seconds: float) -> str:
    """To two digits, three from 100 on."""
    digits, unit = tables.duration(seconds).split()
    return f"{digits if float(digits) >= 100 else f'{float(digits):.2g}'} {unit}"


def line(cells: list[str]) -> str:
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"


def ratio(value: float) -> str:
    """To two digits or whole, three where the difference from 1 is all that counts."""
    return f"{value:.2f}" if value < 1.095 else f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def number(text: str) -> float:
    return float(text.replace(",", ""))


def seconds_of(text: str) -> float:
    value, unit = text.split()
    return float(f"{value}e{ {'s': 0, 'ms': -3, 'µs': -6, 'ns': -9}[unit] }")


def read(paths: list[str]) -> dict[str, Any]:
    """All files as one report; parts of the same kind are put together."""
    report: dict[str, Any] = {
        "comparisons": [],
        "training": [],
        "estimators": [],
        "results": [],
        "shared": [],
        "growth": [],
    }
    builds = set()
    for path in paths:
        one = json.loads(Path(path).read_text(encoding="utf-8"))
        builds.add(one["build"])
        for name, part in one.items():
            if name in report and isinstance(part, list):
                report[name] += part
            else:
                report[name] = part
    if len(builds) > 1:
        raise SystemExit(f"these are of several builds: {', '.join(sorted(builds))}")
    return report


def of_ways(comparisons: list[dict[str, Any]]) -> list[tuple[str, Table]]:
    """A loop, NumPy and compiled code."""
    first = "an iteration of gradient descent, float64, one thread"
    heads = (
        f"| {first} | flower, 2-4-1, m = 400 | | digits, 64-100-10, m = 1,797 | |",
        "| 梯度下降的一次迭代，float64，单线程 | 花，2-4-1，m = 400 | | 手写数字，64-100-10，m = 1,797 | |",
    )
    made = [[head, "|---|---:|---:|---:|---:|"] for head in heads]
    for rows in zip(*(comparison["rows"] for comparison in comparisons), strict=True):
        cells = [f(row) for row in rows for f in (way_time, lambda row: f"{row['speed_up']:,.0f}×")]
        for table, label in zip(made, WAYS[rows[0]["way"]], strict=True):
            bold = "**" if label.startswith("**") else ""
            table.append(line([label, *(f"{bold}{cell}{bold}" for cell in cells)]))
    return list(zip((README, CHINESE), made, strict=True))


def way_time(row: dict[str, Any]) -> str:
    return tables.duration(row["seconds_per_iteration"])


def of_estimators(results: list[dict[str, Any]]) -> list[tuple[str, Table]]:
    """scikit-learn's estimators as multiples of ours."""
    found = {result["name"]: result for result in results}
    made: list[Table] = [["| | float64 | float32 |", "|---|---:|---:|"] for _ in range(2)]
    for name, labels in ESTIMATORS.items():
        pair = [found[f"{name}, {dtype}"] for dtype in ("float64", "float32")]
        cells = [f"{ratio(one['times_ours']['scikit-learn'])}×" for one in pair]
        ours = short(pair[0]["seconds"]["shallownet_c"])
        for table, label in zip(made, labels, strict=True):
            table.append(line([label.format(ours), *cells]))
    return list(zip((README, CHINESE), made, strict=True))


def of_peers(results: list[dict[str, Any]]) -> list[tuple[str, Table]]:
    """Other libraries as multiples of ours; no table if a row is missing."""
    found = {result["name"]: result for result in results}
    if not found.keys() >= PEERS.keys():
        return []
    made: list[Table] = []
    for jax in ("JAX, whole loop in `jit`", "JAX，整个循环在 `jit` 里"):
        head = ["", "shallownet_c", *LIBRARIES]
        head[head.index("JAX")] = jax
        made.append([line(head), "|---|---:|---:|---:|---:|---:|---:|"])
    for name, labels in PEERS.items():
        times = found[name]["times_ours"]
        cells = [short(found[name]["seconds"]["shallownet_c"])]
        cells += [f"{ratio(times[library])}×" if library in times else "" for library in LIBRARIES]
        for table, label in zip(made, labels, strict=True):
            table.append(line([label, *cells]))
    return list(zip((README, CHINESE), made, strict=True))


def of_sparse(results: list[dict[str, Any]]) -> list[tuple[str, Table]]:
    """scikit-learn's estimators on sparse rows."""
    found = {result["name"]: result["times_ours"].get("scikit-learn") for result in results}
    kinds = [(f"fit of {EPOCHS} epochs", "fit"), ("predict", "predict")]
    columns = [(long, name, dtype) for long, name in kinds for dtype in ("float64", "float32")]
    head = ["rows × columns, share of numbers that are not 0", *(f"`{name}`, {dtype}" for _, name, dtype in columns)]
    table = [line(head), "|---|---:|---:|---:|---:|"]
    for m, n, density in SPARSE:
        names = [f"sparse {m:,}×{n:,}, {density:.1%}, {long}, {dtype}" for long, _, dtype in columns]
        if not found.keys() >= set(names):
            return []
        table.append(line([f"{m:,} × {n:,}, {100 * density:g} %", *(f"{ratio(found[name])}×" for name in names)]))
    return [(ROWS, table)]


def of_rest(report: dict[str, Any]) -> list[tuple[str, Table]]:
    """Two threads beside one, and growth."""
    made = []
    if report["shared"]:
        made.append((FAST, list(tables.shared(report["shared"], 2))))
    if report["growth"]:
        columns = [name for name in report["growth"][0]["seconds"] if name != "shallownet_c"]
        made.append((FAST, list(tables.growth(report["growth"], columns))))
    return made


def made_of(report: dict[str, Any]) -> list[tuple[str, Table]]:
    """Each table and the document that has it."""
    made = of_ways(report["comparisons"]) if report["comparisons"] else []
    made += of_estimators(report["estimators"]) if report["estimators"] else []
    made += of_peers(report["results"]) + of_sparse(report["results"]) if report["results"] else []
    return made + of_rest(report)


def replaced(text: str, table: Table) -> str:
    """The text with this table in the place of the one with the same head."""
    lines = text.split("\n")
    if table[0] not in lines:
        raise SystemExit(f"no such table: {table[0]}")
    first = last = lines.index(table[0])
    while lines[last].startswith("|"):
        last += 1
    return "\n".join([*lines[:first], *table, *lines[last:]])


def sentences(report: dict[str, Any]) -> list[str]:
    """What the documents say in sentences."""
    said = []
    if report["comparisons"]:
        shares = []
        for comparison in report["comparisons"]:
            by_way = {row["way"]: row["seconds_per_iteration"] for row in comparison["rows"]}
            loop, numpy = (by_way[way] / by_way["compiled"] for way in ("loop (plain Python)", "vectorized (NumPy)"))
            shares.append(
                f"{comparison['problem']}: {loop:,.0f} times as fast as plain Python, {ratio(numpy)} as NumPy"
            )
        said.append(f"{FAST}: {'; '.join(shares)}")
        for one in report["training"]:
            said.append(f"{README}: the {one['problem']} to {one['accuracy']:.0%} in {short(one['seconds'])}")
    if report["estimators"]:
        fit, row = "fit, digits, 100 hidden, adam, batch 200, 20 epochs", "predict, one row of 10"
        found = {one["name"]: one["times_ours"]["scikit-learn"] for one in report["estimators"]}
        times = ", ".join(
            f"1/{found[f'{name}, {dtype}']:.1f}" for name in (fit, row) for dtype in ("float64", "float32")
        )
        said.append(f"docs/guide/from-scikit-learn.md: fit of the digits and one row, float64 and float32: {times}")
    results = {result["name"]: result for result in report["results"]}
    if results:
        said.append(f"{README}: {len(results)} rows in the table of bench --peers")
    if (result := results.get(f"{HIGGS.name}, float32")) is not None:
        said.append(f"the HIGGS net: {tables.samples(result['seconds'])}")
    sparse = [
        r["times_ours"]["scikit-learn"] for name, r in results.items() if name.startswith("sparse") and ", fit" in name
    ]
    if sparse:
        said.append(
            f"{README}: fits of sparse rows in 1/{min(sparse):.1f} to 1/{max(sparse):.1f} of scikit-learn's time"
        )
    tiny = [results.get(name) for name in list(PEERS)[:2]]
    if all(tiny):
        ours = [one["seconds"]["shallownet_c"] for one in tiny]
        python = [one["seconds"][library] for one in tiny for library in LIBRARIES[:3] if library in one["seconds"]]
        said.append(f"{FAST}: a step of the two smallest: {short(min(ours))} to {short(max(ours))} here, "
                    f"{short(min(python))} to {short(max(python))} where Python runs between operations")  # fmt: skip
    if (wide := results.get("784-512-10 relu/softmax, batch 128, Adam, float32")) is not None:
        times = wide["times_ours"].values()
        said.append(f"{FAST}: 784-512-10: a factor of {ratio(min(times))} to {ratio(max(times))}")
    return said


def charts(made: list[tuple[str, Table]], report: dict[str, Any], cpu: str) -> None:
    """docs/measured/*.json, whose figures are those of the README's tables, and the pictures of growth."""
    head = {"version": report["version"], "build": report["build"], "threads": report.get("threads", 1), "cpu": cpu}
    english = [table for name, table in made if name == README]
    for table in english:
        body = [[cell.strip(" *×") for cell in line.strip("|").split("|")] for line in table[2:]]
        if "gradient descent" in table[0]:
            rows = [
                [
                    {"way": way, "seconds_per_iteration": seconds_of(cells[at])}
                    for way, cells in zip(WAYS, body, strict=True)
                ]
                for at in (1, 3)
            ]
            comparisons = [
                {name: one[name] for name in ("problem", "network", "m")} | {"rows": of}
                for one, of in zip(report["comparisons"], rows, strict=True)
            ]
            write("ways", head | {"comparisons": comparisons})
        elif "NumPy" in table[0]:
            results = []
            for label, ours, *theirs in body:
                times = {library: number(cell) for library, cell in zip(LIBRARIES, theirs, strict=True) if cell}
                results.append({"name": label, "seconds": {"shallownet_c": seconds_of(ours)}, "times_ours": times})
            write("peers", head | {"results": results})
    if report["growth"]:
        from shallownet_c._benchmarks._peers import plot

        plot.draw(report["growth"], str(ROOT / "docs/growth.png"))
        plot.draw([one for one in report["growth"] if one["axis"] in plot.SPEED_UPS], str(ROOT / "docs/speed-up.png"))


def write(name: str, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (ROOT / f"docs/measured/{name}.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--write", action="store_true", help="put the tables into the documents, and draw the pictures")
    parser.add_argument("--cpu", help='with --write: such as "AMD Zen 4, one core, AVX-512"')
    arguments = parser.parse_args()
    report = read(arguments.files)
    made = made_of(report)
    for name, table in made:
        print(f"{name}\n", *table, "", sep="\n")
    print("To be changed by hand:", *sentences(report), sep="\n- ")
    if arguments.write:
        for name, table in made:
            path = ROOT / name
            path.write_text(replaced(path.read_text(encoding="utf-8"), table), encoding="utf-8")
        charts(made, report, arguments.cpu or report.get("cpu", report["build"]))


if __name__ == "__main__":
    main()
