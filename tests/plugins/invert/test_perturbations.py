"""Disturbances do what their units say, and nothing at the strength that stands for none."""

from __future__ import annotations

import math
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from i2i.toolkit.images import to_array, to_tensor
from i2i_plugins.invert.perturbations import PERTURBATIONS, blur, compress, noise, occlude, rotate, shift, zoom

EXACT = 2e-5  # what bicubic weights at whole pixels leave over in float32


@pytest.fixture
def picture() -> Tensor:
    """Smooth and lopsided, ``(3, 64, 64)`` in [-0.9, 0.9]."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    waves = torch.stack([torch.sin(3 * x + y), torch.cos(2 * y - 1), torch.sin(4 * x * y + 0.5)])
    return 0.9 * waves


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_perturbation_identity_strength_keeps_the_image(picture: Tensor, name: str) -> None:
    perturbation = PERTURBATIONS[name]
    assert torch.equal(perturbation(picture, perturbation.identity, 3), picture)
    assert perturbation.identity not in perturbation.strengths


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_perturbation_is_seeded_and_grows_with_strength(picture: Tensor, name: str) -> None:
    perturbation, before = PERTURBATIONS[name], picture.clone()
    results = [perturbation(picture, strength, 7) for strength in perturbation.strengths]
    for result, strength in zip(results, perturbation.strengths, strict=True):
        assert result.shape == (3, 64, 64) and result.abs().max() <= 1
        assert torch.equal(result, perturbation(picture, strength, 7))
    assert torch.equal(picture, before), "the picture itself is left alone"
    away = [abs(math.log(s / perturbation.identity)) if perturbation.identity else s for s in perturbation.strengths]
    upwards = [s > perturbation.identity for s in perturbation.strengths]
    errors = [float((result - picture).square().mean()) for result in results]
    for side in (True, False):
        of_side = sorted((a, e) for a, e, up in zip(away, errors, upwards, strict=True) if up == side)
        assert [e for _, e in of_side] == sorted(e for _, e in of_side)
    assert min(errors) > 1e-6


def test_shift_moves_by_pixels_and_extends_the_edge(picture: Tensor) -> None:
    moved = shift(picture, 12.5)
    torch.testing.assert_close(moved[..., 8:], picture[..., :-8], atol=EXACT, rtol=0)
    torch.testing.assert_close(moved[..., :8], picture[..., :1].expand(-1, -1, 8), atol=EXACT, rtol=0)


@pytest.mark.parametrize(("degrees", "quarters"), [(90, 1), (180, 2), (-90, -1)])
def test_rotation_turns_anticlockwise(picture: Tensor, degrees: float, quarters: int) -> None:
    expected = torch.rot90(picture, quarters, (1, 2))
    torch.testing.assert_close(rotate(picture, degrees), expected, atol=1e-4, rtol=0)


def test_zoom_scales_about_the_middle() -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    ramp = 0.8 * torch.stack([x, y, x + y]) / 2
    # Torch's bicubic weights (a = -0.75) bend a ramp by a twentieth of its step from pixel to pixel, 0.025 here.
    torch.testing.assert_close(zoom(ramp, 2.0), ramp / 2, atol=2e-3, rtol=0)
    smaller = zoom(ramp, 0.5)
    # Of the middle half; farther out the blur against aliasing meets the edge.
    torch.testing.assert_close(smaller[:, 20:44, 20:44], 2 * ramp[:, 20:44, 20:44], atol=2e-3, rtol=0)


def test_zooming_out_does_not_alias() -> None:
    chequers = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 2.0 - 1
    assert zoom(chequers.expand(3, -1, -1), 0.4)[:, 24:40, 24:40].abs().max() < 0.1


def test_blur_has_the_stated_deviation() -> None:
    point = torch.zeros(3, 65, 65)
    point[:, 32, 32] = 1
    spread = blur(point, 100 * 2.5 / 65)[0].double()
    offsets = torch.arange(65) - 32.0
    assert float(spread.sum()) == pytest.approx(1, abs=1e-5)
    # A Gaussian cut off at 4 deviations has hardly less: 0.999 of it.
    assert float((spread.sum(0) * offsets**2).sum()) ** 0.5 == pytest.approx(2.5, rel=2e-3)
    assert float((spread.sum(1) * offsets**2).sum()) ** 0.5 == pytest.approx(2.5, rel=2e-3)


def test_noise_has_the_stated_deviation_in_levels() -> None:
    grey = torch.zeros(3, 128, 128)
    drawn = noise(grey, 10.0, 1)
    # Of 49152 values the deviation is known to 0.3 %, the mean to 0.05 levels; four times as much is allowed.
    assert float(drawn.std()) * 127.5 == pytest.approx(10, rel=0.013)
    assert abs(float(drawn.mean())) * 127.5 < 0.2
    assert not torch.equal(drawn, noise(grey, 10.0, 2))


@pytest.mark.parametrize(("share", "side"), [(5, 14), (25, 32), (100, 64)])
@pytest.mark.parametrize("seed", range(3))
def test_occlusion_covers_its_fraction_of_the_area(picture: Tensor, share: float, side: int, seed: int) -> None:
    covered = occlude(picture + 0.05, share, seed)
    ys, xs = np.nonzero((covered == 0).all(0).numpy())
    assert (np.ptp(ys) + 1, np.ptp(xs) + 1, len(ys)) == (side, side, side * side)
    others = torch.ones(64, 64, dtype=torch.bool)
    others[ys, xs] = False
    assert torch.equal(covered[:, others], (picture + 0.05)[:, others])


@pytest.mark.parametrize("quality", [1, 50, 95])
def test_jpeg_uses_the_stated_quality(picture: Tensor, quality: int) -> None:
    file = BytesIO()
    Image.fromarray(to_array(picture)).save(file, format="JPEG", quality=quality)
    assert file.getvalue()[:2] == b"\xff\xd8"
    with Image.open(file) as image:
        expected = to_tensor(np.array(image))[0]
    assert torch.equal(compress(picture, 100 - quality), expected)
