"""Odd tables by the thousand through the command: python tests/fuzz_tables.py --cases 100000

Each case has a seed of its own. Whatever its files hold, the exit status is 0 or 2; a refusal is one line of printable
characters and leaves the folder as it was; there are no warnings, no other exceptions, and no case takes long.
"""

import argparse
import collections
import contextlib
import importlib.util
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import shallownet_c as sn
from shallownet_c._command import _record
from shallownet_c._storage import _models
from shallownet_c.cli import main

TEXT_ONLY = ("--header", "--target", "--delimiter", "--decimal", "--drop", "--categorical")
#: Kinds of files that only pyarrow reads.
COLUMNS = ["parquet"] if importlib.util.find_spec("pyarrow") else []

SECONDS = 20  # a case that takes longer hangs; all but the first take some milliseconds
MESSAGE = 700  # characters of a line on stderr: what messages say, and of files what they may show

CELLS = [
    *["", " ", "\t", "nan", "NaN", "inf", "-inf", "NA", "?", "None", "null", "-", "x", "red", "blue", "a b", "<1.0"],
    *["007", "7", "1_000", "1,5", "10,555.00", "5 %", "$5", "1e400", "-1e308", "1e308", "1e-320", "123456789012345678"],
    *[
        "9" * 400,
        "Z" * 300,
        "größer",
        "\u202e",
        "\u2028",
        "\x00",
        "\x1b[2J",
        "a\nb",
        "a\rb",
        '"',
        'a"b',
        "'",
        ";",
        "1;2",
    ],
    *[
        "\ufeff",
        "٣",
        "𝟙",
        "1d5",
        "0x10",
        "True",
        "False",
        "1+2j",
        "x1",
        "x2",
        "y",
        "#",
        "\\",
        "\U0001f600",
        "1E-3",
        "+1",
    ],
]
CELLS += ["NA", "yes", "TRUE", "2024-01-31", "1.2.2024", "10:30", "1,5", "1.234,5", "a|b", "None"]
NUMBERS = ["0", "1", "2", "3", "0.5", "-1.5", "10", "1e3", "2.5", "7", "1.7e9", "1700000020.5", "100000.25"]
LABELS = ["red", "blue", "green", "A1", "B2"]
INPUTS = [NUMBERS, NUMBERS, NUMBERS, [*NUMBERS, ""], LABELS, [*LABELS, ""], ["True", "False"], ["1,5", "2,25", "3"]]
DTYPES = [
    *"?bBhHiIlLqQefdg",
    "F",
    "D",
    "S1",
    "S3",
    "U1",
    "U4",
    "V4",
    "M8[s]",
    "m8[ms]",
    ">f8",
    "<f4",
    ">i4",
    ">U2",
    "O",
]
HEADERS = [
    *["{'descr': '<f8', 'fortran_order': False, 'shape': (%s, %s)}", "{'descr': '%s', 'shape': (%s,)}", "(" * 300],
    *["{'descr': %s, 'fortran_order': True, 'shape': (8, 2)}", "{'descr': '<f8', 'fortran_order': 0, 'shape': (%s)}"],
    *["  x\n y", "'%s", "[%s]", "lambda: %s", "{%s}", "-" * 900 + "1", "\x00", "{'descr': ',', 'shape': (%s), %s}"],
]
VALUES = [
    "0",
    "1",
    "2",
    "8",
    "-1",
    "8L",
    "1.5",
    "10**9",
    "1000000000000",
    "9" * 5000,
    "None",
    "'<f8'",
    "[('a', '<f8')]",
    "()",
]


class Case:
    """One table, or two, and the commands on them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.files: dict[str, bytes] = {}

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    # Files

    def csv(self) -> bytes:
        pick = self.random.choice
        n, m = self.random.choice([1, *[2, 3] * 7, 4]), pick([0, 2, 8, 12, 24, 24, 40])
        kinds = [pick(INPUTS) for _ in range(n - 1)] + [
            pick([NUMBERS, LABELS, LABELS[:2], ["0", "1"], ["0.5", "2", "-7"], CELLS])
        ]
        if self.chance(0.1):
            self.random.shuffle(kinds)
        odd = pick([0, 0, 0, 0.02, 0.1, 0.5])
        rows = [[pick(CELLS if self.chance(odd) else kind) for kind in kinds] for _ in range(m)]
        kind = self.random.random()
        if kind < 0.6:
            rows.insert(0, [f"x{k}" for k in range(n - 1)] + [pick(["y", "y", "kind", "3"])])
            if self.chance(0.1):  # as pandas writes its index
                rows = [[pick(["", "", "Unnamed: 0"]), *rows[0]], *([str(i), *row] for i, row in enumerate(rows[1:]))]
        elif kind < 0.75:
            rows.insert(0, [pick([*CELLS, f"x{k}", str(k)]) for k in range(n)])
        if rows and self.chance(0.05):
            pick(rows).append(pick(CELLS))
        if self.chance(0.05):
            rows.insert(self.random.randint(0, len(rows)), [])
        comma = pick([","] * 20 + [";"] * 5 + ["\t", "|", " ", ", "])
        quoted = pick([True] * 20 + [False])
        end = pick(["\n"] * 8 + ["\r\n", "\r", "\n\n"])
        data = "".join(comma.join(self.cell(cell, quoted) for cell in row) + end for row in rows)
        encoding = pick(["utf-8"] * 60 + ["utf-8-sig", "utf-16", "latin-1"])
        return self.edited(data.encode(encoding, "replace"), 0.1)

    def cell(self, cell: str, quoted: bool) -> str:
        if quoted and (set(cell) & set(',;|"\n\r') or self.chance(0.02)):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    def npz(self) -> bytes:
        pick = self.random.choice
        m, n = pick([0, 1, *[4, 8, 12] * 5]), pick([0, *[1, 2, 3] * 6])
        members = {"X": self.array((m, n), pick(DTYPES) if self.chance(0.1) else pick("dfilB"))}
        if self.chance(0.9):
            shape = pick([(m,)] * 40 + [(m, 1), (), (m + 1,), (1,)])
            members["y"] = self.array(shape, pick(DTYPES) if self.chance(0.5) else pick("dil?"))
        stream = io.BytesIO()
        compression = pick([0, 0, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
        if self.chance(0.9):
            compression = pick([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
        with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", compression) as archive:
            warnings.simplefilter("ignore")  # of two members of one name
            for name, data in members.items():
                data = self.edited(self.headed(data) if self.chance(0.1) else data, 0.05)
                archive.writestr(pick([f"{name}.npy"] * 60 + [name, f"{name}/.npy", "Z\n.npy"]), data)
        return self.edited(stream.getvalue(), 0.1)

    def array(self, shape: tuple[int, ...], dtype: str) -> bytes:
        generator = np.random.default_rng(self.random.getrandbits(32))
        kind = np.dtype(dtype).kind
        if kind in "US":
            words = self.random.choices(LABELS + NUMBERS + (CELLS if self.chance(0.3) else []), k=8)
            words = [word.encode() for word in words] if kind == "S" else words
            array = (
                np.array(words, dtype)[generator.integers(0, 8, shape)] if self.chance(0.8) else np.zeros(shape, dtype)
            )
            if kind == "U" and array.nbytes and self.chance(0.1):
                points = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
                points[generator.integers(len(points))] = self.random.choice([0xD800, 0x110000, 0xFFFFFFFF, 0x2028, 10])
                array = points.view(array.dtype).reshape(array.shape)
        elif kind in "Mm":
            array = generator.integers(0, 9, shape).astype(dtype)
        elif kind == "V":
            array = np.zeros(shape, dtype)
        elif kind == "O":
            array = np.full(shape, None)
        else:
            scale = self.random.choice([1, 1, 3, 100, 1e9, 1e38, 1e200, 1e308])
            with np.errstate(all="ignore"):
                array = (generator.standard_normal(shape) * scale).astype(dtype)
                array += (
                    np.array(self.random.choice([0, 0, 0, 1, 100, 1e9]), "d").astype(dtype) if kind != "b" else False
                )
            if kind in "fc" and array.size and self.chance(0.1):
                array.flat[0] = self.random.choice([np.nan, np.inf, -np.inf, 0])
        if self.chance(0.2):
            array = np.asfortranarray(array)
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, version=self.random.choice([(1, 0), (1, 0), (2, 0)]))
        return stream.getvalue()

    def headed(self, data: bytes) -> bytes:
        """The array with another header."""
        header = self.random.choice(HEADERS)
        text = (header % tuple(self.random.choices(VALUES, k=header.count("%s")))).encode()
        length = len(text) + self.random.choice([0, 0, 0, 1, -1, 1000])
        return b"\x93NUMPY\x02\x00" + max(0, length).to_bytes(4, "little") + text + data[128:]

    def edited(self, data: bytes, p: float) -> bytes:
        """The bytes, with a chance of damage."""
        if not data or not self.chance(p):
            return data
        at, length = self.random.randrange(len(data)), self.random.choice([1, 1, 2, 8, 50])
        there = self.random.choice(
            [b"", bytes(length), self.random.randbytes(length), data[:length], data[at : at + 1] * 3]
        )
        return data[:at] + there + data[at + self.random.choice([0, len(there), length, 10_000]) :]

    def table(self, name: str) -> str:
        ending = self.random.choice(["csv", "csv", "csv", "npz", *COLUMNS])
        path = f"{name}.{ending}"
        self.files[path] = getattr(self, ending)()
        Path(path).write_bytes(self.files[path])
        return path

    def parquet(self) -> bytes:
        """A file of columns of several types, perhaps damaged."""
        import pyarrow as pa
        from pyarrow import parquet

        m, pick = self.random.choice([0, 8, 24, 24]), self.random.choice
        makers: list[Callable[[], object]] = [
            lambda: pa.array([pick([None, 0.5, -1.0, 1e300, float("nan"), 2.0]) for _ in range(m)], pa.float64()),
            lambda: pa.array([pick([0, 1, 2, 7]) for _ in range(m)], pick([pa.int8(), pa.int64(), pa.uint16()])),
            lambda: pa.array([pick([None, True, False]) for _ in range(m)], pa.bool_()),
            lambda: pa.array([pick([*LABELS, None, pick(CELLS).replace("\0", "")]) for _ in range(m)], pa.string()),
            lambda: pa.array([pick(LABELS) for _ in range(m)]).cast(pa.string()).dictionary_encode(),
            lambda: pa.array([pick([0, 86_400]) for _ in range(m)], pa.timestamp("s")),
            lambda: pa.array([pick([[], [1.0]]) for _ in range(m)], pa.list_(pa.float64())),
            lambda: pa.nulls(m),
        ]
        columns = {f"x{k}": pick(makers[: pick([2, 5, 8])])() for k in range(pick([1, 2, 2, 3]))}
        stream = io.BytesIO()
        parquet.write_table(pa.table(columns | {"y": pick(makers[:5])()}), stream)
        return self.edited(stream.getvalue(), 0.1)

    # Commands

    def run(self) -> list[str]:
        """Train on one table, and predict for it, and perhaps for another; what became of each command."""
        table = self.table("a")
        options = ["--epochs", "1", "--hidden", "2", "--test-fraction", "0.5"]
        for option, p, values in (
            ("--task", 0.3, ["classification", "regression"]),
            ("--header", 0.1, ["yes", "no"]),
            ("--target", 0.1, [*["0", "1", "y", "x0"] * 3, "3", "kind", "", "\n", "9" * 5000, "Z" * 1000, "red"]),
            ("--dtype", 0.3, ["float32"]),
            ("--optimizer", 0.1, ["sgd"]),
            ("--seed", 0.2, ["1", "7"]),
            ("--missing", 0.4, ["median"]),
            ("--patience", 0.3, ["0"]),
            ("--delimiter", 0.05, ["tab", ";", "comma"]),
            ("--decimal", 0.05, ["comma", "point"]),
            ("--drop", 0.1, ["x0", "0", "x1"]),
            ("--categorical", 0.1, ["x0", "x1", "0"]),
        ):
            if self.chance(p) and (option not in TEXT_ONLY or table.endswith(".csv") or self.chance(0.1)):
                options += [option, self.random.choice(values)]
        outcomes = [self.command(["train", "--data", table, "--out", "m.safetensors", *options])]
        if outcomes[0] != "trained":
            return outcomes
        if self.chance(0.1):
            self.edit_model()
        for path in [table, *([self.table("b")] if self.chance(0.3) else [])]:
            options = [option for option in ("--proba", "--header=yes", "--header=no", "--json") if self.chance(0.1)]
            options += ["--out", "p.txt"] if self.chance(0.5) else []
            outcomes.append(self.command(["predict", "m.safetensors", path, *options]))
            if self.chance(0.3):
                outcomes.append(self.command(["evaluate", "m.safetensors", path]))
        if self.chance(0.2):
            outcomes.append(self.command(["info", "m.safetensors"]))
        return outcomes

    def edit_model(self) -> None:
        """Another table in the model's file, or damage to the file."""
        path = Path("m.safetensors")
        if self.chance(0.5):
            net, table = sn.load(path), _record.read(str(path)).record.as_json()
            place = self.random.choice([table, table["target"], table["columns"][0]])
            key = self.random.choice(list(place))
            place[key] = self.random.choice([None, [], 3, "x", ["a", "b"], [[]], {}, ["\ud800", "b"], 10**400, True])
            _models.write(path, net.model, net.params, net.feature_names, table)
        else:
            path.write_bytes(self.edited(path.read_bytes(), 1))

    def command(self, arguments: list[str]) -> str:
        before = contents()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(arguments)
        message = err.getvalue()
        lines = message.count("\n")
        if status == 0:
            assert all(line.isprintable() for line in message.split("\n")), message
            self.check_lines(arguments, out.getvalue())
            return {"train": "trained", "predict": "predicted"}.get(arguments[0], "told")
        assert len(message) <= MESSAGE, message
        if status == 2:
            assert lines == 1, message
            assert message[:-1].isprintable(), message
            assert message.startswith("shallownet-c: error: "), message
            assert contents() == before, "something was written"
            return "refused"
        raise AssertionError(f"status {status}")

    def check_lines(self, arguments: list[str], printed: str) -> None:
        """A prediction has a line for every row, whatever the labels hold."""
        if arguments[0] == "predict" and "--json" in arguments:
            text = Path("p.txt").read_text(encoding="utf-8") if "p.txt" in arguments else printed
            said = json.loads(text)
            assert len(said["predictions"]) == said["rows"] == text.count("\n") - 2


def contents() -> dict[str, bytes]:
    return {name: Path(name).read_bytes() for name in os.listdir()}


def in_time(case: Case) -> list[str]:
    def stop(*_: object) -> None:
        raise TimeoutError("it hangs")

    if not hasattr(signal, "setitimer"):
        return case.run()
    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return case.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def fuzz(seeds: range) -> collections.Counter[str]:
    """Run the cases in an empty folder, which must be the current one; what became of their commands, and of faults."""
    outcomes: collections.Counter[str] = collections.Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in seeds:
            case = Case(seed)
            try:
                outcomes.update(in_time(case))
            except Exception:
                outcomes["FAULT"] += 1
                print(f"case {seed}: {case.files}\n{traceback.format_exc()}", file=sys.stderr)
            for name in os.listdir():
                os.unlink(name)
    return outcomes


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case")
    arguments = parser.parse_args()
    before = os.getcwd()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            outcomes = fuzz(range(arguments.seed, arguments.seed + arguments.cases))
        finally:
            os.chdir(before)
    print(
        f"{arguments.cases} cases from seed {arguments.seed} in {time.perf_counter() - began:.0f} s: {dict(outcomes)}"
    )
    return 1 if outcomes["FAULT"] else 0


if __name__ == "__main__":
    sys.exit(run())
