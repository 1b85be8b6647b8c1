"""What a benchmark is at, for whoever waits for it."""

import sys


def at_work(what: str) -> None:
    """Say on a terminal what goes on, in the place of what was said before."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)
