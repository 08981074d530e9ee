"""Pictures of seeds: the published numbers, batches, sheets, style mixing, and the smooth way through seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

import i2i
from i2i.toolkit.images.grids import add_captions
from i2i.toolkit.latents import sampling
from i2i.toolkit.latents.sampling import SamplingOptions, batch_for, draw, latents, stream
from i2i_plugins.sample import grids as sample_grids
from i2i_plugins.sample.grids import interpolate, mixed_layers, mixing_grid, sample_grid
from i2i_plugins.sample.spline import ClosedSpline
from tests.helpers.toy_generators import MEAN, Bands, Broken, Classes, Grey

PLAIN = SamplingOptions(truncation=1.0)


def made(kind: type[Bands] = Bands) -> Any:
    return kind(None, i2i.choose_device("cpu", "fp32"))


def picture_of(w: Any) -> np.ndarray:
    """What ``Bands`` paints, reckoned apart: uint8 (12, 12, 3)."""
    rows = np.clip(np.round((np.asarray(w, np.float64) + 1) * 127.5), 0, 255).astype(np.uint8)
    return np.repeat(np.repeat(rows, 2, axis=0)[:, None], 12, axis=1)


def test_latents_of_seeds_are_the_published_ones() -> None:
    w = latents(made(), [0, 7], PLAIN)
    assert w.shape == (2, 6, 3)
    # The first numbers of numpy.random.RandomState(0).randn, which never change; float32 keeps seven digits.
    expected = torch.tensor([1.76405235, 0.40015721, 0.97873798]) + torch.tensor(MEAN)
    torch.testing.assert_close(w[0], expected.expand(6, 3), rtol=1e-6, atol=0)
    assert torch.equal(latents(made(), [7], PLAIN)[0], w[1])


def test_latents_do_not_depend_on_batches() -> None:
    seeds = range(sampling._MAPPED + 3)
    w = latents(made(), seeds, PLAIN)
    assert torch.equal(w[-1:], latents(made(), [seeds[-1]], PLAIN)) and len(w) == len(seeds)


def test_latents_truncation_and_cutoff() -> None:
    full, half = latents(made(), [3], PLAIN), latents(made(), [3], SamplingOptions(truncation=0.5, cutoff=2))
    mean = torch.tensor(MEAN)
    torch.testing.assert_close(half[0, :2], mean + 0.5 * (full[0, :2] - mean), rtol=0, atol=1e-6)  # float32
    assert torch.equal(half[0, 2:], full[0, 2:])
    assert torch.equal(latents(made(), [3], SamplingOptions(truncation=0.0))[0], mean.expand(6, 3))


def test_latents_label() -> None:
    first, last = (latents(made(Classes), [3], SamplingOptions(truncation=1.0, label=label)) for label in (0, 2))
    torch.testing.assert_close(last - first, torch.full_like(first, 2.0))


@pytest.mark.parametrize(
    ("kind", "label", "words"),
    [
        (Classes, None, "has classes; choose one with --class, from 0 to 2."),
        (Classes, 3, "--class 3: there is none; choose one with --class, from 0 to 2."),
        (Classes, -1, "--class -1: there is none"),
        (Bands, 0, "--class 0: this generator was trained without classes"),
    ],
)
def test_latents_require_or_refuse_label(kind: type[Bands], label: int | None, words: str) -> None:
    with pytest.raises(i2i.UsageError) as refused:
        latents(made(kind), [0], SamplingOptions(label=label))
    assert words in str(refused.value)


def test_draw_rounds_and_clamps() -> None:
    w = latents(made(), [0, 1, 2], PLAIN)
    assert np.abs(w.numpy()).max() > 1, "some are outside and must be clamped"
    for picture, one in zip(stream(made(), w, batch=2), w, strict=True):
        assert picture.dtype == np.uint8 and np.array_equal(picture, picture_of(one))


def test_draw_grey() -> None:
    (picture,) = draw(made(Grey), [1], PLAIN)
    assert picture.shape == (12, 12, 3) and (picture == picture[..., :1]).all() and len(np.unique(picture)) == 1


def test_stream_is_lazy() -> None:
    def endless() -> Iterator[torch.Tensor]:
        while True:
            yield torch.zeros(6, 3)

    generator = made()
    pictures = stream(generator, endless(), batch=3)
    for _ in range(4):
        next(pictures)
    assert generator.batches == [3, 3]
    assert len(list(stream(generator, torch.zeros(5, 6, 3), batch=3))) == 5
    assert generator.batches[2:] == [3, 2]


@pytest.mark.parametrize(("resolution", "expected"), [(1024, 1), (512, 1), (256, 4), (64, 64), (4, 64)])
def test_default_batch(resolution: int, expected: int) -> None:
    generator = made()
    generator.resolution = resolution
    assert batch_for(generator) == expected


def test_draw_refuses_nan() -> None:
    with pytest.raises(i2i.I2IError, match="not finite; try --precision fp32"):
        list(draw(made(Broken), range(4), PLAIN))


def test_progress_counts_every_image() -> None:
    seen: list[tuple[int, int]] = []
    options = SamplingOptions(batch=2, progress=lambda done, total: seen.append((done, total)))
    sample_grid(made(), range(5), options=options)
    assert seen == [(done, 5) for done in range(1, 6)]


def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What comes to be laid out as a sheet: rows, columns, labels."""
    seen: list[Any] = []

    def keep(rows: Sequence[Sequence[np.ndarray]], columns: Any = (), labels: Any = ()) -> np.ndarray:
        seen.append((rows, columns, labels))
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(sample_grids, "image_grid", keep)
    return seen


@pytest.mark.parametrize(("count", "columns", "expected"), [(16, None, 4), (8, None, 4), (7, None, 4), (7, 3, 3)])
def test_sample_grid_holds_every_seed_in_order(
    count: int, columns: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = laid_out(monkeypatch)
    sample_grid(made(), range(count), columns, PLAIN)
    ((rows, _, _),) = seen
    assert [len(row) for row in rows[:-1]] == [expected] * (len(rows) - 1) and 0 < len(rows[-1]) <= expected
    pictures = [picture for row in rows for picture in row]
    assert all(np.array_equal(*pair) for pair in zip(pictures, draw(made(), range(count), PLAIN), strict=True))


def test_sample_grid_downsamples_when_large(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = laid_out(monkeypatch)
    monkeypatch.setattr(sample_grids, "LARGEST", 16 * 6 * 6)
    sample_grid(made(), range(16), options=PLAIN)
    assert {picture.shape for row in seen[0][0] for picture in row} == {(6, 6, 3)}


@pytest.mark.parametrize(("side", "grown"), [(12, False), (128, True)])
def test_sample_grid_captions(side: int, grown: bool) -> None:
    pictures = [np.full((side, side, 3), 200, np.uint8)] * 2
    shown = add_captions(pictures, ["seed 1", "seed 4294967295"])
    assert {picture.shape for picture in shown} == {shown[0].shape} and shown[0].shape[1] == side
    assert (shown[0].shape[0] > side) == grown
    assert np.array_equal(shown[0][:side], pictures[0])
    assert not grown or (shown[0][side:].min() < 100 and not np.array_equal(*shown)), "each has its own words"


@pytest.mark.parametrize(("side", "columns"), [(63, ["", "1", "2"]), (64, ["", "seed 1", "seed 2"])])
def test_mixing_grid_narrow_columns_show_numbers(
    side: int, columns: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, generator = laid_out(monkeypatch), made()
    generator.resolution = side
    mixing_grid(generator, [1, 2], [10], options=PLAIN)
    assert seen[0][1] == columns and seen[0][2] == ["", "seed 10"]


def test_mixing_grid_takes_layers_from_the_column(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = laid_out(monkeypatch)
    mixing_grid(made(), [1, 2, 3], [10, 11], rows=[0, 4], options=PLAIN)
    ((rows, columns, labels),) = seen
    assert columns == ["", "1", "2", "3"] and labels == ["", "seed 10", "seed 11"]
    above, beside = latents(made(), [1, 2, 3], PLAIN), latents(made(), [10, 11], PLAIN)
    assert (rows[0][0] == 255).all()
    for column in range(3):
        assert np.array_equal(rows[0][column + 1], picture_of(above[column]))
    for row in range(2):
        assert np.array_equal(rows[row + 1][0], picture_of(beside[row]))
        for column in range(3):
            mixed = beside[row].numpy().copy()
            mixed[[0, 4]] = above[column].numpy()[[0, 4]]
            assert np.array_equal(rows[row + 1][column + 1], picture_of(mixed))


@pytest.mark.parametrize(("num_ws", "last"), [(18, 6), (16, 5), (14, 4), (10, 3), (6, 1), (2, 0), (1, 0)])
def test_mixing_default_layers(num_ws: int, last: int) -> None:
    assert mixed_layers(num_ws) == list(range(last + 1))


def test_mixing_refuses_missing_layers() -> None:
    with pytest.raises(i2i.UsageError, match="layers 0 to 5, and no layer 6"):
        mixing_grid(made(), [0], [1], rows=[0, 6])


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_spline_is_periodic_cubic(count: int) -> None:
    keys = np.random.default_rng(count).normal(size=(count, 2, 3))
    spline, closed = ClosedSpline(keys), np.concatenate([keys, keys[:1]])
    reference = CubicSpline(np.arange(count + 1), closed, bc_type="periodic")
    for time in np.linspace(0, count, 41):
        np.testing.assert_allclose(spline(time), reference(time), rtol=0, atol=1e-12)  # float64
    np.testing.assert_allclose(spline(count + 0.3), spline(0.3), rtol=0, atol=1e-12)


def test_spline_through_one_key_is_constant() -> None:
    assert np.array_equal(ClosedSpline(np.array([[2.0, 3.0]]))(0.4), [2.0, 3.0])
    with pytest.raises(ValueError, match="needs keys"):
        ClosedSpline(np.zeros((0, 3)))


def test_interpolation_passes_seeds_and_is_periodic() -> None:
    generator = made()
    frames = list(interpolate(generator, [4, 5, 6], frames=8, options=SamplingOptions(truncation=0.2, batch=5)))
    keys = list(draw(made(), [4, 5, 6], SamplingOptions(truncation=0.2)))
    assert len(frames) == 24 and generator.batches == [5, 5, 5, 5, 4]
    for index in range(3):
        assert np.array_equal(frames[8 * index], keys[index])
    steps = [np.abs(frames[i].astype(int) - frames[i - 1]).max() for i in range(24)]
    assert 0 < max(steps) <= 3 * np.median(steps), "the step from the last frame to the first is like any other"


def test_interpolation_is_lazy_and_needs_two_seeds() -> None:
    generator = made()
    frames = interpolate(generator, range(100), frames=1000, options=SamplingOptions(batch=2))
    next(frames)
    assert generator.batches == [2]
    with pytest.raises(i2i.UsageError, match="at least two with --seeds"):
        interpolate(made(), [3])
