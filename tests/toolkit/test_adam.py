"""Adam for batched samples, of which some leave the batch."""

from __future__ import annotations

import pytest
import torch

from i2i.toolkit.latents.adam import Adam


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.8, 0.95)])
def test_adam_equals_torch_after_samples_left(betas: tuple[float, float]) -> None:
    start = torch.linspace(-1, 1, 12).view(3, 4)
    theirs = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=0.03, betas=betas)
    rows = torch.arange(3)
    ours, adam = {"x": start.clone()}, Adam({"x": start}, betas)
    for step in range(6):
        if step == 3:
            rows = torch.tensor([0, 2])
            ours = {"x": ours["x"][rows]}
            adam.select(rows)
        theirs.grad = (theirs.detach() * (step + 1)).cos()
        adam.step(ours, {"x": (ours["x"] * (step + 1)).cos()}, [0.03])
        optimizer.step()
    assert torch.allclose(ours["x"], theirs.detach()[rows], rtol=0, atol=1e-6)


def test_steps_keep_the_direction_of_the_gradient() -> None:
    start = torch.zeros(2, 3, 4)
    gradient = torch.linspace(-1, 2, 24).view(2, 3, 4)
    ours = {"x": start.clone()}
    Adam({"x": start}, keep_direction=True).step(ours, {"x": gradient}, [0.03])
    for step, own in zip(ours["x"], gradient, strict=True):
        assert torch.allclose(step, -0.03 * own / own.square().mean().sqrt(), rtol=1e-5), "each sample by its own size"
