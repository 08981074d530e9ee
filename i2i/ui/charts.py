"""Curves of trainings as options of an Apache ECharts chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .trainings import Curve

_COLOURS = ("#3b82c4", "#d9822b", "#3f9d63", "#b0509a", "#8a6fd1", "#a8882b", "#c0504d", "#2b9aa0")
_TEXT = "#7a7f87"
"""Readable on white and on black."""


def chart_options(runs: Mapping[str, Mapping[str, Curve]], group: str) -> dict[str, Any]:
    """Return the options of a chart with all curves of a group.

    Args:
        runs: By the name of a run, its curves. Quantities have one colour in all runs; the second run is dashed.
        group: Beginning of the names of the curves, such as ``"loss"``.
    """
    names = sorted({name for curves in runs.values() for name in curves if name.startswith(f"{group}/")})
    series = []
    for number, (run, curves) in enumerate(runs.items()):
        for place, name in enumerate(names):
            if name not in curves:
                continue
            quantity = name.partition("/")[2]
            points = curves[name].points()
            series.append(
                {
                    "name": f"{run}: {quantity}" if len(runs) > 1 else quantity,
                    "type": "line",
                    "data": [[round(step, 1), float(f"{value:.5g}")] for step, value in points],
                    "showSymbol": len(points) < 30,
                    "symbol": "circle" if number == 0 else "diamond",
                    "color": _COLOURS[place % len(_COLOURS)],
                    "lineStyle": {"type": "solid" if number == 0 else "dashed", "width": 1.8},
                }
            )
    axis = {"axisLabel": {"color": _TEXT}, "nameTextStyle": {"color": _TEXT}}
    lines = {"lineStyle": {"color": "rgba(128,128,128,.25)"}}
    return {
        "animation": False,
        "aria": {"enabled": True},
        "tooltip": {"trigger": "axis", "confine": True},
        "legend": {"type": "scroll", "top": 0, "textStyle": {"color": _TEXT}},
        "grid": {"left": 8, "right": 16, "top": 36, "bottom": 24, "containLabel": True},
        "xAxis": {"type": "value", "name": "step", "nameLocation": "middle", "nameGap": 24, "min": 0, **axis}
        | {"splitLine": {"show": False}},
        "yAxis": {"type": "value", "scale": True, **axis, "splitLine": lines},
        "series": series,
    }
