"""The changes that the demo's networks learn to see through: points move with their images, and light stays light."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from i2i.toolkit.faces.landmarks import MIRRORED
from i2i_plugins.encoder.augmentation import blur, change_light
from research.demo.training.augmentation import Strengths, moved, moved_points, movements
from research.demo.training.negatives import clouds, faceless, jumbled, pushed_out, rubbed_out, turned_over

SIZE = 64
STILL = Strengths(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
WAYS = (clouds, rubbed_out, jumbled, turned_over, pushed_out)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(seed: int, count: int = 4) -> torch.Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=seeded(seed)) * 2 - 1


def face(count: int = 4) -> torch.Tensor:
    """Sixty-eight points on a ring in the middle, ``(N, 68, 2)`` pixels."""
    angles = torch.arange(68) / 68 * 2 * math.pi
    return (32 + 15 * torch.stack([angles.cos(), angles.sin()], dim=1)).expand(count, 68, 2)


def spot(points: torch.Tensor) -> torch.Tensor:
    """Images ``(N, 3, 64, 64)`` with a soft bright spot about each of the points ``(N, 2)``, on black."""
    across = torch.arange(SIZE)
    x, y = ((across - points[:, i, None]).square() for i in (0, 1))
    bright = (-(x[:, None, :] + y[:, :, None]) / (2 * 2.0**2)).exp()
    return bright[:, None].expand(-1, 3, -1, -1) * 2 - 1


def centroid(images: torch.Tensor) -> torch.Tensor:
    """The mean place of light, ``(N, 2)`` x, y."""
    light = (images + 1).mean(dim=1)
    across = torch.arange(SIZE).float()
    return torch.stack([light.sum(1) @ across, light.sum(2) @ across], 1) / light.sum((1, 2))[:, None]


@pytest.mark.parametrize(
    "changes",
    [
        replace(STILL, shift=6),
        replace(STILL, turn=40),
        replace(STILL, scale=0.3),
        replace(STILL, stretch=0.2),
        Strengths(mirror=0),
    ],
    ids=["shift", "turn", "scale", "stretch", "all"],
)
def test_landmarks_move_with_images(changes: Strengths) -> None:
    points = 24 + 16 * torch.rand(8, 2, generator=seeded(1))
    movement = movements(8, changes, seeded(2))
    went = centroid(moved(spot(points), movement))
    said = moved_points(points[:, None].expand(8, 68, 2), movement, SIZE)[:, 0]
    # Reading between pixels is symmetric, so that a spot of 2 px keeps its centre; only its far flanks are cut off.
    assert (went - said).abs().max() < 0.02
    assert (said - points).norm(dim=1).max() > 0.5


def test_mirror_swaps_pixels_and_landmarks() -> None:
    movement = movements(1, replace(STILL, mirror=1.0), seeded(0))
    images, points = noise(0, 1), torch.rand(1, 68, 2, generator=seeded(1)) * 63
    assert torch.allclose(moved(images, movement), images.flip(3), atol=1e-5)
    swapped = moved_points(points, movement, SIZE)
    assert torch.allclose(swapped[0, 36], torch.stack([63 - points[0, 45, 0], points[0, 45, 1]]), atol=1e-5)


def test_mirrored_landmarks_are_pairs() -> None:
    assert sorted(MIRRORED) == list(range(68))
    assert all(MIRRORED[MIRRORED[i]] == i for i in range(68))
    known = {
        0: 16,
        8: 8,
        17: 26,
        27: 27,
        31: 35,
        36: 45,
        37: 44,
        41: 46,
        48: 54,
        50: 52,
        59: 55,
        60: 64,
        61: 63,
        67: 65,
    }
    assert all(MIRRORED[left] == right for left, right in known.items())


def test_strength_0_changes_nothing() -> None:
    images = noise(3)
    assert torch.allclose(moved(images, movements(4, STILL, seeded(0))), images, atol=1e-5)
    assert torch.allclose(change_light(images, STILL, seeded(0)), images, atol=1e-6)


@pytest.mark.parametrize("sigma", [0.7, 1.5, 3.0])
def test_blur_adds_variance_and_keeps_brightness(sigma: float) -> None:
    before = spot(torch.tensor([[31.0, 33.0]]))
    after = blur(before, torch.tensor([sigma]))
    assert torch.allclose((after + 1).sum(), (before + 1).sum(), rtol=1e-3)
    across = torch.arange(SIZE).float()
    spread = [((p + 1)[0, 0].sum(0) * (across - 31).square()).sum() / (p + 1)[0, 0].sum() for p in (before, after)]
    assert spread[1] - spread[0] == pytest.approx(sigma**2, rel=0.02)  # a sampled Gaussian is not quite a Gaussian


def test_blur_differs_per_image() -> None:
    images = noise(4, 2)
    both = blur(images, torch.tensor([0.0, 2.0]))
    assert torch.equal(both[0], images[0]) and both[1].std() < 0.3 * images[1].std()
    flat = torch.full((1, 3, SIZE, SIZE), 0.25)
    assert torch.allclose(blur(flat, torch.tensor([5.0])), flat, atol=1e-5)  # at the borders as well


def test_light_is_seeded_and_in_range() -> None:
    images = noise(5)
    one, same, other = (change_light(images, Strengths(), seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert one.abs().max() <= 1 and not torch.equal(one, images)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_corrupted_image_stays_in_range(way) -> None:
    images, landmarks = noise(6), face()
    spoilt = way(images, landmarks, seeded(3))
    assert spoilt.shape == images.shape and spoilt.abs().max() <= 1 + 1e-5
    middle = (slice(None), slice(None), slice(22, 42), slice(22, 42))
    assert ((spoilt - images)[middle].abs().amax(dim=(1, 2, 3)) > 0.3).all()


def test_erasing_keeps_surroundings() -> None:
    images = noise(7)
    spoilt = rubbed_out(images, face(), seeded(4))
    assert torch.equal(spoilt[:, :, :8], images[:, :, :8]) and torch.equal(spoilt[:, :, :, 58:], images[:, :, :, 58:])
    assert spoilt[:, :, 24:40, 24:40].std() < 0.2 * images[:, :, 24:40, 24:40].std()


def test_shuffling_keeps_every_tile() -> None:
    images = torch.arange(16.0).view(1, 1, 4, 4).repeat_interleave(16, 2).repeat_interleave(16, 3).expand(1, 3, -1, -1)
    spoilt = jumbled(images, face(1), seeded(5))
    assert sorted(spoilt[0, 0, ::16, ::16].flatten().tolist()) == list(range(16))
    assert not torch.equal(spoilt, images)


def test_corruptions_are_seeded_and_all_occur() -> None:
    images, landmarks = noise(8, 24), face(24)
    one, same = (faceless(images, landmarks, seeded(6)) for _ in range(2))
    assert torch.equal(one, same)
    assert (one != images).flatten(1).any(dim=1).all()
