"""The embedded world of faces: small networks that know the drawn faces, whole in the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_extractors(register: Register) -> None:
    """Bring the networks that look at drawn faces."""
    from .extractors.encoder import DemoEncoder
    from .extractors.identity import DemoIdentity
    from .extractors.landmarks import DemoLandmarks
    from .extractors.text import DemoText

    for extractor in (DemoLandmarks, DemoIdentity, DemoEncoder, DemoText):
        register(extractor)


@i2i.hookimpl
def register_models(register: Register) -> None:
    """Bring the records of the shipped weights."""
    from .records import RECORDS

    for record in RECORDS:
        register(record)
