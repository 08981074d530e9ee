"""Streams of frames to files, GIF and MP4, frame by frame: an animation of any length fits in memory."""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import GifImagePlugin, Image

from ...api.errors import I2IError, UsageError
from ..files import replacing
from . import resize

GIF_SIDE = 512
"""The longest side of a GIF, pixels: at the size of large generators it would take more room than a film."""
GIF_FPS = 50
"""The most frames a second that browsers show of a GIF."""
SUFFIXES = (".gif", ".mp4")
"""File names that count as animations, in lower case."""

# libav would tell of a full disk on stderr in words of its own; OpenCV reads this when it opens the first film.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_ENDLESS = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_WORKERS = max(1, min(8, os.cpu_count() or 1))

ItemT = TypeVar("ItemT")
DoneT = TypeVar("DoneT")


def in_order(work: Callable[[ItemT], DoneT], items: Iterable[ItemT]) -> Iterator[DoneT]:
    """``work`` of each item, in the order of the items, done by a few threads; only a few items are held at a time.

    PIL's and OpenCV's encoders let other threads run, so that pictures are drawn while others are packed.
    """
    waiting: deque[Future[DoneT]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > _WORKERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def write_animation(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write frames as they come to a ``.gif`` or ``.mp4`` file, whole or not at all; the folder is made if need be.

    Args:
        frames: uint8 ``(H, W, 3)``, RGB, all of one size. In a GIF they are made smaller, at most ``GIF_SIDE`` px.
        fps: Frames a second; the times of a GIF are kept to whole hundredths of a second, without drifting.

    Returns:
        The number of frames.

    Raises:
        UsageError: another suffix, or more than ``GIF_FPS`` frames a second for a GIF.
        I2IError: this OpenCV cannot write MP4, or the disk took no more.
    """
    path = Path(path)
    check_animation(path, fps)
    coming = iter(frames)
    first = next(coming, None)
    if first is None:
        raise ValueError("an animation needs frames")
    path.parent.mkdir(parents=True, exist_ok=True)
    write = _write_gif if path.suffix.lower() == ".gif" else _write_mp4
    with replacing(path) as beside:
        return write(beside, _of_one_size(first, coming), first.shape, fps)


def check_animation(path: Path, fps: float) -> None:
    """Raise the ``UsageError`` of ``write_animation`` before anything is drawn."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} must end in {' or '.join(SUFFIXES)}; choose another name.")
    if path.suffix.lower() == ".gif" and fps > GIF_FPS:
        raise UsageError(f"--fps {fps:g}: a GIF shows at most {GIF_FPS} frames a second; let --out end in .mp4.")


def _of_one_size(first: np.ndarray, others: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for frame in chain([first], others):
        if frame.shape != first.shape:
            raise ValueError("an animation needs frames of one size")
        yield frame


def _write_gif(path: Path, frames: Iterator[np.ndarray], shape: tuple[int, ...], fps: float) -> int:
    """Written block by block: PIL's own writer would hold all frames until the last."""
    scale = min(1.0, GIF_SIDE / max(shape[:2]))
    height, width = (max(1, round(side * scale)) for side in shape[:2])

    def packed(numbered: tuple[int, np.ndarray]) -> list[bytes]:
        number, frame = numbered
        image = Image.fromarray(resize(frame, width, height)).quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
        shown = round(100 * (number + 1) / fps) - round(100 * number / fps)
        return GifImagePlugin.getdata(image, duration=10 * max(2, shown), include_color_table=True)

    count = 0
    with path.open("wb") as stream:
        stream.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0x70, 0, 0) + _ENDLESS)
        for blocks in in_order(packed, enumerate(frames)):
            stream.writelines(blocks)
            count += 1
        stream.write(b";")
    return count


def _write_mp4(path: Path, frames: Iterator[np.ndarray], shape: tuple[int, ...], fps: float) -> int:
    """MPEG-4, which every player knows; of an odd side the last line is shown twice, for it packs pixels by twos."""
    import cv2

    named = path.with_name(f"{path.name}.mp4")  # OpenCV tells the kind of file from its name
    odd = [(0, shape[0] % 2), (0, shape[1] % 2), (0, 0)]
    size = (shape[1] + odd[1][1], shape[0] + odd[0][1])
    count = 0
    try:
        writer = cv2.VideoWriter(str(named), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        try:
            if not writer.isOpened():
                raise I2IError("This OpenCV cannot write MP4, or the disk takes no file; let --out end in .gif.")
            for frame in frames:
                writer.write(np.ascontiguousarray(np.pad(frame, odd, mode="edge")[..., ::-1]))
                count += 1
        finally:
            writer.release()
        _check_mp4(named, count)
        named.replace(path)
    finally:
        named.unlink(missing_ok=True)
    return count


def _check_mp4(path: Path, count: int) -> None:
    """OpenCV says nothing when the disk is full; a file that was cut off has no list of its frames."""
    import cv2

    reader = cv2.VideoCapture(str(path))
    try:
        found = int(reader.get(cv2.CAP_PROP_FRAME_COUNT)) if reader.isOpened() else 0
    finally:
        reader.release()
    if found != count:
        raise I2IError(f"Only {found} of {count} frames reached the disk; free some space and run the command again.")
