"""Crops put back into their photo: what must not change, does not; what was edited, shows, and without a seam."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from i2i.api.placement import Placement
from i2i.editing.paste import FEATHER, Mask, Mode, paste
from i2i.toolkit.faces.alignment import extract_crop, square_placement
from tests.helpers.squares import clouds, inside, square

MODES: tuple[Mode, ...] = ("feather", "poisson")
SQUARES = [
    square(120, 100, 90),
    square(120.4, 99.8, 96, 30),
    square(30, 40, 110, -20),  # over the upper left corner
    square(260, 180, 140, 10),  # over the lower right one
    square(150, 100, 900, 15),  # the photo is a part of it
    square(120.7, 80.2, 9, 45),
    replace(square(120.4, 99.8, 96, 30), aspect_ratio=(4, 3)),
    replace(square(30, 40, 110, -20), aspect_ratio=(2, 3)),
    replace(square(149.5, 104.5, 300), aspect_ratio=(10, 7)),  # over the whole photo
]
SHAPE = (210, 300)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return clouds(*SHAPE, finest=0.7)


def painted(crop: np.ndarray, amount: int = 60) -> np.ndarray:
    """A crop with a disc of a fifth of its side in its middle made lighter."""
    across = np.arange(len(crop)) + 0.5 - len(crop) / 2
    disc = np.hypot(across[None], across[:, None]) < len(crop) / 5
    return np.where(disc[..., None], np.minimum(crop, 255 - amount) + amount, crop).astype(np.uint8)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [24, 90, 256])
@pytest.mark.parametrize("placement", SQUARES)
def test_an_unedited_crop_leaves_the_photo_as_it_is(
    placement: Placement, size: int, mode: Mode, photo: np.ndarray
) -> None:
    crop = extract_crop(photo, placement, size)
    assert np.array_equal(paste(photo, [(crop, crop, placement)], mode), photo)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("placement", SQUARES)
def test_nothing_outside_the_square_changes_whatever_the_edit(
    placement: Placement, mode: Mode, photo: np.ndarray
) -> None:
    crop = extract_crop(photo, placement, 64)
    result = paste(photo, [(255 - crop, crop, placement)], mode, colours=False)
    within = inside(placement, *SHAPE)
    assert np.array_equal(result[~within], photo[~within])
    assert (result[within] != photo[within]).any()


@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [40, 96, 300])
def test_an_edit_shows_where_it_was_made_and_nowhere_else(
    size: int, mode: Mode, colours: bool, photo: np.ndarray
) -> None:
    placement = square(120.4, 99.8, 96, 30)
    crop = extract_crop(photo, placement, size)
    result = paste(photo, [(painted(crop), crop, placement)], mode, colours=colours).astype(int)
    x, y = np.meshgrid(np.arange(SHAPE[1]), np.arange(SHAPE[0]))
    far = np.hypot(x - 120.4, y - 99.8) / 96  # of the middle, in sides
    smooth = cv2.GaussianBlur((result - photo).astype(np.float32), (0, 0), 2)
    assert (np.abs(smooth[far < 0.1] - 60) < 12).all(), "60 lighter, but for detail too fine for 40 pixels"
    assert np.abs(result - photo)[far > 0.2 + max(8 / size, 0.06)].max() <= (0 if mode == "feather" else 6), (
        "of evening out"
    )
    weight = np.abs(smooth).sum(axis=2) ** 2
    assert abs((x * weight).sum() / weight.sum() - 120.4) < 1 and abs((y * weight).sum() / weight.sum() - 99.8) < 1


def whole_mask(placement: Placement, height: int, width: int, feather: float = FEATHER) -> np.ndarray:
    return Mask(placement, height, width, feather).weights(0, width, 0, height)


def test_the_mask_is_smooth_and_falls_to_nothing_at_the_edges() -> None:
    placement = square(120.4, 99.8, 96, 30)
    mask = whole_mask(placement, *SHAPE)
    within = inside(placement, *SHAPE)
    assert mask.dtype == np.float32 and mask[100, 120] == 1 and not mask[~within].any()
    edges = np.abs(placement.to_crop(np.argwhere(within)[:, ::-1], 1)).max(axis=1)  # 0 the middle, 0.5 the edge
    assert (mask[within][edges > 0.49] < 0.03).all() and (mask[within][edges < 0.4] == 1).all()
    steps = max(np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1))
    assert steps < 0.23, "it rises over 9.6 pixels, at most by 1.5 / 9.6 a pixel, and by both of two edges in a corner"
    assert (whole_mask(placement, *SHAPE, feather=0.3) <= mask + 1e-6).all()


def test_where_the_photo_ends_what_was_blurred_is_not_pasted() -> None:
    mask = whole_mask(square(20, 100, 110, 5), *SHAPE)
    assert not mask[:, 0].any() and mask[100, 17] == 1, "a third of the 51 pixels that are missing"
    assert (np.diff(mask[100, :18]) >= 0).all()


@pytest.mark.parametrize("shape", [(64, 64), (64, 96), (96, 64)])
def test_edges_along_the_border_of_the_photo_do_not_fade(shape: tuple[int, int]) -> None:
    mask = whole_mask(square_placement(*shape), *shape)
    along = mask if shape[0] <= shape[1] else mask.T
    assert (along[:, 48 if shape[0] != shape[1] else 0] == 1).all()
    assert (mask == 1).all() == (shape[0] == shape[1])
    photo = clouds(*shape)
    crop = extract_crop(photo, square_placement(*shape), 64)
    for mode in MODES:
        result = paste(photo, [(255 - crop, crop, square_placement(*shape))], mode)
        if shape == (64, 64):
            assert np.array_equal(result, 255 - photo), "all of the photo is the crop, and the edit replaces it"


@pytest.mark.parametrize("gain", [0.9, 1.15])
def test_colours_that_an_edit_shifted_come_back(gain: float) -> None:
    photo, placement = clouds(*SHAPE, finest=3.0), square(150, 100, 160, 12)
    crop = extract_crop(photo, placement, 160)
    edited = (crop * np.array([gain, 1.0, 2 - gain]) + (14, -10, 6)).round().clip(0, 255).astype(np.uint8)
    whole = painted(edited)
    matched = paste(photo, [(edited, crop, placement)])
    assert np.abs(matched.astype(int) - photo).mean() < 1, "rounding, and what was clipped"
    kept = paste(photo, [(edited, crop, placement)], colours=False)
    assert np.abs(kept.astype(int) - photo)[100, 150, 1] >= 8
    moved = paste(photo, [(whole, crop, placement)]).astype(int)[92:108, 142:158] - photo[92:108, 142:158]
    assert abs(moved.mean() - 60) < 12, "the edges alone decide, and the middle keeps its edit"


def test_something_new_at_the_edges_does_not_tint_the_rest() -> None:
    photo, placement = clouds(*SHAPE, finest=3.0), square(150, 100, 160)
    crop = extract_crop(photo, placement, 160)
    edited = crop.copy()
    edited[:60, :20] = (255, 0, 0)  # a tenth of the ring
    result = paste(photo, [(edited, crop, placement)]).astype(int)
    assert np.abs(result - photo)[80:160, 110:210].max() <= 3


def test_poisson_evens_out_what_differs_along_the_edges() -> None:
    photo, placement = clouds(*SHAPE, finest=3.0), square(150, 100, 160, 12)
    crop = extract_crop(photo, placement, 160)
    light = np.linspace(-40, 40, 160)[None, :, None]
    edited = (crop + light).round().clip(0, 255).astype(np.uint8)
    feather, poisson = (
        np.abs(paste(photo, [(edited, crop, placement)], mode, colours=False).astype(int) - photo) for mode in MODES
    )
    inner = inside(square(150, 100, 120, 12), *SHAPE)
    assert feather[inner].mean() > 8 and poisson[inner].mean() < 3, "a slope is harmonic: it goes entirely"


@pytest.mark.parametrize("mode", MODES)
def test_of_crops_that_overlap_each_keeps_its_own_face(mode: Mode) -> None:
    photo = clouds(*SHAPE, finest=3.0)
    one, other = square(120, 100, 120, 10), square(180, 105, 130, -15)  # each shows the other's edit
    crops = [extract_crop(photo, placement, 128) for placement in (one, other)]
    first, second = (painted(crops[0]), crops[0], one), (painted(crops[1], -60 % 256), crops[1], other)
    both = paste(photo, [first, (crops[1], crops[1], other)], mode).astype(int)
    alone = paste(photo, [first], mode).astype(int)
    assert np.abs(both - alone)[85:115, 105:130].max() < 12, "an unedited neighbour takes next to nothing of it"
    assert (both - photo)[90:110, 110:130].mean() > 45
    there, back = paste(photo, [first, second], mode).astype(int), paste(photo, [second, first], mode).astype(int)
    assert np.abs(there - back).max() <= 1, "whichever comes first; rounding"
    outside = ~(inside(one, *SHAPE) | inside(other, *SHAPE))
    assert np.array_equal(there[outside], photo[outside])


def test_detail_stays_where_nothing_was_edited(photo: np.ndarray) -> None:
    placement = square(150, 100, 180)
    crop = extract_crop(photo, placement, 64)  # a third of the photo's detail
    result = paste(photo, [(painted(crop), crop, placement)])
    x, y = np.meshgrid(np.arange(SHAPE[1]), np.arange(SHAPE[0]))
    beside = np.hypot(x - 150, y - 100) > 180 * (0.2 + 10 / 64)
    assert np.array_equal(result[beside], photo[beside]), "ten pixels of the crop from the edit all is as it was"


def test_a_large_crop_does_not_alias_in_a_small_place() -> None:
    photo = np.full((200, 200, 3), 127, np.uint8)
    placement = square(100, 100, 90, 20)
    x, y = np.meshgrid(np.arange(1024), np.arange(1024))
    board = np.repeat((255 * ((x + y) % 2)).astype(np.uint8)[..., None], 3, axis=2)
    result = paste(photo, [(board, extract_crop(photo, placement, 1024), placement)], colours=False)
    assert np.abs(result.astype(int) - 127).max() <= 2, "a board of black and white pixels is grey from afar"


def test_what_cannot_be_pasted_is_refused(photo: np.ndarray) -> None:
    placement = square(120, 100, 90)
    crop = extract_crop(photo, placement, 32)
    with pytest.raises(ValueError, match="one size"):
        paste(photo, [(crop[:16, :16], crop, placement)])
    with pytest.raises(ValueError, match="uint8"):
        paste(photo, [(crop.astype(np.float32), crop, placement)])
    with pytest.raises(ValueError, match="feather or poisson"):
        paste(photo, [(crop, crop, placement)], "blend")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"at most 0\.5"):
        paste(photo, [(crop, crop, placement)], feather=0.0)
    away = square(-500, 100, 90)
    assert np.array_equal(paste(photo, [(255 - crop, crop, away)]), photo), "none of it lies in the photo"


def test_pasting_into_a_large_photo_is_soon_done() -> None:
    photo = np.tile(clouds(300, 400), (10, 10, 1))
    placement = square(2000, 1500, 2100, 20)
    crop = extract_crop(photo, placement, 1024)
    begin = time.process_time()
    paste(photo, [(255 - crop, crop, placement)])
    assert time.process_time() - begin < 4, "12 million pixels: 0.9 s on one core, and slow ones"
