"""The dataset: its splits, archives and synthetic pairs."""

from __future__ import annotations

import i2i


class Folder(i2i.Dataset):
    """Your own images in ``--data-root``; there is no download and there are no synthetic images."""

    name = "folder"
    summary = "Your own: --data-root DIR with DIR/train and DIR/val, of A|B images, folders A and B, or single ones."
    licence = "your own"
