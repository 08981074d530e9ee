"""The guarded reader: limits before decoding, colour profiles, formats, and one sentence for every fault."""

from __future__ import annotations

import os
import struct
import sys
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, features

from i2i.toolkit.images import (
    IMAGE_SUFFIXES,
    MAX_BYTES,
    ImageError,
    ImageLimits,
    decode_image,
    read_image,
    read_stored_values,
    save_image,
)
from tests.helpers.colour_profiles import SRGB, cmyk_profile, convert, grey_profile, matrix_profile

HEIC = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"mif1", b"heic") + bytes(40)
SMALL = ImageLimits(pixels=100, bytes=2000)


@pytest.fixture
def pixels() -> np.ndarray:
    """Smooth colours of every hue, 24 x 32 pixels."""
    y, x = np.mgrid[:24, :32]
    return np.stack([x * 8, y * 10, 255 - x * 4 - y * 5], axis=-1).astype(np.uint8)


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    stream = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where pixels are decoded."""

    def load(image: ImageFile.ImageFile) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)


# Sources and limits.


def test_bytes_and_streams_are_read_as_files_are(tmp_path: Path, pixels: np.ndarray) -> None:
    data = encoded(pixels)
    (tmp_path / "a.png").write_bytes(data)
    with (tmp_path / "a.png").open("rb") as file:
        sources: list[Any] = [tmp_path / "a.png", str(tmp_path / "a.png"), data, bytearray(data), BytesIO(data), file]
        for source in sources:
            assert np.array_equal(read_image(source), pixels)


@pytest.mark.skipif(sys.platform == "win32", reason="no sockets as files")
def test_stream_that_cannot_seek_is_read(pixels: np.ndarray) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream:
        os.write(write, encoded(pixels))
        os.close(write)
        assert np.array_equal(read_image(stream), pixels)


@pytest.mark.usefixtures("undecoded")
def test_limits_are_checked_before_decoding(tmp_path: Path, pixels: np.ndarray) -> None:
    data, large = encoded(pixels), encoded(np.random.default_rng(0).integers(0, 255, (9, 90, 3), np.uint8))
    (tmp_path / "a.png").write_bytes(data)
    (tmp_path / "b.png").write_bytes(large)
    for source in (data, BytesIO(data), tmp_path / "a.png"):
        with pytest.raises(
            ImageError, match=r"it has 32 x 24 pixels, and more than 100 are refused; make it smaller\."
        ):
            read_image(source, limits=SMALL)
    for source in (large, BytesIO(large), tmp_path / "b.png"):
        with pytest.raises(ImageError, match=r"the file has more than 2000 bytes, which are refused"):
            read_image(source, limits=SMALL)
    for read in (decode_image, read_stored_values):
        with pytest.raises(ImageError, match="more than 100"):
            read(data, limits=SMALL)
    assert ImageLimits().bytes == MAX_BYTES


def test_endless_stream_is_read_to_the_limit_only() -> None:
    class Endless:
        taken = 0

        def read(self, size: int) -> bytes:
            self.taken += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(ImageError, match="2000 bytes"):
        read_image(stream, limits=SMALL)  # type: ignore[arg-type]
    assert stream.taken == 2001


def test_messages_call_an_upload_by_its_name() -> None:
    with pytest.raises(ImageError, match=r"^image: the file is empty"):
        read_image(b"")
    with pytest.raises(ImageError, match=r"^me\.jpg: the file is empty") as caught:
        read_image(b"", name="me.jpg")
    assert caught.value.path == Path("me.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_only_regular_files_are_opened(tmp_path: Path, pixels: np.ndarray) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match=r"it is a named pipe\); name an image file\."):
        read_image(tmp_path / "pipe.png")  # without blocking
    with pytest.raises(ImageError, match="it is a device"):
        read_image("/dev/zero")
    with pytest.raises(ImageError, match="it is a folder"):
        read_image(tmp_path)


def test_symlinks_are_followed_unless_refused(tmp_path: Path, pixels: np.ndarray) -> None:
    save_image(tmp_path / "a.png", pixels)
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "link.png"), pixels)
    with pytest.raises(ImageError, match="symbolic link"):
        read_image(tmp_path / "link.png", limits=ImageLimits(symlinks=False))
    assert np.array_equal(read_image(tmp_path / "a.png", limits=ImageLimits(symlinks=False)), pixels)


# Formats.


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("BMP", "bmp"), ("TIFF", "tif"), ("PNG", "png"), ("PPM", "ppm"), ("TGA", "tga"), ("JPEG2000", "jp2")],
)
def test_lossless_formats(tmp_path: Path, pixels: np.ndarray, kind: str, suffix: str) -> None:
    if kind == "JPEG2000" and not features.check("jpg_2000"):
        pytest.skip("this Pillow has no JPEG 2000")
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}", kind)
    found = decode_image(tmp_path / f"a.{suffix}")
    assert np.array_equal(found.pixels, pixels) and found.alpha is None and found.icc_profile is None
    assert found.format == kind and f".{suffix}" in IMAGE_SUFFIXES


def test_avif_is_read_where_pillow_has_it(pixels: np.ndarray) -> None:
    Image.init()
    if "AVIF" not in Image.OPEN or not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    difference = read_image(encoded(pixels, "AVIF", quality=100, subsampling="4:4:4")).astype(int) - pixels
    assert np.abs(difference).mean() < 2


def test_sixteen_bit_pgm_is_scaled(tmp_path: Path) -> None:
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    (tmp_path / "a.pgm").write_bytes(b"P5 4 1 65535\n" + values.astype(">u2").tobytes())
    assert read_image(tmp_path / "a.pgm")[0, :, 0].tolist() == [0, 1, 128, 255]
    stored = read_stored_values(tmp_path / "a.pgm")
    assert stored is not None and np.array_equal(stored, values)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"8BPS\0\1" + bytes(20), "Photoshop; export it as PNG"),
        (b"%PDF-1.7\n", "PDF; export the page as PNG"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG; export it as PNG"),
        (b"\xff\x0a" + bytes(20), "JPEG XL; save it as PNG or JPEG"),
        (b"\0\0\0\x18ftypisom" + bytes(20), "video; save one of its frames as PNG"),
        (b"\0\0\0\x18ftypcrx " + bytes(20), "camera raw; develop it"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(20), "camera raw; develop it"),
        (b"\x89XYZ" + bytes(20), "save it as PNG or JPEG"),
    ],
)
def test_formats_that_are_not_read_are_named(data: bytes, said: str) -> None:
    with pytest.raises(ImageError, match="it is no JPEG, PNG or other image that is read") as caught:
        read_image(data)
    assert said in str(caught.value) and "delete" not in str(caught.value)


def test_heic_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(ImageError, match=r'HEIC needs pip install "i2i\[heic\]"\.') as caught:
        read_image(HEIC, name="IMG_1.heic")
    assert "delete" not in str(caught.value)


def test_heic_is_read_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    class Opened(ImageFile.ImageFile):
        format = "HEIF"

        def _open(self) -> None:
            self._mode, self._size = "RGB", (4, 2)
            self.tile = [ImageFile._Tile("raw", (0, 0, 4, 2), 40, ("RGB", 0, 1))]

    package = ModuleType("pillow_heif")
    package.register_heif_opener = lambda: Image.register_open("HEIF", Opened)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    monkeypatch.setattr(Image, "OPEN", {name: value for name, value in Image.OPEN.items() if name != "HEIF"})
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    assert read_image(HEIC).tolist() == np.zeros((2, 4, 3), int).tolist()


def test_decoder_is_chosen_by_contents_and_notes_tell_more(tmp_path: Path, pixels: np.ndarray) -> None:
    notes: list[str] = []
    (tmp_path / "a.jpg").write_bytes(encoded(pixels))
    assert np.array_equal(read_image(tmp_path / "a.jpg", note=notes.append), pixels)
    assert notes == [f"{tmp_path / 'a.jpg'} has the format PNG in spite of its suffix, and is read as that."]
    notes.clear()
    frames = [Image.fromarray(part) for part in (pixels, 255 - pixels)]
    for kind, word in (("GIF", "frames"), ("TIFF", "pages")):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert np.abs(read_image(data, note=notes.append).astype(int) - pixels).mean() < 16, "the first"
        assert notes.pop() == f"image holds several {word}; the first is read."
    read_image(encoded(pixels), name="x.png", note=notes.append)
    assert notes == []


def test_text_by_the_name_of_an_image_is_no_tga(tmp_path: Path) -> None:
    (tmp_path / "a.tga").write_text("Not found. " * 100)
    with pytest.raises(ImageError, match="but text; replace it"):
        read_image(tmp_path / "a.tga")


# Colours.


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(one.astype(int) - other)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("JPEG", {"quality": 98, "subsampling": 0}), ("TIFF", {})])
def test_display_p3_becomes_srgb(pixels: np.ndarray, kind: str, options: dict[str, Any]) -> None:
    profile = matrix_profile()
    wide = convert(pixels, profile, back=True)
    assert difference(wide, pixels).mean() > 4, "the same colours have other numbers"
    data = encoded(wide, kind, icc_profile=profile, **options)
    found = decode_image(data)
    assert difference(found.pixels, pixels).mean() < 1 and found.icc_profile == profile
    assert difference(read_image(data, colours="stored"), wide).mean() < 1
    assert decode_image(data, colours="stored").icc_profile is None


@pytest.mark.parametrize("source", ["littleCMS", "numbers"])
def test_srgb_profile_changes_nothing(source: str) -> None:
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    every = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    found = decode_image(encoded(every, icc_profile=own if source == "littleCMS" else matrix_profile(SRGB)))
    assert np.array_equal(found.pixels, every) and found.icc_profile is None
    grey = encoded(np.arange(256, dtype=np.uint8).reshape(16, 16), icc_profile=own)
    assert np.array_equal(read_image(grey)[..., 0].ravel(), np.arange(256))


def test_alpha_and_palettes_keep_their_meaning_with_a_profile(pixels: np.ndarray) -> None:
    profile = matrix_profile()
    wide = convert(pixels, profile, back=True)
    alpha = np.full((24, 32), 255, np.uint8)
    alpha[:12] = 0
    found = decode_image(encoded(np.dstack([wide, alpha]), icc_profile=profile))
    assert found.alpha is not None and np.array_equal(found.alpha, alpha)
    assert (found.pixels[:12] == 255).all() and difference(found.pixels[12:], pixels[12:]).mean() < 1
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 90, 90, 90])
    palette.putdata([0, 1])
    red, grey = read_image(encoded(palette, icc_profile=matrix_profile(SRGB, (1.0,))))[0]
    assert red[0] == 255 and difference(grey, np.array([90] * 3)).max() > 4


def test_grey_profile_applies_its_curve() -> None:
    ramp = np.arange(256, dtype=np.uint8)[None]
    values = read_image(encoded(ramp, "TIFF", icc_profile=grey_profile(1.0)))[0]
    linear = np.arange(256) / 255
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert difference(values[:, 0], expected.round()).max() <= 2 and (values[:, 0] == values[:, 2]).all()
    deep = encoded(ramp.astype(np.uint16) * 257, icc_profile=grey_profile(1.0))
    assert difference(read_image(deep)[0], values).max() <= 1
    stored = read_stored_values(deep)
    assert stored is not None and np.array_equal(stored, ramp.astype(np.uint16) * 257)


def test_cmyk_profile_is_applied() -> None:
    inks = Image.new("CMYK", (4, 4), (255, 0, 0, 0))
    plain = read_image(encoded(inks, "TIFF"))
    assert np.array_equal(plain, np.asarray(inks.convert("RGB")))
    found = decode_image(encoded(inks, "TIFF", icc_profile=cmyk_profile()))
    assert found.icc_profile is None and difference(found.pixels, plain).max() > 30
    assert (read_image(encoded(Image.new("CMYK", (4, 4)), "TIFF", icc_profile=cmyk_profile())) >= 253).all(), "paper"


@pytest.mark.parametrize(
    "profile",
    [b"no profile", matrix_profile()[:200], cmyk_profile(), grey_profile(1.0)],
    ids=["short", "cut", "cmyk", "grey"],
)
def test_profile_that_does_not_fit_is_ignored_with_a_warning(pixels: np.ndarray, profile: bytes) -> None:
    notes: list[str] = []
    data = encoded(pixels, icc_profile=profile)
    assert np.array_equal(read_image(data, note=notes.append), pixels)
    (warning,) = notes
    assert warning.startswith("warning: image: its colour profile is ignored (") and "\n" not in warning
    assert np.array_equal(read_image(data), pixels)


def test_saved_profile_is_read_back(tmp_path: Path, pixels: np.ndarray) -> None:
    for name in ("a.png", "a.jpg"):
        save_image(tmp_path / name, pixels, icc_profile=matrix_profile())
        assert decode_image(tmp_path / name).icc_profile == matrix_profile()


# Stored values.


def test_stored_values_keep_class_numbers(pixels: np.ndarray) -> None:
    palette = Image.new("P", (3, 1))
    palette.putpalette([9, 9, 9, 200, 0, 0, 0, 0, 7])
    palette.putdata([2, 0, 1])
    for image, expected in (
        (palette, [[2, 0, 1]]),
        (Image.fromarray(np.array([[3, 250]], np.uint8)), [[3, 250]]),
        (Image.fromarray(np.array([[3, 4095]], np.uint16)), [[3, 4095]]),
        (Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1"), [[0, 1]]),
    ):
        values = read_stored_values(encoded(image))
        assert values is not None and values.tolist() == expected
    assert read_stored_values(encoded(pixels)) is None


def test_stored_values_are_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.arange(6, dtype=np.uint16).reshape(2, 3)
    read = read_stored_values(encoded(values, exif=exif))
    assert read is not None and np.array_equal(read, np.rot90(values, -1))
