"""Plugin module of the editors ``fog``, ``brightness`` and ``face-warp``, with the presets of the last."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register the editors: a small one as a class, those that import torch by string."""
    from .fog import Fog

    register(Fog)
    register(
        "brightness",
        "i2i_outside.editors.brightness:Brightness",
        summary="Optimise a latent until its image has a given brightness.",
        wants="latent",
        photos=("image",),
    )
    register(
        "face-warp",
        "i2i_outside.editors.face_warp:FaceWarp",
        summary="Move landmarks of a face by presets, such as smile, and warp the photo accordingly.",
        wants="pixels",
        photos=("image", "mask?"),
    )


@i2i.hookimpl
def register_presets(register: i2i.Register) -> None:
    """Register the presets of ``face-warp``. Editors have presets of their own, so ``smile`` of drag is another."""
    corners = {"49": [-0.06, -0.14], "55": [0.06, -0.14]}
    lips = {"58": [0.0, 0.05]}
    register(i2i.Preset("smile", "Corners of the mouth up and apart.", "face-warp", {"moves": {**corners, **lips}}))
    brows = {"20": [0.0, -0.12], "25": [0.0, -0.12]}
    register(i2i.Preset("surprise", "Eyebrows up.", "face-warp", {"moves": brows}))
