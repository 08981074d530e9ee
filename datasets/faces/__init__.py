"""Plugin module of the dataset ``faces``: synthetic faces with landmarks, parameters and captions."""

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
