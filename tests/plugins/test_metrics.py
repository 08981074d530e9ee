"""l1, psnr and ssim against numbers computed another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

import i2i
from i2i.testing import registered_by


@pytest.fixture(scope="module")
def metrics() -> dict[str, type[i2i.Metric]]:
    return {metric.name: metric for metric in registered_by("i2i_plugins.metrics")}


def images(seed: int, count: int = 5, height: int = 40, width: int = 56) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    target = gaussian_filter(rng.normal(size=(count, 3, height, width)), sigma=(0, 0, 2, 2)) * 4
    target = np.clip(target + rng.uniform(-0.7, 0.7, size=(count, 3, 1, 1)), -1, 1)
    noise = rng.normal(scale=0.3, size=target.shape) * rng.uniform(0.05, 1, size=(count, 1, 1, 1))
    return torch.tensor(np.clip(target + noise, -1, 1)).float(), torch.tensor(target).float()


def measure(metric: type[i2i.Metric], output: torch.Tensor, target: torch.Tensor, batch: int) -> float:
    meter = metric("cpu")
    for start in range(0, len(output), batch):
        meter.update(output[start : start + batch], target[start : start + batch])
    return meter.compute()


def plain_ssim(output: np.ndarray, target: np.ndarray) -> float:
    """SSIM of two (H, W) images in [0, 1] with scipy's filter, cropped to where the whole window fits."""

    def blur(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, sigma=1.5, radius=5)[5:-5, 5:-5]

    mean_x, mean_y = blur(output), blur(target)
    var_x, var_y = blur(output**2) - mean_x**2, blur(target**2) - mean_y**2
    cov = blur(output * target) - mean_x * mean_y
    top = (2 * mean_x * mean_y + 0.01**2) * (2 * cov + 0.03**2)
    return float((top / ((mean_x**2 + mean_y**2 + 0.01**2) * (var_x + var_y + 0.03**2))).mean())


def test_ssim_equals_float64_computation(metrics: dict[str, type[i2i.Metric]]) -> None:
    output, target = images(0)
    x, y = (output.double().numpy() + 1) / 2, (target.double().numpy() + 1) / 2
    expected = np.mean([plain_ssim(x[n, c], y[n, c]) for n in range(5) for c in range(3)])
    assert 0.05 < expected < 0.95
    assert measure(metrics["ssim"], output, target, batch=5) == pytest.approx(expected, abs=1e-5)


def test_ssim_of_bright_flat_images(metrics: dict[str, type[i2i.Metric]]) -> None:
    output = torch.full((1, 3, 32, 32), 0.98) + torch.linspace(0, 0.01, 32)
    target = torch.full((1, 3, 32, 32), 0.98) + torch.linspace(0.01, 0, 32)
    x, y = (output[0, 0].double().numpy() + 1) / 2, (target[0, 0].double().numpy() + 1) / 2
    assert measure(metrics["ssim"], output, target, batch=1) == pytest.approx(plain_ssim(x, y), abs=1e-4)


def test_psnr_is_mean_over_images(metrics: dict[str, type[i2i.Metric]]) -> None:
    output, target = images(1)
    mse = (((output.double() - target.double()) / 2) ** 2).mean(dim=(1, 2, 3)).numpy()
    assert measure(metrics["psnr"], output, target, batch=2) == pytest.approx(
        float(np.mean(-10 * np.log10(mse))), abs=1e-4
    )


def test_values_of_known_differences(metrics: dict[str, type[i2i.Metric]]) -> None:
    target = torch.zeros(2, 3, 16, 16)
    assert measure(metrics["l1"], target + 0.2, target, batch=2) == pytest.approx(0.1, abs=1e-7)
    assert measure(metrics["psnr"], target + 0.2, target, batch=2) == pytest.approx(20.0, abs=1e-5)


def test_identical_images_have_the_best_value(metrics: dict[str, type[i2i.Metric]]) -> None:
    target = images(2)[1]
    best = {name: measure(metric, target, target, batch=2) for name, metric in metrics.items()}
    assert best == {"l1": 0.0, "psnr": pytest.approx(100.0), "ssim": pytest.approx(1.0, abs=1e-6)}


def test_invalid_images_are_refused(metrics: dict[str, type[i2i.Metric]]) -> None:
    with pytest.raises(i2i.I2IError, match="11 x 11 pixels, but these are 8 x 10"):
        metrics["ssim"]("cpu").update(torch.zeros(1, 3, 10, 8), torch.zeros(1, 3, 10, 8))
    with pytest.raises(i2i.I2IError, match="psnr has seen no images"):
        metrics["psnr"]("cpu").compute()
    with pytest.raises(ValueError, match="l1 compares"):
        metrics["l1"]("cpu").update(torch.zeros(1, 3, 8, 8), torch.zeros(2, 3, 8, 8))
