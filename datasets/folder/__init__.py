"""Plugin module of the dataset ``folder``: your own images or pairs."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_datasets(register: i2i.Register) -> None:
    """Register the dataset ``folder``."""
    register(
        "folder",
        "i2i_datasets.folder.dataset:Folder",
        summary="Your own: --data-root DIR with DIR/train and DIR/val, of A|B images, folders A and B, or single ones.",
    )
