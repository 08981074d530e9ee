"""The editor ``fog``: fog that grows with depth."""

from __future__ import annotations

from typing import Any

from pydantic import Field

import i2i


class Fog(i2i.Editor):
    """Blends a photo with grey by its depth: ``fog = 1 - exp(-density * depth)``, as light is absorbed by fog."""

    name = "fog"
    summary = "Lay fog over the distant parts of a photo."
    photos = ("image",)
    extractors = ("depth",)
    wants = "pixels"

    class Options(i2i.Options):
        """Options of ``fog``."""

        density: float = Field(1.5, ge=0, le=10, description="Absorption at depth 1; 0 keeps the photo")
        level: float = Field(0.6, ge=-1, le=1, description="Grey level of the fog, from -1 (black) to 1 (white)")

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Return the foggy photo, and the mean fraction of fog in it."""
        image = scene.photos["image"].pixels  # (1, 3, H, W) in [-1, 1]
        depth = scene.extractors["depth"](image)  # (1, 1, H, W) in [0, 1]
        fog = 1 - (-options.density * depth).exp()
        return i2i.Result(image.lerp(image.new_tensor(options.level), fog), scalars={"fog": float(fog.mean())})
