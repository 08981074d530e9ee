"""Options of a training of pix2pix so small that a step takes milliseconds."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, Any] = {
    "size": 32,
    "levels": 3,
    "width": 4,
    "discriminator_width": 4,
    "patch": 16,
    "device": "cpu",
    "precision": "fp32",
    "workers": 0,
}
