"""Scenes for the tests of edits by words: a generator of dials, and a text network that knows three colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import i2i
from i2i_plugins.text.editor import Text

CPU = i2i.choose_device("cpu", "fp32")


class Dials(i2i.StyleGenerator):
    """The picture has one colour: the sum over rows of w, through two layers of styles, one three times the other.

    Layer ``first`` reads row 0: its styles are twice the numbers of the row. Layer ``second`` reads row 1 as it is.
    The colour is the sum of the first's and a third of the second's, and row 2 shows nowhere.
    """

    name = "dials"
    summary = "One colour."
    z_dim, w_dim, num_ws, resolution = 3, 3, 3, 8
    w_std = 3**0.5

    def __init__(self, weights: i2i.Weights | None = None, device: i2i.Device = CPU) -> None:
        self.device = device
        self.added = {"first": torch.zeros(3), "second": torch.zeros(3)}

    @property
    def w_mean(self) -> Tensor:
        return torch.tensor([0.1, 0.0, -0.1])

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        return self.w_mean + truncation * z[:, None].repeat(1, self.num_ws, 1)

    def style_space(self, w: Tensor) -> dict[str, Tensor]:
        return {"first": 2 * w[:, 0] + self.added["first"], "second": w[:, 1] + self.added["second"]}

    def render(self, w: Tensor, noise: Any = "const") -> Tensor:
        styles = self.style_space(w)
        colour = 0.1 * (styles["first"] + styles["second"] / 3)
        return colour[:, :, None, None].repeat(1, 1, self.resolution, self.resolution)

    def weights(self) -> dict[str, Tensor]:
        return self.added

    def tuned(self, changes: Any = None, noise: Any = None) -> Dials:
        copied = type(self)(None, self.device)
        copied.added = {name: each + (changes or {}).get(name, 0) for name, each in self.added.items()}
        return copied


WORDS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0), "a face": (0.0, 0.0, 0.0)}


class Colours(i2i.Extractor):
    """A picture's vector is its mean colour and 0.5 besides; a sentence's the sum of the colours in it."""

    name, summary, role = "colours", "Colours and their names.", "text"

    def __init__(self, device: i2i.Device = CPU) -> None:
        pass

    def images(self, pictures: Tensor) -> Tensor:
        return _unit(pictures.mean(dim=(2, 3)))

    def texts(self, sentences: Sequence[str]) -> Tensor:
        colours = [sum(torch.tensor(colour) for word, colour in WORDS.items() if word in each) for each in sentences]
        return _unit(torch.stack([torch.as_tensor(each).float().expand(3) for each in colours]))


def _unit(colours: Tensor) -> Tensor:
    return F.normalize(torch.cat([colours, torch.full((len(colours), 1), 0.5)], dim=1))


class Who(i2i.Extractor):
    """A person is the colour of a picture."""

    name, summary, role = "who", "Whose colour it is.", "identity"

    def __init__(self, device: i2i.Device = CPU) -> None:
        pass

    def align(self, pictures: Tensor, landmarks: Tensor) -> Tensor:
        assert landmarks.shape == (len(pictures), 68, 2)
        return pictures

    def __call__(self, pictures: Tensor) -> Tensor:
        return _unit(pictures.mean(dim=(2, 3)))


class Points(i2i.Extractor):
    """Landmarks that are always the same."""

    name, summary, role = "points", "Where a face is.", "landmarks"

    def __init__(self, device: i2i.Device = CPU) -> None:
        pass

    def __call__(self, pictures: Tensor) -> Tensor:
        return torch.zeros(len(pictures), 68, 2)


def alike(pictures: Tensor, others: Tensor) -> list[dict[str, float]]:
    """As ``scene.compare``, of people."""
    who = Who()
    return [{"identity": float(each), "psnr": 20.0} for each in (who(pictures) * who(others)).sum(dim=1)]


def latent(*rows: Sequence[float]) -> i2i.Latent:
    return i2i.Latent(torch.tensor(rows)[None])


GREY = latent((0.5, 0.5, 0.5), (0.1, 0.1, 0.1), (0.0, 0.0, 0.0))
TEAL = latent((0.0, 0.6, 0.6), (0.3, 0.0, 0.0), (0.2, 0.2, 0.2))


def scene(images: Sequence[i2i.Latent], generator: Any = None, **more: Any) -> i2i.Scene:
    """Pictures called a, b, ..."""
    generator = generator or Dials()
    photos = []
    for number, each in enumerate(images):
        drawn = generator.tuned(each.changes).render(each.w).clamp(-1, 1)
        photos.append(i2i.Photo(drawn, None, chr(ord("a") + number), each))
    extractors = {"text": Colours(), "identity": Who(), "landmarks": Points()}
    own = generator.tuned(images[0].changes)
    return i2i.Scene(
        {"image": photos[0]}, CPU, extractors, generator=own, untuned=generator, every={"image": photos}, **more
    )


def edit(given: i2i.Scene, *prompt: str, **options: Any) -> i2i.Result:
    return Text().edit(given, Text.Options(prompt=prompt, **options))


def latent_of(result: i2i.Result) -> i2i.Latent:
    assert isinstance(result.latent, i2i.Latent)
    return result.latent
