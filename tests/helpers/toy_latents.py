"""Small editors that work through a generator, for the tests of editing, and a registry that holds them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from pydantic import Field

import i2i
from i2i.registry import Registry
from i2i.testing import registry_of
from tests.helpers.toy_faces import Squares
from tests.helpers.toy_generators import Bands


class Tunable(Bands, i2i.StyleGenerator):
    """Bands whose shift may be changed."""

    name = "tunable"

    def weights(self) -> dict[str, torch.Tensor]:
        return {"shift": self.shift}

    def tuned(self, changes: Any = None, noise: Any = None) -> Tunable:
        made = Tunable(None, self.device)
        made.shift = self.shift + (changes or {}).get("shift", 0)
        return made


class Bandwise(i2i.Inverter):
    """Each row of w becomes the mean colour of its band; counts how often it is asked."""

    name = "plain"
    summary = "Reads off the bands."
    default = True
    asked: list[int] = []

    class Options(i2i.Options):
        offset: float = Field(0.0, description="Added to every colour")

    def changes(self) -> dict[str, torch.Tensor]:
        return {}

    def invert(self, scene: i2i.Scene, images: torch.Tensor, options: Any) -> list[i2i.Inversion]:
        assert scene.photos == {} and images.shape[1:] == (3, 12, 12)
        Bandwise.asked.append(len(images))
        return [self._one(image, options) for image in images]

    def _one(self, image: torch.Tensor, options: Any) -> i2i.Inversion:
        colours = image.unflatten(1, (6, -1)).mean(dim=(2, 3)).T[None] + options.offset
        plot = i2i.Plot("step", "loss", {"all": [(0, 1.0), (1, 0.5)]})
        return i2i.Inversion(i2i.Latent(colours, changes=self.changes()), {"loss": 0.5}, {"loss": plot})


class Tuned(Bandwise):
    name = "tuned"
    default = False
    faithful = True
    requires = i2i.StyleGenerator

    def changes(self) -> dict[str, torch.Tensor]:
        return {"shift": torch.full((3,), 0.25)}


class Invert(i2i.Editor):
    """Shows what an inverter finds."""

    name = "invert"
    summary = "Shows inversions."
    wants = "crops"
    photos = ("image+",)

    class Options(i2i.Options):
        method: str = Field("", description="The inverter")
        grid: bool = Field(False, description="A table as well")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        photos = scene.every["image"]
        found = scene.invert(torch.cat([photo.pixels for photo in photos]), options.method)
        first, *others = [i2i.Result(one.image, one.latent, scalars=one.scalars, plots=one.plots) for one in found]
        table = i2i.Table([[photo.pixels] for photo in photos], ["photo"], [photo.name for photo in photos])
        return replace(first, others=others, table=table if options.grid else None)


class Brighten(i2i.Editor):
    name = "brighten"
    summary = "Adds to every row."
    wants = "latent"

    class Options(i2i.Options):
        amount: float = Field(0.25, description="Added")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        assert scene.photos["image"].pixels.shape == (1, 3, 12, 12)
        w = scene.latent.w + options.amount
        return i2i.Result(scene.generator.render(w).clamp(-1, 1), latent=w)


class Preset(Brighten):
    """Notes the presets that it is handed, and the latents that pictures have before photos are inverted."""

    name = "preset"
    photos = ("image+",)
    handed: dict[str, i2i.Preset] = {}
    before: list[bool] = []

    class Options(Brighten.Options):
        preset: str = Field("", description="Names, with commas between them")
        darkest: float = Field(-1.0, description="Mean below which a picture is refused")

    def presets(self, options: Any) -> list[str]:
        return options.preset.split(",") if options.preset else []

    def check_preset(self, preset: i2i.Preset) -> None:
        if "amount" not in preset.values:
            raise i2i.I2IError(f"The preset {preset.name!r} of {preset.provider} has no amount; choose another.")

    def check_photos(self, scene: i2i.Scene, options: Any) -> None:
        Preset.before = [photo.latent is not None for photo in scene.every["image"]]
        if any(photo.pixels.mean() < options.darkest for photo in scene.every["image"]):
            raise i2i.UsageError("It is too dark; give a brighter one.")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        Preset.handed = dict(scene.presets)
        return super().edit(scene, options)


class Pair(i2i.Editor):
    name = "pair"
    summary = "The mean of two."
    wants = "latent"
    photos = ("image+", "other*")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        one, other = scene.every["image"][0].latent, scene.every["other"][0].latent
        assert one is not None and other is not None
        return i2i.Result(scene.generator.render((one.w + other.w) / 2).clamp(-1, 1))


class Duo(Pair):
    name = "duo"
    photos = ("first", "second")


def latent_registry(*more: type) -> Registry:
    """Return the generators, editors, inverters, presets and a face finder of this module, and more classes."""
    presets = [i2i.Preset(name, "Much.", editor, {"amount": 1}) for name, editor in (("much", "preset"), ("so", "duo"))]
    presets.append(i2i.Preset("odd", "Odd.", "preset", {}))
    return registry_of(Bands, Tunable, Invert, Brighten, Preset, Pair, Duo, Bandwise, Tuned, *presets, Squares, *more)
