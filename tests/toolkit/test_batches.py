"""Pictures of an edit side by side: grouped by the generator that draws them, in their order."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import i2i
from i2i.runtime.device import TorchDevice
from i2i.toolkit.latents.batches import GRADIENTS, batches
from i2i.toolkit.latents.sampling import batch_for

CPU = TorchDevice("cpu")


class Numbered(i2i.StyleGenerator):
    """Knows nothing but how it was tuned."""

    name = "numbered"
    summary = "Numbered."
    w_mean = torch.zeros(4)

    def __init__(self, resolution: int = 64) -> None:
        self.resolution, self.copies = resolution, [0]
        self.changes: dict[str, torch.Tensor] = {}

    def map(self, z: Any, c: Any = None, truncation: float = 1.0, cutoff: int | None = None) -> Any:
        raise AssertionError("must not be reached")

    def render(self, w: Any, noise: Any = "const") -> Any:
        raise AssertionError("must not be reached")

    def tuned(self, changes: Any = None, noise: Any = None) -> Numbered:
        copied = Numbered(self.resolution)
        copied.changes, copied.copies = dict(changes or {}), self.copies
        self.copies[0] += 1
        return copied


def latent(change: float | None = None, noise: bool = False) -> i2i.Latent:
    maps = {"b4": torch.zeros(1, 1, 4, 4)} if noise else {}
    return i2i.Latent(torch.zeros(1, 2, 4), maps, {} if change is None else {"weight": torch.tensor(change)})


def scene(latents: list[i2i.Latent], resolution: int = 64) -> tuple[i2i.Scene, list[i2i.Photo]]:
    photos = [i2i.Photo(torch.zeros(1, 3, 4, 4), latent=each) for each in latents]
    untuned = Numbered(resolution)
    first = latents[0]
    generator = untuned.tuned(first.changes) if first.changes or first.noise else untuned
    return i2i.Scene({"image": photos[0]}, CPU, generator=generator, untuned=untuned, every={"image": photos}), photos


def test_pictures_of_one_generator_go_together_in_their_order() -> None:
    made, photos = scene([latent() for _ in range(7)])
    found = list(batches(made, photos, 3))
    assert [each.numbers for each in found] == [[0, 1, 2], [3, 4, 5], [6]]
    assert all(each.generator is made.generator for each in found) and made.untuned.copies == [0]


def test_weights_and_noise_of_their_own_have_a_generator_of_their_own() -> None:
    tuned = latent(2.0)
    made, photos = scene([latent(), tuned, latent(), latent(noise=True), tuned])
    found = list(batches(made, photos, 2))
    assert [each.numbers for each in found] == [[0, 2], [1, 4], [3]]
    assert [float(each.generator.changes.get("weight", 0)) for each in found] == [0, 2, 0]
    assert made.untuned.copies == [2]  # one copy for both pictures of one latent, one for the noise


def test_the_first_pictures_generator_is_not_made_again() -> None:
    made, photos = scene([latent(1.0), latent(), latent(3.0)])
    before = made.untuned.copies[0]
    first, second, third = batches(made, photos)
    assert first.generator is made.generator and second.generator is made.untuned
    assert float(third.generator.changes["weight"]) == 3 and made.untuned.copies[0] == before + 1


@pytest.mark.parametrize("resolution", [64, 128, 1024])
def test_by_itself_a_batch_is_what_suits_the_device(resolution: int) -> None:
    made, photos = scene([latent() for _ in range(70)], resolution)
    drawn = batch_for(made.generator)
    assert len(next(batches(made, photos, gradients=False)).numbers) == drawn
    assert len(next(batches(made, photos)).numbers) == max(1, drawn // GRADIENTS)
    assert list(batches(made, [])) == []
