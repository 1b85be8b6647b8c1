"""What all pictures share: Axes to draw in, colours that go with a light or a dark figure, legends, and the points.

Colours follow the Axes that are drawn in, not matplotlib's settings at the time of the call: these may belong to
another style by then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c._checks import _extras, _validation
from shallownet_c._checks._validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Colour = tuple[float, float, float]

#: The colours of Okabe and Ito (2008), which people with any kind of colour vision tell apart, without black.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#56B4E9", "#D55E00", "#F0E442", "#CC79A7")
MARKERS = "os^DvPX<>ph"
#: The ends of the scale of signed numbers.
NEGATIVE, POSITIVE = "#0072B2", "#D55E00"
#: How many points a picture draws at most, of each set of data.
MOST_POINTS = 5000
#: How many panels a picture has at most unless the caller chooses them.
MOST_PANELS = 100
#: Characters of a name at most.
LONGEST = 28


def matplotlib(module: str, function: str) -> Any:
    """A module of matplotlib, for the function of that name."""
    return _extras.library(f"matplotlib.{module}", "plot", f"plot.{function}")


def one(ax: Any, function: str) -> Axes:
    """The caller's Axes, or those of a new figure."""
    check_ax(ax, function)
    chosen: Axes = matplotlib("pyplot", function).subplots(layout="constrained")[1] if ax is None else ax
    return chosen


def check_ax(ax: Any, function: str) -> None:
    """Refuse what is neither None nor Axes, before anything is computed."""
    kind = matplotlib("axes", function).Axes
    if ax is not None and not isinstance(ax, kind):
        raise TypeError(f"ax must be a matplotlib Axes or None, got {_validation.shown(ax)}")


def check_panels(ax: Any, n: int, function: str) -> None:
    """Refuse what is neither None nor n Axes."""
    kind = matplotlib("axes", function).Axes
    if ax is None:
        return
    if isinstance(ax, kind):
        ax = [ax]
    items = np.asarray(ax, object).ravel().tolist()
    if not all(isinstance(item, kind) for item in items):
        raise TypeError(f"ax must be an array of {n} matplotlib Axes or None, got {_validation.shown(ax)}")
    if len(items) != n:
        raise ValueError(f"ax must be an array of {n} Axes, one for each panel, got {len(items)}")


def panels(
    ax: Any,
    n: int,
    function: str,
    *,
    columns: int | None = None,
    size: tuple[float, float] = (1.5, 1.3),
    share: bool = True,
) -> Array:
    """The caller's n Axes, or those of a new figure of panels of that size in inches or more, as an array (n,).

    New ones have the same x and y if they share them.
    """
    if ax is not None:
        check_panels(ax, n, function)
        return np.asarray(ax, object).ravel()
    pyplot = matplotlib("pyplot", function)
    if columns is None:  # about as wide as high or twice as wide, and as few places without a panel as can be
        columns = min(range(math.ceil(math.sqrt(n)), math.ceil(math.sqrt(2 * n)) + 1), key=lambda k: -n % k)
    columns = min(n, columns)
    lines = math.ceil(n / columns)
    width, height = pyplot.rcParams["figure.figsize"]
    figsize = max(width, columns * size[0]), max(height, lines * size[1])
    _, axes = pyplot.subplots(
        lines, columns, squeeze=False, sharex=share, sharey=share, figsize=figsize, layout="constrained"
    )
    for left_over in axes.ravel()[n:]:
        left_over.remove()
    axes = axes.ravel()[:n]
    for panel in axes[max(0, n - columns) :]:  # the lowest of its column
        panel.tick_params(labelbottom=True)
    return np.asarray(axes)


def rgb(colour: Any) -> Colour:
    """A colour of matplotlib's as red, green and blue from 0 to 1."""
    from matplotlib.colors import to_rgb

    r, g, b = to_rgb(colour)
    return float(r), float(g), float(b)


def ink(ax: Axes) -> Any:
    """The colour in which text and lines stand out."""
    return ax.xaxis.label.get_color()


def ground(ax: Axes) -> Colour:
    """The colour behind the data."""
    panel, figure = ax.get_facecolor(), ax.figure.get_facecolor()
    return rgb(panel if panel[3] > 0 else figure if figure[3] > 0 else "white")


def mixed(colour: Any, other: Any, share: float) -> Colour:
    """The colour with that share of the other one."""
    (r, g, b), (s, h, c) = rgb(colour), rgb(other)
    return r + share * (s - r), g + share * (h - g), b + share * (c - b)


def class_colour(number: int) -> Colour:
    """Seven hues, then the same ones darker, then lighter; markers tell apart what is left."""
    colour, shade = OKABE_ITO[number % 7], number // 7 % 3
    return mixed(colour, ["black", "black", "white"][shade], [0.0, 0.45, 0.55][shade])


def class_marker(number: int) -> str:
    return MARKERS[number % len(MARKERS)]


def diverging(ax: Axes) -> Any:
    """The colours of signed numbers: blue, that of the background at 0, vermilion."""
    from matplotlib.colors import LinearSegmentedColormap

    colours: list[Any] = [NEGATIVE, ground(ax), POSITIVE]
    return LinearSegmentedColormap.from_list("signed", colours)


def from_ground(ax: Axes) -> Any:
    """The colours of counts: that of the background for 0, and blue."""
    from matplotlib.colors import LinearSegmentedColormap

    colours: list[Any] = [ground(ax), NEGATIVE]
    return LinearSegmentedColormap.from_list("counts", colours)


def accent(ax: Axes) -> Any:
    """The colour of what has no class and no sign: a blue that stands out."""
    return readable((OKABE_ITO[0], OKABE_ITO[3]), ground(ax))


def readable(colours: Sequence[Any], background: Any) -> Any:
    """Which of the colours stands out from the background most."""
    behind = luminance(background)

    def contrast(colour: Any) -> float:
        one, other = sorted((luminance(colour), behind))
        return (other + 0.05) / (one + 0.05)

    return max(colours, key=contrast)


def luminance(colour: Any) -> float:
    """Relative luminance, as the Web Content Accessibility Guidelines define it."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def symmetric(values: Array, centre: float = 0.0) -> Any:
    """The scale on which the centre has the middle colour and the value farthest from it one of the ends."""
    from matplotlib.colors import Normalize

    farthest = float(np.abs(values - centre).max(initial=0.0))
    farthest = farthest if farthest > 0 else 1.0
    return Normalize(centre - farthest, centre + farthest)


def short(name: object, longest: int = LONGEST) -> str:
    """A name on one line, cut in the middle if it is long, since many long names differ at their ends."""
    text = " ".join((name if isinstance(name, str) else _validation.shown(name)).split())
    end = longest // 3
    return text if len(text) <= longest else f"{text[: longest - end - 1]}…{text[-end:]}"


def literal(text: Any, name: object, longest: int = LONGEST) -> None:
    """Let a Text show the name, in which a dollar is no formula."""
    text.set_parse_math(False)
    text.set_text(short(name, longest))


def name_axes(labels: Sequence[Any], names: Sequence[str] | None) -> None:
    """Let the labels of both axes show the names of two columns."""
    for i, label in enumerate(labels):
        if names is None:
            label.set_text(f"$x_{i + 1}$")
        else:
            literal(label, names[i])


def inches(ax: Axes) -> tuple[float, float]:
    """The width and the height of the Axes, as far as they are known before the figure is laid out."""
    box, dpi = ax.get_window_extent(), ax.figure.dpi
    return box.width / dpi, box.height / dpi


def is_laid_out(ax: Axes) -> bool:
    """Whether the figure makes room for what stands beside the Axes."""
    return ax.figure.get_layout_engine() is not None


def legend(ax: Axes, handles: Sequence[Any], names: Sequence[object]) -> None:
    """A legend beside the Axes where the figure's layout makes room for it, otherwise within them."""
    height = inches(ax)[1]
    # A line of small print takes 0.18 inches, and a very small one 0.16.
    size = "small" if len(names) <= height / 0.18 else "x-small"
    columns = min(3, math.ceil(len(names) / max(6, height / 0.16)))
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0} if is_laid_out(ax) else {}
    made = ax.legend(
        handles, [str(i) for i in range(len(names))], fontsize=size, ncols=columns, handlelength=1.5,
        columnspacing=1.0, markerscale=max(1.0, 5 / handles[-1].get_markersize()), **place, **legend_colours(ax),
    )  # fmt: skip
    # Names may take two fifths of the figure's width; a character takes 0.07 inches and a handle 0.4.
    longest = (0.4 * ax.figure.bbox.width / ax.figure.dpi / columns - 0.4) / 0.07
    for text, name in zip(made.get_texts(), names, strict=True):
        literal(text, name, int(np.clip(longest, 6, LONGEST)))


def legend_colours(ax: Axes) -> dict[str, Any]:
    """The legend's own come from matplotlib's settings, which may be those of another style."""
    edge = mixed(ink(ax), ground(ax), 0.7)
    return {"labelcolor": ink(ax), "facecolor": ground(ax), "edgecolor": edge, "framealpha": 0.8}


def colour_bar(ax: Any, mappable: Any, label: str = "") -> Any:
    """A colour bar beside the Axes, or beside all of several."""
    first = ax if not isinstance(ax, np.ndarray) else ax[0]
    bar = first.figure.colorbar(mappable, ax=ax if first is ax else ax.tolist(), label=label)
    colour = ink(first)
    bar.ax.tick_params(colors=colour, which="both", labelsize="small")
    bar.ax.yaxis.label.set_color(colour)
    bar.outline.set_edgecolor(mixed(colour, ground(first), 0.5))
    return bar


def some_rows(m: int, most: int = MOST_POINTS) -> Array:
    """The numbers of the rows that are drawn, all of them or `most`, always the same ones."""
    if m <= most:
        return np.arange(m)
    return np.sort(np.random.default_rng(0).choice(m, most, replace=False))


def say_how_many(ax: Axes, drawn: int, m: int) -> None:
    """Note within the Axes that only some of the points are drawn."""
    if drawn < m:
        ax.text(
            0.99, 0.01, f"{drawn:,} of {m:,} rows drawn", transform=ax.transAxes, ha="right", va="bottom",
            fontsize="x-small", color=ink(ax),
            bbox={"facecolor": ground(ax), "edgecolor": "none", "alpha": 0.7, "pad": 1},
        )  # fmt: skip


def marker_size(ax: Axes, m: int) -> float:
    """Smaller where there are many points or little room."""
    return float(np.clip(6.5 * math.sqrt(min(inches(ax)) / 3.5) * (100 / max(m, 100)) ** 0.2, 1.5, 7.0))


def class_points(ax: Axes, X: Array, numbers: Array, size: float | None = None) -> dict[int, Any]:
    """The rows of X (m, 2) as points, and the line of each class that occurs, by its number."""
    size = marker_size(ax, len(X)) if size is None else size
    lines = {}
    for number in np.unique(numbers).tolist():
        colour = class_colour(number)
        (line,) = ax.plot(
            *X[numbers == number].T, class_marker(number), color=colour, markersize=size,
            markeredgecolor=mixed(colour, ink(ax), 0.65), markeredgewidth=size / 9, rasterized=len(X) > 500,
        )  # fmt: skip
        lines[number] = line
    return lines
