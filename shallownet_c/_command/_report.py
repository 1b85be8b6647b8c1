"""What the command prints for people: aligned columns, by rich on a terminal where it is installed."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from shallownet_c._command._input import brief, one_line

#: Classes of which a row is shown; --json has all.
SHOWN, CONFUSED = 30, 12


def say(text: str) -> None:
    """Print one line."""
    print(one_line(text))


def as_json(value: Any) -> None:
    """Print a value as JSON, in which a number that JSON has none for is null."""
    print(json.dumps(_plain(value), ensure_ascii=True, indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def number(value: Any) -> str:
    """A number as tables show it."""
    if value is None or value != value:
        return "-"
    return str(value) if isinstance(value, (int, str)) else f"{value:.4g}"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows of which the first cell is a name and the others are mostly numbers."""
    cells = [[one_line(number(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        try:
            from rich import box
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text
        except ImportError:
            pass
        else:
            shown = Table(box=box.SIMPLE_HEAD)
            for k, name in enumerate(header):
                shown.add_column(Text(name), justify="left" if k == 0 else "right")
            for row in cells:
                shown.add_row(*map(Text, row))  # as it is, even if it looks like markup
            Console().print(shown)
            return
    widths = [max(len(row[k]) for row in [list(header), *cells]) for k in range(len(header))]
    for row in [list(header), *cells]:
        first, *others = (
            cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())


def _is_of_no_use(found: dict[str, Any], baseline: dict[str, Any]) -> bool:
    """Whether the simplest prediction is at least as good by two measures, since a network may be meant for either."""
    if "accuracy" in found:
        return bool(found["log_loss"] >= baseline["log_loss"] and found["accuracy"] <= baseline["accuracy"])
    return bool(found["rmse"] >= baseline["rmse"] and found["mae"] >= baseline["mae"])


def scores(found: dict[str, Any], what: str) -> None:
    """Print how good the predictions for some rows are."""
    baseline = found["baseline"]
    if "accuracy" in found:
        simplest = f"always {brief(baseline['class'])}"
        names = {"accuracy": "accuracy", "log_loss": "log loss", "auc": "AUC"}
    else:
        simplest = f"always the mean, {number(baseline['mean'])}"
        names = {"r2": "R²", "mae": "MAE", "rmse": "RMSE"}
    print()
    table([f"{found['rows']} {what}", "network", simplest], [[names[key], found[key], baseline[key]] for key in names])
    if _is_of_no_use(found, baseline):
        print(f"\nno better than {one_line(simplest)}: more rows, other columns or a smaller --learning-rate may help")
    if "accuracy" not in found:
        return
    print()
    of_classes = found["classes"]
    rows = [
        [brief(one["class"]), one["rows"], one["precision"], one["recall"], one["f1"]] for one in of_classes[:SHOWN]
    ]
    table(["class", "rows", "precision", "recall", "F1"], rows)
    if len(of_classes) > SHOWN:
        print(f"… and {len(of_classes) - SHOWN} classes more, which --json has")
    if found["confusion"] is not None and len(of_classes) <= CONFUSED:
        print()
        labels = [brief(one["class"])[:14] for one in of_classes]
        table(
            ["true \\ predicted", *labels],
            [[label, *row] for label, row in zip(labels, found["confusion"], strict=True)],
        )
