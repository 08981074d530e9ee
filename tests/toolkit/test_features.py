"""The size at which edits compare pictures."""

from __future__ import annotations

import pytest
import torch

from i2i.toolkit.latents.features import resize_for_features


@pytest.mark.parametrize(
    ("side", "compared"), [(1024, 256), (512, 256), (256, 256), (100, 100), (64, 64), (32, 64), (40, 80)]
)
def test_pictures_are_compared_at_a_size_that_suits_them(side: int, compared: int) -> None:
    assert resize_for_features(torch.zeros(1, 3, side, side)).shape[2:] == (compared, compared)


def test_pictures_are_averaged_down_and_repeated_up() -> None:
    checks = torch.arange(512 * 512.0).view(1, 1, 512, 512)
    assert torch.equal(
        resize_for_features(checks), checks.unflatten(2, (256, 2)).unflatten(4, (256, 2)).mean(dim=(3, 5))
    )
    small = torch.arange(32 * 32.0).view(1, 1, 32, 32)
    assert torch.equal(resize_for_features(small), small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
