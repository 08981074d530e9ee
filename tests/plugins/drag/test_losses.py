"""What pulls besides features: colours seen from afar."""

from __future__ import annotations

import pytest
import torch

from i2i_plugins.drag.losses import SMOOTH, ColourLoss


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
