"""Swaps measured on the synthetic faces; and on a generator with noise."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import i2i
from i2i.toolkit.images import read_image, save_image
from i2i.toolkit.latents.sampling import SamplingOptions, latents
from i2i_plugins.demo.synthetic_faces import UNSEEN, faces
from research.demo.measures.face_measurements import Watcher
from tests.plugins.invert.scenes import demo, generator, lpips
from tests.plugins.swap.scenes import Points, Squares, Who, swap

CPU = i2i.choose_device("cpu", "fp32")


def photos(family: str, seeds: list[int]) -> list[i2i.Photo]:
    made = generator(family)
    w = latents(made, seeds, SamplingOptions(truncation=0.7))
    with torch.no_grad():
        drawn = [made.render(each[None]).clamp(-1, 1) for each in w]
    return [i2i.Photo(x, None, f"seed:{s}", i2i.Latent(each[None])) for x, s, each in zip(drawn, seeds, w, strict=True)]


@pytest.mark.usefixtures("one_thread")
def test_swap_synthetic_faces() -> None:
    targets, sources = photos("demo", [1000, 1001]), photos("demo", [2000, 2001])
    extractors = {"identity": demo("identity"), "landmarks": demo("landmarks"), "perceptual": lpips()}
    every = {"target": targets, "source": sources}
    given = i2i.Scene({}, CPU, extractors, generator=generator("demo"), untuned=generator("demo"), every=every)
    result = swap(given, steps=20, rate=0.04)  # fewer and longer steps than usual
    results, look = [result, *result.others], Watcher().look
    before, after, goal = (
        look(torch.cat(part))
        for part in (
            [each.pixels for each in targets],
            [each.image for each in results],
            [each.pixels for each in sources],
        )
    )
    gap = 1 - before.alike(goal)
    closed = (after.alike(goal) - before.alike(goal)) / gap
    assert (closed > 0.5).all()  # 0.7 and more
    assert (after.moved(before) < 0.05).all()  # 0.01 eye distances
    for each, share in zip(results, closed.tolist(), strict=True):
        assert each.scalars["closed"] == pytest.approx(share, abs=1e-4)  # float32, batches of other sizes
        assert each.scalars["background"] < 3 and each.scalars["lpips/outside"] < 0.03


@pytest.mark.usefixtures("one_thread")
def test_noise_maps_are_optimised_and_saved() -> None:
    target, source = photos("stylegan2", [0])[0], photos("stylegan2", [1])[0]
    every = {"target": [target], "source": [source]}
    extractors = {"identity": Who(), "landmarks": Points(), "perceptual": Squares()}
    made = generator("stylegan2")
    given = i2i.Scene({}, CPU, extractors, generator=made, untuned=made, every=every)
    result = swap(given, steps=2, background=False, noise=True)
    assert isinstance(result.latent, i2i.Latent) and set(result.latent.noise) == set(made.noise_maps)
    assert "noise" in result.plots["loss"].lines
    drawn = made.tuned({}, result.latent.noise).render(result.latent.w).clamp(-1, 1)
    torch.testing.assert_close(drawn, result.image, atol=1e-5, rtol=0)  # noise given, and noise stored
    without = swap(given, steps=2)
    assert isinstance(without.latent, i2i.Latent) and not without.latent.noise


@pytest.mark.usefixtures("one_thread")
def test_swap_photos_and_paste_back(tmp_path: Path) -> None:
    """Targets and sources are not what the inverter calls its pictures."""
    files = []
    for number in (3, 8):
        files.append(str(tmp_path / f"{number}.png"))
        save_image(files[-1], faces().render(faces().values(UNSEEN + number), 96).picture)
    options = {"steps": 4, "rate": 0.05, "device": "cpu", "keep": False}
    result = i2i.edit("swap", files, invert={"steps": 2}, out=tmp_path / "out", **options)
    assert result.scalars["closed"] > 0
    assert read_image(tmp_path / "out" / "photo.png").shape == (96, 96, 3)
