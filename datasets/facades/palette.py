"""The colours of the classes in label maps of facades."""

from __future__ import annotations

PALETTE: dict[str, tuple[int, int, int]] = {
    "background": (0, 6, 217),
    "wall": (13, 61, 251),
    "door": (165, 0, 0),
    "window": (0, 117, 255),
    "sill": (104, 248, 152),
    "head": (29, 255, 221),
    "shutter": (238, 237, 40),
    "balcony": (184, 255, 56),
    "trim": (255, 146, 4),
    "cornice": (255, 68, 1),
    "column": (246, 0, 1),
    "entrance": (0, 201, 255),
}
"""Kind -> RGB of the label maps; ``door`` is what opens on the street all along: shop fronts, gates, garages."""
