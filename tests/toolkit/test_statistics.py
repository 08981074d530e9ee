"""Statistics of latent codes against those of samples."""

from __future__ import annotations

import pytest
import torch

import i2i
from i2i.testing import TinyGenerator
from i2i.toolkit.latents.statistics import component_std


def test_component_std_is_that_of_samples() -> None:
    tiny = TinyGenerator(None, i2i.choose_device("cpu"))
    z = torch.randn(4000, tiny.z_dim, generator=torch.Generator().manual_seed(1))
    w = tiny.map(z)[:, 0] - tiny.w_mean
    assert component_std(tiny) == pytest.approx(float(w.square().mean().sqrt()), rel=0.03)
