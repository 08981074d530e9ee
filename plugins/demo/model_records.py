"""The model records of the built-in weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import i2i

WEIGHTS = Path(__file__).with_name("weights")
CARDS = Path(__file__).with_name("cards")
DOMAIN = "synthetic faces"


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
    _record("demo-faces", "generator", "Synthetic faces, StyleGAN2 at 64 px; built in.", default=True),
    _record("demo-landmarks", "landmarks", "68 landmarks of synthetic faces; built in."),
    _record("demo-identity", "identity", "Identity embeddings of synthetic faces; built in."),
    _record("demo-encoder", "encoder", "Latents of demo-faces for synthetic faces; built in."),
    _record("demo-text", "text", "Synthetic faces and sentences in one space; built in."),
)
BY_NAME = {record.name: record for record in RECORDS}


def record(name: str) -> i2i.Model:
    """Return the record of this name."""
    return BY_NAME[name]
