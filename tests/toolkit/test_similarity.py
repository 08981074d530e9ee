"""PSNR of squared errors."""

from __future__ import annotations

import pytest
import torch

from i2i.toolkit.images.similarity import psnr


def test_psnr_of_known_errors_is_finite() -> None:
    found = psnr(torch.tensor([4.0, 0.04, 4e-8, 0.0]))  # images in [-1, 1]: the largest error is 2
    assert found.tolist() == pytest.approx([0.0, 20.0, 80.0, 106.0206], abs=1e-4)
