"""LPIPS against the published distances of its authors' images."""

from __future__ import annotations

import contextlib
import importlib.resources
import io
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import i2i
from i2i.testing import registered_by
from i2i_plugins.perceptual.frechet import Frechet
from i2i_plugins.perceptual.lpips_extractor import Lpips, LpipsVgg
from i2i_plugins.perceptual.lpips_metric import LpipsMetric, LpipsVggMetric
from i2i_plugins.perceptual.model_records import VGG16
from i2i_plugins.perceptual.vgg16_extractor import Vgg16


@pytest.fixture(scope="module")
def lpips() -> Lpips:
    return Lpips(i2i.choose_device("cpu", "fp32"))


def metric() -> i2i.Metric:
    return LpipsMetric(i2i.choose_device("cpu", "fp32"))


def read(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None].float() / 127.5 - 1


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_published_distances(lpips: Lpips, shared: Path) -> None:
    reference, first, second = (read(shared / "golden" / "lpips" / f"ex_{name}.png") for name in ("ref", "p0", "p1"))
    with torch.no_grad():
        distances = lpips.distance(torch.cat([reference, reference]), torch.cat([first, second])).tolist()
    # Published to four digits; the trunk's half precision (11 bits) costs less than one of the fourth.
    assert distances == pytest.approx([0.7219, 0.1376], abs=1.5e-4)


def test_lpips_equals_lpips_package(lpips: Lpips) -> None:
    """The authors' module, given our trunk, at an odd size, at a batch and below 64 px."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lpips import LPIPS
        from safetensors.torch import load_file

        theirs = LPIPS(net="alex", pnet_rand=True, verbose=False)
    trunk = load_file(str(importlib.resources.files("i2i_plugins.perceptual") / "alexnet_features.safetensors"))
    names = {"0": "slice1.0", "3": "slice2.3", "6": "slice3.6", "8": "slice4.8", "10": "slice5.10"}
    for key, value in trunk.items():
        _, index, kind = key.split(".")
        theirs.net.get_parameter(f"{names[index]}.{kind}").data.copy_(value.float())
    for seed, (height, width) in enumerate([(64, 64), (97, 70), (31, 40)]):
        x, y = noise(seed, 2, 3, height, width), noise(seed + 9, 2, 3, height, width)
        with torch.no_grad():
            assert torch.allclose(lpips.distance(x, y), theirs(x, y).flatten(), rtol=1e-5)


def test_distance_has_gradients(lpips: Lpips) -> None:
    target = noise(0, 1, 3, 64, 64)
    x = noise(1, 1, 3, 64, 64).requires_grad_()
    before = lpips.distance(x, target).sum()
    (gradient,) = torch.autograd.grad(before, x)
    with torch.no_grad():
        assert lpips.distance(x - 0.05 * gradient / gradient.abs().max(), target).item() < before.item()
        assert lpips.distance(target, target).item() == 0
        assert torch.allclose(lpips.distance(x, target), lpips.distance(target, x))


def test_gradient_is_finite_for_zero_features(lpips: Lpips) -> None:
    flat = torch.full((1, 3, 64, 64), -0.1).requires_grad_()
    (gradient,) = torch.autograd.grad(lpips.distance(flat, torch.full_like(flat, 0.2)).sum(), flat)
    assert torch.isfinite(gradient).all()


def test_autocast_has_no_effect(lpips: Lpips) -> None:
    x, y = noise(0, 1, 3, 64, 64), noise(1, 1, 3, 64, 64)
    with torch.no_grad():
        plain = lpips.distance(x, y)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(lpips.distance(x, y), plain)


def test_metric_is_mean_over_images(lpips: Lpips) -> None:
    x, y = noise(0, 3, 3, 64, 64), noise(1, 3, 3, 64, 64)
    meter = metric()
    meter.update(x[:2], y[:2])
    meter.update(x[2:], y[2:])
    with torch.no_grad():
        assert meter.compute() == pytest.approx(lpips.distance(x, y).mean().item(), rel=1e-5)


def test_invalid_images_are_refused(lpips: Lpips) -> None:
    with pytest.raises(i2i.I2IError, match="31 x 31 pixels, but these are 64 x 30"):
        lpips.distance(noise(0, 1, 3, 30, 64), noise(1, 1, 3, 30, 64))
    with pytest.raises(ValueError, match="compares"):
        lpips.distance(noise(0, 1, 3, 64, 64), noise(1, 2, 3, 64, 64))
    with pytest.raises(i2i.I2IError, match="lpips has seen no images"):
        metric().compute()


def test_loading_is_silent_and_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was to be downloaded")

    monkeypatch.setattr("socket.socket.connect", refuse)
    state = torch.random.get_rng_state()
    said = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        warnings.simplefilter("error")
        metric()
    assert said.getvalue() == ""
    assert torch.equal(torch.random.get_rng_state(), state)


def test_missing_package_is_named() -> None:
    code = (
        "import sys, i2i; from i2i_plugins.perceptual.lpips_extractor import Lpips\n"
        "sys.modules['lpips'] = None\n"
        "try: Lpips('cpu')\n"
        "except i2i.I2IError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "pip install lpips" in done.stdout, done.stderr


def test_damaged_linear_layers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lpips, "linear_file", "vgg.pth")
    with pytest.raises(i2i.I2IError, match=r"vgg\.pth: the file is no set .* run: pip install --force-reinstall lpips"):
        Lpips(i2i.choose_device("cpu", "fp32"))


def test_registered_things() -> None:
    found = registered_by("i2i_plugins.perceptual")
    assert found == [VGG16, Lpips, LpipsVgg, Vgg16, Frechet, LpipsMetric, LpipsVggMetric]
    extractors = {thing.name: (thing.role, thing.default) for thing in found[1:4]}
    assert extractors == {name: ("perceptual", name == "lpips") for name in ("lpips", "lpips-vgg", "vgg16")}
    assert VGG16.sha256 is not None and VGG16.url.endswith(f"vgg16-{VGG16.sha256[:8]}.pth")
