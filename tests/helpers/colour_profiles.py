"""ICC profiles that are built from their numbers, as those of phones and printers."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

DISPLAY_P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
"""The primaries of Display P3, adapted to D50."""
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
"""The primaries of sRGB, adapted to D50."""
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def matrix_profile(
    primaries: tuple[tuple[float, float, float], ...] = DISPLAY_P3, curve: tuple[float, ...] = SRGB_CURVE
) -> bytes:
    """Build a display profile of three primaries and one curve, ICC version 2 with a parametric curve."""
    tags = {name: _xyz(value) for name, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    tags |= {name: _curve(curve) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return _profile(b"RGB ", tags)


def grey_profile(gamma: float) -> bytes:
    """Build a profile of grey images with a gamma curve."""
    return _profile(b"GRAY", {b"kTRC": _curve((gamma,))})


def cmyk_profile() -> bytes:
    """Build a printer profile with a table of 2 grid points: full ink of each colour is dark, none is white."""
    lab = bytearray()
    for index in range(16):
        cyan, magenta, yellow, black = ((index >> shift) & 1 for shift in (3, 2, 1, 0))
        light = max(0.0, 1 - 0.25 * cyan - 0.25 * magenta - 0.1 * yellow - 0.8 * black)
        a, b = 128 - 40 * cyan + 60 * magenta, 128 - 30 * cyan + 70 * yellow
        lab += bytes([round(light * 255), a, b])
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0])
    table += b"".join(_fixed(value) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1)) + ramp * 4 + bytes(lab) + ramp * 3
    return _profile(b"CMYK", dict.fromkeys((b"A2B0", b"A2B1", b"A2B2"), table), b"prtr", b"Lab ")


def convert(pixels: np.ndarray, icc_profile: bytes | None, back: bool = False) -> np.ndarray:
    """Convert RGB pixels from a profile, None for sRGB, to sRGB or back."""
    if icc_profile is None:
        return pixels
    ends = [ImageCms.ImageCmsProfile(BytesIO(icc_profile)), ImageCms.createProfile("sRGB")]
    converted = ImageCms.profileToProfile(
        Image.fromarray(pixels), *(ends[::-1] if back else ends), ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    assert converted is not None
    return np.asarray(converted)


def _profile(space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr", connection: bytes = b"XYZ ") -> bytes:
    tags = {b"desc": _text("made by a test"), b"wtpt": _xyz((0.9642, 1, 0.8249)), **tags}
    table, data, start = b"", b"", 132 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(data), len(value))
        data += value + b"\0" * (-len(value) % 4)
    body = struct.pack(">I", len(tags)) + table + data
    head = struct.pack(">I4s4s4s4s4s", 128 + len(body), b"none", b"\x02\x40\0\0", kind, space, connection)
    white = b"".join(_fixed(value) for value in (0.9642, 1, 0.8249))
    head = head.ljust(36, b"\0") + b"acsp"
    return (head.ljust(68, b"\0") + white).ljust(128, b"\0") + body


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in values)


def _curve(values: tuple[float, ...]) -> bytes:
    kind = 0 if len(values) == 1 else 3
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(_fixed(value) for value in values)


def _text(text: str) -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text.encode() + b"\0" * 79
