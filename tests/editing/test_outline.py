"""Outlines: what an edit would do, without inverting photos or running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import i2i
from i2i.editing.pipeline import outline
from i2i.registry import Registry
from tests.helpers.toy_latents import Bandwise, Brighten, latent_registry


class Shown(Brighten):
    """Outlines the lower half; ``amount`` 9 returns what is no outline."""

    name = "shown"

    def outline(self, scene: i2i.Scene, options: Any) -> Sequence[i2i.EditOutline]:
        photo = scene.photos["image"]
        mask = torch.zeros(1, 1, *photo.pixels.shape[2:])
        mask[:, :, 6:] = 1
        point = torch.tensor([[2.0, 3.0]])
        if options.amount == 9:
            return [i2i.EditOutline(point, None)]
        return [i2i.EditOutline(point, point + options.amount, ["corner"], mask)]

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        raise AssertionError("an outline runs no edit")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "home"))
    Bandwise.asked.clear()
    return latent_registry(Shown)


def test_outline_of_photo_needs_no_inversion(registry: Registry, tmp_path: Path) -> None:
    Image.fromarray(np.full((24, 36, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry}
    ((image, shown),) = outline("shown", [tmp_path / "grey.png"], amount=0.5, **shared)
    assert image.photo.latent is None and not Bandwise.asked
    assert image.placement is not None and image.photo.whole == (24, 36)
    assert shown.names == ["corner"] and shown.targets is not None and shown.targets.tolist() == [[2.5, 3.5]]
    assert shown.mask is not None and float(shown.mask.sum()) == 72


def test_editors_without_outline_show_none(registry: Registry) -> None:
    assert outline("brighten", generator="bands", device="cpu", registry=registry) == []


def test_outline_that_breaks_the_contract_names_the_editor(registry: Registry) -> None:
    with pytest.raises(i2i.I2IError, match=r"editor 'shown'.*outline\(\).*a target and a name for each point"):
        outline("shown", generator="bands", device="cpu", registry=registry, amount=9)
