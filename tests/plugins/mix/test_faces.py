"""Mixing measured on the synthetic faces, by networks that find landmarks and tell people apart.

Figures are means over 32 pairs of samples at psi 0.7. The bounds are what the edits have to do; how far the shipped
networks are from them stands beside each.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import i2i
from i2i.toolkit.latents.sampling import SamplingOptions, latents
from i2i_plugins.demo.labels import write
from i2i_plugins.demo.synthetic_faces import faces
from i2i_plugins.mix.latent_operations import coordinate
from research.demo.measures.face_measurements import Look, Watcher, followed
from tests.plugins.mix.scenes import mix, scene

PAIRS = 32


class World:
    """The generator, the networks that look at its pictures, and pairs of samples."""

    def __init__(self) -> None:
        self.generator = i2i.generator("demo-faces", device="cpu")
        self.look = Watcher().look

    @cached_property
    def images(self) -> list[i2i.Latent]:
        return self.samples(range(PAIRS))

    @cached_property
    def others(self) -> list[i2i.Latent]:
        return self.samples(range(PAIRS, 2 * PAIRS))

    def samples(self, seeds: range) -> list[i2i.Latent]:
        return [i2i.Latent(w[None]) for w in latents(self.generator, seeds, SamplingOptions(truncation=0.7))]

    @cached_property
    def pairs(self) -> tuple[Look, Look]:
        """The pictures of ``images`` and of ``others``."""
        with torch.no_grad():
            own, other = (
                torch.cat([self.generator.render(each.w).clamp(-1, 1) for each in part])
                for part in (self.images, self.others)
            )
        return self.look(own), self.look(other)

    def mixed(self, preset: str) -> Look:
        """Each of ``images`` with its other."""
        result = mix(scene(self.generator, self.images, self.others), preset=preset)
        return self.look(torch.cat([each.image for each in (result, *result.others)]))


@pytest.fixture(scope="module")
def world() -> World:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small tensors: more threads only wait for each other
    made = World()
    _ = made.pairs
    torch.set_num_threads(threads)
    return made


def alike(one: Look, other: Look) -> float:
    """The mean cosine of identities."""
    return float(one.alike(other).mean())


def test_style_keeps_shape_and_transfers_colours(world: World) -> None:
    (own, other), made = world.pairs, world.mixed("style")
    assert made.moved(own).mean() < 0.04  # 0.013
    assert followed(own.colour, made.colour, other.colour) > 0.5  # 0.79 of the way


def test_expression_moves_mouth_and_eyes_and_keeps_identity(world: World) -> None:
    (own, other), made = world.pairs, world.mixed("expression")
    assert alike(own, made) > 0.8 > alike(own, other)  # 0.86; two people have 0.04
    assert followed(own.mouth, made.mouth, other.mouth) > 0.05  # 0.13
    assert followed(own.eyelids, made.eyelids, other.eyelids) > 0.05  # 0.16
    assert followed(own.colour, made.colour, other.colour) < 0.2  # 0.06: what is not asked for


def expressive(seeds: range, **values: float) -> Tensor:
    """Latents z ``(N, 64)`` of seeds, with some of the values of their faces set."""
    z = np.stack([np.random.RandomState(seed).randn(64) for seed in seeds])
    z *= (64**0.5) / np.linalg.norm(z, axis=1, keepdims=True)
    for name, value in values.items():
        z[:, faces().names.index(name)] = value
    return torch.from_numpy(z).float()


def test_expression_delta_transfers_to_other_identity(world: World) -> None:
    donors = range(100, 104)
    shut, wide = (world.generator.map(expressive(donors, mouth_open=value), truncation=0.7) for value in (-1.5, 2.4))
    looks = []
    for neutral, open_ in zip(shut, wide, strict=True):
        given = scene(world.generator, world.images[:8], [i2i.Latent(neutral[None]), i2i.Latent(open_[None])])
        result = mix(given, preset="expression-delta")
        looks.append(world.look(torch.cat([each.image for each in (result, *result.others)])))
    own = Look(*(each[:8] for each in (world.pairs[0].images, world.pairs[0].points, world.pairs[0].vectors)))
    opened = float(np.mean([float((look.mouth - own.mouth).mean()) for look in looks]))
    with torch.no_grad():
        true = world.look(world.generator.render(wide)).mouth - world.look(world.generator.render(shut)).mouth
    assert opened > 0.5 * float(true.mean()) > 0.005  # 0.92 of what it is in the donors, 0.18 eye distances
    assert np.mean([alike(own, look) for look in looks]) > 0.8  # 0.95


def moved(world: World, strength: float, **options: Any) -> Look:
    result = mix(scene(world.generator, world.images[:8], **options.pop("given", {})), strength=strength, **options)
    return world.look(torch.cat([each.image for each in (result, *result.others)]))


def test_interfacegan_labels_open_the_mouth(world: World, tmp_path: Path) -> None:
    write(tmp_path / "labels.csv", 800)
    options = {"preset": "interfacegan", "labels": str(tmp_path / "labels.csv"), "attribute": "mouth open", "frames": 0}
    shut, wide = (moved(world, strength, **options) for strength in (-3, 3))
    own = world.pairs[0].mouth[:8]
    assert shut.mouth.mean() < own.mean() < wide.mouth.mean() - 0.03
    assert (wide.vectors * world.pairs[0].vectors[:8]).sum(dim=1).mean() > 0.8


def test_interfacegan_text_darkens_skin(world: World) -> None:
    words = {"attribute": "a face with dark skin", "against": "a face with fair skin"}
    given = {"extractors": {"text": i2i.extractor("demo-text", device="cpu")}}
    options = {"preset": "interfacegan", "samples": 200, "frames": 0, "given": given, **words}
    dark = moved(world, 3, **options)
    cheeks = (slice(None), slice(None), slice(36, 42), slice(22, 42))
    before, after = (float(pictures[cheeks].mean()) for pictures in (world.pairs[0].images[:8], dark.images))
    assert after < before - 0.1


@pytest.mark.parametrize("preset", ["sefa", "ganspace"])
def test_components_are_orthogonal_and_change_the_image(world: World, preset: str) -> None:
    given = scene(world.generator, world.images[:1])
    results = [mix(given, preset=preset, component=number, samples=2000, frames=0) for number in range(4)]
    ways = torch.stack([_w(result) - world.images[0].w[0, 0] for result in results])
    cosines = (ways / ways.norm(dim=1, keepdim=True)) @ (ways / ways.norm(dim=1, keepdim=True)).T
    torch.testing.assert_close(cosines.abs(), torch.eye(4), atol=1e-4, rtol=0)  # float32
    shares = [result.scalars["share"] for result in results]
    assert shares == sorted(shares, reverse=True) and 1 / world.generator.w_dim < shares[0] < 1
    for result in results:
        assert (result.image - world.pairs[0].images[:1]).abs().mean() > 0.02


def test_ganspace_sets_the_coordinate(world: World) -> None:
    result = mix(scene(world.generator, world.images[:2]), preset="ganspace", strength=1.5, frames=3, samples=2000)
    first, second = _w(result), _w(result.others[0])
    way = first - world.images[0].w[0, 0]
    unit = way / way.norm()
    places = [float(coordinate(w[None], torch.zeros_like(unit), unit)) for w in (first, second)]
    assert places[0] == pytest.approx(places[1], abs=1e-4)  # float32
    assert len(result.frames) == 3
    torch.testing.assert_close(result.frames[-1], result.image, atol=1e-4, rtol=0)  # batches of other sizes


def _w(result: i2i.Result) -> Tensor:
    """The first row of a result's latent."""
    assert isinstance(result.latent, i2i.Latent)
    return result.latent.w[0, 0]
