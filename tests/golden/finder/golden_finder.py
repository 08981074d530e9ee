"""A plugin whose extractor finds faces at two known places of a photo, which no network in the package can do."""

from __future__ import annotations

from typing import Any

import i2i

SQUARES = ((10, 20, 160), (240, 100, 160))
"""Left, top and side of the two faces of the golden tests' group photo, pixels."""


@i2i.hookimpl
def register_extractors(register: Any) -> None:
    """Register the finder."""

    class Finder(i2i.Extractor):
        """Find the faces at ``SQUARES``, and their landmarks with ``demo-landmarks``."""

        name = "golden-finder"
        summary = "Faces at two known places."
        role = "landmarks"
        domain = "synthetic faces"

        def __init__(self, device: i2i.Device) -> None:
            self.landmarks: Any = i2i.extractor("demo-landmarks", str(device))

        def __call__(self, pictures: Any) -> Any:
            """Landmarks ``(N, 68, 2)`` of crops ``(N, 3, H, W)``."""
            return self.landmarks(pictures)

        def find(self, picture: Any) -> list[i2i.Face]:
            """The faces of a photo ``(1, 3, H, W)``; of an image too small for both places, it is the face itself."""
            if picture.shape[-1] < max(left + side for left, _, side in SQUARES):
                return list(self.landmarks.find(picture))
            faces = []
            for left, top, side in SQUARES:
                points = self(picture[..., top : top + side, left : left + side])[0].detach().cpu()
                points = points + points.new_tensor([left, top])
                faces.append(i2i.Face((left, top, left + side, top + side), points, 1.0))
            return faces

    register(Finder)
