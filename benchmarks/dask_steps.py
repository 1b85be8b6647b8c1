"""Fits on Dask: what a step costs, how it grows, and how steps by several learners compare with those of one machine.

Three parts, each of which --only chooses; --quick takes less of everything, and its figures mean little.

steps: full-batch steps of "adam" on more than 100 MB of rows, by one process, by two processes, by one process with two
threads, and by `MLP.fit` without Dask on one and two threads, in turns. Seconds of a step are medians over the turns.
The efficiency is the time of one process over twice the time of two.

model: what a step takes besides arithmetic, with several numbers of tasks, which are threads of one process, and
several P, and how long arithmetic takes for a row and a parameter. The file that --json writes has all of that, for a
model of clusters and tables of other sizes.

local: the cost on all rows after each epoch of "local-sgd", by numbers of learners and steps between two averages, next
to that of minibatches on one machine, all from the same first weights.
"""

import argparse
import contextlib
import json
import logging
import os
import platform
import statistics
import sys
import time
import warnings

import dask.array as da
import distributed
import numpy as np

import shallownet_c as sn
import shallownet_c.dask

SIZES = [64, 100, 10]


def cluster(n_workers, threads, processes=True):
    return distributed.LocalCluster(
        n_workers=n_workers, threads_per_worker=threads, processes=processes, dashboard_address=":0", silence_logs=50
    )


def rows(m, parts, width=SIZES[0]):
    """X (m, width) and classes of a linear rule, made on the workers."""
    X = da.random.default_rng(0).standard_normal((m, width), chunks=(-(-m // parts), width))
    rule = np.random.default_rng(1).standard_normal((width, SIZES[-1]))
    return X, (X @ rule).argmax(axis=1)


def network(sizes, seed=0):
    return sn.MLP(sizes, activation="relu", output="softmax", seed=seed)


def step(client, data, sizes, epochs):
    """Seconds and bytes of a step, from the report of a fit."""
    net = network(sizes)
    report = sn.dask.fit(net, *data, solver="adam", epochs=epochs, client=client).report
    n, parts = report.rounds, (report.compute, report.communication, report.scheduler)
    names = ("compute", "communication", "scheduler")
    return {
        "seconds": sum(parts) / n,
        **{name: part / n for name, part in zip(names, parts, strict=True)},
        "bytes_down": report.bytes_down // n,
        "bytes_up": report.bytes_up // n,
    }, net.params


def alone(X, y, epochs, n_threads):
    """Seconds of a step of `MLP.fit`."""
    net = network(SIZES)
    history = net.fit(X, y, epochs=epochs, batch_size=len(X), n_threads=n_threads)
    return {"seconds": history.seconds / epochs}, net.params


def steps(quick, m):
    epochs, turns = (2, 2) if quick else (6, 7)
    kinds = {"1 process": (1, 1), "2 processes": (2, 1), "1 process, 2 threads": (1, 2)}
    clusters = {name: cluster(*shape) for name, shape in kinds.items()}
    clients = {name: distributed.Client(one, set_as_default=False) for name, one in clusters.items()}
    data = rows(m, 8)  # not persisted: the fit divides them evenly among the workers
    X, y = (array.compute(scheduler="sync") for array in data)
    size = X.nbytes
    work = {name: lambda name=name: step(clients[name], data, SIZES, epochs) for name in kinds}
    work |= {f"MLP.fit, {n} thread{'s'[: n - 1]}": lambda n=n: alone(X, y, epochs, n) for n in (1, 2)}
    found = {name: [] for name in work}
    params = {}
    for turn in range(turns + 1):
        for name, run in work.items():
            figures, params[name] = run()
            if turn:  # the first one is to warm up
                found[name].append(figures)
    for name, ended in params.items():
        np.testing.assert_allclose(ended, params["MLP.fit, 1 thread"], rtol=0, atol=1e-9, err_msg=name)
    for name in kinds:
        clients[name].close()
        clusters[name].close()
    median = {
        name: {key: statistics.median(one[key] for one in figures) for key in figures[0]}
        for name, figures in found.items()
    }
    one, two = median["1 process"]["seconds"], median["2 processes"]["seconds"]
    least = [min(figures["seconds"] for figures in found[name]) for name in ("1 process", "2 processes")]
    print(f"\nA step of adam on {size / 1e6:,.0f} MB, {m:,} rows, {'-'.join(map(str, SIZES))}, float64; ms")
    print(f"{'':24}{'step':>9}{'compute':>9}{'communic.':>11}{'scheduler':>11}{'bytes down':>12}{'bytes up':>10}")
    for name, figures in median.items():
        line = f"{name:24}{1e3 * figures['seconds']:9.1f}"
        if "compute" in figures:
            line += f"{1e3 * figures['compute']:9.1f}{1e3 * figures['communication']:11.1f}"
            line += f"{1e3 * figures['scheduler']:11.1f}{figures['bytes_down']:12,.0f}{figures['bytes_up']:10,.0f}"
        print(line)
    efficiency = {"medians": one / two / 2, "least": least[0] / least[1] / 2}
    print(
        f"efficiency of two processes: {efficiency['medians']:.3f} (medians), {efficiency['least']:.3f} (least times)"
    )
    return {"bytes": size, "rows": m, "median": median, "efficiency": efficiency}


def model(quick, _m):
    tasks, hidden = ([1, 4], [10, 100]) if quick else ([1, 2, 4, 8, 16, 32, 64], [100, 1_000, 4_000, 13_000])
    found = []
    for n in tasks:
        with cluster(1, n, processes=False) as one, distributed.Client(one, set_as_default=False) as client:
            data = client.persist(list(rows(4 * n, n)))
            for _ in range(1 if quick else 3):
                found.append({"tasks": n, "P": network(SIZES).n_params, **step(client, data, SIZES, 10)[0]})
    with cluster(2, 1) as two, distributed.Client(two, set_as_default=False) as client:
        data = client.persist(list(rows(400, 2)))
        for width in hidden:
            sizes = [SIZES[0], width, SIZES[-1]]
            P = network(sizes).n_params
            for _ in range(1 if quick else 3):
                found.append({"tasks": 2, "P": P, **step(client, data, sizes, 10)[0]})
    m = 2_000 if quick else 50_000
    X, y = (array.compute(scheduler="sync") for array in rows(m, 1))
    rates = []
    for width in hidden[:2]:
        net = network([SIZES[0], width, SIZES[-1]])
        began = time.perf_counter()
        net.fit(X, y, epochs=2, batch_size=m, n_threads=1)
        rates.append((time.perf_counter() - began) / 2 / m / net.n_params)
    rate = statistics.median(rates)
    print(f"\nArithmetic on one thread: {rate:.3g} s for a row and a parameter. A step besides arithmetic, ms:")
    print(f"{'tasks':>8}{'P':>10}{'bytes':>12}{'communic.':>11}{'scheduler':>11}")
    for one in found:
        size = one["bytes_down"] + one["bytes_up"]
        times = f"{1e3 * one['communication']:11.2f}{1e3 * one['scheduler']:11.2f}"
        print(f"{one['tasks']:8}{one['P']:10,}{size:12,}{times}")
    return {"constants": {"rate": rate}, "measured": found}


def local(quick, _m):
    X, y = sn.datasets.load_digits()
    X = X / 16
    epochs, learners, syncs = (3, [2], [5]) if quick else (20, [2, 4, 8], [1, 10, 50])
    kinds = [(n, sync, 1) for n in learners for sync in syncs] + [(n, 10, n) for n in learners]
    settings = {"batch_size": 20, "epochs": epochs, "seed": 0}
    shown = [epoch for epoch in (1, 2, 5, 10, 20) if epoch <= epochs]
    curves = {}

    def watched(fit):
        net, curve = network([64, 32, 10]), []
        fit(net, lambda epoch, history, net: curve.append(net.cost(X, y)))
        return curve

    rate = 0.1
    curves["one machine"] = watched(
        lambda net, callback: net.fit(X, y, optimizer=sn.SGD(rate), callback=callback, **settings)
    )
    data = da.from_array(X, chunks=(225, 64)), da.from_array(y, chunks=225)
    with cluster(1, 2, processes=False) as one, distributed.Client(one, set_as_default=False) as client:
        for n, sync, factor in kinds:
            name = f"{n} learners, every {sync}" + (f", rate × {factor}" if factor > 1 else "")
            options = {"optimizer": sn.SGD(rate * factor), "learners": n, "sync_every": sync, "client": client}
            curves[name] = watched(
                lambda net, callback, options=options: sn.dask.fit(
                    net, *data, solver="local-sgd", callback=callback, **options, **settings
                )
            )
    print("\nThe cost on all digits, 64-32-10 by SGD in batches of 20, after so many epochs")
    print(f"{'':32}" + "".join(f"{epoch:>9}" for epoch in shown))
    for name, curve in curves.items():
        print(f"{name:32}" + "".join(f"{curve[epoch - 1]:9.4f}" for epoch in shown))
    return curves


def processor():
    """The CPU's name."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


PARTS = {"steps": steps, "model": model, "local": local}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="little of everything")
    parser.add_argument("--rows", type=int, default=210_000, help="of the table in steps, 512 bytes each")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be given again")
    parser.add_argument("--json", metavar="FILE", help="write every figure")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", sn.FitWarning)
    logging.disable(logging.CRITICAL)  # who is closed while others work writes of that
    print(f"shallownet_c {sn.__version__}, dask {distributed.__version__}, Python {sys.version.split()[0]}")
    machine = f"{processor()}, {os.cpu_count()} cores"
    print(machine)
    m = 4_000 if arguments.quick else arguments.rows
    found = {"machine": machine} | {name: PARTS[name](arguments.quick, m) for name in arguments.only or PARTS}
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
