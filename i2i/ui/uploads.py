"""Files that users upload: bounded, decoded by the guarded reader and stored under harmless names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from ..api.errors import I2IError
from ..toolkit.images import ImageLimits, read_image
from ..toolkit.latents.files import SUFFIXES

UploadKind = Literal["image", "latent", "recipe"]

LIMITS = ImageLimits(pixels=50_000_000, bytes=64 * 2**20, symlinks=False)
"""What an upload may be at most."""
LONGEST_NAME = 80
"""Number of characters of a file name, its suffix included."""
_READ = 2**20


@dataclass(frozen=True)
class Upload:
    """A file that a user uploaded."""

    path: Path
    """In the folder of the session."""
    kind: UploadKind
    width: int = 0
    height: int = 0
    """Size of an image, upright, pixels; 0 for other files."""

    @property
    def name(self) -> str:
        """The name of the file, without its folder."""
        return self.path.name


def clean_name(name: str) -> str:
    """Return a file name that is safe in any folder: letters, digits, spaces, dots, hyphens and underscores.

    Folders in front of it, as browsers may send them, are removed. It never begins with a dot or a hyphen and is never
    empty.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(each if each.isalnum() or each in " ._-" else "_" for each in last).strip(" .")
    kept = kept.lstrip("-. ") or "upload"
    stem, dot, suffix = kept.rpartition(".")
    if not dot or len(suffix) > 12:
        return kept[:LONGEST_NAME].rstrip(" .")
    return f"{stem[: LONGEST_NAME - len(suffix) - 1].rstrip(' .') or 'upload'}.{suffix}"


def store_upload(name: str, data: bytes | BinaryIO, folder: Path, limits: ImageLimits = LIMITS) -> Upload:
    """Write an upload into a new folder, and check it; nothing is left of one that is refused.

    Args:
        name: What the browser calls the file; its suffix tells latents and recipes from images.
        data: Its bytes, or a stream, of which no more than the limit is read.
        folder: Made for this upload.
        limits: What is refused.

    Raises:
        I2IError: it is too large, or no image that can be read.
        OSError: it cannot be written.
    """
    path = folder / clean_name(name)
    folder.mkdir(mode=0o700)
    try:
        _write(path, data, limits)
        suffix = path.suffix.lower()
        if suffix in SUFFIXES:
            return Upload(path, "latent")
        if suffix == ".json":
            return Upload(path, "recipe")
        height, width = read_image(path, limits=limits, name=path.name).shape[:2]
        return Upload(path, "image", width, height)
    except BaseException:
        path.unlink(missing_ok=True)
        folder.rmdir()
        raise


def _write(path: Path, data: bytes | BinaryIO, limits: ImageLimits) -> None:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    written = 0
    with os.fdopen(number, "wb") as file:
        for part in (data,) if isinstance(data, bytes) else iter(lambda: data.read(_READ), b""):
            written += len(part)
            if written > limits.bytes:
                size = f"{limits.bytes // 2**20} MB" if limits.bytes >= 2**20 else f"{limits.bytes} bytes"
                raise I2IError(f"{path.name}: the file has more than {size}, which are refused; make it smaller.")
            file.write(part)
