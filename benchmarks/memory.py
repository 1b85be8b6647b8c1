"""Memory beyond inputs and outputs of full-batch work on ten million rows, and whether it stays below 4 MB.

    python benchmarks/memory.py [--rows N]

Each call has a process of its own; what counts is the high-water mark of resident memory that Linux keeps (VmHWM), set
back after all inputs have been written to and the code has run once on a few rows.
"""

import argparse
import subprocess
import sys

LIMIT = 4e6

MEASURE = """
import numpy as np, shallownet_c as sn

def resident(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))

m, dtype, call = {rows}, np.dtype({dtype!r}), {call!r}
net = sn.MLP([10, 64, 64, 1], dtype=dtype, seed=0)
X, Y, out = np.empty((m, 10), dtype), np.empty((m, 1), dtype), np.empty((m, 1), dtype)
X[:], Y[:], out[:] = np.linspace(-1, 1, 10), 0.5, 0     # a page that nobody has written to is not there yet
calls = {{
    "cost_and_grad": lambda n: net.cost_and_grad(X[:n], Y[:n]),
    "predict": lambda n: net.predict(X[:n], out=out[:n]),
    "fit": lambda n: net.fit(X[:n], Y[:n], epochs=1),
}}
calls[call](100_000)     # starts threads, loads what is loaded late
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = resident("VmRSS")
calls[call](m)
print(resident("VmHWM") - before)
"""


def extra(call: str, dtype: str, rows: int) -> int:
    """Bytes that a call had resident at its peak beyond what was there before."""
    code = MEASURE.format(rows=rows, dtype=dtype, call=call)
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    print(f"10-64-64-1, {rows:,} rows, beyond inputs and outputs:\n\n| call | float32 | float64 |\n|---|---:|---:|")
    worst = 0
    for call in ("cost_and_grad", "predict", "fit"):
        sizes = [extra(call, dtype, rows) for dtype in ("float32", "float64")]
        worst = max(worst, *sizes)
        print(f"| `{call}` | " + " | ".join(f"{size / 1e6:.2f} MB" for size in sizes) + " |", flush=True)
    return int(worst >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
