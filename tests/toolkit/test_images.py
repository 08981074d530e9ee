"""Pictures of every kind become the right pixels, or a sentence that names the file."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i import I2IError
from i2i.toolkit.images import (
    MAX_PIXELS,
    ImageError,
    enlarge,
    read_image,
    read_image_text,
    resize,
    save_image,
    to_array,
    to_tensor,
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def quarters() -> np.ndarray:
    """Four coloured quarters on 8 x 6 pixels, none of which looks like another."""
    picture = np.zeros((6, 8, 3), np.uint8)
    picture[:3, :4], picture[:3, 4:], picture[3:, :4], picture[3:, 4:] = RED, GREEN, BLUE, (90, 90, 90)
    return picture


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_lossless_kinds_give_their_pixels(tmp_path: Path, quarters: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(quarters).save(path, **({"lossless": True} if suffix == "webp" else {}))
    read = read_image(path)
    assert read.dtype == np.uint8 and read.flags.writeable
    np.testing.assert_array_equal(read, quarters)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(read, np.arange(256).reshape(16, 16, 1).repeat(3, 2))


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1").save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[0, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 1000, 32768, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    read = read_image(tmp_path / f"a.{suffix}")
    assert read[0, :, 0].tolist() == [0, 1, 4, 128, 255]
    assert (read == read[:, :, :1]).all()


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    rgba = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 128]]], np.uint8)
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    assert read_image(tmp_path / "rgba.png").tolist() == [[list(RED), list(WHITE), [127, 127, 127]]]
    Image.fromarray(np.array([[[0, 255], [0, 0]]], np.uint8), "LA").save(tmp_path / "la.png")
    assert read_image(tmp_path / "la.png").tolist() == [[[0, 0, 0], list(WHITE)]]


def test_palette_with_and_without_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putdata([0, 1])
    image.save(tmp_path / "opaque.png")
    image.save(tmp_path / "clear.png", transparency=1)
    image.save(tmp_path / "half.png", transparency=bytes([255, 0]))
    assert read_image(tmp_path / "opaque.png").tolist() == [[list(RED), list(BLUE)]]
    assert read_image(tmp_path / "clear.png").tolist() == [[list(RED), list(WHITE)]]
    assert read_image(tmp_path / "half.png").tolist() == [[list(RED), list(WHITE)]]


def test_lab_becomes_rgb(tmp_path: Path) -> None:
    Image.new("LAB", (4, 4), (255, 128, 128)).save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").astype(int), 255, atol=2)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_becomes_rgb(tmp_path: Path, suffix: str) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / f"a.{suffix}")
    np.testing.assert_allclose(read_image(tmp_path / f"a.{suffix}")[8, 8].astype(int), RED, atol=6)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path: Path, quarters: np.ndarray, orientation: int, suffix: str) -> None:
    large = quarters.repeat(16, 0).repeat(16, 1)  # JPEG blurs the edges between the quarters
    stored = {  # how a camera that was turned stores the upright picture
        1: large,
        2: large[:, ::-1],
        3: large[::-1, ::-1],
        4: large[::-1],
        5: large.transpose(1, 0, 2),
        6: np.rot90(large, 1),
        7: large[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(large, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}.get(suffix, {})
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / f"a.{suffix}", exif=exif, **options)
    read = read_image(tmp_path / f"a.{suffix}")
    assert read.shape == large.shape
    np.testing.assert_allclose(read[24::48, 32::64].astype(int), large[24::48, 32::64].astype(int), atol=3)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # pytest resets the filter of i2i.toolkit.images
def test_damaged_exif_does_not_spoil_sound_pixels(tmp_path: Path, quarters: np.ndarray) -> None:
    Image.fromarray(quarters).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0garbage")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), quarters)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_of_several_frames_the_first_is_taken(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    options = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    assert read_image(tmp_path / f"a.{suffix}")[4, 4].tolist() == list(RED)


def _png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and brings no pixels."""
    data = struct.pack(">I", 100) + b"IDAT"
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + data


def _noise(path: Path) -> bytes:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("empty.jpg", lambda path: b"", "empty"),
        ("page.png", lambda path: b"<html>not found</html>", "no JPEG, PNG"),
        ("cut.jpg", lambda path: (_noise(path))[:-1000], "cut off or damaged"),
        ("cut.png", lambda path: (_noise(path))[:-1000], "cut off or damaged"),
        ("half.webp", lambda path: (_noise(path))[:200], "damaged"),
        ("head.jpg", lambda path: (_noise(path))[:12], "damaged"),
        ("bomb.png", lambda path: _png_header(100_000, 100_000), "more than 134 million"),
        ("large.png", lambda path: _png_header(MAX_PIXELS // 1000 + 1, 1000), "134218 x 1000 pixels"),
        ("script.png", lambda path: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no JPEG, PNG"),
    ],
)
@pytest.mark.filterwarnings(
    "ignore::PIL.Image.DecompressionBombWarning"
)  # pytest resets the filter of i2i.toolkit.images
def test_bad_pictures_are_named_with_what_is_wrong(tmp_path: Path, name: str, make, said: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / name
    path.write_bytes(make(path))
    with pytest.raises(ImageError, match=said) as caught:
        read_image(path)
    assert caught.value.path == path and str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_missing_files_folders_and_floats_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.png: it cannot be read"):
        read_image(tmp_path / "gone.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match=r"folder\.png: it cannot be read"):
        read_image(tmp_path / "folder.png")
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(ImageError, match="32-bit numbers"):
        read_image(tmp_path / "float.tif")


def test_warnings_of_the_decoder_stay_inside(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(_png_header(10_000, 10_000))  # PIL warns of a bomb from 89 million pixels on
    code = f"import i2i.toolkit.images as m\ntry: m.read_image({str(path)!r})\nexcept m.ImageError: print('told')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("told", "")


def test_tensor_and_back_is_exact_for_every_value() -> None:
    array = np.arange(256, dtype=np.uint8).reshape(8, 32, 1).repeat(3, 2)
    tensor = to_tensor(array)
    assert tensor.shape == (1, 3, 8, 32) and (tensor.min(), tensor.max()) == (-1, 1)
    np.testing.assert_array_equal(to_array(tensor), array)
    np.testing.assert_array_equal(to_array(tensor[0]), array)
    np.testing.assert_array_equal(to_array(tensor * 3)[0, 0], [0, 0, 0])  # outside [-1, 1]: clamped, not wrapped


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        to_tensor(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\)"):
        to_array(to_tensor(np.zeros((4, 4, 3), np.uint8)).repeat(2, 1, 1, 1))


def test_resize_averages_when_it_shrinks() -> None:
    stripes = np.zeros((32, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = resize(stripes, 16, 8)
    assert small.shape == (8, 16, 3)
    np.testing.assert_allclose(small[:, 2:-2].astype(int), 127, atol=2)  # without antialiasing: 0 or 255


@pytest.mark.parametrize(
    ("size", "shown"),
    [((64, 64), (256, 256)), ((48, 32), (240, 160)), ((150, 20), (300, 40)), ((200, 256), (200, 256))],
)
def test_small_pictures_are_enlarged_by_whole_factors(size: tuple[int, int], shown: tuple[int, int]) -> None:
    ramp = np.tile(np.linspace(0, 255, size[1]).astype(np.uint8)[None, :, None], (size[0], 1, 3))
    large = enlarge(ramp)
    assert large.shape == (*shown, 3)
    assert (np.diff(large[..., 0].astype(int)) >= 0).all(), "smooth, and not beyond what it shows"


def test_text_is_kept_in_a_png(tmp_path: Path, quarters: np.ndarray) -> None:
    text = {"recipe": '{"plugin": "drag"}', "note": "größer 東京 " * 50}
    save_image(tmp_path / "new" / "a.png", quarters, text)
    assert read_image_text(tmp_path / "new" / "a.png") == text
    np.testing.assert_array_equal(read_image(tmp_path / "new" / "a.png"), quarters)
    save_image(tmp_path / "b.JPG", quarters)
    assert read_image_text(tmp_path / "b.JPG") == {}


def test_saving_refuses_what_it_cannot_keep(tmp_path: Path, quarters: np.ndarray) -> None:
    with pytest.raises(I2IError, match=r"must end in \.png or \.jpg"):
        save_image(tmp_path / "a.xyz", quarters)
    with pytest.raises(I2IError, match=r"must end in \.png;"):
        save_image(tmp_path / "a.jpg", quarters, {"recipe": "x"})


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, quarters: np.ndarray) -> None:
    save_image(tmp_path / "a.png", quarters)
    with pytest.raises(AttributeError):
        save_image(tmp_path / "a.png", quarters, {"recipe": object()})  # type: ignore[dict-item]
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), quarters)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
