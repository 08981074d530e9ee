"""ICC colour profiles: convert images to sRGB, and edited photos back to the profile of their file.

The rendering intent is relative colorimetric with black point compensation: it keeps every colour that sRGB can show,
where the perceptual intent changes all of them by a table of the profile's author, and maps the black of a print to
black. For the usual profiles of cameras and displays, a matrix and curves, the intents are the same.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from PIL import ImageCms

MAX_PROFILE = 2**23
"""Largest size of a colour profile in bytes; those of printers have up to 3 MB."""
SAME = 2
"""Differences in [0, 255] up to which a profile counts as sRGB, whose curve some profiles store as a table."""

Space: TypeAlias = Literal["GRAY", "RGB", "CMYK"]
"""Colour space of the stored pixels."""

_MODES: dict[Space, str] = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
_BAND = 256
"""Number of rows that are converted at a time, so that memory does not grow with the photo."""
_FADE = 16.0
"""Difference in [0, 255] from which an edited pixel keeps nothing of the stored one beyond the colours of sRGB."""


class ProfileError(ValueError):
    """A colour profile that is damaged or does not fit its image."""


def profile_space(icc_profile: bytes) -> Space:
    """Return the colour space of the pixels that a profile describes.

    Raises:
        ProfileError: the profile is damaged, or for other pixels.
    """
    if len(icc_profile) > MAX_PROFILE:
        raise ProfileError(f"it has more than {MAX_PROFILE // 2**20} MB")
    space = icc_profile[16:20].decode("ascii", "replace").strip()  # its place in the header of every version
    for known in _MODES:
        if space == known:
            return known
    raise ProfileError(f"it is for {space!r} colours" if space.isalnum() else "it is damaged")


def to_srgb(image: Image.Image, icc_profile: bytes) -> Image.Image | None:
    """Convert an image to sRGB by its profile.

    Args:
        image: Mode L, RGB or CMYK, as ``profile_space`` says.

    Returns:
        Mode RGB; None if the profile is sRGB, so that nothing changes.

    Raises:
        ProfileError: the profile is damaged or cannot be used.
    """
    transform = _srgb_transform(icc_profile)
    if isinstance(transform, np.ndarray):
        return Image.fromarray(transform[np.asarray(image)])
    return None if transform is None else transform.apply(image)


@lru_cache(maxsize=8)
def _srgb_transform(icc_profile: bytes) -> ImageCms.ImageCmsTransform | np.ndarray | None:
    """Return the transform from a profile to sRGB, of grey images a table ``(256, 3)``; None if the profile is sRGB."""
    space = profile_space(icc_profile)
    transform = _build(icc_profile, to_srgb=True, mode=_MODES[space])
    samples = _samples(space)
    if samples is None:
        return transform
    converted = np.asarray(transform.apply(samples))
    if np.abs(converted.astype(np.int16) - np.asarray(samples.convert("RGB"))).max() <= SAME:
        return None
    return converted[0] if space == "GRAY" else transform


@lru_cache(maxsize=8)
def _profile_transform(icc_profile: bytes) -> ImageCms.ImageCmsTransform:
    """Return the transform from sRGB to an RGB profile."""
    return _build(icc_profile, to_srgb=False, mode="RGB")


def _build(icc_profile: bytes, to_srgb: bool, mode: str) -> ImageCms.ImageCmsTransform:
    try:
        from PIL import ImageCms

        own, srgb = ImageCms.ImageCmsProfile(BytesIO(icc_profile)), ImageCms.createProfile("sRGB")
        source, target, modes = (own, srgb, (mode, "RGB")) if to_srgb else (srgb, own, ("RGB", mode))
        intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        if mode == "L":  # else a coarse table replaces the curve and is wrong in the shadows
            flags |= ImageCms.Flags.NOOPTIMIZE
        return ImageCms.buildTransform(source, target, *modes, renderingIntent=intent, flags=flags)
    except ImportError:
        raise ProfileError("this Pillow has no littleCMS") from None
    except Exception as error:  # Pillow raises its own error, OSError or ValueError
        raise ProfileError(" ".join(str(error).split()) or "it is damaged") from None


def _samples(space: Space) -> Image.Image | None:
    """Return an image of colours that tell another profile from sRGB; None where none can be equal."""
    if space == "CMYK":
        return None
    ramp = np.arange(256, dtype=np.uint8)[None]
    if space == "GRAY":
        return Image.fromarray(ramp)
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, -1, 3)
    return Image.fromarray(np.concatenate([ramp[..., None].repeat(3, axis=2), cube], axis=1))


def restore_profile(edited: np.ndarray, photo: np.ndarray, stored: np.ndarray, icc_profile: bytes) -> np.ndarray | None:
    """Convert an edited photo from sRGB back to the profile of its file; unchanged pixels keep their stored values.

    So colours outside sRGB stay as they are where nothing was edited. The difference between a stored pixel and its
    colour in sRGB fades out as the edit changes the pixel.

    Args:
        edited: uint8 ``(H, W, 3)``, sRGB.
        photo: The photo before the edit, uint8 ``(H, W, 3)``, sRGB.
        stored: The same photo in the colours of its file, uint8 ``(H, W, 3)``.
        icc_profile: The RGB profile of the file.

    Returns:
        uint8 ``(H, W, 3)`` in the colours of the file; None where its profile only converts to sRGB.
    """
    try:
        transform = _profile_transform(icc_profile)
    except ProfileError:
        return None
    result = stored.copy()
    for top in range(0, len(edited), _BAND):
        rows = slice(top, top + _BAND)
        change = np.abs(edited[rows].astype(np.int16) - photo[rows]).max(axis=2, keepdims=True)
        if not change.any():
            continue
        after, before = (
            np.asarray(transform.apply(Image.fromarray(part[rows])), np.float32) for part in (edited, photo)
        )
        kept = np.clip(1 - change.astype(np.float32) / _FADE, 0, 1)
        mixed = (after + kept * (stored[rows] - before)).round().clip(0, 255).astype(np.uint8)
        result[rows] = np.where(change > 0, mixed, stored[rows])
    return result
