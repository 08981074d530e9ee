"""Previews of large images: what guides a drag is cheap, and what is reported was measured in the image."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import i2i
from i2i_plugins.drag.preview import Preview, downsample
from tests.plugins.drag.scenes import LIPS, Blobs, Reader, drag, scene

SIZE = 256
LIPS_APART = i2i.Preset(
    "lips_apart",
    "The blobs move by 25 and 20 px.",
    "drag",
    {
        "moves": [{"landmark": 63, "by": [1.0, -0.75]}, {"landmark": 67, "by": [0.0, 1.0]}],
        "region": "all",
        "aims": [{"name": "lips", "pairs": [[63, 67]]}],
    },
)
FAST = {"preset": "lips_apart", "rate": 0.7, "frames": 0}


def large_scene(reader: Reader | None = None) -> tuple[i2i.Scene, Blobs, list[str]]:
    generator = Blobs(None, i2i.choose_device("cpu", "fp32"), SIZE)
    made, notes = scene(generator, None, {"landmarks": reader or Reader()}, presets={"lips_apart": LIPS_APART})
    return made, generator, notes


def images_seen(reader: Reader) -> list[int]:
    """Make the reader keep the sides of the images that it reads, and return the list."""
    seen: list[int] = []
    read = type(reader).__call__

    class Keeping(type(reader)):  # type: ignore[misc]
        def __call__(self, pictures: Tensor) -> Tensor:
            seen.append(pictures.shape[-1])
            return read(self, pictures)

    reader.__class__ = Keeping
    return seen


def test_linear_function_of_features_is_recovered_exactly() -> None:
    maps = torch.randn(2, 5, 16, 16, generator=torch.Generator().manual_seed(0))
    coefficients = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1))
    small = torch.einsum("nchw,nck->nkhw", maps, coefficients) + 0.3
    preview = Preview.fit(maps, small.repeat_interleave(4, 2).repeat_interleave(4, 3))
    assert (preview(maps) - small).abs().max() < 2e-3
    assert preview.select(torch.tensor([1]))(maps[1:]).equal(preview(maps)[1:])
    varied = maps.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(preview(varied)[0, 0].sum(), varied)
    assert (gradient[0, :, 3, 3] - coefficients[0, :, 0]).abs().max() < 2e-3


@pytest.mark.parametrize("guide", [None, "landmarks"])
def test_landmarks_guide_large_images_through_previews(guide: str | None) -> None:
    reader = Reader()
    seen = images_seen(reader)
    made, generator, notes = large_scene(reader)
    result = drag(made, guide=guide, **FAST)
    steps = int(result.scalars["steps"])
    assert result.scalars["arrived"] == result.scalars["handles"] == 2 and not notes
    assert result.scalars["farthest"] <= 2 and isinstance(result.latent, Tensor)
    moved = result.latent[0, :3].mean(dim=0)  # blobs move by w, pixels
    assert (moved - torch.tensor([20.0, -15.0, 0.0, 20.0])).abs().max() < 3
    # The image is rendered for the plan, every five steps, where a handle seems to arrive, and as the result.
    assert 5 < steps < 60 and generator.calls.count("render") <= 2 + steps // 5 + 4
    assert generator.calls.count("features 128") == steps + 2 and seen.count(SIZE // 2) >= steps


def test_handle_converges_only_where_the_image_was_measured() -> None:
    class Reluctant(Reader):
        """Sees the lips of an image where they were; only previews seem to move."""

        def __call__(self, pictures: Tensor) -> Tensor:
            points = super().__call__(pictures)
            if pictures.shape[-1] == SIZE:
                still = points.clone()
                still[:, list(LIPS)] = torch.tensor(Blobs.HOME) * (SIZE / 64) + 0.1 * (
                    points[:, list(LIPS)] - torch.tensor(Blobs.HOME) * (SIZE / 64)
                )
                return still
            return points

    made, _, notes = large_scene(Reluctant())
    result = drag(made, steps=25, **FAST)
    assert result.scalars["arrived"] == 0 and result.scalars["farthest"] > 15
    assert "2 of 2 handles did not converge, landmarks 63, 67: the farthest is" in notes[0]


def test_invisible_moves_of_large_images_are_left_out() -> None:
    tiny = i2i.Preset("tiny", "0.4 px.", "drag", {"moves": [{"landmark": 63, "by": [0.02, 0]}], "region": "all"})
    for size, moves in ((SIZE, False), (64, True)):
        generator = Blobs(None, i2i.choose_device("cpu", "fp32"), size)
        made, notes = scene(generator, presets={"tiny": tiny})
        result = drag(made, preset="tiny", steps=1, frames=0)
        assert ("handles" in result.scalars) is moves
        assert moves or notes == ["There is nothing to move: the image already is as the preset wants it."]


@pytest.mark.parametrize("size", [64, SIZE])
def test_moves_of_large_images_only(size: int) -> None:
    values: Any = {"moves": [{"landmark": 63, "by": [0, 0.4]}, {"landmark": 67, "by": [0, 0.4], "smallest": SIZE}]}
    only = i2i.Preset("only", "Only large.", "drag", values | {"region": "all"})
    made, _ = scene(Blobs(None, i2i.choose_device("cpu", "fp32"), size), presets={"only": only})
    result = drag(made, preset="only", steps=1, frames=0)
    assert list(result.plots["track"].lines) == ["landmark 63", "landmark 67"][: 1 + (size == SIZE)]


def test_downsampling_averages() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert downsample(image, 2).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_landmarks_that_moved_most_of_the_way_are_reported_by_how_far() -> None:
    made, _, notes = large_scene(Reader())
    result = drag(made, steps=16, **FAST)
    covered = 1 - result.scalars["distance"] / 22.5  # the mean of 25 and 20 px
    assert result.scalars["arrived"] == 0 and covered > 0.5
    assert notes == [
        f"The handles moved {100 * covered:.0f} % of the way to their targets in 16 steps; for more, type --steps 32."
    ]


@pytest.mark.parametrize("guide", [None, "features"])
def test_viewers_of_large_images_get_previews(guide: str | None) -> None:
    class Watcher(i2i.LiveView):
        def __init__(self) -> None:
            super().__init__(0.0)
            self.sides: list[int] = []

        def show(self, number: int, image: Tensor, points: Tensor | None = None) -> None:
            assert points is not None and points.shape == (2, 2)
            self.sides.append(image.shape[-1])

    made, _, _ = large_scene(Reader())
    made.live = Watcher()
    drag(made, guide=guide, steps=12, **FAST)
    assert len(made.live.sides) == 13 and made.live.sides.count(SIZE // 2) >= 11
