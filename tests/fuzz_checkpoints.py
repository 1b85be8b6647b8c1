"""Edits checkpoints and models at random and reads them: only documented errors may come of it, whatever the file says.

``python tests/fuzz_checkpoints.py --cases 100000 --seed 1``

Each case follows from the seed and its number alone; ``--first N --cases 1`` does one again. Cases run in processes of
their own with little memory to spare, so that one that kills Python, hangs, or asks for a huge array is found out.
"""

import argparse
import collections
import contextlib
import itertools
import json
import math
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np

import shallownet_c as sn

X = (np.arange(12) * 5 % 7 - 3.0).reshape(6, 2)
Y = (np.arange(6) * 3 % 5 - 2.0).reshape(6, 1)
SPARE_BYTES = 1 << 28
SECONDS = 20


class Table(np.ndarray):
    """Rows whose columns have names."""

    columns: ClassVar[list[str]] = ["a", '[{,"\\']


def rate(epoch):
    return 0.1 / (epoch + 1)


def shuffled(kind):
    """The arguments of a fit that draws from such a generator."""
    seed = np.random.RandomState(1) if kind == "RandomState" else np.random.Generator(getattr(np.random, kind)(1))
    return {"batch_size": 3, "seed": seed}


#: Arguments of fit, and those of resume.
FITS = [
    lambda: ({"optimizer": sn.Adam(0.01), "batch_size": 2, "dropout": 0.2, "seed": 3}, {}),
    lambda: ({"optimizer": sn.SGD(0.02, 0.9, True, "cosine"), "l1": 0.1, **shuffled("RandomState")}, {}),
    lambda: ({"optimizer": sn.SGD(0.1, schedule="invscaling"), **shuffled("MT19937")}, {}),
    lambda: ({"optimizer": sn.SGD(0.3, schedule="adaptive"), **shuffled("Philox")}, {}),
    lambda: ({"optimizer": "rprop", "l2": 0.1, "seed": 1}, {}),
    lambda: ({"optimizer": sn.SGD(0.1, schedule=rate), **shuffled("SFC64")}, {"schedule": rate}),
    lambda: (
        {"validation_data": (X, Y), "patience": 9, **shuffled("PCG64DXSM")},
        {"validation_data": (X, Y)},
    ),
]
NETS = [
    lambda: sn.MLP([2, 2, 1], "tanh", seed=1),
    lambda: sn.MLP([2, 3, 1], "leaky_relu", loss="huber", dtype="float32", seed=2),
    lambda: sn.MLP([2, 2, 2, 1], ["relu", "sigmoid"], loss="pinball", seed=3),
]

INTEGERS = [0, 1, -1, 2, 3, 4, 5, 6, 7, 623, 624, 625, 10**6, 10**400]
INTEGERS += [
    sign * 2**bits + more for bits in (15, 31, 32, 53, 62, 63, 64, 127, 128) for sign in (1, -1) for more in (-1, 0, 1)
]
FLOATS = [0.0, -0.0, 0.5, 1.0, -1.0, 1e-320, 1e-9, 0.999999, 1e30, 1e308, -1e308, math.nan, math.inf, -math.inf]
TEXTS = [
    *[
        "",
        ",",
        "x" * 10_000,
        "\ud800",
        "\0",
        "é",
        "test",
        "bytes",
        "Generator",
        "RandomState",
        "bit_generator",
        "MT19937",
    ],
    *[
        "PCG64",
        "PCG64DXSM",
        "Philox",
        "SFC64",
        "SGD",
        "Adam",
        "RPROP",
        "LBFGS",
        "PerEpoch",
        "Constant",
        "Cosine",
        "F32",
    ],
    *[
        "Adaptive",
        "InverseScaling",
        "epochs",
        "patience",
        "callback",
        "float32",
        "float64",
        "softmax",
        "exp",
        "log_loss",
    ],
    *[
        "identity",
        "F64",
        "BF16",
        "params",
        "best.params",
        "optimizer.state",
        "history.cost",
        "history.val_cost",
        "name",
    ],
]


def some_value(chance, kinds=8):
    """A value of any type, mostly at an edge of what is allowed."""
    kind = chance.randrange(kinds)
    if kind < 3:
        return chance.choice(INTEGERS)
    if kind < 5:
        return chance.choice(FLOATS)
    if kind == 5:
        return chance.choice(TEXTS)
    if kind == 6:
        return chance.choice([None, True, False])
    items = [some_value(chance, 7) for _ in range(chance.choice([0, 1, 2, 3, 4, 624]))]
    return items if chance.random() < 0.6 else {chance.choice(TEXTS): item for item in items[:3]}


def nodes(tree, path=()):
    """Every place in a JSON value."""
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree[:4]) if isinstance(tree, list) else ()
    for key, item in items:
        yield from nodes(item, (*path, key))


def edit_tree(chance, tree):
    """One change somewhere: a value replaced, removed, moved a little, taken from elsewhere, or a name changed."""
    places = [path for path in nodes(tree) if path]
    if not places:
        return
    path = chance.choice(places)
    parent = tree
    for key in path[:-1]:
        parent = parent[key]
    key, what = path[-1], chance.choice([0, 0, 0, 4, 5, 6, 6, 6, 7])
    value = parent[key]
    if what == 0:
        parent[key] = some_value(chance)
    elif what == 4:
        del parent[key]
    elif what == 5 and isinstance(parent, dict):
        parent[chance.choice([*TEXTS, *parent])] = parent.pop(key)
    elif what == 6 and type(value) in (int, float):
        parent[key] = value + chance.choice([-1, 1]) if type(value) is int else value * chance.choice([-1, 1e300, 0.0])
    elif what == 6 and isinstance(value, list):
        parent[key] = value[:-1] if chance.random() < 0.5 else value + value[-1:]
    else:
        other = tree
        for step in chance.choice(places):
            other = other[step]
        parent[key] = json.loads(json.dumps(other))


def unpacked(content):
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["model"] = json.loads(header["__metadata__"]["model"])
    return header, bytearray(content[8 + length :])


def packed(header, data):
    metadata = header.get("__metadata__")
    if isinstance(metadata, dict) and not isinstance(metadata.get("model"), str):
        metadata["model"] = json.dumps(metadata.get("model"))
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def edit_data(chance, header, data):
    """One number of a tensor becomes an edge of its type, or a tensor another size or type that fits into the file."""
    what = chance.randrange(4)
    names = [name for name, entry in header.items() if isinstance(entry, dict) and "data_offsets" in entry]
    name = chance.choice(names)
    entry = header[name]
    start, stop = entry["data_offsets"]
    size = {"F32": 4, "F64": 8}[entry["dtype"]]
    if what < 2 and stop > start:
        at = start + size * chance.randrange((stop - start) // size)
        with np.errstate(over="ignore"):
            data[at : at + size] = np.array(chance.choice(FLOATS), f"<f{size}").tobytes()
    elif what == 2:
        more = size * chance.choice([-1, 1, 2, 3])
        if stop + more < start:
            return
        data[stop + min(more, 0) : stop] = bytes(max(more, 0)) + (b"" if more < 0 else data[stop + min(more, 0) : stop])
        entry["shape"] = [(stop - start + more) // size]
        for other in names:
            place = header[other]["data_offsets"]
            header[other]["data_offsets"] = [
                n + more if n >= stop and (other != name or n == stop) else n for n in place
            ]
        entry["data_offsets"] = [start, stop + more]
    else:
        entry["dtype"] = "F32" if size == 8 else "F64"
        entry["shape"] = [(stop - start) // (12 - size)]


def edit_bytes(chance, content):
    """Single bytes, or stretches of them, changed, removed or repeated."""
    content = bytearray(content)
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(chance.choice([1, 1, 2, 5])):
        at = chance.randrange(min(header, len(content)) if chance.random() < 0.7 else len(content))
        what, length = chance.randrange(5), chance.choice([1, 1, 2, 8, 50])
        if what < 2:
            content[at] ^= 1 << chance.randrange(8)
        elif what == 2:
            content[at : at + length] = chance.randbytes(length)
        elif what == 3:
            del content[at : at + length]
        else:
            content[at:at] = content[at : at + length]
        if not content:
            return b""
    if chance.random() < 0.2:
        del content[chance.randrange(len(content)) :]
    return bytes(content)


def edited(chance, content):
    if chance.random() < 0.15:
        return edit_bytes(chance, content)
    header, data = unpacked(content)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        where = chance.random()
        with contextlib.suppress(Exception):  # an edit before may have taken away what this one needs
            if where < 0.2:
                edit_data(chance, header, data)
            elif where < 0.4:
                edit_tree(chance, header)
            else:
                edit_tree(chance, header["__metadata__"]["model"])
    if chance.random() < 0.02:
        return packed(header, data) + chance.randbytes(3)
    if chance.random() < 0.02:
        return packed(header, data).replace(b'"data_offsets"', b'"shape": [1], "data_offsets"', 1)
    return packed(header, data)


class Cases:
    """The files that are edited, and what becomes of them."""

    def __init__(self, folder):
        def break_off(epoch, *_):
            if epoch == 2:
                raise KeyError

        stops = {False: break_off, True: lambda epoch, *_: epoch == 2}
        self.folder = Path(folder)
        self.originals = []
        path = self.folder / "original"
        for make, make_arguments, ended in itertools.product(NETS, FITS, (False, True)):
            net, table = make(), X.view(Table) if make is NETS[0] else X
            arguments, again = make_arguments()
            with contextlib.suppress(KeyError):
                net.fit(table, Y, epochs=4, checkpoint=path, checkpoint_every=0, callback=stops[ended], **arguments)
            self.originals.append((path.read_bytes(), again))
        for make, table in itertools.product(NETS, (X, X.view(Table))):
            net = make()
            net.fit(table, Y, epochs=1)
            net.save(path)
            self.originals.append((path.read_bytes(), None))
        path.unlink()

    def run(self, seed, number):
        """What comes of a case: the name of a documented error, or "read"; anything else is an AssertionError."""
        chance = random.Random(f"{seed} {number}")
        content, arguments = chance.choice(self.originals)
        path = self.folder / "case"
        path.write_bytes(edited(chance, content))
        outcome, message = "read", ""
        try:
            if arguments is None:
                sn.load(path)
            else:
                net = sn.resume(path, X, Y, callback=lambda *_: True, n_threads=1, **arguments)
                assert np.isfinite(net.params).all(), "parameters that are not finite"
        except ValueError as error:
            outcome, message = "ValueError", str(error)
        except sn.DivergenceError:
            outcome = "DivergenceError"
        assert len(message) < 600, f"a message of {len(message)} characters"
        message.encode()
        # The data and what is given again may be wrong for what the file says.
        names = ("X must", "Y must", "X, Y and", "validation_data", "sample_weight", "order", "schedule", str(path))
        assert message.startswith(names if arguments is not None else str(path)) or not message, message
        left = os.listdir(self.folder)
        assert left == ["case"], f"left over: {left}"
        return outcome


def work(seed, first, cases, folder):
    """Run cases, telling each one's number before it begins, and its outcome."""
    warnings.simplefilter("error")
    all_cases = Cases(folder)
    with open("/proc/self/statm", encoding="ascii") as file:
        limit = int(file.read().split()[0]) * resource.getpagesize() + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(first, first + cases):
        signal.alarm(SECONDS)
        print(number, end=" ", flush=True)
        try:
            print(all_cases.run(seed, number), flush=True)
        except BaseException:
            print("failed", flush=True)
            traceback.print_exc()


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--work", metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.work:
        work(arguments.seed, arguments.first, arguments.cases, arguments.work)
        return 0
    outcomes, failed = collections.Counter(), []
    first, end = arguments.first, arguments.first + arguments.cases
    memory = "/dev/shm"
    while first < end:
        command = [sys.executable, "-P", __file__, "--seed", str(arguments.seed)]
        command += ["--first", str(first), "--cases", str(end - first), "--work"]
        with (
            tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as folder,
            subprocess.Popen([*command, folder], stdout=subprocess.PIPE, text=True) as process,
        ):
            number, outcome = first - 1, ""
            for line in process.stdout:
                number, _, outcome = line.strip().partition(" ")
                number = int(number)
                outcomes[outcome or "killed Python"] += 1
                if outcome in ("", "failed"):
                    failed.append(number)
        if number < first:
            raise SystemExit("the worker did not begin")
        first = number + 1
        if process.returncode:
            print(f"case {number}: Python ended with {process.returncode}", file=sys.stderr)
    print(
        f"{arguments.cases} cases of seed {arguments.seed}: " + ", ".join(f"{n} {what}" for what, n in outcomes.items())
    )
    if failed:
        print(f"failed: {failed[:20]}; again one by one with --seed {arguments.seed} --first N --cases 1")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
