"""Image formats: recognise the format of a file by its first bytes, and say what to do with one that is not read.

The first bytes choose the one decoder that may run. Pillow's own search would try all of its readers, some of which
start other programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module

from PIL import Image, features

HEAD = 512
"""Number of bytes at the beginning of a file from which its format is recognised."""


@dataclass(frozen=True)
class ImageFormat:
    """One file format."""

    name: str
    """Name as users know it."""
    decoder: str = ""
    """Pillow's name of the format; empty where it is not read."""
    codec: str = ""
    """Pillow's name of a codec that it may have been built without."""
    suffixes: tuple[str, ...] = ()
    """Usual suffixes of its files, in lower case."""
    advice: str = "save it as PNG or JPEG"
    """What to do where it is not read."""


_PILLOW = "type: pip install --upgrade pillow; or save it as PNG or JPEG"
_EXPORT = "export it as PNG"
_JPEG = ImageFormat("JPEG", "JPEG", suffixes=(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"))
_PNG = ImageFormat("PNG", "PNG", suffixes=(".png", ".apng"))
_GIF = ImageFormat("GIF", "GIF", suffixes=(".gif",))
_BMP = ImageFormat("BMP", "BMP", suffixes=(".bmp", ".dib"))
_WEBP = ImageFormat("WebP", "WEBP", suffixes=(".webp",), advice=_PILLOW)
_TIFF = ImageFormat("TIFF", "TIFF", suffixes=(".tif", ".tiff"))
_NETPBM = ImageFormat("PPM", "PPM", suffixes=(".ppm", ".pgm", ".pbm", ".pnm"))
_TGA = ImageFormat("TGA", "TGA", suffixes=(".tga", ".icb", ".vda", ".vst"))
_JPEG2000 = ImageFormat("JPEG 2000", "JPEG2000", "jpg_2000", (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"), _PILLOW)
_AVIF = ImageFormat("AVIF", "AVIF", "avif", (".avif",), _PILLOW)
_HEIC = ImageFormat("HEIC", "HEIF", suffixes=(".heic", ".heif", ".hif"), advice='HEIC needs pip install "i2i[heic]"')
_RAW = ImageFormat("camera raw", advice="develop it and save it as PNG or JPEG")

READ = (_JPEG, _PNG, _GIF, _BMP, _WEBP, _TIFF, _NETPBM, _TGA, _JPEG2000, _AVIF, _HEIC)
"""The formats that are read; some need a decoder that is not installed everywhere."""

_SIGNATURES: tuple[tuple[int, bytes, ImageFormat], ...] = (
    (0, b"\xff\xd8\xff", _JPEG),
    (0, b"\x89PNG\r\n\x1a\n", _PNG),
    (0, b"GIF87a", _GIF),
    (0, b"GIF89a", _GIF),
    (8, b"WEBP", _WEBP),
    (8, b"CR\x02\x00", _RAW),
    *((0, head, _TIFF) for head in (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"MM\0+", b"II+\0")),
    (0, b"\xff\x4f\xff\x51", _JPEG2000),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", _JPEG2000),
    *((0, head, _RAW) for head in (b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"FOVb")),
    (0, b"8BPS", ImageFormat("Photoshop", advice=_EXPORT)),
    (0, b"%PDF", ImageFormat("PDF", advice="export the page as PNG")),
    (0, b"%!PS", ImageFormat("PostScript", advice=_EXPORT)),
    (0, b"\xc5\xd0\xd3\xc6", ImageFormat("PostScript", advice=_EXPORT)),
    (0, b"gimp xcf", ImageFormat("GIMP", advice=_EXPORT)),
    (0, b"\xff\x0a", ImageFormat("JPEG XL")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", ImageFormat("JPEG XL")),
    (0, b"\x76\x2f\x31\x01", ImageFormat("OpenEXR")),
    (0, b"#?R", ImageFormat("Radiance HDR")),
    (0, b"DDS ", ImageFormat("DDS")),
    (0, b"qoif", ImageFormat("QOI")),
    (0, b"\0\0\1\0", ImageFormat("icon")),
    (0, b"PK\x03\x04", ImageFormat("ZIP", advice="unpack it and name the images")),
    (0, b"\x1f\x8b", ImageFormat("gzip", advice="unpack it and name the images")),
    (0, b"\x1aE\xdf\xa3", ImageFormat("video", advice="save one of its frames as PNG")),
    (8, b"AVI ", ImageFormat("video", advice="save one of its frames as PNG")),
)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_UNSPECIFIC_BRANDS = frozenset({b"mif1", b"msf1", b"mif2"})


def recognise_format(head: bytes, suffix: str = "") -> ImageFormat | None:
    """Recognise the format of a file.

    Args:
        head: Its first ``HEAD`` bytes, all of a shorter file.
        suffix: Its suffix, which decides for TGA only: these files begin with nothing that tells them apart.

    Returns:
        The format, also one that is not read; None where it is unknown.
    """
    for start, signature, found in _SIGNATURES:
        if head.startswith(signature, start):
            return found
    if head[4:8] == b"ftyp":
        return _container_format(head)
    if head[:1] == b"P" and head[1:2] in tuple(b"%d" % n for n in range(1, 7)) and head[2:3] in b" \t\r\n#":
        return _NETPBM
    if is_text(head):
        return ImageFormat("SVG", advice=_EXPORT) if b"<svg" in head else None
    if suffix.lower() in _TGA.suffixes:
        return _TGA
    return _BMP if head.startswith(b"BM") else None


def _container_format(head: bytes) -> ImageFormat:
    """Return the format of an ISO base media file, by its brands."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, size - 3, 4))}
    if head[8:12] in _HEIC_BRANDS:
        return _HEIC
    if brands & _AVIF_BRANDS:
        return _AVIF
    if brands & (_HEIC_BRANDS | _UNSPECIFIC_BRANDS):
        return _HEIC
    return _RAW if b"crx " in brands else ImageFormat("video", advice="save one of its frames as PNG")


def is_text(head: bytes) -> bool:
    """Return whether the first bytes of a file are text in UTF-8 or ASCII, such as a web page."""
    try:
        text = head[:-3].decode("utf-8") if len(head) == HEAD else head.decode("utf-8")  # the cut may split a letter
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in text)


def can_decode(wanted: ImageFormat) -> bool:
    """Return whether the decoder of a format is installed."""
    if wanted.decoder == "HEIF" and not _register_heif():
        return False
    Image.preinit()
    if wanted.decoder not in Image.OPEN:
        Image.init()
    if wanted.decoder not in Image.OPEN:
        return False
    return not wanted.codec or bool(features.check(wanted.codec))


def _register_heif() -> bool:
    """Let Pillow read HEIC files, if pillow-heif is installed."""
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return True


@cache
def format_of_suffix(suffix: str) -> ImageFormat | None:
    """Return the format that a suffix stands for; None for no format that is read."""
    return next((each for each in READ if suffix.lower() in each.suffixes), None)
