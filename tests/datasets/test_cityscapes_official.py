"""The official download of Cityscapes is read as it comes, and told apart from pix2pix's A|B images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i import I2IError
from i2i.testing import run_command
from i2i.toolkit.images import read_image
from i2i_datasets.cityscapes.dataset import Cityscapes

PLACES = ("bochum_000000_000313", "aachen_000002_000019", "aachen_000001_000019")


def _photo(root: Path, place: str, split: str = "train") -> Path:
    path = root / "leftImg8bit" / split / place.split("_")[0] / f"{place}_leftImg8bit.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 32), (10, 20, 30)).save(path)
    return path


def _labels(root: Path, place: str, split: str = "train") -> Path:
    folder = root / "gtFine" / split / place.split("_")[0]
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("color", "instanceIds", "labelIds"):
        Image.new("RGBA", (64, 32), (128, 64, 128, 255)).save(folder / f"{place}_gtFine_{kind}.png")
    return folder / f"{place}_gtFine_color.png"


def test_official_photos_pair_with_colour_labels(tmp_path: Path) -> None:
    files = {place: (_photo(tmp_path, place), _labels(tmp_path, place)) for place in PLACES}
    pairs = Cityscapes().pairs(tmp_path, "train")
    assert [(pair.name, pair.a, pair.b) for pair in pairs] == [(place, *files[place]) for place in sorted(PLACES)]
    for path, colour in ((pairs[0].a, (10, 20, 30)), (pairs[0].b, (128, 64, 128))):
        np.testing.assert_array_equal(read_image(path), np.full((32, 64, 3), colour))


def test_official_test_split_has_no_pairs(tmp_path: Path) -> None:
    for split in ("val", "test"):
        _photo(tmp_path, "berlin_000000_000019", split)
        _labels(tmp_path, "berlin_000000_000019", split)
    cityscapes = Cityscapes()
    assert [len(cityscapes.pairs(tmp_path, split) or ()) for split in ("train", "val", "test")] == [0, 1, 0]


def test_incomplete_download_is_refused(tmp_path: Path) -> None:
    _photo(tmp_path, PLACES[0])
    with pytest.raises(I2IError, match=r"has no folder gtFine: unpack gtFine_trainvaltest\.zip"):
        Cityscapes().pairs(tmp_path, "train")
    _labels(tmp_path, PLACES[1])
    with pytest.raises(I2IError, match=rf"one half of 2 pairs of train \({PLACES[1]} is not in leftImg8bit\)"):
        Cityscapes().pairs(tmp_path, "train")


def test_default_layout_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "cityscapes"
    (folder / "val").mkdir(parents=True)
    Image.new("RGB", (64, 32)).save(folder / "val" / "1.jpg")
    assert Cityscapes().pairs(folder, "val") is None, "None lets i2i look for the default layouts"
    checked = run_command("datasets", "check", "cityscapes", "--data-root", tmp_path)
    assert checked.exit_code == 0 and "val" in checked.stdout
