"""Instructions of three representative steps, counted by valgrind's callgrind and compared with a baseline.

    python benchmarks/instructions.py            # compare with instructions.json; 1 if a step grew by more than 2 %
    python benchmarks/instructions.py --update   # make this the baseline

Counts repeat where times do not. They are those of the AVX2 build ("v3", since valgrind has no AVX-512) on one thread;
they depend on the compiler, which is therefore kept beside them.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BASELINE = Path(__file__).with_name("instructions.json")
ALLOWED = 1.02

#: A fit's epochs go to the kernels in blocks by the clock, which valgrind slows down: here the blocks' lengths are
#: always the same.
PREPARATION = """
import numpy as np, shallownet_c as sn
from shallownet_c._fitting import _fit
_fit.BLOCK_SECONDS, _fit.COPY_SHARE = 1e9, 0
"""

#: Name, code before the steps, the steps, how many of them in the short and in the long run.
STEPS = [
    (
        "flower 2-4-1, m = 400, float64, a step of descent",
        "X, y = sn.datasets.make_flower(400, seed=1); net = sn.MLP([2, 4, 1], output='sigmoid', seed=0)",
        "net.fit(X, y, optimizer=sn.SGD(1.2), epochs=n, n_threads=1)",
        (50, 450),
    ),
    (
        "64-100-10, batch 200, float32, a step of Adam",
        "X = np.random.default_rng(0).random((200, 64), np.float32); y = np.arange(200) % 10;"
        "net = sn.MLP([64, 100, 10], 'relu', 'softmax', dtype='float32', seed=0)",
        "net.fit(X, y, epochs=n, batch_size=200, n_threads=1)",
        (10, 60),
    ),
    (
        "4-16-1, float32, one row",
        "net = sn.MLP([4, 16, 1], dtype='float32', seed=0); x = np.ones(4, np.float32)",
        "any(net(x) is None for _ in range(n))",
        (1000, 21000),
    ),
]


def count(setup: str, steps: str, n: int) -> int:
    """Instructions of a whole process that takes n steps."""
    code = f"{PREPARATION}\n{setup}\nn = {n}\n{steps}\n"
    settings = {"SHALLOWNET_C_CPU": "v3", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={folder}/out",
            sys.executable,
            "-P",
            "-c",
            code,
        ]
        done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        total = re.search(r"Collected : (\d+)", done.stderr)
        if total is None:
            raise SystemExit(f"callgrind reports no total:\n{done.stderr}")
        return int(total[1])


def per_step(setup: str, steps: str, counts: tuple[int, int]) -> float:
    """What a step adds: start-up and clean-up are the same in both runs."""
    few, many = counts
    return (count(setup, steps, many) - count(setup, steps, few)) / (many - few)


def environment() -> dict[str, str]:
    compiler = shutil.which("cc")
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True) if compiler else None
    return {
        "compiler": version.stdout.splitlines()[0] if version else "unknown",
        "python": platform.python_version(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="make this the baseline")
    update = parser.parse_args().update
    if shutil.which("valgrind") is None:
        print("instructions.py needs valgrind, which is not installed", file=sys.stderr)
        return 2
    here, counts = environment(), {name: per_step(*rest) for name, *rest in STEPS}
    if update:
        report = here | {"instructions": {name: round(value) for name, value in counts.items()}}
        BASELINE.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    for key, value in here.items():
        if baseline[key] != value:
            print(
                f"The baseline was made with {key} {baseline[key]}, this is {value}: counts may differ for that alone."
            )
    print("| step | baseline | now | change |\n|---|---:|---:|---:|")
    grown = False
    for name, now in counts.items():
        ratio = now / baseline["instructions"][name]
        grown |= ratio > ALLOWED
        print(f"| {name} | {baseline['instructions'][name]:,} | {now:,.0f} | {100 * (ratio - 1):+.2f} % |")
    return int(grown)


if __name__ == "__main__":
    sys.exit(main())
