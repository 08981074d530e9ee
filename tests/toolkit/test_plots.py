"""Plots show every line, whatever it is called and whatever its values are."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from i2i import Plot
from i2i.toolkit.images import read_image
from i2i.toolkit.images.plots import COLOURS, draw_plot, write_csv

FALLING = [(float(x), math.exp(-x / 40)) for x in range(200)]


def drawn(tmp_path: Path, plot: Plot, title: str = "") -> np.ndarray:
    draw_plot(tmp_path / "a.png", plot, title)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"], "one file, and none left over"
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
    picture = read_image(tmp_path / "a.png")
    assert picture.shape == (720, 1200, 3)
    return picture


def places(picture: np.ndarray, colour: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels in a colour."""
    return np.nonzero((picture == ImageColor.getrgb(colour)).all(2))


def test_line_is_exponential_and_on_a_logarithmic_axis_straight(tmp_path: Path) -> None:
    plot = Plot("steps", "loss", {"loss": FALLING}, logarithmic=True)
    ys, xs = places(drawn(tmp_path, plot), COLOURS[0])
    assert np.ptp(xs) > 800 and np.ptp(ys) > 400, "the line fills the axes"
    assert np.corrcoef(xs, ys)[0, 1] > 0.9999
    bent = drawn(tmp_path, Plot("steps", "loss", {"loss": FALLING}))
    assert np.corrcoef(*reversed(places(bent, COLOURS[0])))[0, 1] < 0.95


@pytest.mark.parametrize(("count", "beside"), [(2, False), (6, True), (14, True)])
def test_names_of_many_lines_stand_beside_the_axes(tmp_path: Path, count: int, beside: bool) -> None:
    lines = {f"line {number}": [(0.0, number), (1.0, number + 1.0)] for number in range(count)}
    picture = drawn(tmp_path, Plot("x", "y", lines))
    for colour in COLOURS[:count]:
        assert len(places(picture, colour)[0]) > 300, "every line is there"
    axis = (picture < 40).all(2).sum(1).max()  # pixels across
    assert (axis < 1060) == beside and axis > 800


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", ["$x^2$ costs $5", "_hidden", "a\\frac", "<b>&", "中文", "line\nbreak", "x" * 300])
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    lines = {name: FALLING, "other": [(0.0, 1.0), (199.0, 0.5)]}
    picture = drawn(tmp_path, Plot(name, name, lines), name)
    # Above the curve's right half there is nothing of its colour but its sample in the legend.
    ys, xs = places(picture, COLOURS[0])
    assert ((xs > 600) & (ys < 360)).sum() > 20, "the legend names it"
    assert np.ptp(xs) > 500, "names leave room for the axes"


def test_values_that_cannot_be_drawn_leave_gaps(tmp_path: Path) -> None:
    values = [math.nan if 80 <= x < 120 else y for x, y in FALLING]
    values[0], values[-1] = 0.0, math.inf
    picture = drawn(tmp_path, Plot("x", "y", {"a": list(enumerate(values))}, logarithmic=True))
    columns = np.unique(places(picture, COLOURS[0])[1])
    assert np.diff(columns).max() == pytest.approx(0.2 * np.ptp(columns), rel=0.1)


@pytest.mark.parametrize("lines", [{}, {"a": []}, {"a": [(0.0, math.nan)]}, {"a": [(3.0, 0.1)]}])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_few_points_are_no_error(
    tmp_path: Path, lines: dict[str, list[tuple[float, float]]], logarithmic: bool
) -> None:
    picture = drawn(tmp_path, Plot("x", "y", lines, logarithmic))
    seen = any(math.isfinite(y) for points in lines.values() for _, y in points)
    assert (len(places(picture, COLOURS[0])[0]) > 10) == seen


def test_right_axis_has_its_own_scale(tmp_path: Path) -> None:
    rising = [(x, 30.0 + x / 10) for x, _ in FALLING]
    plot = Plot("step", "loss", {"loss": FALLING}, True, "PSNR, dB", {"psnr": rising})
    picture = drawn(tmp_path, plot)
    (left_ys, _), (right_ys, right_xs) = places(picture, COLOURS[0]), places(picture, COLOURS[1])
    assert np.ptp(left_ys) > 400 and np.ptp(right_ys) > 400, "both fill the height"
    assert np.corrcoef(right_xs, right_ys)[0, 1] < -0.99, "it rises, on a linear axis"
    alone = drawn(tmp_path, Plot("step", "loss", {"loss": FALLING}, True))
    assert len(right_ys) and not len(places(alone, COLOURS[1])[0])


def test_points_are_written_as_a_table(tmp_path: Path) -> None:
    lines: dict[str, list[tuple[float, float]]] = {"loss": [(0, 2.0), (1, 0.5)], "late": [(1, 1e-9), (2, 3.25)]}
    plot = Plot("step", "loss", lines, right_lines={"psnr": [(0, 12.5)]})
    write_csv(tmp_path / "a.csv", {"me": plot})
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines() == [
        *("step,loss,late,psnr", "0,2,,12.5", "1,0.5,1e-09,", "2,,3.25,"),
    ]
    other = Plot("step", "loss", {"loss": [(0, 1 / 3)], "only, here": [(0, 7)]})
    write_csv(tmp_path / "a.csv", {"me": plot, 'my "dog"': other})
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["photo"] for row in rows] == ["me"] * 3 + ['my "dog"']
    assert rows[3] == {"photo": 'my "dog"', "step": "0", "loss": "0.3333333", "late": "", "psnr": "", "only, here": "7"}
