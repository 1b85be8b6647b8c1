"""Rows that do not fit into memory: a mapped file, chunks that a function makes, and Parquet files.

python examples/out_of_core.py [--quick] [--gigabytes N]

Writes files of so many gigabytes (4 by default) to a temporary folder, trains the same network on each of them, and
shows how much memory of its own the process takes. Pages of a mapped file that are in memory are not its own: they are
the system's, which drops them when memory is needed for something else. Parquet needs pyarrow (extra arrow).
"""

import argparse
import importlib.util
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import shallownet_c as sn

COLUMNS, CHUNK = 20, 65_536


def chunks(m: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """X (k, 20) and y (k,) of some rows at a time, the same in each pass, as a query of a database may be."""
    for first in range(0, m, CHUNK):
        rng = np.random.default_rng(first)
        X = rng.standard_normal((min(CHUNK, m - first), COLUMNS), dtype=np.float32)
        yield X, (np.sin(2 * X[:, 0]) > X[:, 1] * X[:, 2]).astype(np.float32)


def mapped(folder: Path, m: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows in two files, as arrays that the system reads from them when they are looked at."""
    X = np.memmap(folder / "X", np.float32, "w+", shape=(m, COLUMNS))
    y = np.memmap(folder / "y", np.float32, "w+", shape=m)
    for i, (X_part, y_part) in enumerate(chunks(m)):
        X[i * CHUNK :][: len(X_part)], y[i * CHUNK :][: len(y_part)] = X_part, y_part
    return X, y


def parquet(folder: Path, m: int) -> Path:
    """The rows in a Parquet file, in row groups of a tenth of a chunk, so that each chunk is drawn from ten places."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [*(f"x{j}" for j in range(COLUMNS)), "y"]
    schema = pa.schema([(name, pa.float32()) for name in names])
    with pq.ParquetWriter(folder / "rows.parquet", schema) as writer:
        for X, y in chunks(m):
            writer.write_table(pa.table([*X.T, y], schema=schema), row_group_size=CHUNK // 10)
    return folder / "rows.parquet"


def own_memory() -> float:
    """Megabytes of memory that only this process has; 0 where the system is not Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    return next(int(line.split()[1]) / 1e3 for line in status.read_text().splitlines() if line.startswith("RssAnon"))


def report(way: str, m: int, epochs: int, fit: Callable[[sn.MLP], object]) -> None:
    """Train a network, and print a line on the time, the memory beyond what there was, and the accuracy."""
    net = sn.MLP([COLUMNS, 16, 1], "relu", "sigmoid", dtype="float32", seed=0)
    before, peak, done = own_memory(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, own_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    try:
        fit(net)
    finally:
        done.set()
        watcher.join()
    seconds = time.perf_counter() - started
    score = net.score(*next(chunks(m)))
    print(f"{way:>22}{epochs * m / seconds / 1e6:15.2f}{max(0.0, peak - before):12.0f}{score:12.4f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a file of 16 MB")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="size of the file")
    arguments = parser.parse_args()
    size = 0.016 if arguments.quick else arguments.gigabytes
    m, epochs = int(size * 1e9) // (4 * COLUMNS), 2
    options = {"epochs": epochs, "batch_size": 500, "seed": 0}

    print(f"{m:,} rows of {COLUMNS} columns in float32: {size * 1e3:.0f} MB, {epochs} epochs in batches of 500\n")
    print(f"{'':>22}{'million rows':>15}{'own memory,':>12}{'':>12}")
    print(f"{'rows from':>22}{'a second':>15}{'MB':>12}{'accuracy':>12}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        X, y = mapped(folder, m)
        report("a mapped file", m, epochs, lambda net: net.fit(X, y, **options))
        report("… in its own order", m, epochs, lambda net: net.fit(X, y, shuffle=False, **options))
        report("a function", m, epochs, lambda net: net.fit(lambda: chunks(m), **options))
        if importlib.util.find_spec("pyarrow") is None:
            print(f"{'Parquet':>22}: pyarrow is not installed, pip install 'shallownet-c[arrow]'")
        else:
            source = sn.sources.parquet(parquet(folder, m), [f"x{j}" for j in range(COLUMNS)], "y", CHUNK)
            report("Parquet", m, epochs, lambda net: net.fit(source, **options))
    print(
        f"\nUp to {2**24:,} rows of a mapped file are shuffled one by one, which takes 8 bytes for each, and more in"
        "\nblocks of neighbours. The rows of a function are shuffled within its chunks, and those of Parquet files"
        "\nwithin chunks and by row groups."
    )


if __name__ == "__main__":
    main()
