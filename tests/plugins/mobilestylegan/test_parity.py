"""The published network answers as recorded: latent codes, images, feature maps, and the published form of latents."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional as F

import i2i
from i2i_plugins.mobilestylegan.generator import MobileStyleGAN
from i2i_plugins.mobilestylegan.model_records import MOBILE_FFHQ

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def tensors(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """The converted weights of the published package."""
    (source,) = MOBILE_FFHQ.sources
    assert isinstance(source, i2i.WheelSource) and MOBILE_FFHQ.convert is not None
    wheel = shared / "weights" / "random_face-2021.7.21.1-py3-none-any.whl"
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == source.sha256 and wheel.stat().st_size == source.bytes
    folder, files = tmp_path_factory.mktemp("members"), {}
    with zipfile.ZipFile(wheel) as archive:
        for member, digest in source.members.items():
            content = archive.read(member)
            assert hashlib.sha256(content).hexdigest() == digest
            files[Path(member).name] = folder / Path(member).name
            files[Path(member).name].write_bytes(content)
    return dict(MOBILE_FFHQ.convert(files))


@pytest.fixture(scope="module")
def generator(tensors: dict[str, Tensor]) -> MobileStyleGAN:
    return MobileStyleGAN(i2i.Weights("mobilestylegan", tensors), i2i.choose_device("cpu", "fp32"))


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "golden" / "mobilestylegan_1024.safetensors")


def difference(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max())


def test_converted_bytes_are_those_of_the_record(tensors: dict[str, Tensor]) -> None:
    content = save(tensors, {"format": "pt"})
    assert len(content) == MOBILE_FFHQ.bytes
    assert hashlib.sha256(content).hexdigest() == MOBILE_FFHQ.sha256


def test_sizes(generator: MobileStyleGAN) -> None:
    assert (generator.num_ws, generator.w_dim, generator.resolution) == (16, 512, 1024)
    assert generator.w_std == pytest.approx(10.0, abs=0.5)


@torch.no_grad()
def test_latents_and_images(generator: MobileStyleGAN, golden: dict[str, Tensor]) -> None:
    assert difference(generator.map(golden["z"])[:, 0], golden["w"]) < TOLERANCE
    for number, w in enumerate(golden["w"]):
        image = generator.render(w.expand(1, 16, 512))
        assert difference(F.avg_pool2d(image, 4), golden[f"image{number}_pool4"]) < TOLERANCE
        if number == 0:
            assert difference(image[:, :, 400:528, 420:548], golden["image0_crop"]) < TOLERANCE


@torch.no_grad()
def test_published_rows(generator: MobileStyleGAN, golden: dict[str, Tensor]) -> None:
    w = generator.from_published_layers(golden["wp"])
    assert w is not None
    image = generator.render(w)
    assert difference(F.avg_pool2d(image, 4), golden["imagep_pool4"]) < TOLERANCE
    assert difference(image[:, :, 400:528, 420:548], golden["imagep_crop"]) < TOLERANCE


@torch.no_grad()
@pytest.mark.parametrize("resolution", [32, 64, 128, 256])
def test_features(generator: MobileStyleGAN, golden: dict[str, Tensor], resolution: int) -> None:
    expected = golden[f"features0_{resolution}"]
    maps = generator.features(golden["w"][:1, None].expand(1, 16, 512), resolution)
    assert difference(maps[:, ::16], expected) < TOLERANCE
