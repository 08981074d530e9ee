"""VGG16 against torchvision's layers, LPIPS on it against the published distances and the lpips package."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import i2i
from i2i.testing import downloaded_path
from i2i_plugins.perceptual.frechet import Frechet
from i2i_plugins.perceptual.lpips_extractor import LpipsVgg
from i2i_plugins.perceptual.lpips_metric import LpipsVggMetric
from i2i_plugins.perceptual.model_records import VGG16
from i2i_plugins.perceptual.vgg16_extractor import IMAGE2STYLEGAN, Vgg16
from tests.helpers.vgg16_of_noise import noise, state, write

CPU = i2i.choose_device("cpu", "fp32")
RELATIVE = 3e-5
"""Two float32 implementations differ by the order of their sums (about 3e-6 here); ten times more is a fault."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def lpips(file: Path) -> LpipsVgg:
    return LpipsVgg(CPU, file)


@pytest.fixture(scope="module")
def vgg16(file: Path) -> Vgg16:
    return Vgg16(CPU, file)


def torchvisions_layers() -> torch.nn.Sequential:
    from torchvision.models.vgg import cfgs, make_layers

    with torch.device("meta"):
        layers = make_layers(cfgs["D"])
    layers.load_state_dict({key.removeprefix("features."): each.float() for key, each in state().items()}, assign=True)
    return layers


def torchvisions(images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every layer's map by torchvision's own network, with ImageNet's normalisation as its documentation gives it."""
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = ((images + 1) / 2 - mean) / std
    found, block, number = {}, 1, 0
    with torch.no_grad():
        for layer in torchvisions_layers():
            x = layer(x.clone())  # its ReLUs overwrite
            kind = {"Conv2d": "conv", "ReLU": "relu", "MaxPool2d": "pool"}[type(layer).__name__]
            number += kind == "conv"
            found[f"pool{block}" if kind == "pool" else f"{kind}{block}_{number}"] = x
            if kind == "pool":
                block, number = block + 1, 0
    return found


def test_published_distances(shared: Path) -> None:
    lpips = LpipsVgg(CPU, shared / "weights" / "vgg16_imagenet_features.safetensors")
    reference, first, second = (read(shared / "golden" / "lpips" / f"ex_{name}.png") for name in ("ref", "p0", "p1"))
    with torch.no_grad():
        there = lpips.features(reference)
        distances = lpips.compare(lpips.features(torch.cat([first, second])), there).tolist()
        assert distances == pytest.approx([0.5686, 0.4217], abs=1e-4)  # published to four digits
        assert lpips.distance(reference, first).item() == pytest.approx(distances[0], rel=1e-5)


def read(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.mark.parametrize("size", [(64, 64), (33, 47), (16, 20)])
def test_lpips_vgg_equals_lpips_package(
    lpips: LpipsVgg, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lpips import LPIPS, pretrained_networks

        network = SimpleNamespace(features=torchvisions_layers())  # a whole VGG16 would take seconds to make
        monkeypatch.setattr(pretrained_networks.tv, "vgg16", lambda **_: network)
        theirs = LPIPS(net="vgg", pnet_rand=True, verbose=False)
    x, y = noise(0, 2, 3, *size), noise(1, 2, 3, *size)
    with torch.no_grad():
        assert torch.allclose(lpips.distance(x, y), theirs(x, y).flatten(), rtol=1e-5)


@pytest.mark.parametrize(
    "layers",
    [
        IMAGE2STYLEGAN,
        ("relu4_3",),
        ("conv2_2", "relu2_2", "pool2"),  # the same maps before and after a ReLU that may overwrite
        ("relu3_1", "conv3_1", "conv1_1"),  # against the order of the network
        ("pool5", "relu5_3", "conv5_3"),
    ],
    ids="-".join,
)
@pytest.mark.parametrize("learning", [False, True])
def test_features_equal_torchvision(vgg16: Vgg16, layers: tuple[str, ...], learning: bool) -> None:
    images = noise(2, 2, 3, 32, 48)
    before = images.clone()
    found, theirs = vgg16.features(images.requires_grad_(learning), layers), torchvisions(before)
    assert set(found) == set(layers) and all(each.requires_grad == learning for each in found.values())
    for layer in layers:
        assert (found[layer] - theirs[layer]).abs().max() <= RELATIVE * theirs[layer].abs().max(), layer
    assert torch.equal(images, before)


def test_layers_have_the_order_of_torchvision(vgg16: Vgg16) -> None:
    assert vgg16.layers == tuple(torchvisions(noise(0, 1, 3, 32, 32)))


@pytest.mark.parametrize(("layers", "run"), [(("conv1_1",), 1), (IMAGE2STYLEGAN, 9), (("relu4_3",), 10), ((), 0)])
def test_features_stop_at_deepest_layer(file: Path, layers: tuple[str, ...], run: int) -> None:
    vgg16, ran = Vgg16(CPU, file), []
    for module in vgg16._trunk.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda *_: ran.append(1))
    vgg16.features(noise(0, 1, 3, 16, 16), layers)
    assert len(ran) == run


def test_distance_is_image2stylegan_loss(vgg16: Vgg16) -> None:
    x, y = noise(3, 2, 3, 32, 32), noise(4, 2, 3, 32, 32)
    here, there = torchvisions(x), torchvisions(y)
    by_hand = sum((here[layer] - there[layer]).square().flatten(1).mean(1) for layer in IMAGE2STYLEGAN)
    with torch.no_grad():
        assert torch.allclose(vgg16.distance(x, y), by_hand, rtol=1e-5)
        assert vgg16.distance(x, x).tolist() == [0, 0]


@pytest.mark.parametrize("name", ["lpips", "vgg16"])
def test_compare_broadcasts_and_has_gradients(name: str, request: pytest.FixtureRequest) -> None:
    network = request.getfixturevalue(name)
    target, x = noise(5, 1, 3, 32, 32), noise(6, 2, 3, 32, 32).requires_grad_()
    there = network.features(target)
    before = network.compare(network.features(x), there)
    assert torch.allclose(before, network.distance(x, target.expand_as(x)), rtol=1e-5)
    (gradient,) = torch.autograd.grad(before.sum(), x)
    with torch.no_grad():
        after = network.distance(x - 0.02 * gradient / gradient.abs().max(), target.expand_as(x))
    assert (after < before).all() and not any(each.requires_grad for each in there.values())


@pytest.mark.parametrize("name", ["lpips", "vgg16"])
def test_autocast_has_no_effect(name: str, request: pytest.FixtureRequest) -> None:
    network, x, y = request.getfixturevalue(name), noise(7, 1, 3, 32, 32), noise(8, 1, 3, 32, 32)
    plain = network.distance(x, y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(network.distance(x, y), plain)


@pytest.mark.parametrize("layer, pixels", [("conv1_1", 1), ("relu2_2", 2), ("relu4_3", 8), ("relu5_3", 16)])
def test_too_small_images_are_refused(vgg16: Vgg16, layer: str, pixels: int) -> None:
    assert vgg16.features(noise(0, 1, 3, pixels, 40), (layer,))[layer].shape[2] == 1
    if pixels > 1:
        with pytest.raises(i2i.I2IError, match=f"at least {pixels} x {pixels} pixels, but these are 40 x {pixels - 1}"):
            vgg16.features(noise(0, 1, 3, pixels - 1, 40), (layer,))


def test_invalid_images_are_refused(vgg16: Vgg16, lpips: LpipsVgg) -> None:
    with pytest.raises(i2i.UsageError, match=r"VGG16 has no layer 'conv_3_2'\. Did you mean 'conv3_2'\?"):
        vgg16.features(noise(0, 1, 3, 16, 16), ("conv_3_2",))
    with pytest.raises(ValueError, match="vgg16 takes images"):
        vgg16.features(noise(0, 1, 1, 16, 16))
    with pytest.raises(ValueError, match="lpips-vgg compares"):
        lpips.distance(noise(0, 1, 3, 16, 16), noise(0, 2, 3, 16, 16))
    with pytest.raises(i2i.I2IError, match=r"lpips-vgg needs .*; leave lpips-vgg out of --metrics"):
        lpips.distance(noise(0, 1, 3, 15, 16), noise(1, 1, 3, 15, 16))


def keep_whole(found: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({**found, "classifier.0.weight": torch.zeros(4, 4), "classifier.0.bias": torch.zeros(4)}, path)


def keep_wrapped(found: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({"state_dict": found, "epoch": 3}, path)


def keep_safetensors(found: dict[str, torch.Tensor], path: Path) -> None:
    write(path.parent).replace(path)


@pytest.mark.parametrize("keep", [keep_whole, keep_wrapped, keep_safetensors])
def test_downloaded_file_formats(keep, file: Path) -> None:
    """Torchvision's file with its classifier, and what a user puts there by hand under the same name."""
    path = downloaded_path(VGG16)
    assert path.name == "vgg16.pth"
    keep(state(), path)
    x, y = noise(0, 3, 3, 32, 32), noise(1, 3, 3, 32, 32)
    meter = LpipsVggMetric(CPU)
    meter.update(x[:2], y[:2])
    meter.update(x[2:], y[2:])
    with torch.no_grad():
        distances = LpipsVgg(CPU, file).distance(x, y)
    assert meter.per_picture == pytest.approx(distances.tolist(), rel=1e-5)
    assert meter.compute() == pytest.approx(distances.mean().item(), rel=1e-5)


@pytest.mark.parametrize("build", [LpipsVgg, Vgg16, LpipsVggMetric, Frechet])
def test_missing_weights_name_the_command(build) -> None:
    with pytest.raises(i2i.I2IError, match=r"i2i models fetch vgg16', or put the file from .* at .*vgg16\.pth by hand"):
        build(CPU)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: found.pop("features.14.bias"), "lacks 'features.14.bias'"),
        (lambda found: found.update({"features.0.weight": torch.zeros(64, 3, 5, 5)}), "other shapes in 'features.0.w"),
        (lambda found: found.update({"features.30.weight": torch.zeros(2)}), "has the unknown 'features.30.weight'"),
        (lambda found: [found.pop(key) for key in list(found)] and found.update(x=torch.zeros(1)), "and 23 more"),
    ],
)
def test_invalid_file_names_the_tensor(change, told: str, tmp_path: Path) -> None:
    found = state()
    change(found)
    torch.save(found, tmp_path / "net.pth")
    with pytest.raises(i2i.I2IError, match=told) as caught:
        Vgg16(CPU, tmp_path / "net.pth")
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'net.pth'}: the file is no VGG16") and text.endswith("vgg16-397923af.pth.")
    assert "\n" not in text
