"""Directions by the editor: from labels, from classes, stopped, or not to be had, on a generator to be foretold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import i2i
from tests.plugins.mix.scenes import Stripes, flat, mix, scene, stripes

OWN = flat(0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


def test_sefa_uses_chosen_layers() -> None:
    for row in range(3):
        result = mix(
            scene(stripes(), [flat(0.0)]), preset="sefa", rows=str(row), rows_of="own", samples=2000, strength=1
        )
        assert isinstance(result.latent, i2i.Latent)
        # Most channels of layer ``row`` answer to that number, whose deviation is 1; 2,000 samples tell it to 1.6 %.
        expected = torch.zeros(6, 3)
        expected[row, row] = 1
        torch.testing.assert_close(result.latent.w[0], expected, atol=0.1, rtol=0)
        assert result.scalars["share"] == pytest.approx(3 / 6)  # of 3, 2 and 1 channels


def test_direction_frames_and_grid_span_both_signs() -> None:
    options = {"preset": "sefa", "rows": "0", "rows_of": "own", "samples": 200, "frames": 5, "grid": True}
    one = mix(scene(stripes(), [flat(0.0)]), **options)
    first = [float(frame[0, 0, 0, 0]) for frame in one.frames]
    assert len(first) == 5 and first == pytest.approx([-number for number in reversed(first)]) and first[-1] > 0.5
    assert one.table is not None and one.table.labels == ["component 0", "component 1", "component 2"]
    assert one.table.columns == ["original", "-2", "-1", "0", "1", "2"]
    two = mix(scene(stripes(), [flat(0.0)], [flat(0.1)]), **options)
    assert two.table is not None and two.table.labels == ["a", "A"] and len(two.others) == 1


def test_direction_cancelled_raises_interrupted() -> None:
    with pytest.raises(i2i.Interrupted, match="Stopped before the direction was found"):
        mix(scene(stripes(), [OWN], stop=lambda: True), preset="ganspace")


def test_interfacegan_finds_labelled_coordinate(tmp_path: Path) -> None:
    first = [float(np.random.RandomState(seed).randn(4)[1]) for seed in range(600)]
    file = tmp_path / "labels.csv"
    file.write_text("seed,high\n" + "".join(f"{seed},{int(x > 0.3)}\n" for seed, x in enumerate(first)))
    result = mix(scene(stripes(), [flat(0.0)]), preset="interfacegan", labels=str(file), attribute="high", strength=0.5)
    assert isinstance(result.latent, i2i.Latent)
    moved = result.latent.w[0, 0]
    # w is the first three of z, so the boundary is that of the second number, whose deviation is 1.
    assert float(moved[1]) == pytest.approx(0.5, abs=0.05) and moved[[0, 2]].abs().max() < 0.1
    assert result.scalars["accuracy"] > 0.95 and result.scalars["samples"] == 600


def test_interfacegan_condition_keeps_attribute(tmp_path: Path) -> None:
    z = np.stack([np.random.RandomState(seed).randn(4) for seed in range(600)])
    truths = enumerate(zip(z[:, 0] + z[:, 1] > 0, z[:, 1] > 0, strict=True))
    file = tmp_path / "labels.csv"
    file.write_text("seed,both,second\n" + "".join(f"{seed},{int(a)},{int(b)}\n" for seed, (a, b) in truths))
    moved = {}
    for condition in (None, "second"):
        more = {"labels": str(file), "attribute": "both", "condition": condition}
        result = mix(scene(stripes(), [flat(0.0)]), preset="interfacegan", strength=1, **more)
        assert isinstance(result.latent, i2i.Latent) and ("accuracy/condition" in result.scalars) == bool(condition)
        moved[condition] = result.latent.w[0, 0]
    torch.testing.assert_close(moved[None], torch.tensor([0.7, 0.7, 0.0]), atol=0.1, rtol=0)
    torch.testing.assert_close(moved["second"], torch.tensor([1.0, 0.0, 0.0]), atol=0.1, rtol=0)


def test_sefa_without_styles_suggests_ganspace() -> None:
    class Blind(Stripes):
        def styles(self) -> list[torch.Tensor]:
            return []

    with pytest.raises(i2i.I2IError, match="does not show the weights that sefa looks at; choose --preset ganspace"):
        mix(scene(Blind(None, i2i.choose_device("cpu", "fp32")), [OWN]), preset="sefa")


def test_ganspace_samples_all_classes() -> None:
    class Classes(Stripes):
        c_dim = 3

    result = mix(scene(Classes(None, i2i.choose_device("cpu", "fp32")), [OWN]), preset="ganspace", samples=1000)
    # Each class of 0, 1, 2 adds its number to all of w, so the variances are 1 + 3 * 2/3, 1 and 1; without, 1 each.
    assert result.scalars["share"] == pytest.approx(3 / 5, abs=0.05)
