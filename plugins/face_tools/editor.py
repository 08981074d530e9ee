"""The editor `align`: every picture as the generator's other editors get it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import i2i


class Align(i2i.Editor):
    """The crop of each photo, unedited; with it, whoever runs it gets the photo with the crop put back."""

    name = "align"
    summary = "Cut out what a generator sees of photos, and put it back."
    photos = ("image+",)
    wants = "crops"

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Give the pictures back, in their order."""
        first, *others = (i2i.Result(photo.pixels, photo.latent) for photo in scene.every["image"])
        return replace(first, others=tuple(others))
