"""Animations written frame by frame: what a reader finds in them, and that nothing half is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.toolkit.images import videos as video
from i2i.toolkit.images.videos import in_order, write_animation


def frames(count: int, height: int = 32, width: int = 48) -> Iterator[np.ndarray]:
    """The left half grows redder, the right half is blue."""
    for number in range(count):
        frame = np.zeros((height, width, 3), np.uint8)
        frame[:, : width // 2, 0] = 20 * number
        frame[:, width // 2 :, 2] = 200
        yield frame


@pytest.mark.parametrize("fps", [24, 10, 50])
def test_a_gif_has_every_frame_for_its_time(fps: int, tmp_path: Path) -> None:
    assert write_animation(tmp_path / "new" / "a.gif", frames(12), fps) == 12
    shown = 0
    with Image.open(tmp_path / "new" / "a.gif") as image:
        assert image.n_frames == 12 and image.size == (48, 32) and image.info["loop"] == 0
        for number, expected in enumerate(frames(12)):
            image.seek(number)
            shown += image.info["duration"]
            difference = np.abs(np.asarray(image.convert("RGB")).astype(int) - expected)
            assert difference.max() <= 1, "two colours fit a palette; PIL's own rounding may move one by a level"
    assert shown == pytest.approx(12_000 / fps, abs=5), "milliseconds, kept to hundredths of a second"


def test_a_gif_is_kept_small(tmp_path: Path) -> None:
    write_animation(tmp_path / "a.gif", frames(2, 30, 600), 10)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.size == (512, 26)


@pytest.mark.parametrize(("height", "width", "found"), [(32, 48, (32, 48)), (31, 47, (32, 48))])
def test_an_mp4_has_every_frame(height: int, width: int, found: tuple[int, int], tmp_path: Path) -> None:
    assert write_animation(tmp_path / "a.mp4", frames(12, height, width), 24) == 12
    reader = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert (reader.get(cv2.CAP_PROP_FRAME_COUNT), reader.get(cv2.CAP_PROP_FPS)) == (12, 24)
    for expected in frames(12, height, width):
        good, frame = reader.read()
        assert good and frame.shape[:2] == found
        inner = slice(4, 28), slice(4, 16)
        difference = np.abs(frame[..., ::-1][inner].astype(int) - expected[inner])
        assert difference.max() <= 12, "MPEG-4 keeps colours to a few levels; swapped planes would differ by 200"
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), i2i.I2IError("no")])
def test_nothing_half_is_left_and_what_was_there_stays(name: str, error: BaseException, tmp_path: Path) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield from frames(10)
        raise error

    (tmp_path / name).write_bytes(b"before")
    with pytest.raises(type(error)):
        write_animation(tmp_path / name, failing(), 24)
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_bytes() == b"before"


def test_only_the_error_speaks_of_a_full_disk(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    resource = pytest.importorskip("resource", reason="needs a system with limits on the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_animation(tmp_path / "a.mp4", frames(60, 64, 64), 24)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "a.mp4") and not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""


def test_an_mp4_that_lost_frames_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful:
        """A writer on a disk that is full after the first frames."""

        def __init__(self, *args: object) -> None:
            self.inner, self.room = real(*args), 5

        def write(self, frame: np.ndarray) -> None:
            self.room -= 1
            if self.room >= 0:
                self.inner.write(frame)

        def isOpened(self) -> bool:
            return bool(self.inner.isOpened())

        def release(self) -> None:
            self.inner.release()

    Forgetful.fourcc = cv2.VideoWriter.fourcc  # type: ignore[attr-defined]
    real = cv2.VideoWriter
    monkeypatch.setattr(cv2, "VideoWriter", Forgetful)
    with pytest.raises(i2i.I2IError, match="Only 5 of 12 frames reached the disk"):
        write_animation(tmp_path / "a.mp4", frames(12), 24)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "fps", "words"), [("a.avi", 24, "must end in .gif or .mp4"), ("a.gif", 60, "50")])
def test_what_cannot_be_written_is_refused(name: str, fps: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(i2i.UsageError, match=words):
        write_animation(tmp_path / name, frames(2), fps)


def test_frames_must_be_there_and_of_one_size(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs frames"):
        write_animation(tmp_path / "a.gif", [], 24)
    with pytest.raises(ValueError, match="one size"):
        write_animation(tmp_path / "a.gif", [*frames(2), *frames(1, 8, 8)], 24)
    assert not list(tmp_path.iterdir())


def test_work_is_done_in_order_and_only_a_little_ahead() -> None:
    taken = 0

    def counted() -> Iterator[int]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield number

    ahead = []
    for done, result in enumerate(in_order(lambda number: number**2, counted())):
        assert result == done**2
        ahead.append(taken - done)
    assert len(ahead) == 100 and max(ahead) <= video._WORKERS + 1


def test_what_fails_in_a_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda number: 1 // number, [2, 1, 0, 1]))
