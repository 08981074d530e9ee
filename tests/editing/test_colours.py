"""Photos with a colour profile: editors see sRGB, and what was not edited looks the same before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.testing import registry_of
from i2i.toolkit.images import decode_image, read_image, to_array
from i2i.toolkit.images.colour_profiles import restore_profile
from tests.helpers.colour_profiles import convert, matrix_profile

P3 = matrix_profile()


class Lighter(i2i.Editor):
    name = "lighter"
    summary = "Lighten the middle of the crop."
    wants = "crops"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        image = scene.photos["image"].pixels.clone()
        image[..., 20:44, 20:44] += 0.3
        return i2i.Result(image=image.clamp(-1, 1))


def edit(plugin: str, photo: Path, out: Path, **options: Any) -> i2i.Result:
    registry = registry_of(Lighter, plugins=("demo", "stylegan", "face_tools", "perceptual", "metrics"))
    given = {"generator": "demo-faces", "crop": "square", "device": "cpu", "registry": registry, **options}
    return i2i.edit(plugin, [photo], out=out, **given)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo in Display P3 of all hues, whose most saturated colours are outside sRGB."""
    y, x = np.mgrid[:80, :100]
    pixels = np.stack([x * 2.5, y * 3.1, 255 - x - y * 1.5], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png", icc_profile=P3)
    return tmp_path / "photo.png"


def test_unedited_photo_keeps_profile_and_colours(photo: Path, tmp_path: Path) -> None:
    edit("align", photo, tmp_path / "out")
    written = decode_image(tmp_path / "out" / "photo.png")
    assert written.icc_profile == P3
    before, after = (read_image(path, colours="stored") for path in (photo, tmp_path / "out" / "photo.png"))
    assert np.array_equal(before, after), "so that they look the same in every program"
    assert np.abs(written.pixels.astype(int) - convert(before, P3)).mean() < 1


def test_edited_crop_has_its_colours_in_the_profile_of_the_photo(photo: Path, tmp_path: Path) -> None:
    result = edit("lighter", photo, tmp_path / "out", blend="plain")
    before, after = read_image(photo), read_image(tmp_path / "out" / "photo.png")
    changed = (before != after).any(axis=2)
    assert changed[28:52, 38:62].all() and not changed[:18].any() and not changed[:, :26].any()
    shown = convert(read_image(tmp_path / "out" / "photo.png", colours="stored"), P3).astype(int)
    wanted = np.clip(before[30:50, 40:60].astype(int) + 38, 0, 255)
    assert np.abs(shown[30:50, 40:60] - wanted).mean() < 1.5
    outside = np.ones((80, 100), bool)
    outside[18:62, 26:74] = False
    was, now = (read_image(path, colours="stored")[outside] for path in (photo, tmp_path / "out" / "photo.png"))
    assert np.array_equal(was, now)
    assert "icc_profile" not in Image.open(tmp_path / "out" / "result.png").info
    assert np.array_equal(read_image(tmp_path / "out" / "result.png"), to_array(result.image)), "in sRGB"


def test_photo_without_profile_gets_none(photo: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    Image.fromarray(read_image(photo)).save(plain)
    edit("lighter", plain, tmp_path / "out")
    assert "icc_profile" not in Image.open(tmp_path / "out" / "photo.png").info


def test_ignored_profile_is_told_once(photo: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    Image.fromarray(read_image(photo)).save(tmp_path / "broken.png", icc_profile=b"no profile")
    edit("align", tmp_path / "broken.png", tmp_path / "out", note=notes.append)
    assert len([text for text in notes if "its colour profile is ignored" in text]) == 1


def test_colours_outside_srgb_fade_with_the_size_of_the_change() -> None:
    stored = np.full((1, 256, 3), (0, 255, 0), np.uint8)
    photo = convert(stored, P3)
    edited = photo.copy()
    edited[0, :, 2] += np.arange(256).clip(0, 255 - int(photo[0, 0, 2])).astype(np.uint8)
    restored = restore_profile(edited, photo, stored, P3)
    assert restored is not None and np.array_equal(restored[0, 0], stored[0, 0])
    assert np.abs(np.diff(restored[0].astype(int), axis=0)).max() <= 8, "without a step"
    assert np.abs(restored[0, 40:].astype(int) - convert(edited, P3, back=True)[0, 40:]).max() <= 2
