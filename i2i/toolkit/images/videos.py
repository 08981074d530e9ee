"""Write frames to GIF and MP4 files as they come: an animation of any length fits in memory.

GIFs are written by Pillow, MP4 by imageio with ffmpeg (the extra ``video``), as H.264 that browsers play.
"""

from __future__ import annotations

import importlib.util
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import GifImagePlugin, Image

from ...api.errors import I2IError, UsageError
from ..files import atomic_write
from .tensors import resize

GIF_SIDE = 512
"""Longest side of a GIF in pixels: at 1024 px it would be larger than a video of the same frames."""
GIF_FPS = 50
"""Highest frame rate of a GIF that browsers show, frames per second."""
VIDEO_SUFFIXES = (".gif", ".mp4")
"""Suffixes of animations and videos, in lower case."""

_H264 = (
    # Without these tags players guess the colour matrix from the resolution, and some guess wrong.
    "-vf",
    "scale=out_color_matrix=bt709:out_range=tv,setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709",
    *("-crf", "18"),  # visually lossless
    *("-movflags", "+faststart"),  # the index comes first, so that a browser plays while it downloads
    *("-f", "mp4"),
)
_ENDLESS = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_WORKERS = max(1, min(8, os.cpu_count() or 1))

ItemT = TypeVar("ItemT")
DoneT = TypeVar("DoneT")


def map_in_order(work: Callable[[ItemT], DoneT], items: Iterable[ItemT]) -> Iterator[DoneT]:
    """Apply ``work`` to each item in a few threads and yield the results in order; few items are in memory at a time.

    Pillow's and OpenCV's encoders release the GIL, so that images are generated while others are encoded.
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


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write frames as they come to a ``.gif`` or ``.mp4`` file, whole or not at all.

    Args:
        path: The file; its directory is made where it does not exist.
        frames: uint8 ``(H, W, 3)``, RGB, all of one size. In a GIF they are downsampled to at most ``GIF_SIDE`` px; in
            an MP4 the last row or column of an odd size is repeated, as H.264 stores colours in blocks of 2 x 2 pixels.
        fps: Frames per second; the durations in a GIF are whole hundredths of a second, without drift.

    Returns:
        The number of frames.

    Raises:
        UsageError: another suffix, or more than ``GIF_FPS`` frames per second for a GIF.
        I2IError: the extra ``video`` is not installed, or ffmpeg failed.
        OSError: the disk is full.
    """
    path = Path(path)
    check_video(path, fps)
    if path.suffix.lower() == ".gif":
        return write_gif(path, frames, fps)
    first, frames = _check_frames(frames)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        return _write_mp4(beside, path, frames, first.shape, fps)


def check_video(path: Path, fps: float) -> None:
    """Raise the errors of ``write_video`` that need no frame, before any work starts."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        raise UsageError(f"{path} must end in {' or '.join(VIDEO_SUFFIXES)}; choose another name.")
    if path.suffix.lower() == ".mp4":
        _check_ffmpeg(path)
    elif fps > GIF_FPS:
        raise UsageError(f"--fps {fps:g}: a GIF shows at most {GIF_FPS} frames a second; let --out end in .mp4.")


def _check_ffmpeg(path: Path) -> None:
    if any(importlib.util.find_spec(name) is None for name in ("imageio", "imageio_ffmpeg")):
        raise I2IError(
            f'{path}: writing MP4 needs imageio and ffmpeg; run: pip install "i2i[video]", or choose a name in .gif'
        )
    import imageio_ffmpeg

    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        raise I2IError(
            f"{path}: imageio-ffmpeg has no ffmpeg for this machine; set IMAGEIO_FFMPEG_EXE to the path of one, or "
            "choose a name in .gif"
        ) from None


def write_gif(path: str | Path, frames: Iterable[np.ndarray], fps: float, side: int = GIF_SIDE) -> int:
    """Write frames as they come to an endless GIF, whole or not at all.

    Frames are quantised to 256 colours each and encoded by Pillow one by one; its own writer of animations would hold
    all frames until the last.

    Args:
        path: The file; its directory is made where it does not exist.
        frames: uint8 ``(H, W, 3)``, RGB, all of one size.
        fps: Frames per second, at most ``GIF_FPS``.
        side: The longest side of the GIF, px; larger frames are downsampled.

    Returns:
        The number of frames.
    """
    first, frames = _check_frames(frames)
    scale = min(1.0, side / max(first.shape[:2]))
    height, width = (max(1, round(length * scale)) for length in first.shape[:2])

    def encode(numbered: tuple[int, np.ndarray]) -> list[bytes]:
        number, frame = numbered
        image = Image.fromarray(resize(frame, width, height)).quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
        duration = round(100 * (number + 1) / fps) - round(100 * number / fps)  # hundredths of a second
        return GifImagePlugin.getdata(image, duration=10 * max(2, duration), include_color_table=True)

    path, count = Path(path), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside, beside.open("wb") as stream:
        stream.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0x70, 0, 0) + _ENDLESS)
        for blocks in map_in_order(encode, enumerate(frames)):
            stream.writelines(blocks)
            count += 1
        stream.write(b";")
    return count


def _check_frames(frames: Iterable[np.ndarray]) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """Return the first frame and an iterator over all frames, which raises ValueError at one of another size."""
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise ValueError("an animation needs frames")
    return first, _of_one_size(first, rest)


def _of_one_size(first: np.ndarray, others: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for frame in chain([first], others):
        if frame.shape != first.shape:
            raise ValueError("an animation needs frames of one size")
        yield frame


def _write_mp4(path: Path, name: Path, frames: Iterator[np.ndarray], shape: tuple[int, ...], fps: float) -> int:
    """Encode frames to ``path``, which will be called ``name``."""
    encoded = path.with_name(f"{path.name}.mp4")  # imageio refuses other suffixes
    try:
        count = _encode_mp4(encoded, name, frames, shape, fps)
        if (found := _count_frames(encoded)) != count:  # imageio does not look at the exit code of ffmpeg
            raise I2IError(f"Only {found} of {count} frames of {name} were written: free some space and try again.")
        encoded.replace(path)
    finally:
        encoded.unlink(missing_ok=True)
    return count


def _encode_mp4(path: Path, name: Path, frames: Iterator[np.ndarray], shape: tuple[int, ...], fps: float) -> int:
    from imageio.v2 import get_writer

    padding = [(0, shape[0] % 2), (0, shape[1] % 2), (0, 0)]
    count = 0
    writer: Any = get_writer(
        str(path),
        format="FFMPEG",  # type: ignore[arg-type]
        mode="I",
        fps=fps,
        codec="libx264",
        pixelformat="yuv420p",
        quality=None,
        macro_block_size=2,
        ffmpeg_log_level="quiet",
        output_params=list(_H264),
    )
    with closing(writer):  # left by an error, a writer's own context would not wait for ffmpeg, which still writes
        for frame in frames:
            try:
                writer.append_data(np.pad(frame, padding, mode="edge"))
            except OSError:
                raise I2IError(f"ffmpeg stopped while it wrote {name}: free some space and try again.") from None
            count += 1
    return count


def _count_frames(path: Path) -> int:
    from imageio.v2 import get_reader

    try:
        reader: Any = get_reader(str(path), format="FFMPEG")  # type: ignore[arg-type]
        with closing(reader):
            return int(reader.count_frames())
    except (OSError, RuntimeError, IndexError, ValueError):
        return 0
