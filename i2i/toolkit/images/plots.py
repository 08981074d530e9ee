"""Line plots with matplotlib."""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import atomic_write
from .grids import printable

if TYPE_CHECKING:
    from ...api.editor import Plot

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333")
"""Distinguishable for colour-blind readers (Okabe and Ito, "Color Universal Design", 2008)."""

_STYLES = ("-", "--", ":", "-.")  # the next one where the colours begin anew
_MARKS = ("o", "s", "^", "D", "v", "P", "X")
_DASHED = (0, (4, 2))  # of lines on the right axis
_DOTTED = 24  # points; lines with no more show each
_INSIDE = 5  # lines; the names of more stand beside the axes
_LONGEST = 36  # letters of a name
_DASHES = 3.0  # ems; on shorter ones "-" and "-." look alike
_SIZE = (10.0, 6.0)  # inches
_DPI = 120

# Names may be in letters that no font of matplotlib has: these are rendered as boxes, and its warning is suppressed.
warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)


def draw_plot(path: Path, plot: Plot, title: str = "") -> None:
    """Draw a plot as a PNG file of 1200 x 720 pixels; the file is written completely or not at all.

    Points that are not finite, and on a logarithmic axis those that are not positive, leave a gap in the line.

    Args:
        path: The file; its directory must exist.
        plot: Lines, axis labels and scale; the lines of its right axis are dashed.
        title: Title above the plot.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    handles = []
    for number, points in enumerate(plot.lines.values()):
        xs, ys = [x for x, _ in points], [_shown(y, plot.logarithmic) for _, y in points]
        handles += axes.plot(xs, ys, **_look(number, len(xs)))
    if plot.logarithmic:
        _scale(axes, [_shown(y, True) for points in plot.lines.values() for _, y in points])
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    labels = [(axes.xaxis.label, plot.x), (axes.yaxis.label, plot.y), (axes.title, title)]
    if plot.right_lines:
        second = axes.twinx()
        second.spines["top"].set_visible(False)
        second.tick_params(labelsize=11)
        labels.append((second.yaxis.label, plot.right))
        for number, points in enumerate(plot.right_lines.values(), start=len(handles)):
            look = _look(number, len(points)) | {"linestyle": _DASHED}
            handles += second.plot([x for x, _ in points], [_shown(y, False) for _, y in points], **look)
    for text, words in labels:
        text.set_text(printable(words))
        text.set_parse_math(False)  # a dollar in a name is a dollar
        text.set_fontsize(13)
    axes.tick_params(labelsize=11)
    if len(handles) > 1:
        _name(figure, axes, handles, [*plot.lines, *plot.right_lines])
    with atomic_write(path) as beside:
        figure.savefig(beside, format="png")


def _shown(value: float, logarithmic: bool) -> float:
    return value if math.isfinite(value) and not (logarithmic and value <= 0) else math.nan


def _look(number: int, points: int) -> dict[str, Any]:
    """Colour, dashes and marks of a line by its number, such that none looks like another."""
    colour = COLOURS[number % len(COLOURS)]
    style = next(islice(cycle(_STYLES), number // len(COLOURS), None))
    mark = _MARKS[number % len(_MARKS)] if points <= _DOTTED else ""
    return {"color": colour, "linestyle": style, "marker": mark, "markersize": 6, "linewidth": 2}


def _scale(axes: Any, values: list[float]) -> None:
    """A logarithmic axis with plain numbers on it, at 1, 2 and 5 where few powers of ten are crossed."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        decades = math.log10(max(finite) / min(finite))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 3 else (1,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _name(figure: Any, axes: Any, handles: list[Any], names: list[str]) -> None:
    """Say which line is which: in the axes, or beside them where the names are many."""
    texts = [printable(name) for name in names]
    texts = [text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..." for text in texts]
    # matplotlib leaves out names with a leading underscore; a space before it is not seen.
    texts = [f" {text}" if text.startswith("_") else text for text in texts]
    if len(handles) <= _INSIDE:
        legend = axes.legend(handles, texts, fontsize=11, framealpha=0.8, handlelength=_DASHES)
    else:
        small = 11 if len(handles) <= 24 else 8
        columns = -(-len(handles) // 40)
        beside: dict[str, Any] = {"loc": "outside right upper", "frameon": False, "ncols": columns}
        legend = figure.legend(handles, texts, fontsize=small, handlelength=_DASHES, **beside)
    for text in legend.get_texts():
        text.set_parse_math(False)


def write_csv(path: Path, plots: Mapping[str, Plot]) -> None:
    """Write the points of plots as a CSV file: a row for each x, a column for each line, empty where it has no point.

    Args:
        path: The file; it is written completely or not at all.
        plots: Plots with the same axes by name, such as that of the photo; the column ``photo`` holds the names where
            there are several.
    """
    lines = {name: {**plot.lines, **plot.right_lines} for name, plot in plots.items()}
    columns = list(dict.fromkeys(line for own in lines.values() for line in own))
    first = next(iter(plots.values()))
    with atomic_write(path) as beside, beside.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow([*(["photo"] if len(plots) > 1 else []), first.x, *columns])
        for name, own in lines.items():
            values = {line: dict(points) for line, points in own.items()}
            for x in sorted({x for points in values.values() for x in points}):
                row = [f"{values[line][x]:.7g}" if x in values.get(line, {}) else "" for line in columns]
                table.writerow([*([name] if len(plots) > 1 else []), f"{x:.10g}", *row])
