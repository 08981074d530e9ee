"""Pictures: file <-> array <-> tensor, sheets and animations.

An array is uint8 ``(H, W, 3)``, RGB. A tensor is float32 ``(1, 3, H, W)``, RGB, in [-1, 1].
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from ...api.errors import I2IError
from ..files import replacing
from .grids import sheet as sheet

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""File names that count as pictures, in lower case."""

MAX_PIXELS = 2**27
"""Larger pictures (134 million pixels, 400 MB decoded) are refused: no camera makes them, decompression bombs do."""

LEGIBLE = 256
"""Longer side, in pixels, about as large as which pictures are shown to be looked at."""

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
# thread-safe and pictures are read by several threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


class PictureError(I2IError):
    """A picture that cannot be used: ``path``, and ``reason`` with what is wrong and what to do."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture of any common kind.

    Grey, palette, CMYK and 16-bit pictures become 8-bit RGB (16 bits are scaled, not clipped); transparent parts are
    laid over white; the EXIF rotation is applied; of several frames the first is taken.

    Returns:
        uint8 ``(H, W, 3)``, RGB, writable.

    Raises:
        PictureError: the file is missing, empty, cut off, damaged, no picture, or has more than ``MAX_PIXELS``.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            _refuse_enormous(path, image)
            image.load()
            return np.array(_upright(_to_rgb(path, image), image))
    except PictureError:
        raise
    except Exception as error:  # a hostile file can make a decoder raise anything
        raise PictureError(path, _explain(Path(path), error)) from None


def _refuse_enormous(path: str | Path, image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height} pixels"
        raise PictureError(
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
        return "it is no JPEG, PNG, BMP, WebP or TIFF picture, or its beginning is damaged; replace it or delete it."
    if isinstance(error, OSError) and error.errno:
        return f"it cannot be read ({error.strerror}); check the path and its permissions."
    return f"it is cut off or damaged ({' '.join(str(error).split())}); replace it or delete it."


def _to_rgb(path: str | Path, image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):  # PNG: Pillow before 11.3
        return Image.fromarray(_from_16_bit(image)).convert("RGB")
    if image.mode in ("I", "F"):
        raise PictureError(path, "it holds 32-bit numbers of no stated range; save it with 8 or 16 bits.")
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
    """Apply the EXIF rotation. Asked only after loading: PIL turns TIFF files by itself then, and clears the mark."""
    try:
        turn = _TURNS.get(loaded.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data next to sound pixels
        return rgb
    return rgb if turn is None else rgb.transpose(turn)


def resize(array: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize uint8 ``(H, W, 3)`` to ``(height, width, 3)``: bicubic, antialiased, aspect ignored."""
    if array.shape[:2] == (height, width):
        return array
    return np.array(Image.fromarray(array).resize((width, height), Image.Resampling.BICUBIC))


def enlarged(array: np.ndarray, side: int = LEGIBLE) -> np.ndarray:
    """A small picture by the whole factor that brings its longer side nearest to ``side`` pixels; others as they are.

    uint8 ``(H, W, 3)`` -> ``(k H, k W, 3)``, bicubic.
    """
    height, width = array.shape[:2]
    times = max(1, round(side / max(height, width)))
    return resize(array, times * width, times * height)


def to_tensor(array: np.ndarray) -> Tensor:
    """uint8 ``(H, W, 3)`` -> float32 ``(1, 3, H, W)`` in [-1, 1]."""
    import torch

    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"expected uint8 (H, W, 3), got {array.dtype} {array.shape}")
    planes = torch.tensor(array).permute(2, 0, 1).unsqueeze(0).contiguous()
    return planes.float().div_(127.5).sub_(1)


def to_array(tensor: Tensor) -> np.ndarray:
    """``(1, 3, H, W)`` or ``(3, H, W)`` in [-1, 1] -> uint8 ``(H, W, 3)``: rounded, and clamped where outside.

    Exactly undoes ``to_tensor``.
    """
    import torch

    planes = (
        tensor.detach().reshape(tensor.shape[-3:]) if tensor.ndim == 4 and tensor.shape[0] == 1 else tensor.detach()
    )
    if planes.ndim != 3 or planes.shape[0] != 3:
        raise ValueError(f"expected (1, 3, H, W) or (3, H, W), got {tuple(tensor.shape)}")
    whole = planes.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return whole.permute(1, 2, 0).contiguous().cpu().numpy()


def save_picture(path: str | Path, array: np.ndarray, text: Mapping[str, str] | None = None) -> None:
    """Write a PNG or, by the name's suffix, a JPEG, whole or not at all; the folder is made if need be.

    Args:
        array: uint8 ``(H, W, 3)``.
        text: Kept inside the picture, by name (PNG only); ``read_text`` gives it back.

    Raises:
        I2IError: another suffix than .png, .jpg or .jpeg.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg") or (text and suffix != ".png"):
        raise I2IError(f"{path} must end in .png{'' if text else ' or .jpg'}; choose another name.")
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    with replacing(path) as beside:
        if suffix == ".png":
            chunks = PngImagePlugin.PngInfo()
            for key, value in (text or {}).items():
                chunks.add_text(key, value)
            image.save(beside, format="PNG", pnginfo=chunks)
        else:
            image.save(beside, format="JPEG", quality=95, subsampling=0)


def read_text(path: str | Path) -> dict[str, str]:
    """The text kept inside a picture by ``save_picture``; empty where there is none.

    Raises:
        PictureError: as ``read_picture``.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            _refuse_enormous(path, image)
            image.load()  # text may come after the pixels
            return {str(key): str(value) for key, value in getattr(image, "text", {}).items()}
    except PictureError:
        raise
    except Exception as error:
        raise PictureError(path, _explain(Path(path), error)) from None
