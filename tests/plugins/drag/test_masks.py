"""What may change: hulls, ways of handles, and painted masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import i2i
from i2i.toolkit.images import save_image
from i2i_plugins.drag.handles import point_handles, preset_handles
from i2i_plugins.drag.masks import FEATHER, draw_outlines, point_outlines, preset_outlines, read_mask
from i2i_plugins.drag.preset_values import read_values
from i2i_plugins.drag.presets import PRESETS
from tests.plugins.drag.scenes import fixed_points


def test_outline_of_hull_grows_and_fades() -> None:
    corners = np.array([[20.0, 20], [40, 20], [40, 30], [20, 30], [30, 25]])
    mask = draw_outlines([(corners, 5.0)], 96)
    assert mask.dtype == np.float32 and mask[25, 30] == mask[25, 45] == mask[15, 30] == 1
    width = FEATHER * 96
    assert mask[25, 47] == pytest.approx(1 - 2 / width) and mask[25, 45 + int(width)] == 0
    # Round about a corner: (44, 34) is 4 px off along either axis.
    assert mask[34, 44] == pytest.approx(1 - (32**0.5 - 5) / width)


def test_outline_of_lines_and_points() -> None:
    mask = draw_outlines([(np.array([[10.0, 10], [30, 10]]), 2.0), (np.array([[50.0, 50], [50, 50]]), 3.0)], 64)
    assert mask[10, 20] == mask[12, 20] == mask[53, 50] == 1 and mask[20, 20] == mask[10, 40] == 0
    assert mask[50, 50] == 1


def test_point_outlines_cover_the_path() -> None:
    handles = point_handles(i2i.Photo(torch.zeros(1, 3, 100, 100)), [((50, 50), (60, 50))])
    mask = draw_outlines(point_outlines(handles, 100), 100)
    for x in (50, 55, 60, 77, 33):  # an eighth of the picture, and half the way, beyond its ends
        assert mask[50, x] == 1
    assert mask[50, 82] == mask[50, 28] == 0


def test_preset_outlines_cover_their_region_only() -> None:
    points = fixed_points()
    values = {preset.name: read_values(preset) for preset in PRESETS}
    handles = preset_handles({"close_eyes": (values["close_eyes"], 1.0)}, points, 64)
    outlines = preset_outlines(values["close_eyes"], handles, points)
    assert outlines is not None
    mask = draw_outlines(outlines, 64)
    assert mask[14, 22] == mask[14, 42] == 1 and mask[40, 32] == 0
    assert preset_outlines(values["turn_left"], handles, points) is None


def test_preset_outlines_cover_targets() -> None:
    points = fixed_points()
    preset = i2i.Preset(
        "jump", "", "drag", {"moves": [{"landmark": 38, "by": [0, 1]}], "region": [{"hull": [37, 38, 39]}]}
    )
    values = read_values(preset)
    outlines = preset_outlines(values, preset_handles({"jump": (values, 1.0)}, points, 64), points)
    assert (
        outlines is not None and draw_outlines(outlines, 64)[30, 21] == 1
    )  # the eyes are 20 px apart, and it began at y = 13


def paint(path: Path, height: int, width: int, white: tuple[slice, slice]) -> Path:
    array = np.zeros((height, width, 3), np.uint8)
    array[white] = 255
    save_image(path, array)
    return path


def test_mask_file_is_used_unchanged(tmp_path: Path) -> None:
    photo = i2i.Photo(torch.zeros(1, 3, 48, 48))
    mask = read_mask(paint(tmp_path / "m.png", 48, 48, (slice(10, 30), slice(20, 40))), photo)
    assert mask[20, 30] == pytest.approx(1, abs=1e-3) and mask[20, 10] == pytest.approx(0, abs=1e-3)
    assert mask[20, 20] == pytest.approx(0.5, abs=0.35)  # soft along its edge


@pytest.mark.parametrize(("mode", "name"), [("RGBA", "m.png"), ("LA", "m.png"), ("RGBA", "m.webp"), ("P", "m.png")])
def test_mask_file_transparent_pixels_stay_fixed(tmp_path: Path, mode: str, name: str) -> None:
    """A layer of white paint, cut out, and a black spot on it."""
    alpha = np.zeros((48, 48), np.uint8)
    alpha[10:30, 20:40] = 255
    white = np.full((48, 48), 255, np.uint8)
    white[10:30, 34:40] = 0
    layer = Image.fromarray(np.dstack([white, white, white, alpha]), "RGBA")
    layer.convert(mode).save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    mask = read_mask(tmp_path / name, i2i.Photo(torch.zeros(1, 3, 48, 48)))
    assert mask[20, 27] > 0.99 and mask[20, 8] == mask[44, 44] == mask[2, 27] == 0 and mask[20, 38] < 0.05


def test_mask_file_alpha_and_exif_rotation(tmp_path: Path) -> None:
    alpha = np.zeros((48, 40), np.uint8)
    alpha[:, 20:] = 128
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter: its right half is below
    layer = Image.fromarray(np.dstack([np.full((48, 40, 3), 255, np.uint8), alpha]), "RGBA")
    layer.save(tmp_path / "m.png", exif=exif)
    mask = read_mask(tmp_path / "m.png", i2i.Photo(torch.zeros(1, 3, 40, 48)))
    assert mask[35, 24] == pytest.approx(128 / 255, abs=0.01) and mask[5, 24] == 0


def test_mask_file_unreadable_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_text("no picture")
    with pytest.raises(i2i.UsageError, match=r"^--mask .*m\.png: it is no JPEG, PNG"):
        read_mask(tmp_path / "m.png", i2i.Photo(torch.zeros(1, 3, 48, 48)))


def test_mask_of_photo_is_cropped_like_the_photo(tmp_path: Path) -> None:
    turned = i2i.Placement(((100.0, 40.0), (60.0, 40.0), (60.0, 80.0), (100.0, 80.0)))
    photo = i2i.Photo(torch.zeros(1, 3, 40, 40), placement=turned, whole=(90, 120))
    # The right edge of the square in the photo is the top of the crop.
    mask = read_mask(paint(tmp_path / "m.png", 90, 120, (slice(0, 90), slice(90, 120))), photo)
    assert mask[2].min() > 0.99 and mask[20].max() < 0.01


@pytest.mark.parametrize(
    ("shape", "white", "told"),
    [
        (
            (40, 48),
            (slice(0, 9), slice(0, 9)),
            "has 48 x 40 pixels and the image 120 x 90; paint it over the image",
        ),
        (
            (90, 120),
            (slice(0, 0), slice(0, 0)),
            "is black or transparent in the part of the photo that is edited, so nothing may change",
        ),
        ((90, 120), (slice(0, 20), slice(0, 20)), "is black or transparent in the part of the photo that is edited"),
    ],
)
def test_mask_of_other_size_is_refused(
    tmp_path: Path, shape: tuple[int, int], white: tuple[slice, slice], told: str
) -> None:
    level = i2i.Placement(((59.5, 39.5), (59.5, 79.5), (99.5, 79.5), (99.5, 39.5)))
    photo = i2i.Photo(torch.zeros(1, 3, 40, 40), placement=level, whole=(90, 120))
    with pytest.raises(i2i.UsageError) as error:
        read_mask(paint(tmp_path / "m.png", *shape, white), photo)
    assert told in str(error.value) and str(tmp_path / "m.png") in str(error.value)
