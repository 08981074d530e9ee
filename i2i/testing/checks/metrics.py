"""Contract test of metrics."""

from __future__ import annotations

import torch

from .contract_run import ContractRun, photos


def check_metric(run: ContractRun) -> None:
    """Measure equal and different images, in one batch and in two."""
    images = photos(4)
    noisy = (images + 0.5 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    equal, whole, parts = run.build(run.device), run.build(run.device), run.build(run.device)
    equal.update(images, images.clone())
    whole.update(noisy, images)
    for part in (slice(0, 1), slice(1, 4)):
        parts.update(noisy[part], images[part])
    best, value, value_of_parts = equal.compute(), whole.compute(), parts.compute()
    better = best < value if whole.better == "lower" else best > value
    assert better, f"equal images measure {best} and different ones {value}, although {whole.better} is better"
    assert abs(value - value_of_parts) <= 1e-3 * max(1.0, abs(value)), "the measure depends on the batches"
    per_image = parts.per_picture
    assert len(per_image) in (0, 4), f"per_picture has {len(per_image)} values for 4 images"
