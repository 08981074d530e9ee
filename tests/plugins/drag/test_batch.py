"""Several pictures in one edit: each as if it were alone, and named in what is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import i2i
from i2i.toolkit.images import save_image
from tests.plugins.drag.scenes import Blobs, Reader, drag, photo_of, places, scene

FAST: dict[str, Any] = {"rate": 0.2, "frames": 0}
CPU = i2i.choose_device("cpu", "fp32")


class Shifted(Blobs):
    """Blobs whose weights are a shift of both, in pixels; made anew for each tuning."""

    made: list[Shifted]
    shift = 0.0

    def tuned(self, changes: Mapping[str, torch.Tensor] | None = None, noise: Any = None) -> Shifted:
        copied = Shifted(None, CPU)
        copied.shift = float((changes or {}).get("shift", 0))
        self.made.append(copied)
        return copied

    def _blobs(self, w: torch.Tensor, resolution: int) -> torch.Tensor:
        return super()._blobs(w + self.shift, resolution)


def starts(count: int = 3) -> torch.Tensor:
    """Latents whose blobs lie about a pixel apart."""
    return torch.randn(count, 1, 4, generator=torch.Generator().manual_seed(3)).repeat(1, 6, 1)


def parts(result: i2i.Result) -> list[i2i.Result]:
    return [result, *result.others]


def assert_alike(one: i2i.Result, other: i2i.Result, atol: float = 1e-3) -> None:
    """Up to sums in another order, which tens of steps make a little larger."""
    assert isinstance(one.latent, torch.Tensor) and isinstance(other.latent, torch.Tensor)
    torch.testing.assert_close(one.latent, other.latent, atol=atol, rtol=0)
    torch.testing.assert_close(one.image, other.image, atol=atol, rtol=0)
    assert {**one.scalars, "seconds": 0} == pytest.approx({**other.scalars, "seconds": 0}, abs=1e-2)
    assert one.plots.keys() == other.plots.keys() and len(one.frames) == len(other.frames)
    for name, plot in one.plots.items():
        assert {line: len(points) for line, points in plot.lines.items()} == {
            line: len(points) for line, points in other.plots[name].lines.items()
        }


@pytest.mark.parametrize(
    "options",
    [
        {"preset": "open_mouth=0.7,slim_face=0.2", "steps": 8, "frames": 4},
        {"preset": "open_mouth", "guide": "landmarks", "steps": 12},
        {"preset": "smile", "guide": "features", "steps": 8},
        {"point": ("20,30:23,26", "44,36:44,39"), "mask": "auto"},
    ],
)
def test_batch_equals_single_images(options: dict[str, Any]) -> None:
    given = FAST | options
    together, w = parts(drag(scene(w=starts())[0], **given)), starts()
    assert len(together) == 3
    alone = [drag(scene(w=each)[0], **given) for each in w.split(1)]
    in_pairs = parts(drag(scene(w=w)[0], batch=2, **given))
    for one, other, paired in zip(together, alone, in_pairs, strict=True):
        assert_alike(one, other)
        assert_alike(paired, other)


def test_batch_with_different_handles() -> None:
    shut, w = torch.tensor(Blobs.HOME[0]) - torch.tensor(Blobs.HOME[1]), starts()
    w[1, :, 2:] = w[1, :, :2] + shut  # the lips lie on one another
    w[2, :, :2], w[2, :, 2:] = 0, shut + torch.tensor([0.0, 3.0])
    made, notes = scene(w=w)
    results = parts(drag(made, preset="shut_mouth", steps=15, **FAST))
    still = results[1]
    assert torch.equal(still.image, made.every["image"][1].pixels) and still.latent is made.every["image"][1].latent.w
    assert not still.scalars and not still.plots
    text = "there is nothing to move: the image already is as the preset wants it."
    assert f"Image 2 (blobs 1): {text}" in notes
    for row in (0, 2):
        alone = drag(scene(w=w[row : row + 1])[0], preset="shut_mouth", steps=15, **FAST)
        # Lips that have met have gradients of next to nothing, and Adam divides them by their size: a tenth of a step.
        assert_alike(results[row], alone, atol=0.02)
    # A point more than the preset has: what is missing in the second picture is no handle of it.
    both = parts(drag(scene(w=w[:2])[0], preset="shut_mouth", point=("32,50:32,52",), steps=5, **FAST))
    assert [result.scalars["handles"] for result in both] == [3, 1]
    assert_alike(both[1], drag(scene(w=w[1:2])[0], preset="shut_mouth", point=("32,50:32,52",), steps=5, **FAST))


def test_batch_with_nothing_to_move() -> None:
    w = starts(2)
    w[:, :, 2:] = w[:, :, :2] + torch.tensor(Blobs.HOME[0]) - torch.tensor(Blobs.HOME[1])
    made, notes = scene(w=w)
    results = parts(drag(made, preset="shut_mouth"))
    assert all(torch.equal(one.image, photo.pixels) for one, photo in zip(results, made.every["image"], strict=True))
    assert [note.split(":")[0] for note in notes] == ["Image 1 (blobs 0)", "Image 2 (blobs 1)"]


def test_batch_has_frames_and_tracks_of_each_image() -> None:
    results = parts(drag(scene(w=starts(2))[0], point=("20,30:24,26",), rate=0.2, frames=2))
    for result in results:
        assert len(result.frames) == int(result.scalars["steps"]) // 2 + 2
        assert len(result.plots["track"].lines["20,30"]) == result.scalars["steps"] + 1
    assert not torch.equal(results[0].frames[0], results[1].frames[0])


def test_notes_name_the_image() -> None:
    made, notes = scene(w=starts(2))
    results = parts(drag(made, point=("20,30:60,60",), steps=3, **FAST))
    far = [f"{result.scalars['farthest']:.2g}" for result in results]
    assert [note.split(";")[0] for note in notes] == [
        f"Image {number} (blobs {number - 1}): the handle, 20,30, did not converge: it is {away} px from its target "
        "(converged below 1 px)"
        for number, away in enumerate(far, start=1)
    ]


def test_notes_about_all_images_appear_once() -> None:
    made, notes = scene(w=starts(2))
    drag(made, steps=1, **FAST)
    assert sum("Neither --point nor --preset is given" in note for note in notes) == 1
    made, notes = scene(w=starts(2), stop=lambda: True)
    results = parts(drag(made, point=("20,30:60,60",), **FAST))
    assert [note.split("; ")[1] for note in notes] == ["stopped after 0 steps: type the same command again."] * 2
    assert all(torch.equal(one.image, photo.pixels) for one, photo in zip(results, made.every["image"], strict=True))


def test_progress_counts_all_images() -> None:
    told: list[tuple[int, int]] = []
    made, _ = scene(w=starts(), progress=lambda done, total, distance: told.append((done, total)))
    results = parts(drag(made, point=("20,30:24,26",), steps=60, batch=2, **FAST))
    assert told[0] == (0, 180) and {total for _, total in told} == {180}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == 120 + results[2].scalars["steps"]


def with_second(**given: Any) -> i2i.Scene:
    """Two pictures, the second called ``me``."""
    generator, w = Blobs(None, CPU), starts(2)
    photos = [photo_of(generator, w[:1], "seed:0"), photo_of(generator, w[1:], "me", **given)]
    return scene(generator, photos=photos)[0]


def test_errors_name_the_image(tmp_path: Path) -> None:
    made = with_second(whole=(64, 40))
    with pytest.raises(i2i.UsageError) as error:
        drag(made, point=("44,36:44,39",))
    assert str(error.value) == (
        "Image 2 (me): --point 44,36:44,39: the handle lies outside the image, whose pixels are 0,0 to 39,63; "
        "give x,y within."
    )
    save_image(tmp_path / "white.png", np.full((64, 64, 3), 255, np.uint8))
    with pytest.raises(i2i.UsageError, match=r"^Image 2 \(me\): --mask .* has 64 x 64 pixels and the image 40 x"):
        drag(made, point=("20,30:23,26",), mask=tmp_path / "white.png")
    made.extractors["landmarks"].face = False  # type: ignore[attr-defined]
    with pytest.raises(i2i.I2IError, match=r"^Image 1 \(seed:0\): --preset smile needs a face"):
        drag(made, preset="smile")


def test_points_are_pixels_of_each_image() -> None:
    """A crop that is twice as fine as its photo, beside a picture that was given as it is."""

    half = i2i.Placement(((-0.5, -0.5), (-0.5, 31.5), (31.5, 31.5), (31.5, -0.5)))
    made = with_second(placement=half, whole=(32, 32))
    first, second = parts(drag(made, point=("10,15:12,16",), steps=1, **FAST))
    ways = [result.plots["track"].lines["10,15"][0][1] for result in (first, second)]
    assert ways == pytest.approx([5**0.5, 2 * 5**0.5], abs=0.3)


def test_tuned_images_use_their_own_generator() -> None:
    generator = Shifted(None, CPU)
    generator.made = []
    w, shift = starts(), {"shift": torch.tensor(2.0)}
    own = generator.tuned(shift)
    photos = [photo_of(generator, each, f"blobs {number}") for number, each in enumerate(w.split(1))]
    photos[1] = i2i.Photo(photo_of(own, w[1:2]).pixels, latent=i2i.Latent(w[1:2], {}, shift))
    made, _ = scene(generator, photos=photos)
    generator.made.clear()
    options: dict[str, Any] = FAST | {"point": ("22,32:24,29",)}
    results = parts(drag(made, **options))
    assert {copy.shift for copy in generator.made} == {2.0}
    for row in (0, 2):
        assert_alike(results[row], drag(scene(w=w[row : row + 1])[0], **options))
    # With the shift, its blobs lie where those of a latent lie that is further by so much.
    (x, y), _ = places(results[1])
    (x1, y1), _ = places(drag(scene(w=w[1:2] + 2)[0], **options))
    assert (x + 2, y + 2) == pytest.approx((x1, y1), abs=1e-2)


def test_landmarks_are_computed_for_the_whole_batch() -> None:
    class Counting(Reader):
        counts: list[int]

        def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
            self.counts.append(len(pictures))
            return super().__call__(pictures)

    reader = Counting()
    reader.counts = []
    made, _ = scene(w=starts(), extractors={"landmarks": reader})
    results = parts(drag(made, preset="open_mouth", steps=8, patience=0, **FAST))
    steps = [int(result.scalars["steps"]) for result in results]
    assert [count for count in reader.counts if count > 1][: min(steps) + 1] == [3] * (min(steps) + 1)
    # Features, which would only find again what the reader has found, are not searched for these handles.
    assert reader.counts.count(1) <= 9
