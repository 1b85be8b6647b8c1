"""Where the time of a step goes, by the function of `src` that the instruction came from, although all are inlined.

    python benchmarks/hotspots.py "import numpy as np, shallownet_c as sn; ..."

Needs Linux's perf, addr2line (binutils), and kernels with debug information: CFLAGS=-g pip install .
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

#: Left out of a stack of inlined functions: too small to say anything.
HELPERS = re.compile(r"load$|store$|broadcast$|real_|zip_|odd|even|panels_panel_width|panels_vectors_of")


def record(code: str) -> str:
    """perf's samples of a Python process, and where it had its libraries."""
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder, "perf.data"))
        command = ["perf", "record", "-e", "cpu-clock", "-F", "8000", "-o", data, sys.executable, "-P", "-c", code]
        subprocess.run(command, check=True, capture_output=True)
        script = ["perf", "script", "-i", data, "-F", "ip,sym,dso", "--show-mmap-events"]
        return subprocess.run(script, check=True, capture_output=True, text=True).stdout


def addresses(script: str) -> tuple[int, dict[str, Counter[int]]]:
    """How many samples there are, and how many at each address of each kernel module."""
    maps, samples, found = [], 0, {}
    for line in script.splitlines():
        if mapped := re.search(r"\[0x(\w+)\(0x(\w+)\) @ (\w+) .*\]: .* (\S+_kernels_\S+\.so)$", line):
            start, size, offset = (int(number, 16) for number in mapped.groups()[:3])
            maps.append((start, size, offset, mapped[4]))
        elif sample := re.match(r"\s+([0-9a-f]+) ", line):
            samples += 1
            at = int(sample[1], 16)
            for start, size, offset, library in maps:
                if start <= at < start + size:
                    found.setdefault(library, Counter())[at - start + offset] += 1
    return samples, found


def names(library: str, counts: Counter[int]) -> Counter[str]:
    """Samples by the innermost function that says something."""
    command = ["addr2line", "-i", "-f", "-a", "-e", library, *map(hex, counts)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    stacks: dict[int, list[str]] = {}
    for line in lines:
        if line.startswith("0x"):
            stack = stacks.setdefault(int(line, 16), [])
        elif ":" not in line:
            stack.append(re.sub(r"^__pyx_f_\d+", "", line))
    by_name: Counter[str] = Counter()
    for at, count in counts.items():
        by_name[next((name for name in stacks[at] if not HELPERS.match(name)), "?")] += count
    return by_name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("code", help="Python code that takes a second or more")
    samples, found = addresses(record(parser.parse_args().code))
    for library, counts in found.items():
        if counts.total() < samples / 100:
            continue
        print(Path(library).name)
        for name, count in names(library, counts).most_common(25):
            print(f"{100 * count / samples:6.1f} %  {name}")


if __name__ == "__main__":
    main()
