"""A generator without a mapping network, layers or noise maps: a DCGAN that is read from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

import i2i
from i2i.editing import stages
from i2i.editing.pipeline import edit
from i2i.registry import Plugin, Registry, find_plugins
from i2i.toolkit.images import save_image

PLUGINS = ["invert", "mix", "drag", "sample", "metrics", "perceptual", "demo"]


class DCGAN(i2i.Generator):
    """A linear layer, and nothing else."""

    name = "toy-dcgan"
    summary = "A small DCGAN."

    @classmethod
    def read(cls, contents: i2i.Contents) -> i2i.Weights | None:
        tree = contents.tree
        if not isinstance(tree, dict) or "dcgan.weight" not in tree:
            return None
        return i2i.Weights(cls.name, {name: stored.tensor() for name, stored in tree.items()})

    def __init__(self, weights: i2i.Weights | None, device: i2i.Device) -> None:
        assert weights is not None
        self.weight = weights.tensors["dcgan.weight"].to(device)
        self.z_dim, self.resolution, self.device = len(self.weight), 32, device

    def render(self, w: torch.Tensor, noise: Any = "const") -> torch.Tensor:
        return (w[:, 0].to(self.weight) @ self.weight).view(-1, 3, 32, 32).tanh()


class Module:
    @staticmethod
    @i2i.hookimpl
    def register_generators(register: Any) -> None:
        register(DCGAN)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "home"))
    return Registry([*find_plugins(PLUGINS), Plugin("toy", "i2i-toy", "1.0", Module)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    weight = torch.randn(8, 3 * 32 * 32, generator=torch.Generator().manual_seed(0)) / 8**0.5
    save_file({"dcgan.weight": weight}, tmp_path / "dcgan.safetensors")
    return tmp_path / "dcgan.safetensors"


def test_defaults_make_w_of_z(registry: Registry, file: Path) -> None:
    generator = i2i.generator(file, device="cpu", registry=registry)
    z = torch.arange(16.0).view(2, 8)
    assert (generator.num_ws, generator.w_dim, generator.c_dim, generator.channels) == (1, 8, 0, 3)
    assert torch.equal(generator.map(z), z[:, None]) and torch.equal(generator.map(z, truncation=0.5), z[:, None] / 2)
    assert not generator.w_mean.any() and generator.w_std == pytest.approx(8**0.5)


def test_sample_draws_it_and_refuses_style_mixing(registry: Registry, file: Path, tmp_path: Path) -> None:
    from i2i_plugins.sample.files import SampleLayout, sample

    made = sample(file, tmp_path / "grid.png", range(4), device="cpu", registry=registry)
    assert made["pictures"] == 4 and Image.open(tmp_path / "grid.png").width > 64
    with pytest.raises(i2i.UsageError, match="has one layer, so there is nothing to mix"):
        sample(file, tmp_path / "mix.png", range(2), layout=SampleLayout(mix=[5]), device="cpu", registry=registry)


def test_mix_morphs_and_averages_it(registry: Registry, file: Path) -> None:
    shared: dict[str, Any] = {"generator": file, "device": "cpu", "registry": registry}
    pair = ["seed:1", "other=seed:2"]
    morph = edit("mix", pair, preset="morph", frames=3, **shared)
    assert len(morph.frames) >= 3 and morph.image.shape == (1, 3, 32, 32)
    average = edit("mix", pair, preset="average", **shared)
    generator = i2i.generator(file, device="cpu", registry=registry)
    assert torch.allclose(average.image, generator.render(average.latent.w).clamp(-1, 1))  # type: ignore[union-attr]
    for preset in ("style", "crossover"):
        with pytest.raises(i2i.UsageError, match=f"--preset {preset}.* several layers"):
            edit("mix", pair, preset=preset, **shared)
    with pytest.raises(i2i.I2IError, match="sefa"):
        edit("mix", ["seed:1"], preset="sefa", **shared)


@pytest.mark.usefixtures("one_thread")
def test_invert_finds_its_latents(registry: Registry, file: Path, tmp_path: Path) -> None:
    generator = i2i.generator(file, device="cpu", registry=registry)
    w = torch.randn(1, 1, 8, generator=torch.Generator().manual_seed(3))
    from i2i.toolkit.images import to_array

    save_image(tmp_path / "photo.png", to_array(generator.render(w)))
    shared: dict[str, Any] = {"generator": file, "device": "cpu", "registry": registry}
    notes: list[str] = []
    result = edit("invert", [tmp_path / "photo.png"], steps=80, note=notes.append, **shared)
    assert result.scalars["psnr"] > 25 and isinstance(result.latent, i2i.Latent) and not result.latent.noise
    assert [note.partition("unknown, ")[2] for note in notes if "The domain of" in note] == [
        "so photos are cropped to their largest square."  # and no advice, as no face is in it
    ]
    morph = edit("mix", [tmp_path / "photo.png", "other=seed:2"], preset="average", invert="hybrid,steps=3", **shared)
    assert morph.image.isfinite().all()
    for method, reason in (("projector", "optimises noise maps"), ("pti", "needs the layers of a StyleGAN")):
        with pytest.raises(i2i.I2IError, match=reason):
            edit("invert", [tmp_path / "photo.png"], method=method, **shared)
    assert (
        edit("invert", [tmp_path / "photo.png"], method="lpips", noise=False, steps=2, **shared).image.isfinite().all()
    )


def test_editors_of_stylegans_refuse_it(registry: Registry, file: Path) -> None:
    with pytest.raises(i2i.I2IError, match=r"editor 'drag' needs the layers of a StyleGAN.*family 'toy-dcgan'"):
        edit("drag", ["seed:0"], preset="smile", generator=file, device="cpu", registry=registry)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("faces", "advice"), [(1, True), (0, False), (None, False)])
def test_unknown_domain_advises_face_crop_where_a_face_is(
    faces: int | None, advice: bool, registry: Registry, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finder:
        def find(self, image: Tensor) -> list[i2i.Face]:
            return [i2i.Face((0, 0, 9, 9), torch.zeros(68, 2), 1.0)] * (faces or 0)

    def opened(role: str, *arguments: Any) -> Finder:
        assert role == "landmarks"
        if faces is None:
            raise i2i.I2IError("the detector is not downloaded")
        return Finder()

    monkeypatch.setattr(stages, "open_chosen", opened)
    save_image(tmp_path / "photo.png", np.full((40, 40, 3), 90, np.uint8))
    notes: list[str] = []
    edit(
        "invert",
        [tmp_path / "photo.png"],
        **{"steps": 1, "note": notes.append, "generator": file, "device": "cpu", "registry": registry},
    )
    told = [note for note in notes if "The domain of" in note]
    assert len(told) == 1 and ("add --crop face" in told[0]) is advice
