"""Image files: the guarded reader of every image that i2i opens, and files with text inside.

An array is uint8 ``(H, W, 3)``, sRGB.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from ...api.errors import I2IError
from ..files import atomic_write
from .colour_profiles import ProfileError, profile_space, to_srgb
from .formats import HEAD, can_decode, format_of_suffix, is_text, recognise_format

IMAGE_SUFFIXES = frozenset(
    {
        ".avif",
        ".bmp",
        ".heic",
        ".heif",
        ".jp2",
        ".jpeg",
        ".jpg",
        ".pgm",
        ".png",
        ".ppm",
        ".tga",
        ".tif",
        ".tiff",
        ".webp",
    }
)
"""Suffixes of the files that count as images in folders, in lower case; no GIF, for results hold animations."""

MAX_PIXELS = 2**27
"""Largest number of pixels of an image (134 million, 400 MB decoded); a protection against decompression bombs."""
MAX_BYTES = 2**31
"""Largest size of an image file (2 GiB), twice that of the largest image without compression."""

ImageSource: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO"
"""What an image is read from: a path, the bytes of a file, or a binary stream, which is read to its end."""
Colours: TypeAlias = Literal["srgb", "stored"]
"""``"srgb"`` converts colours by the embedded profile, as photos need; ``"stored"`` gives the numbers in the file."""
Note: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class ImageLimits:
    """What is refused before anything is decoded; uploads from strangers need lower limits than files of the user."""

    pixels: int = MAX_PIXELS
    """Largest number of pixels; never more than ``2 * PIL.Image.MAX_IMAGE_PIXELS``, which Pillow refuses."""
    bytes: int = MAX_BYTES
    """Largest size of the file."""
    symlinks: bool = True
    """Whether a path may be a symbolic link to a regular file."""


LIMITS = ImageLimits()


@dataclass(frozen=True)
class DecodedImage:
    """An image with what its file says about it."""

    pixels: np.ndarray
    """uint8 ``(H, W, 3)``, RGB, upright, transparent pixels blended with white."""
    alpha: np.ndarray | None
    """Opacity, uint8 ``(H, W)``, upright; None for an image without transparency."""
    format: str
    """Name of the file format, such as ``"JPEG"``."""
    icc_profile: bytes | None
    """The RGB colour profile from which the pixels were converted to sRGB; None if they were not."""


# What PIL warns of is either handled here or an error of ours. A filter for good, since catch_warnings is not
# thread-safe and images are read by several threads.
warnings.filterwarnings("ignore", module=r"PIL\.")

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
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_REPLACE = "replace it or delete it"


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


def read_image(
    source: ImageSource,
    *,
    limits: ImageLimits = LIMITS,
    name: str | Path | None = None,
    colours: Colours = "srgb",
    note: Note | None = None,
) -> np.ndarray:
    """Read an image of any common format.

    Formats: JPEG, PNG, WebP, BMP, TIFF, GIF, PPM, PGM and TGA; JPEG 2000 and AVIF where Pillow decodes them; HEIC with
    ``pip install "i2i[heic]"``. The first bytes choose the decoder, not the suffix (except for TGA).

    Greyscale, palette, CMYK and 16-bit images are converted to 8-bit RGB (16 bits are scaled, not clipped). Colours
    are converted to sRGB by an embedded ICC profile, relative colorimetric; a profile that is sRGB changes nothing, and
    one that is damaged or does not fit is ignored with a warning. Transparent pixels are blended with white, the EXIF
    orientation is applied, and of an animation the first frame is read.

    Args:
        source: A path of a regular file, the bytes of a file, or a binary stream.
        limits: What is refused, by the file system and the header, before anything is decoded.
        name: How messages call the image; by default its path, or ``image`` where there is none.
        colours: ``"stored"`` leaves colour profiles aside, as label images need.
        note: Called with each note: further frames, a suffix of another format, an ignored colour profile. They are
            only looked for where it is given.

    Returns:
        uint8 ``(H, W, 3)``, RGB, writable.

    Raises:
        ImageError: the file is missing, no regular file, empty, truncated, damaged, not an image, of a format that is
            not read, or beyond the limits.
    """
    with _open(source, limits, name, note) as (path, image):
        rgb, _, _ = _to_rgb(path, image, colours, note)
        return np.array(_upright(rgb, image))


def decode_image(
    source: ImageSource,
    *,
    limits: ImageLimits = LIMITS,
    name: str | Path | None = None,
    colours: Colours = "srgb",
    note: Note | None = None,
) -> DecodedImage:
    """Read an image with its opacity, format and colour profile; arguments and errors are those of ``read_image``."""
    with _open(source, limits, name, note) as (path, image):
        rgb, alpha, profile = _to_rgb(path, image, colours, note)
        opacity = None if alpha is None else np.array(_upright(alpha, image))
        return DecodedImage(np.array(_upright(rgb, image)), opacity, image.format or "", profile)


def read_stored_values(
    source: ImageSource, *, limits: ImageLimits = LIMITS, name: str | Path | None = None
) -> np.ndarray | None:
    """Read a grey or indexed image as the numbers in its file, such as class numbers or 16-bit depth.

    Arguments and errors are those of ``read_image``; the EXIF orientation is applied.

    Returns:
        ``(H, W)``: uint8, of 16 bits uint16 or int32; None for an image in colour or with an alpha channel.
    """
    with _open(source, limits, name) as (_, image):
        if image.mode not in ("1", "L", "P") and not image.mode.startswith("I"):
            return None
        image.load()
        values = np.array(_upright(image, image))
        return values.astype(np.uint8) if values.dtype == bool else values.astype(values.dtype.newbyteorder("="))


@contextmanager
def _open(
    source: ImageSource, limits: ImageLimits, name: str | Path | None, note: Note | None = None
) -> Iterator[tuple[Path, Image.Image]]:
    """Open an image within the limits, its pixels still to be decoded; whatever a decoder raises becomes one sentence.

    The header is read from the file that was checked, so that no other file can take its place in between.
    """
    path = Path("image") if name is None else Path(name)
    if name is None and isinstance(source, str | os.PathLike):
        path = Path(source)
    try:
        if isinstance(source, str | os.PathLike):
            opened = _open_file(path, source, limits)
        else:
            opened = _read_stream(path, source, limits)
        with opened as file:
            head = file.read(HEAD)
            file.seek(0)
            with Image.open(file, formats=(_choose_decoder(path, head, note),)) as image:
                if image.width * image.height > limits.pixels:
                    raise ImageError(path, f"it has {image.width} x {image.height} pixels, and {_too_many(limits)}.")
                if note is not None and image.format != "MPO" and getattr(image, "is_animated", False):  # MPO: previews
                    parts = "pages" if image.format == "TIFF" else "frames"
                    note(f"{path} holds several {parts}; the first is read.")
                yield path, image
    except ImageError:
        raise
    except Exception as error:  # a hostile file can make a decoder raise anything
        raise ImageError(path, _explain(error, limits)) from None


def _open_file(path: Path, source: str | os.PathLike[str], limits: ImageLimits) -> BinaryIO:
    """Open a regular file for reading; a named pipe is refused at once and does not block."""
    if not limits.symlinks and Path(source).is_symlink():  # before O_NOFOLLOW, which Windows lacks
        raise ImageError(path, "it is a symbolic link, which is not read here; name the file itself.")
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    number = os.open(source, flags | (0 if limits.symlinks else getattr(os, "O_NOFOLLOW", 0)))
    try:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
            raise ImageError(path, f"it cannot be read (it is {kind}); name an image file.")
        if status.st_size > limits.bytes:
            raise ImageError(path, _too_large(limits))
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def _read_stream(path: Path, source: bytes | bytearray | memoryview | BinaryIO, limits: ImageLimits) -> BinaryIO:
    """Read bytes or a stream into memory, no further than the limit: streams of uploads cannot always seek."""
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source) if len(source) <= limits.bytes else None
    else:
        data = _read_at_most(source, limits.bytes)
    if data is None:
        raise ImageError(path, _too_large(limits))
    return BytesIO(data)


def _read_at_most(stream: BinaryIO, most: int) -> bytes | None:
    """Read a stream to its end; None if it has more than ``most`` bytes."""
    data = bytearray()
    while part := stream.read(min(2**20, most + 1 - len(data))):
        data += part
        if len(data) > most:
            return None
    return bytes(data)


def _choose_decoder(path: Path, head: bytes, note: Note | None) -> str:
    """Return Pillow's name of the format that a file begins with."""
    if not head:
        raise ImageError(path, f"the file is empty; {_REPLACE}.")
    found = recognise_format(head, path.suffix)
    if found is None and is_text(head):
        raise ImageError(path, f"it is no JPEG, PNG or other image, but text; {_REPLACE}.")
    if found is None:
        raise ImageError(
            path, "it is no JPEG, PNG or other image that is read, or its beginning is damaged; save it as PNG or JPEG."
        )
    if not found.decoder:
        raise ImageError(path, f"it is no JPEG, PNG or other image that is read, but {found.name}; {found.advice}.")
    if (found.codec or found.decoder not in Image.OPEN) and not can_decode(found):
        raise ImageError(path, f"its format is {found.name}, for which the decoder is missing; {found.advice}.")
    named = format_of_suffix(path.suffix) if note is not None else None
    if note is not None and named is not None and named != found:
        note(f"{path} has the format {found.name} in spite of its suffix, and is read as that.")
    return found.decoder


def _too_many(limits: ImageLimits) -> str:
    count = f"{limits.pixels // 10**6} million" if limits.pixels >= 10**6 else str(limits.pixels)
    return f"more than {count} are refused; make it smaller"


def _too_large(limits: ImageLimits) -> str:
    size = f"{limits.bytes // 2**20} MB" if limits.bytes >= 2**20 else f"{limits.bytes} bytes"
    return f"the file has more than {size}, which are refused; make it smaller."


def _explain(error: Exception, limits: ImageLimits) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"it has too many pixels, and {_too_many(limits)}."
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it; make it smaller."
    if isinstance(error, UnidentifiedImageError):
        return f"it is cut off, or its beginning is damaged; {_REPLACE}."
    if isinstance(error, OSError) and error.errno:
        return f"it cannot be read ({error.strerror}); check the path and its permissions."
    return f"it is cut off or damaged ({' '.join(str(error).split())}); {_REPLACE}."


def _to_rgb(
    path: Path, image: Image.Image, colours: Colours, note: Note | None
) -> tuple[Image.Image, Image.Image | None, bytes | None]:
    """Decode an image and return it as RGB, its opacity, and the RGB profile from which it was converted."""
    image.load()
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    if image.mode in ("I", "F") and not sixteen:  # PNG has mode I before Pillow 11.3
        raise ImageError(path, "it holds 32-bit numbers of no stated range; save it with 8 or 16 bits.")
    alpha: Image.Image | None = None
    if sixteen:
        values, clear = np.array(image).clip(0, 65535).astype(np.uint32), image.info.get("transparency")
        if isinstance(clear, int):
            alpha = Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
            values[values == clear] = 65535
        flat = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    elif image.has_transparency_data:
        rgba = image.convert("RGBA")
        alpha, flat = rgba.getchannel("A"), rgba
    else:
        flat = image
    stored = image.info.get("icc_profile") if colours == "srgb" else None
    rgb, profile = _managed(path, flat, image.mode, stored, note) if stored else (None, None)
    if rgb is None:
        rgb = flat
    elif alpha is not None and not sixteen:
        rgb.putalpha(alpha)
    if rgb.mode == "RGBA":
        rgb = Image.alpha_composite(Image.new("RGBA", image.size, "white"), rgb)
    return rgb.convert("RGB"), alpha, profile


def _managed(
    path: Path, flat: Image.Image, mode: str, icc_profile: bytes, note: Note | None
) -> tuple[Image.Image | None, bytes | None]:
    """Convert an image to sRGB by its profile; None where the pixels stay as they are.

    Args:
        flat: The decoded image, RGBA if it has transparency, L if it has 16 bits.
        mode: The mode of the image in the file.

    Returns:
        RGB without transparency, and the profile if it is one of RGB.
    """
    if mode == "LAB":  # of which the profile says nothing more
        return None, None
    try:
        space = profile_space(icc_profile)
        grey = mode in ("1", "L", "LA", "La") or mode.startswith("I")
        if (mode == "CMYK") != (space == "CMYK") or (space == "GRAY" and not grey):
            raise ProfileError(f"it is for {space} colours, and the image has others")
        # Grey images often carry the RGB profile of the program that wrote them: three equal channels.
        ready = flat if space == "CMYK" else flat.convert("RGB")
        converted = to_srgb(ready.getchannel("R") if space == "GRAY" else ready, icc_profile)
        return converted, icc_profile if converted is not None and space == "RGB" else None
    except Exception as error:  # a hostile profile can make littleCMS raise anything
        if note is not None:
            reason = " ".join(str(error).split())
            note(f"warning: {path}: its colour profile is ignored ({reason}), so its colours may be slightly wrong.")
        return None, None


def _upright(decoded: Image.Image, loaded: Image.Image) -> Image.Image:
    """Apply the EXIF orientation. It is read after loading, because PIL rotates TIFF files itself and resets it."""
    try:
        turn = _TURNS.get(loaded.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data next to sound pixels
        return decoded
    return decoded if turn is None else decoded.transpose(turn)


def save_image(
    path: str | Path, array: np.ndarray, text: Mapping[str, str] | None = None, icc_profile: bytes | None = None
) -> None:
    """Save an image as PNG or JPEG, depending on the suffix; the file is written completely or not at all.

    Args:
        path: The file; its directory is created if necessary.
        array: uint8 ``(H, W, 3)``, RGB.
        icc_profile: The colour profile of the pixels; None for sRGB, as which programs show an image without one.
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
            image.save(beside, format="PNG", pnginfo=chunks, icc_profile=icc_profile)
        else:
            image.save(beside, format="JPEG", quality=95, subsampling=0, icc_profile=icc_profile)


def read_image_text(path: str | Path) -> dict[str, str]:
    """Read the text chunks that ``save_image`` wrote, by keyword; empty if there are none.

    Raises:
        ImageError: as ``read_image``.
    """
    with _open(path, LIMITS, None) as (_, image):
        image.load()  # text may come after the pixels
        return {str(key): str(value) for key, value in getattr(image, "text", {}).items()}
