"""One's own pairs: ``DIR/train`` and ``DIR/val`` with A|B pictures, or each with folders ``A`` and ``B``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i.hookspecs import Register


class Folder(i2i.Dataset):
    """Pictures that lie in ``--data-root`` itself; there is nothing to fetch and nothing drawn in their place."""

    name = "folder"
    summary = "Your own pairs: --data-root DIR with DIR/train and DIR/val, each of A|B pictures or of folders A and B."
    licence = "your own"


@i2i.hookimpl
def register_datasets(register: Register) -> None:
    """Bring the set ``folder``."""
    register(Folder)
