"""Animations written frame by frame: what a reader finds in them, and that nothing half is left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.toolkit.images import videos as video
from i2i.toolkit.images.videos import check_video, map_in_order, write_gif, write_video


def frames(count: int, height: int = 32, width: int = 48) -> Iterator[np.ndarray]:
    """The left half grows redder, the right half is blue."""
    for number in range(count):
        frame = np.zeros((height, width, 3), np.uint8)
        frame[:, : width // 2, 0] = 20 * number
        frame[:, width // 2 :, 2] = 200
        yield frame


@pytest.mark.parametrize("fps", [24, 10, 50])
def test_a_gif_has_every_frame_for_its_time(fps: int, tmp_path: Path) -> None:
    assert write_video(tmp_path / "new" / "a.gif", frames(12), fps) == 12
    shown = 0
    with Image.open(tmp_path / "new" / "a.gif") as image:
        assert image.n_frames == 12 and image.size == (48, 32) and image.info["loop"] == 0
        for number, expected in enumerate(frames(12)):
            image.seek(number)
            shown += image.info["duration"]
            difference = np.abs(np.asarray(image.convert("RGB")).astype(int) - expected)
            assert difference.max() <= 1, "two colours fit a palette; PIL's own rounding may move one by a level"
    assert shown == pytest.approx(12_000 / fps, abs=5), "milliseconds, kept to hundredths of a second"


def test_a_gif_takes_any_side_and_loops(tmp_path: Path) -> None:
    assert write_gif(tmp_path / "new" / "a.gif", frames(3, 30, 600), 10, side=1024) == 3
    with Image.open(tmp_path / "new" / "a.gif") as image:
        assert (image.size, image.n_frames, image.info["duration"], image.info["loop"]) == ((600, 30), 3, 100, 0)


def test_a_gif_is_kept_small(tmp_path: Path) -> None:
    write_video(tmp_path / "a.gif", frames(2, 30, 600), 10)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.size == (512, 26)


@pytest.mark.parametrize(("height", "width", "found"), [(32, 48, (32, 48)), (31, 47, (32, 48))])
def test_an_mp4_has_every_frame(height: int, width: int, found: tuple[int, int], tmp_path: Path) -> None:
    assert write_video(tmp_path / "a.mp4", frames(12, height, width), 24) == 12
    reader = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert (reader.get(cv2.CAP_PROP_FRAME_COUNT), reader.get(cv2.CAP_PROP_FPS)) == (12, 24)
    for expected in frames(12, height, width):
        good, frame = reader.read()
        assert good and frame.shape[:2] == found
        inner = slice(4, 28), slice(4, 16)
        difference = np.abs(frame[..., ::-1][inner].astype(int) - expected[inner])
        assert difference.max() <= 6, "H.264 keeps colours to a few levels; swapped planes would differ by 200"
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_mp4_plays_in_browsers(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames(12), 24)
    meta = next(imageio_ffmpeg.read_frames(str(tmp_path / "a.mp4")))
    assert meta["codec"] == "h264" and meta["pix_fmt"].startswith("yuv420p(tv, bt709")
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index comes first, so that playing starts at once"


@pytest.mark.parametrize("package", ["imageio", "imageio_ffmpeg"])
def test_mp4_names_the_missing_extra_before_work_starts(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(i2i.I2IError, match=r'a\.mp4: writing MP4 needs .*; run: pip install "i2i\[video\]"'):
        check_video(tmp_path / "a.mp4", 24)
    check_video(tmp_path / "a.gif", 24)


def test_mp4_names_a_missing_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", none)
    with pytest.raises(i2i.I2IError, match=r"set IMAGEIO_FFMPEG_EXE"):
        check_video(tmp_path / "a.mp4", 24)


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), i2i.I2IError("no")])
def test_nothing_half_is_left_and_what_was_there_stays(name: str, error: BaseException, tmp_path: Path) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield from frames(10)
        raise error

    (tmp_path / name).write_bytes(b"before")
    with pytest.raises(type(error)):
        write_video(tmp_path / name, failing(), 24)
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_bytes() == b"before"


def test_only_the_error_speaks_of_a_full_disk(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    resource = pytest.importorskip("resource", reason="needs a system with limits on the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_video(tmp_path / "a.mp4", frames(60, 64, 64), 24)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "a.mp4") and not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""


def test_mp4_with_lost_frames_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_H264", (*video._H264, "-vf", "select=lt(n\\,5)"))
    with pytest.raises(i2i.I2IError, match=r"Only 5 of 12 frames of \S+a\.mp4 were written"):
        write_video(tmp_path / "a.mp4", frames(12), 24)
    assert not list(tmp_path.iterdir())


def test_mp4_reports_that_ffmpeg_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(video, "_H264", ("-no-such-option",))
    with pytest.raises(i2i.I2IError, match=r"ffmpeg stopped while it wrote \S+a\.mp4: "):
        write_video(tmp_path / "a.mp4", frames(12, 256, 256), 24)
    assert not list(tmp_path.iterdir()) and capfd.readouterr().err == ""


def test_an_oserror_of_the_frames_is_passed_on(tmp_path: Path) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield from frames(2)
        raise OSError("out of frames")

    with pytest.raises(OSError, match="out of frames"):
        write_video(tmp_path / "a.mp4", failing(), 24)


@pytest.mark.parametrize(("name", "fps", "words"), [("a.avi", 24, "must end in .gif or .mp4"), ("a.gif", 60, "50")])
def test_what_cannot_be_written_is_refused(name: str, fps: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(i2i.UsageError, match=words):
        write_video(tmp_path / name, frames(2), fps)


def test_frames_must_be_there_and_of_one_size(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs frames"):
        write_video(tmp_path / "a.gif", [], 24)
    with pytest.raises(ValueError, match="one size"):
        write_video(tmp_path / "a.gif", [*frames(2), *frames(1, 8, 8)], 24)
    assert not list(tmp_path.iterdir())


def test_work_is_done_in_order_and_only_a_little_ahead() -> None:
    taken = 0

    def counted() -> Iterator[int]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield number

    ahead = []
    for done, result in enumerate(map_in_order(lambda number: number**2, counted())):
        assert result == done**2
        ahead.append(taken - done)
    assert len(ahead) == 100 and max(ahead) <= video._WORKERS + 1


def test_what_fails_in_a_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(map_in_order(lambda number: 1 // number, [2, 1, 0, 1]))
