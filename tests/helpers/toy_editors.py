"""Small editors for the tests of editing."""

from __future__ import annotations

from typing import Any

import click
import torch
from click.testing import CliRunner, Result
from pydantic import Field

import i2i
from i2i.registry import Registry


class Shift(i2i.Editor):
    name = "shift"
    summary = "Add noise and a constant."

    class Options(i2i.Options):
        amount: float = Field(0.25, ge=-1, le=1, description="Added")
        noise: float = Field(0.0, ge=0, le=1, description="Spread of the noise")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        x = scene.photos["image"].pixels
        assert x.dtype == torch.float32 and x.ndim == 4 and scene.device == "cpu"
        scene.progress(1, 1, amount=options.amount)
        y = x + options.amount + options.noise * torch.randn_like(x)
        return i2i.Result(image=y.clamp(-1, 1), frames=(x, y.clamp(-1, 1)), scalars={"mean": float(y.mean())})


class Blend(i2i.Editor):
    name = "blend"
    summary = "The mean of two photos of one size, with a look at landmarks."
    photos = ("first", "second")
    extractors = ("landmarks",)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        first, second = (scene.photos[name].pixels for name in self.photos)
        return i2i.Result(image=(first + second) / 2, scalars={"points": scene.extractors["landmarks"].points})


class Points(i2i.Extractor):
    name = "points"
    summary = "Says 68."
    role = "landmarks"

    def __init__(self, device: i2i.Device) -> None:
        self.points = 68 if device == "cpu" else 0


class Seeded(i2i.Editor):
    name = "seeded"
    summary = "Shows its seed."
    photos = ()

    class Options(i2i.Options):
        seed: int = Field(0, description="Filled in from the edit")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        return i2i.Result(image=torch.zeros(1, 3, 4, 4), scalars={"seed": options.seed})


class Latent(i2i.Editor):
    name = "latent"
    summary = "Needs a generator."
    wants = "latent"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        raise AssertionError("must not be reached")


def run(command: click.Command, registry: Registry, *args: Any) -> Result:
    return CliRunner().invoke(command, [str(arg) for arg in args], obj=registry)
