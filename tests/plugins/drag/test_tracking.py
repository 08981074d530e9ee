"""Features between pixels, and handles found again."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from i2i_plugins.drag.losses import mask_loss
from i2i_plugins.drag.tracking import disc, motion_supervision, sample_features, track
from tests.plugins.drag.scenes import Blobs


def maps(channels: int, side: int, count: int = 1) -> torch.Tensor:
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [8, 32, 64])
def test_sample_features_equals_upsampled_feature_maps(size: int) -> None:
    small = maps(5, 8, 2)
    enlarged = F.interpolate(small, (size, size), mode="bilinear", align_corners=False)
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    points = torch.stack([x, y], dim=-1).float()
    found = sample_features(small, points.expand(2, -1, -1, -1), size)
    assert found.shape == (2, size, size, 5)
    # The same arithmetic in another order: a few units in the last place of numbers of about 3.
    assert torch.allclose(found, enlarged.permute(0, 2, 3, 1), atol=1e-5)


def test_sample_features_extends_the_border() -> None:
    small = maps(3, 4)
    beyond = torch.tensor([[[-9.0, -9.0], [99.0, 99.0]]])
    assert torch.allclose(sample_features(small, beyond, 16)[0], small[0, :, [0, 3], [0, 3]].T)
    nowhere = torch.tensor([[[torch.nan, torch.nan], [-torch.inf, torch.inf]]])
    assert torch.allclose(sample_features(small, nowhere, 16)[0], small[0, :, [0, 3], [0, 0]].T)


@pytest.mark.parametrize(("radius", "count"), [(2.0, 9), (3.0, 25), (6.0, 109), (1.0, 1), (2.5, 21)])
def test_disc_holds_pixels_within_radius(radius: float, count: int) -> None:
    offsets = disc(radius, torch.device("cpu"))
    assert len(offsets) == count and (offsets.norm(dim=1) < radius).all()


@pytest.mark.parametrize("layer", [64, 32])
@pytest.mark.parametrize("shift", [(2.0, -1.0), (0.3, 0.7), (-2.6, 2.2), (0.0, 0.0)])
def test_tracking_has_subpixel_precision(layer: int, shift: tuple[float, float]) -> None:
    generator = Blobs(None, torch.device("cpu"))  # type: ignore[arg-type]
    w = torch.zeros(2, 6, 4)
    w[1] = torch.tensor([*shift, *shift[::-1]])
    before, after = (generator.features(each[None], layer) for each in w)
    handles = torch.tensor([Blobs.HOME])
    found = track(after, handles, sample_features(before, handles, 64), 3.0, 64)
    goal = handles + torch.tensor([shift, shift[::-1]])
    # Maps between pixels are a little flatter than at them; on maps of half the size that is worth a sixth of a pixel.
    assert (found - goal).abs().max() < (0.05 if layer == 64 else 0.17)


def test_tracking_stays_in_window_and_image() -> None:
    one = maps(4, 16)
    looks = sample_features(one, torch.tensor([[[15.0, 15.0], [0.0, 0.0]]]), 16)
    (found,) = track(one, torch.tensor([[[1.0, 1.0], [14.0, 0.0]]]), looks, 3.0, 16)
    assert ((found[0] - 1).abs() <= 3.2).all() and (found >= 0).all() and (found <= 15).all()


def test_tracking_searches_every_pixel_of_the_radius() -> None:
    """A handle that differs from its surroundings in a single pixel, in an image of 1024 px."""
    before, after = torch.zeros(1, 1, 1024, 1024), torch.zeros(1, 1, 1024, 1024)
    before[0, 0, 500, 500], after[0, 0, 513, 489] = 1, 1
    handle = torch.tensor([[[500.0, 500.0]]])
    for whole in (False, True):
        found = track(after, handle, sample_features(before, handle, 1024), 24.0, 1024, whole)
        assert found[0, 0].tolist() == [489, 513]


def test_motion_supervision_equals_manual_computation() -> None:
    """On a slope F(x, y) = x the features a pixel on differ by 1, wherever the handle is; half a pixel on by half."""
    slope = torch.arange(16.0).expand(1, 2, 16, 16).clone().requires_grad_()
    points, targets = (
        torch.tensor([[[4.0, 8.0], [9.0, 8.0], [5.0, 5.0]]]),
        torch.tensor([[[9.0, 8.0], [9.5, 8.0], [9.0, 9.0]]]),
    )
    offsets = disc(2.0, torch.device("cpu"))

    def loss(*going: float) -> torch.Tensor:
        return motion_supervision(slope, points, targets, torch.tensor([going]), offsets, 16)[0]

    assert loss(1, 0, 0).item() == pytest.approx(1, abs=1e-5)
    assert loss(0, 1, 0).item() == pytest.approx(0.5, abs=1e-5)
    assert loss(0, 0, 1).item() == pytest.approx(0.5**0.5, abs=1e-5)
    assert loss(1, 1, 1).item() == pytest.approx(1.5 + 0.5**0.5, abs=1e-5)
    (gradient,) = torch.autograd.grad(loss(1, 0, 0), slope)
    # Only what lies a pixel on is moved: the disc around (5, 8), not the one around the handle.
    pulled = (gradient[0, 0].abs() > 1e-4).nonzero().tolist()
    assert pulled == sorted((offsets.flip(1) + torch.tensor([8, 5])).long().tolist())


def test_tracking_uses_feature_maps_of_each_image() -> None:
    many = maps(4, 16, 3)
    points = torch.rand(3, 5, 2, generator=torch.Generator().manual_seed(1)) * 15
    looks = sample_features(many.roll(1, 0), points, 16)
    offsets, going = disc(2.0, torch.device("cpu")), torch.ones(3, 5)
    found, pulled = (
        track(many, points, looks, 3.0, 16),
        motion_supervision(many, points, 15 - points, going, offsets, 16),
    )
    for row in range(3):
        one = slice(row, row + 1)
        assert torch.equal(track(many[one], points[one], looks[one], 3.0, 16), found[one])
        alone = motion_supervision(many[one], points[one], 15 - points[one], going[one], offsets, 16)
        assert alone.item() == pytest.approx(pulled[row].item(), rel=1e-5)  # sums in another order


def test_motion_supervision_mask_of_each_image() -> None:
    before = torch.zeros(2, 2, 4, 4)
    after = before.clone()
    after[:, :, :, 2:] = 3
    kept = torch.zeros(2, 1, 4, 4)
    assert mask_loss(after, before, kept).tolist() == [0, 0]
    kept[1, :, :, 3] = 1
    assert mask_loss(after, before, kept).tolist() == pytest.approx([0, 3 / 4])
