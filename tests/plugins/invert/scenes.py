"""Scenes put together by hand: generators of both families, an encoder, and pictures that they have not made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

import i2i
from i2i.toolkit.latents.sampling import SamplingOptions, latents
from i2i_plugins.invert.inverters import INVERTERS
from i2i_plugins.perceptual.lpips_extractor import Lpips
from i2i_plugins.stylegan.generators import StyleGAN2, StyleGAN3
from tests.plugins.stylegan import small_networks

CPU = i2i.choose_device("cpu", "fp32")
UNSEEN = 10_000_000
"""From this number on synthetic faces took no part in making the embedded networks."""


class Near(i2i.Extractor):
    """An encoder that fits any generator: always the latent of seed 1, and a little of the picture's mean."""

    name = "near"
    role = "encoder"

    def __init__(self, generator: Any) -> None:
        self.w = latents(generator, [1], SamplingOptions(truncation=0.5))

    def __call__(self, pictures: Tensor) -> Tensor:
        return self.w + 0.01 * pictures.mean(dim=(1, 2, 3), keepdim=True)[:, 0]


@cache
def generator(family: str) -> Any:
    """``demo`` (64 px, no noise), or a small random one: ``stylegan2`` (32 px, with noise), ``stylegan3`` (64 px)."""
    if family == "demo":
        return i2i.generator("demo-faces", device="cpu")
    if family == "stylegan3":
        tensors = small_networks.stylegan3()
        whole = {name: each.abs() + 1 if name.endswith("magnitude_ema") else each for name, each in tensors.items()}
        return _of_usual_range(StyleGAN3, whole, ("L8_64_3.weight", "L8_64_3.bias"))
    return _of_usual_range(StyleGAN2, small_networks.stylegan2(32), ("torgb.weight", "torgb.bias"))


def _of_usual_range(maker: Any, tensors: dict[str, Tensor], colours: tuple[str, ...]) -> Any:
    """The layers that make colours weakened, until pictures are about in [-1, 1]."""
    made = maker(i2i.Weights(maker.name, tensors), CPU)
    with torch.no_grad():
        range_ = 3 * made.render(latents(made, [0, 1, 2], SamplingOptions())).std()
    weaker = {name: each / range_ if name.endswith(colours) else each for name, each in tensors.items()}
    return maker(i2i.Weights(maker.name, weaker), CPU)


@cache
def lpips() -> Lpips:
    return Lpips(CPU)


@cache
def demo(role: str) -> Any:
    return i2i.extractor(role, device="cpu", domain="synthetic faces")


@cache
def drawn_faces(count: int) -> Tensor:
    """``(count, 3, 64, 64)``, unseen."""
    world = i2i.load_registry().get("dataset", "faces")()
    arrays = [world.render(world.values(UNSEEN + number), 64).picture for number in range(count)]
    return torch.stack([torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 127.5 - 1 for array in arrays])


def samples(family: str, seeds: list[int], truncation: float = 1.0) -> Tensor:
    """Pictures ``(N, 3, R, R)`` in [-1, 1] of a generator's own."""
    made = generator(family)
    with torch.no_grad():
        return made.render(latents(made, seeds, SamplingOptions(truncation=truncation))).clamp(-1, 1)


def compare(pictures: Tensor, others: Tensor) -> list[dict[str, float]]:
    with torch.no_grad():
        squares = ((pictures - others) / 2).square().mean(dim=(1, 2, 3))
        near = lpips().distance(pictures, others) if pictures.shape[2] >= 31 else squares
    return [{"psnr": -10 * s.log10().item(), "lpips": float(d)} for s, d in zip(squares + 1e-12, near, strict=True)]


def scene(
    pictures: Tensor,
    family: str = "demo",
    extractors: Mapping[str, Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
    made: Any = None,
) -> tuple[i2i.Scene, list[str], list[tuple[int, int]]]:
    """A scene with its notes and its progress."""
    made = made or generator(family)
    if extractors is None:
        encoder = demo("encoder") if family == "demo" else Near(made)
        extractors = {"perceptual": lpips(), "encoder": encoder}
    photos = [i2i.Photo(each, name=f"face {number}") for number, each in enumerate(pictures.split(1))]
    notes: list[str] = []
    steps: list[tuple[int, int]] = []
    told = i2i.Scene(
        {"image": photos[0]},
        CPU,
        extractors,
        lambda done, total, **scalars: steps.append((done, total)),
        stop,
        made,
        every={"image": photos},
        note=notes.append,
        compare=compare,
        inverters={each.name: each for each in INVERTERS},
    )
    told.invert = _inverting(told)
    return told, notes, steps


def _inverting(told: i2i.Scene) -> Callable[..., Any]:
    """``Scene.invert`` without a cache."""

    def invert(
        images: Tensor,
        method: str = "",
        options: Mapping[str, Any] = {},
        *,
        progress: Callable[..., None] | None = None,
        cache: bool = True,
    ) -> Any:
        name, values = i2i.split_method(method)
        kind = told.inverters[name]
        built = i2i.build_options(kind.Options, {**options, **values}, "the test")
        caller = replace(told, generator=told.untuned or told.generator, progress=progress or told.progress)
        kind().check(caller.generator, built)
        return kind().invert(caller, images, built)

    return invert
