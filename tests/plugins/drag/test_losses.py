"""What pulls besides features: colours seen from afar."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.drag.losses import SMOOTH, ColourLoss, Guidance, IdentityLoss, LandmarkLoss
from tests.plugins.drag.scenes import Blobs, Reader


@pytest.mark.parametrize("size", [16, 64, 100])
def test_colour_loss_grows_with_difference(size: int) -> None:
    pictures = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    loss = ColourLoss.create(5.0, pictures)
    assert torch.equal(loss(pictures), torch.zeros(2))
    redder = pictures.clone()
    redder[1, 0] += 0.3  # one colour of three, in the second picture
    cost = 5 * (0.3 - SMOOTH / 2) / 3
    assert loss(redder).tolist() == pytest.approx([0, cost], abs=1e-5)
    assert loss.select(torch.tensor([1]))(redder[1:]).tolist() == pytest.approx([cost], abs=1e-5)


def test_colour_loss_ignores_moves_within_a_block() -> None:
    before, after = torch.zeros(2, 1, 3, 64, 64)
    before[..., 9:11, 9:11] = 1
    after[..., 12:14, 12:14] = 1  # blocks are of 8 px
    loss = ColourLoss.create(1.0, before)
    assert float(loss(after)) == pytest.approx(0, abs=1e-6)
    assert float(loss(after.roll(8, 3))) > 0


def test_guidance_finds_landmarks_without_computing_losses() -> None:
    class Identity:
        calls = 0

        def align(self, images: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
            return images

        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return torch.ones(len(images), 1)

    identity: Any = Identity()
    generator, w = Blobs(None, i2i.choose_device("cpu", "fp32"), 128), torch.full((1, 6, 4), 3.0)
    initial, image, mask = generator.render(w * 0), generator.render(w), torch.ones(1, 1, 128, 128)
    mask[..., :32] = 0
    points = Reader()(initial)
    kept = IdentityLoss(identity, 1.0, torch.ones(1, 1))
    losses = LandmarkLoss(points, torch.ones(1, 68)), kept, ColourLoss.create(1.0, initial)
    guidance = Guidance(Reader(), *losses, initial, mask)
    small = guidance.downsampled(64)
    for own, shown in ((guidance, image), (small, generator.features(w, 64)[:, :3] * 2 - 1)):
        identity.calls = 0
        landmarks, _ = own(shown)
        assert own.find(shown).equal(landmarks) and identity.calls == 1
    # Pixels of the generator's image, whatever is looked at.
    assert (small.find(generator.features(w, 64)[:, :3] * 2 - 1) - guidance.find(image))[:, [62, 66]].abs().max() < 0.5
