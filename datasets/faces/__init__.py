"""Drawn faces with known truth: landmarks, identity, pose, expression, light and words."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register the dataset ``faces``."""
    register(
        "faces",
        "i2i_datasets.faces.dataset:Faces",
        summary="Synthetic faces and line drawings of their 68 landmarks; nothing to download.",
    )
