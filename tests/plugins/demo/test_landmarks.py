"""The landmark network of the embedded world: how points are read off, its losses and measures, and its extractor."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

import i2i
from i2i_plugins.demo.extractors.landmarks import DemoLandmarks
from i2i_plugins.demo.networks.landmarks import LandmarkNetwork, cells, expected_positions
from i2i_plugins.demo.networks.layers import ConvNorm, ResNetDBlock, fold
from research.demo.training import landmarks as training

CPU = i2i.choose_device("cpu", "fp32")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=seeded(seed)) * 2 - 1


def lively(seed: int = 0) -> LandmarkNetwork:
    """A network with normalisations that do something."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = LandmarkNetwork().eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for value in (module.weight, module.running_var):
                    nn.init.uniform_(value, 0.5, 1.5)
                for value in (module.bias, module.running_mean):
                    nn.init.normal_(value, std=0.3)
    return network


def written(network: nn.Module, path: Path, **changed: Tensor) -> Path:
    """The file that a training leaves, in half precision as it is shipped."""
    state = {key: value for key, value in network.state_dict().items() if "num_batches" not in key} | changed
    save_file({key: value.half().contiguous() for key, value in state.items()}, path)
    return path


@pytest.fixture
def extractor(tmp_path: Path) -> DemoLandmarks:
    return DemoLandmarks(CPU, written(lively(), tmp_path / "w.safetensors"))


def gaussians(points: Tensor, cells_wide: float = 1.0) -> Tensor:
    """Logits of Gaussians about points ``(N, 68, 2)`` in pixels, ``(N, 68, 32, 32)``, with any sum."""
    places = torch.arange(32) * 2 + 0.5
    x, y = ((places - points[..., i, None]).square() for i in (0, 1))
    return -(x[..., None, :] + y[..., :, None]) / (2 * (2 * cells_wide) ** 2) + 5


def test_soft_argmax_has_subpixel_precision() -> None:
    points = 8 + 48 * torch.rand(2, 68, 2, generator=seeded(0))
    # A Gaussian of one cell, sampled at the cells and 4 of them from the border, misses its centre by under 1e-3 px.
    assert (expected_positions(gaussians(points)) - points).abs().max() < 5e-3


def test_cells_tile_the_image() -> None:
    places = cells(torch.zeros(1))
    assert places[0] == 0.5 and places[-1] == 62.5 and (places.diff() == 2).all()


def test_divergence_equals_kullback_leibler() -> None:
    points, logits = 10 + 40 * torch.rand(2, 68, 2, generator=seeded(1)), noise(2, 2, 68, 32, 32)
    wanted, found = (each.flatten(2).log_softmax(dim=2) for each in (gaussians(points), logits))
    plain = (wanted.exp() * (wanted - found)).sum(dim=2)
    assert torch.allclose(training.divergence(logits, points), plain, rtol=1e-4)
    assert training.divergence(gaussians(points), points).abs().max() < 1e-4  # float32 sums of a thousand terms


def test_folded_network_equals_network() -> None:
    network, images = lively(), noise(3, 2, 3, 64, 64)
    with torch.no_grad():
        heat, face = network(images)
        fold(network.requires_grad_(False))
        folded_heat, folded_face = network(images)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    scale = float(heat.abs().max())
    assert torch.allclose(folded_heat, heat, atol=1e-4 * scale) and torch.allclose(folded_face, face, atol=1e-4)


@pytest.mark.parametrize(("channels", "stride"), [(8, 1), (12, 1), (12, 2)])
def test_blocks_keep_size_and_use_every_pixel(channels: int, stride: int) -> None:
    block = ResNetDBlock(8, channels, stride).eval()
    x = noise(4, 1, 8, 16, 16).requires_grad_()
    y = block(x)
    assert y.shape == (1, channels, 16 // stride, 16 // stride)
    weights = torch.ones(1, 1, 8, 8, requires_grad=True)
    unit = ConvNorm(1, 1, 2, active=False).eval()
    nn.init.ones_(unit.conv.weight)
    unit(weights).sum().backward()
    assert weights.grad is not None and weights.grad[0, 0, 1:-1, 1:-1].std() < 1e-6  # no grid


@pytest.mark.parametrize("size", [(64, 64), (128, 128), (96, 160), (40, 50)])
def test_landmarks_are_in_pixels_of_the_input(extractor: DemoLandmarks, size: tuple[int, int]) -> None:
    images = F.interpolate(noise(5, 2, 3, 8, 8), size, mode="bicubic").clamp(-1, 1)
    small = F.interpolate(images, (64, 64), mode="bilinear", antialias=True) if size != (64, 64) else images
    points, inner = extractor(images), extractor(small)
    assert points.shape == (2, 68, 2) and points.dtype == torch.float32
    ratio = torch.tensor([size[1] / 64, size[0] / 64])
    assert torch.allclose((points + 0.5) / ratio, inner + 0.5, atol=1e-3)
    assert (points > -0.5).all() and (points < torch.tensor([size[1], size[0]]) - 0.5).all()


def test_gradients_reach_pixels_and_weights_are_frozen(extractor: DemoLandmarks) -> None:
    images = noise(6, 1, 3, 96, 96).requires_grad_()
    extractor(images)[:, 36:48].sum().backward()
    assert images.grad is not None and (images.grad != 0).float().mean() > 0.9
    assert not any(each.requires_grad for each in extractor._network.parameters())


def test_autocast_keeps_float32(extractor: DemoLandmarks) -> None:
    images = noise(7, 1, 3, 64, 64)
    plain = extractor(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = extractor(images.bfloat16().float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(extractor(images), plain)
    assert inside.dtype == torch.float32


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 4, 64, 64)])
def test_other_shapes_are_refused(extractor: DemoLandmarks, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"demo-landmarks .*\(N, 3, H, W\), got"):
        extractor(torch.zeros(shape))


def test_other_file_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(i2i.I2IError, match=r"other\.safetensors: the file is no demo-landmarks .*train"):
        DemoLandmarks(CPU, tmp_path / "other.safetensors")


@pytest.mark.parametrize(("logit", "score"), [(3.0, 1 / (1 + math.exp(-3))), (-0.1, None), (0.1, 0.525)])
def test_find_uses_confidence(tmp_path: Path, logit: float, score: float | None) -> None:
    sure = {"face.weight": torch.zeros(1, 128), "face.bias": torch.tensor([logit])}
    extractor = DemoLandmarks(CPU, written(lively(), tmp_path / "w.safetensors", **sure))
    image = noise(8, 1, 3, 80, 80)
    found = extractor.find(image)
    if score is None:
        assert found == []
        return
    (face,) = found
    assert face.score == pytest.approx(score, abs=1e-3)  # a bias in half precision
    assert torch.equal(face.landmarks, extractor(image)[0])
    x0, y0, x1, y1 = face.box
    assert torch.equal(face.landmarks.amin(0), torch.tensor([x0, y0]))
    assert torch.equal(face.landmarks.amax(0), torch.tensor([x1, y1]))


@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (3, 64, 64)])
def test_find_takes_one_image(extractor: DemoLandmarks, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="of one image"):
        extractor.find(torch.zeros(shape))


def toy_pool(count: int, seed: int = 0) -> Any:
    """Disks on flat ground and 68 points on their rims: a pool that is drawn in no time."""
    random = seeded(seed)
    centres, radii = (
        26 + 12 * torch.rand(count, 1, 2, generator=random),
        12 + 6 * torch.rand(count, 1, 1, generator=random),
    )
    angles = torch.arange(68) / 68 * 2 * math.pi
    points = centres + radii * torch.stack([angles.cos(), angles.sin()], dim=1)
    across = torch.arange(64)
    offsets = torch.stack(torch.meshgrid(across, across, indexing="xy"), dim=2) - centres[:, None]
    inside = (radii - offsets.norm(dim=3) + 0.5).clamp(0, 1)[:, None]
    colours = torch.rand(2, count, 3, 1, 1, generator=random)
    images = colours[0] + (colours[1] - colours[0]) * inside
    images = (images * 255).round().to(torch.uint8)
    return SimpleNamespace(images=images, landmarks=points, __len__=count)


class Maps(nn.Module):
    """In place of a network: heat maps and scores that learn by themselves, whatever the images."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.heat = nn.Parameter(torch.zeros(count, 68, 32, 32))
        self.face = nn.Parameter(torch.zeros(count))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        assert len(images) == len(self.heat) and images.abs().max() <= 1
        return self.heat, self.face


def test_losses_are_minimal_for_true_maps_and_scores(one_thread: None) -> None:
    pool, maps = toy_pool(2), Maps(3)  # one image without a face comes to two with one
    images = pool.images.float() / 127.5 - 1
    optimizer = torch.optim.Adam(maps.parameters(), lr=1.0)
    for _ in range(20):
        losses = training.losses_of(maps, images, pool.landmarks, seeded(1))  # type: ignore[arg-type]
        optimizer.zero_grad()
        sum(losses.values(), torch.zeros(())).backward()
        optimizer.step()
    still = training.losses_of(maps, images, pool.landmarks, seeded(1))  # type: ignore[arg-type]
    assert still["points"].item() < 0.2 and still["shape"].item() < 0.3  # from 12 px and 4
    assert maps.face[:2].min() > 2 and maps.face[2] < -2


def test_points_outside_the_image_are_ignored() -> None:
    maps, images = Maps(3), noise(9, 2, 3, 64, 64)
    points = 20 + 20 * torch.rand(2, 68, 2, generator=seeded(10))
    outside = points.clone()
    outside[:, 27:31] += 500.0  # on the bridge of the nose, which a mirror does not rename
    training.losses_of(maps, images, outside, seeded(11))["points"].backward()  # type: ignore[arg-type]
    assert maps.heat.grad is not None
    counted = maps.heat.grad.flatten(2).abs().amax(dim=(0, 2)) > 0
    assert counted.tolist() == [not 27 <= point < 31 for point in range(68)]


def test_errors_are_fractions_of_eye_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = toy_pool(20, seed=1)
    monkeypatch.setattr(training.pools, "images_of", lambda pool, numbers: pool.images[numbers].float() / 127.5 - 1)
    eyes = (pool.landmarks[:, 36] - pool.landmarks[:, 45]).norm(dim=1)
    shares = torch.linspace(0.01, 0.10, 20)

    class Known:
        """Knows the truth, and errs by a known share of the eye distance; knows a disk by its even middle."""

        def __call__(self, images: Tensor) -> Tensor:
            wrong = torch.zeros(20, 1, 2)
            wrong[:, 0, 0] = shares * eyes
            return pool.landmarks + wrong

        def find(self, image: Tensor) -> list[int]:
            known = (image == pool.images.float() / 127.5 - 1).flatten(1).all(dim=1)
            return [1] if known.any() else []

    figures = training.evaluate(Known(), pool)  # type: ignore[arg-type]
    assert figures["nme"] == pytest.approx(float(shares.mean()), rel=1e-4)
    assert figures["nme_p95"] == pytest.approx(float(shares.quantile(0.95)), rel=1e-4)
    assert figures["failures"] == 0.25  # 0.081 is the first of the last five of twenty
    assert figures["found"] == 1.0 and figures["false_alarms"] == 0.0
