"""Scenes for the tests of mixing: on a generator whose every number can be foretold, and on the synthetic faces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

import i2i
from i2i_plugins.mix.editor import Mix
from tests.helpers.toy_generators import MEAN, Bands


class Stripes(Bands, i2i.StyleGenerator):
    """As ``Bands``, with a spread of w, weights to look at, noise and weights that can be changed."""

    name = "stripes"
    w_std = 2.0

    def styles(self) -> list[Tensor]:
        """Row i of w answers to its first, second or third number most, in turn: with 3, 2 and 1 channels.

        The lengths of the weights are the other way round, which must not matter.
        """
        counts = torch.tensor([3, 2, 1])
        return [
            (torch.eye(3) * (4 - counts.roll(row))).repeat_interleave(counts.roll(row), dim=0)
            for row in range(self.num_ws)
        ]

    def tuned(self, changes: Any = None, noise: Any = None) -> Stripes:
        copied = Stripes(None, self.device)
        copied.shift = self.shift + (changes or {}).get("shift", 0) + (noise or {}).get("grain", torch.zeros(1)).sum()
        return copied


def stripes() -> Stripes:
    return Stripes(None, i2i.choose_device("cpu", "fp32"))


def flat(*numbers: float) -> i2i.Latent:
    """A latent whose rows are all ``(number, number, number)``, one number for each of the six rows, or one for all."""
    rows = numbers * 6 if len(numbers) == 1 else numbers
    return i2i.Latent(torch.tensor(rows)[None, :, None].repeat(1, 1, 3))


def scene(
    generator: Any,
    image: Sequence[i2i.Latent],
    other: Sequence[i2i.Latent] = (),
    extractors: Mapping[str, Any] | None = None,
    **more: Any,
) -> i2i.Scene:
    """Pictures of latents, called a, b, ... and A, B, ..."""
    every = {
        name: [_photo(generator, latent, chr(ord(first) + number)) for number, latent in enumerate(latents)]
        for name, latents, first in (("image", image, "a"), ("other", other, "A"))
    }
    photos = {name: given[0] for name, given in every.items() if given}
    tuned = generator.tuned(image[0].changes, image[0].noise) if image[0].changes else generator
    return i2i.Scene(
        photos, generator.device, extractors or {}, generator=tuned, untuned=generator, every=every, **more
    )


def _photo(generator: Any, latent: i2i.Latent, name: str) -> i2i.Photo:
    whole = generator.tuned(latent.changes, latent.noise) if latent.changes or latent.noise else generator
    with torch.no_grad():
        return i2i.Photo(whole.render(latent.w).clamp(-1, 1).expand(-1, 3, -1, -1), None, name, latent)


def mix(scene: i2i.Scene, **options: Any) -> i2i.Result:
    return Mix().edit(scene, Mix.Options(**options))


def rows_of(result: i2i.Result) -> list[float]:
    """What the rows of a result's latent hold, where each is one number three times."""
    assert isinstance(result.latent, i2i.Latent)
    return [round(number, 5) for number in result.latent.w[0, :, 0].tolist()]


def shown(picture: Tensor) -> list[float]:
    """The first colour of each stripe of a picture of ``Stripes``."""
    assert picture.shape == (1, 3, 12, 12)
    return [round(number, 5) for number in picture[0, 0, ::2, 0].tolist()]


Progress = Callable[..., None]
__all__ = ["MEAN", "Progress", "Stripes", "flat", "mix", "rows_of", "scene", "shown", "stripes"]
