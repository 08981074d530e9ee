"""The editor ``align``: the crop of each photo, unedited."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import i2i


class Align(i2i.Editor):
    """Return the crop of each photo unedited, which shows what other editors get and how a crop is pasted back."""

    name = "align"
    summary = "Crop photos as a generator needs them, and paste the crops back."
    photos = ("image+",)
    wants = "crops"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Return the crops in the order of the photos."""
        first, *others = (i2i.Result(photo.pixels, photo.latent) for photo in scene.every["image"])
        return replace(first, others=tuple(others))
