"""`progress=True` of `fit` and `fit_many`: a tqdm bar on a terminal, otherwise plain lines, to standard error."""

import sys
import time

from shallownet_c.history import History


class Silent:
    def show(self, history: History, rows: int) -> None:
        pass

    def close(self) -> None:
        pass


class Lines(Silent):
    """A line for an epoch or a network, no more than two a second, and one for the last."""

    def __init__(self, unit: str, done: int, total: int) -> None:
        self.unit, self.total, self.done, self.first = unit, total, done, done
        self.rows, self.line = 0, ""
        self.started = time.perf_counter()
        self.next = 0.0

    def show(self, history: History, rows: int) -> None:
        self.done += 1
        self.rows += rows
        now = time.perf_counter()
        passed = max(now - self.started, 1e-9)
        left = (self.total - self.done) * passed / (self.done - self.first)
        self.line = f"{self.unit} {self.done}/{self.total}  {report(history, self.rows / passed)}  {left:.0f} s left"
        if now >= self.next:
            self.next = now + 0.5
            self.write()

    def write(self) -> None:
        if self.line:
            print(self.line, file=sys.stderr, flush=True)
        self.line = ""

    def close(self) -> None:
        self.write()


class Bar(Silent):
    """tqdm's: it shows the epoch or the network and the time left by itself."""

    def __init__(self, unit: str, done: int, total: int) -> None:
        from tqdm import tqdm

        # The bar itself gives way first on a narrow terminal.
        shape = "{n_fmt}/{total_fmt}{postfix}, {remaining} left {bar}"
        self.bar = tqdm(total=total, initial=done, unit=unit, dynamic_ncols=True, bar_format=shape)
        self.rows = 0
        self.started = time.perf_counter()

    def show(self, history: History, rows: int) -> None:
        self.rows += rows
        rate = self.rows / max(time.perf_counter() - self.started, 1e-9)
        self.bar.set_postfix_str(report(history, rate), refresh=False)
        self.bar.update()

    def close(self) -> None:
        self.bar.close()


def report(history: History, rate: float) -> str:
    text = f"cost {history.cost[-1]:.6g}" if history.cost else "no cost"
    if history.val_cost:
        text += f"  validation {history.val_cost[-1]:.6g}"
    return f"{text}  {rate:,.0f} rows/s"


def progress(wanted: bool, unit: str, done: int, total: int) -> Silent:
    """What shows the course of work of which `done` units are over."""
    if not wanted:
        return Silent()
    if sys.stderr is not None and sys.stderr.isatty():
        try:
            return Bar(unit, done, total)
        except ImportError:  # tqdm is an extra: plain lines will do
            pass
    return Lines(unit, done, total)
