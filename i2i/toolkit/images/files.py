"""Image files: read any common format as an array, save PNG and JPEG files with text inside.

An array is uint8 ``(H, W, 3)``, RGB.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from ...api.errors import I2IError
from ..files import atomic_write

if TYPE_CHECKING:
    pass

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""Suffixes of image files, in lower case."""

MAX_PIXELS = 2**27
"""Largest number of pixels of an image (134 million, 400 MB decoded); a protection against decompression bombs."""


_FORMATS = (
    "BMP",
    "GIF",
    "JPEG",
    "PNG",
    "TIFF",
    "WEBP",
)  # not PIL's full list: some of its readers start other programs
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112

# What PIL warns of is either handled here or an error of ours. A filter for good, since catch_warnings is not
# thread-safe and images are read by several threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


class ImageError(I2IError):
    """An image that cannot be used.

    Attributes:
        path: The file.
        reason: What is wrong with it and what to do.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


def read_image(path: str | Path) -> np.ndarray:
    """Read an image file of any common format.

    Greyscale, palette, CMYK and 16-bit images are converted to 8-bit RGB (16 bits are scaled, not clipped). Transparent
    pixels are blended with white, the EXIF orientation is applied, and of an animation the first frame is read.

    Args:
        path: A JPEG, PNG, BMP, WebP, TIFF or GIF file.

    Returns:
        uint8 ``(H, W, 3)``, RGB, writable.

    Raises:
        ImageError: the file is missing, empty, truncated, damaged, not an image, or has more than ``MAX_PIXELS``.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            _refuse_enormous(path, image)
            image.load()
            return np.array(_upright(_to_rgb(path, image), image))
    except ImageError:
        raise
    except Exception as error:  # a hostile file can make a decoder raise anything
        raise ImageError(path, _explain(Path(path), error)) from None


def _refuse_enormous(path: str | Path, image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height} pixels"
        raise ImageError(
            path, f"it has {size}, and more than {MAX_PIXELS // 10**6} million are refused; make it smaller."
        )


def _explain(path: Path, error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {MAX_PIXELS // 10**6} million pixels, which are refused; make it smaller."
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it; make it smaller."
    if isinstance(error, UnidentifiedImageError):
        if path.stat().st_size == 0:
            return "the file is empty; replace it or delete it."
        return "it is no JPEG, PNG, BMP, WebP or TIFF image, or its beginning is damaged; replace it or delete it."
    if isinstance(error, OSError) and error.errno:
        return f"it cannot be read ({error.strerror}); check the path and its permissions."
    return f"it is cut off or damaged ({' '.join(str(error).split())}); replace it or delete it."


def _to_rgb(path: str | Path, image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):  # PNG: Pillow before 11.3
        return Image.fromarray(_from_16_bit(image)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ImageError(path, "it holds 32-bit numbers of no stated range; save it with 8 or 16 bits.")
    if image.has_transparency_data:
        over = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(over, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _from_16_bit(image: Image.Image) -> np.ndarray:
    values = np.array(image).clip(0, 65535).astype(np.uint32)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        values[values == clear] = 65535
    return ((values * 255 + 32767) // 65535).astype(np.uint8)


def _upright(rgb: Image.Image, loaded: Image.Image) -> Image.Image:
    """Apply the EXIF orientation. It is read after loading, because PIL rotates TIFF files itself and resets it."""
    try:
        turn = _TURNS.get(loaded.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data next to sound pixels
        return rgb
    return rgb if turn is None else rgb.transpose(turn)


def save_image(path: str | Path, array: np.ndarray, text: Mapping[str, str] | None = None) -> None:
    """Save an image as PNG or JPEG, depending on the suffix; the file is written completely or not at all.

    Args:
        path: The file; its directory is created if necessary.
        array: uint8 ``(H, W, 3)``, RGB.
        text: Text chunks by keyword (PNG only); ``read_image_text`` reads them.

    Raises:
        I2IError: another suffix than .png, .jpg or .jpeg.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg") or (text and suffix != ".png"):
        raise I2IError(f"{path} must end in .png{'' if text else ' or .jpg'}; choose another name.")
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    with atomic_write(path) as beside:
        if suffix == ".png":
            chunks = PngImagePlugin.PngInfo()
            for key, value in (text or {}).items():
                chunks.add_text(key, value)
            image.save(beside, format="PNG", pnginfo=chunks)
        else:
            image.save(beside, format="JPEG", quality=95, subsampling=0)


def read_image_text(path: str | Path) -> dict[str, str]:
    """Read the text chunks that ``save_image`` wrote, by keyword; empty if there are none.

    Raises:
        ImageError: as ``read_image``.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            _refuse_enormous(path, image)
            image.load()  # text may come after the pixels
            return {str(key): str(value) for key, value in getattr(image, "text", {}).items()}
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(path, _explain(Path(path), error)) from None
