"""The shipped weights by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import i2i

WEIGHTS = Path(__file__).with_name("weights")
CARDS = Path(__file__).with_name("cards")
DOMAIN = "drawn faces"


def _record(name: str, role: Any, summary: str, default: bool = False) -> i2i.Model:
    return i2i.Model(
        name=name,
        summary=summary,
        role=role,
        url="",
        licence="MIT, as i2i itself",
        domain=DOMAIN,
        resolution=64,
        path=WEIGHTS / f"{name}.safetensors",
        default=default,
    )


RECORDS = (
    _record("demo-faces", "generator", "Drawn faces, StyleGAN2 at 64 px; in the package.", default=True),
    _record("demo-landmarks", "landmarks", "68 landmarks of drawn faces; in the package."),
    _record("demo-identity", "identity", "Who a drawn face is; in the package."),
    _record("demo-encoder", "encoder", "Latents of demo-faces for drawn faces; in the package."),
    _record("demo-text", "text", "Drawn faces and words about them; in the package."),
)
BY_NAME = {record.name: record for record in RECORDS}


def record(name: str) -> i2i.Model:
    """The record of this name."""
    return BY_NAME[name]
