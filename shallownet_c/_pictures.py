"""Networks and histories as HTML with a small drawing in SVG, which notebooks show; no library is needed.

Text and lines have the notebook's own colour, and the two other colours stand out on white as well as on black.
Whatever a caller has named is escaped.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from shallownet_c._model import Model

#: Of negative and positive weights: the blue of Okabe and Ito (2008), lighter, and their vermilion.
NEGATIVE, POSITIVE = "#2b83ba", "#d55e00"
#: How many units of a layer, layers, rows of a table, names and points of a curve are shown at most.
MOST_UNITS, MOST_LAYERS, MOST_ROWS, MOST_NAMES, MOST_POINTS = 8, 8, 12, 8, 200
#: Between two layers and two units of a drawing, in pixels.
COLUMN, LINE, RADIUS = 64, 20, 7
WIDTH, HEIGHT = 240, 80

_STYLE = 'style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:center"'


def shown_units(n: int, most: int) -> list[int]:
    """The units of a layer that a drawing has, by their numbers: all n, or as many from both ends as `most` lets in."""
    return list(range(n)) if n <= most else [*range((most + 1) // 2), *range(n - most // 2, n)]


def of_network(kind: str, model: Model, params: Any, names: Sequence[str] | None) -> str:
    """A network as HTML: a drawing, a table of its layers, its size and loss."""
    finite = bool(np.isfinite(params).all())
    size = f"{model.n_params:,} parameters, {_bytes(params.nbytes)} as {model.dtype.name}; loss {model.loss}"
    caption = f"<b>{escape(kind)}</b>: {size}" + ("" if finite else "; <b>some parameters are not finite</b>")
    lines = [caption] if names is None else [caption, f"inputs: {_listed(names)}"]
    rows: list[tuple[object, ...]] = [("inputs", f"{model.sizes[0]:,}", "", "")]
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(model.sizes), 1):
        rows.append((layer, f"{n_out:,}", model.activations[layer - 1], f"{n_out * (n_in + 1):,}"))
    table = _table(("layer", "units", "activation", "parameters"), rows)
    text = "".join(f"<div>{line}</div>" for line in lines)
    return f"<div>{text}<div {_STYLE}>{_drawing(model, params)}{table}</div></div>"


def of_history(cost: Iterable[float], val_cost: Iterable[float], stopped: str, seconds: float) -> str:
    """A history as HTML: its curves, and the figures."""
    courses = {"cost": np.array([*cost], float), "val_cost": np.array([*val_cost], float)}
    n = len(courses["cost"])
    state = f"stopped: {escape(stopped)}" if stopped else "not over yet"
    text = f"<b>History</b>: {n:,} epoch{'' if n == 1 else 's'}, {seconds:.3g} seconds, {state}"
    rows = []
    for name, values in courses.items():
        if len(values):
            known = np.where(np.isfinite(values), values, math.inf)
            least = int(known.argmin())
            rows.append((name, *(f"{value:.6g}" for value in (values[0], values[-1], values[least])), f"{least + 1:,}"))
    if not rows:
        return f"<div>{text}</div>"
    table = _table(("", "first", "last", "least", "in epoch"), rows)
    return f"<div><div>{text}</div><div {_STYLE}>{_curves(courses)}{table}</div></div>"


def _bytes(n: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= factor:
            return f"{n / factor:.3g} {unit}"
    return f"{n} bytes"


def _listed(names: Sequence[str]) -> str:
    short = [name if len(name) <= 40 else f"{name[:39]}…" for name in names[:MOST_NAMES]]
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(map(escape, short)) + more


def _table(head: Sequence[str], rows: Sequence[tuple[object, ...]]) -> str:
    """A table of plain cells; of many rows those at both ends."""
    shown = shown_units(len(rows), MOST_ROWS)
    lines = []
    for before, number in zip([-1, *shown], shown, strict=False):
        if number > before + 1:
            lines.append(f"<tr>{'<td>⋮</td>' * len(head)}</tr>")
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in rows[number]) + "</tr>")
    titles = "".join(f"<th>{name}</th>" for name in head)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _svg(width: int, height: int, label: str, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'style="max-width:100%;height:auto" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _drawing(model: Model, params: Any) -> str:
    """Units as circles and weights as lines, as wide as they are strong, blue where they are negative."""
    layers = shown_units(len(model.sizes), MOST_LAYERS)
    columns = {layer: shown_units(model.sizes[layer], MOST_UNITS) for layer in layers}
    places = {layer: len(units) + (model.sizes[layer] > len(units)) for layer, units in columns.items()}
    height = LINE * max(places.values()) + 2
    xs = {layer: RADIUS + 2 + COLUMN * number for number, layer in enumerate(layers)}
    ys = {layer: _heights(len(columns[layer]), places[layer], height) for layer in layers}
    label = f"a network of {'-'.join(map(str, model.sizes[:10]))}{'-…' if len(model.sizes) > 10 else ''} units"
    parts = [*_lines(model, params, columns, xs, ys), *_dots(layers, xs, height), *_circles(model, columns, xs, ys)]
    return _svg(COLUMN * (len(layers) - 1) + 2 * RADIUS + 4, height, label, parts)


def _heights(n: int, places: int, height: int) -> list[float]:
    """Where n units stand from the top; with a place more than that, the one in the middle is left to dots."""
    found = [(place + 0.5) * height / places for place in range(places)]
    return found if n == places else [y for place, y in enumerate(found) if place != (n + 1) // 2]


def _lines(
    model: Model, params: Any, columns: dict[int, list[int]], xs: dict[int, int], ys: dict[int, list[float]]
) -> Iterator[str]:
    weights = [np.nan_to_num(W.astype(float), posinf=0.0, neginf=0.0) for W in model.views(params)[0]]
    greatest = max(float(np.abs(W).max()) for W in weights) or 1.0
    for layer in columns:
        if layer + 1 not in columns:
            continue
        strengths = weights[layer][np.ix_(columns[layer + 1], columns[layer])] / greatest
        for (j, i), w in np.ndenumerate(strengths):
            colour = POSITIVE if w > 0 else NEGATIVE if w < 0 else "currentColor"
            width, opacity = 0.3 + 2.7 * abs(w), 0.35 + 0.65 * abs(w)
            yield (
                f'<line x1="{xs[layer]}" y1="{ys[layer][i]:.1f}" x2="{xs[layer + 1]}" y2="{ys[layer + 1][j]:.1f}" '
                f'stroke="{colour}" stroke-width="{width:.2f}" stroke-opacity="{opacity:.2f}"/>'
            )


def _dots(layers: list[int], xs: dict[int, int], height: int) -> Iterator[str]:
    """In the place of the layers that are left out."""
    for before, layer in itertools.pairwise(layers):
        if layer > before + 1:
            middle = (xs[before] + xs[layer]) / 2
            for dx in (-8, 0, 8):
                yield f'<circle cx="{middle + dx:.1f}" cy="{height / 2:.1f}" r="1.5" fill="currentColor"/>'


def _circles(
    model: Model, columns: dict[int, list[int]], xs: dict[int, int], ys: dict[int, list[float]]
) -> Iterator[str]:
    """Units, grey on any background, and dots in the place of those that are left out."""
    for layer, units in columns.items():
        for y in ys[layer]:
            yield f'<circle cx="{xs[layer]}" cy="{y:.1f}" r="{RADIUS}" fill="#999" stroke="currentColor"/>'
        if model.sizes[layer] > len(units):
            half = (len(units) + 1) // 2
            middle = (ys[layer][half - 1] + ys[layer][half]) / 2
            for dy in (-5, 0, 5):
                yield f'<circle cx="{xs[layer]}" cy="{middle + dy:.1f}" r="1.5" fill="currentColor"/>'


def _curves(courses: dict[str, Any]) -> str:
    """The costs against the epochs, logarithmic where they go through more than a factor of ten."""
    finite = np.concatenate([values[np.isfinite(values)] for values in courses.values()])
    if not finite.size:
        return ""
    logarithmic = bool(finite.min() > 0 and finite.max() > 10 * finite.min())
    least, greatest = (float(v) for v in (np.log(_ends(finite)) if logarithmic else _ends(finite)))
    n = max(map(len, courses.values()))
    parts = []
    looks = {"cost": 'stroke="currentColor"', "val_cost": f'stroke="{POSITIVE}" stroke-dasharray="4 3"'}
    for name, values in courses.items():
        epochs = np.flatnonzero(np.isfinite(values))
        epochs = epochs[np.unique(np.linspace(0, len(epochs) - 1, MOST_POINTS).astype(int))] if len(epochs) else epochs
        heights = np.log(values[epochs]) if logarithmic else values[epochs]
        x = 3 + (WIDTH - 6) * epochs / max(n - 1, 1)
        y = HEIGHT - 3 - (HEIGHT - 6) * (heights - least) / ((greatest - least) or 1.0)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
        if len(epochs) == 1:
            parts.append(f'<circle cx="{x[0]:.1f}" cy="{y[0]:.1f}" r="2" fill="none" {looks[name]}/>')
        elif len(epochs):
            parts.append(f'<polyline points="{points}" fill="none" stroke-width="1.5" {looks[name]}/>')
    what = "cost, and cost on validation data (dashed)" if len(courses["val_cost"]) else "cost"
    scale = ", logarithmic" if logarithmic else ""
    drawing = _svg(WIDTH, HEIGHT, f"{what}, by epoch{scale}", parts)
    return f"<div>{drawing}<div><small>{what}{scale}</small></div></div>"


def _ends(values: Any) -> Any:
    return np.array([values.min(), values.max()])
