"""The Fréchet distance against closed forms, SciPy's matrix root and arithmetic on the network's features."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import i2i
from i2i_plugins.perceptual.frechet import Frechet, Moments, frechet_distance
from i2i_plugins.perceptual.vgg16_extractor import Vgg16
from tests.helpers.vgg16_of_noise import noise, write

CPU = i2i.choose_device("cpu", "fp32")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("weights"))


def rows(seed: int, count: int, width: int, spread: float = 1.0, mean: float = 0.0) -> torch.Tensor:
    """Normal numbers, every column with a spread of its own."""
    random = torch.Generator().manual_seed(seed)
    columns = torch.linspace(0.1, spread, width, dtype=torch.float64)
    return torch.randn(count, width, generator=random, dtype=torch.float64) * columns + mean


def normal(data: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return data.mean(dim=0), torch.from_numpy(np.cov(data.numpy(), rowvar=False))


def by_scipy(x: torch.Tensor, y: torch.Tensor) -> float:
    """As FID's reference code reckons it, with the root of a product that is not symmetric."""
    from scipy.linalg import sqrtm

    (m, a), (n, b) = normal(x), normal(y)
    root = sqrtm(a.numpy() @ b.numpy())
    return float((m - n).square().sum() + a.trace() + b.trace() - 2 * np.trace(root).real)


def test_frechet_of_diagonal_covariances() -> None:
    m, n = torch.tensor([0.0, 2.0, 1.0]).double(), torch.tensor([1.0, 0.0, 1.0]).double()
    a, b = torch.tensor([4.0, 1.0, 0.0]).double(), torch.tensor([1.0, 9.0, 0.25]).double()
    found = frechet_distance(m, torch.diag(a), n, torch.diag(b))
    assert found == pytest.approx(5 + ((a.sqrt() - b.sqrt()) ** 2).sum().item(), rel=1e-12)


@pytest.mark.parametrize("mean", [0.0, 100.0])
def test_frechet_equals_scipy(mean: float) -> None:
    x, y = rows(0, 300, 24, mean=mean), rows(1, 200, 24, spread=2.0, mean=mean + 0.1)
    taken = []
    for data, sizes in ((x, (7, 93, 200)), (y, (199, 1))):
        moments = Moments(24)
        for part in data.split(sizes):
            moments.add(part)
        assert moments.count == len(data)
        for ours, theirs in zip(moments.normal(), normal(data), strict=True):
            # The sums of products lose the digits that a mean of 100 takes: 1e4 times 1e-16, and as many summands.
            assert torch.allclose(ours, theirs, rtol=1e-10, atol=1e-10)
        taken += moments.normal()
    assert frechet_distance(*taken) == pytest.approx(by_scipy(x, y), rel=1e-7)  # the digits that SciPy's root has


def test_frechet_of_few_images_is_symmetric() -> None:
    x, y = normal(rows(2, 10, 64)), normal(rows(3, 10, 64))
    assert frechet_distance(*x, *x) == pytest.approx(0, abs=1e-12)
    there, back = frechet_distance(*x, *y), frechet_distance(*y, *x)
    assert there == pytest.approx(back, rel=1e-9) and there > 1


def test_frechet_uses_averaged_relu4_3(file: Path) -> None:
    outputs, targets = noise(0, 12, 3, 32, 32), noise(1, 7, 3, 40, 24) * 0.5
    meter, network = Frechet(CPU, file), Vgg16(CPU, file)
    for part in outputs.split([1, 5, 6]):
        meter.add_outputs(part)
    meter.add_targets(targets)
    x, y = (network.features(each, ["relu4_3"])["relu4_3"].mean(dim=(2, 3)).double() for each in (outputs, targets))
    assert x.shape == (12, 512)
    expected = frechet_distance(*normal(x), *normal(y))
    # Convolutions of batches of other sizes round in another order.
    assert meter.compute() == pytest.approx(expected, rel=1e-4) and meter.per_picture == []


def test_frechet_ignores_pairing(file: Path) -> None:
    images = noise(2, 8, 3, 32, 32)
    found = {}
    for name, outputs in {"same": images.flip(0), "pale": images * 0.8, "paler": images * 0.5}.items():
        meter = Frechet(CPU, file)
        for each, target in zip(outputs.split(4), images.split(4), strict=True):
            meter.update(each, target)
        found[name] = meter.compute()
    assert found["same"] == pytest.approx(0, abs=1e-4 * found["pale"])
    assert 0 < found["pale"] < found["paler"] and Frechet.better == "lower"


def test_invalid_images_are_refused(file: Path) -> None:
    meter = Frechet(CPU, file)
    meter.update(noise(0, 1, 3, 16, 16), noise(1, 1, 3, 16, 16))
    meter.add_targets(noise(2, 2, 3, 16, 16))
    with pytest.raises(i2i.I2IError, match="at least 2 images of each kind, but has seen 1 of the outputs and 3 of"):
        meter.compute()
    with pytest.raises(i2i.I2IError, match="at least 8 x 8 pixels, but these are 16 x 7"):
        meter.add_outputs(noise(0, 1, 3, 7, 16))
    meter.add_outputs(torch.full((1, 3, 16, 16), torch.nan))
    assert math.isnan(meter.compute())
