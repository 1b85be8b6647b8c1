"""How the command shows that it is at work: rich's bar on a terminal, plain lines elsewhere, or nothing."""

import sys
import time
from typing import Any

from shallownet_c.history import History


class Progress:
    """Of a training of so many epochs at most; `show` after each of them, `close` at the end."""

    def __init__(self, epochs: int, quiet: bool, stream: Any) -> None:
        self.epochs, self.quiet, self.stream = epochs, quiet, stream
        self.next, self.waiting = 0.0, ""
        self.bar: Any = None
        if not quiet and sys.stderr is not None and sys.stderr.isatty():
            try:
                from rich import console, progress
            except ImportError:
                return
            self.bar = progress.Progress(
                progress.TextColumn("epoch"),
                progress.MofNCompleteColumn(),
                progress.BarColumn(),
                progress.TextColumn("cost {task.fields[cost]}"),
                progress.TimeRemainingColumn(),
                console=console.Console(stderr=True),
                transient=True,
            )
            self.task = self.bar.add_task("", total=epochs, cost="")
            self.bar.start()

    def show(self, epoch: int, history: History) -> None:
        """The state after an epoch, counted from 0."""
        if self.quiet:
            return
        costs = f"{history.cost[-1]:.5g}" + (f", validation {history.val_cost[-1]:.5g}" if history.val_cost else "")
        if self.bar is not None:
            self.bar.update(self.task, completed=epoch + 1, cost=costs)
            return
        self.waiting = f"epoch {epoch + 1}/{self.epochs}  cost {costs}"
        now = time.monotonic()
        if now >= self.next:
            self.next = now + 1.0
            self._write()

    def _write(self) -> None:
        if self.waiting:
            print(self.waiting, file=self.stream, flush=True)
        self.waiting = ""

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
        self._write()
