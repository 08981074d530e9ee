"""Unpack an archive that nobody vouches for: nothing leaves the folder, nothing grows beyond its bounds."""

from __future__ import annotations

import gzip
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from ..api.errors import I2IError, disk_trouble
from .downloads import Progress

_CHUNK = 2**18
_HEADER = 2**20  # bytes allowed between two members: names and padding need a few hundred
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, struct.error, ValueError)


def unpack(
    archive: Path, into: Path, *, max_bytes: int, max_files: int = 1_000_000, progress: Progress | None = None
) -> Path:
    """Unpack a .tar, .tar.gz, .tgz or .zip file (detected by content) into a new folder, whole or not at all.

    Absolute names, ``..``, links, devices, sparse and encrypted members are refused, and so is an archive that holds
    more than ``max_bytes`` or ``max_files``, whatever its headers say. Where ``into`` is there, nothing is done.

    Args:
        progress: Called with the bytes of the archive that are done and its size.

    Raises:
        I2IError: the archive is damaged, of another kind, or refused; or the disk is full.
    """
    if into.exists():
        return into
    beside = into.with_name(f".{into.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        target = _Target(archive, beside, max_bytes, max_files)
        with archive.open("rb") as stream:
            tell = _teller(stream, archive.stat().st_size, progress)
            zipped = stream.read(2) == b"PK"
            stream.seek(0)
            (_unzip if zipped else _untar)(stream, target, tell)
        if not target.files:
            raise I2IError(f"{archive} holds no files: delete it and fetch it again.")
        beside.replace(into)
    except _DAMAGE as error:
        raise I2IError(
            f"{archive} is damaged, or no tar or zip file ({error}): delete it and fetch it again."
        ) from None
    except OSError as error:
        raise disk_trouble(error, f"unpacking {archive}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return into


def unpack_members(archive: Path, names: Collection[str], into: Path, *, max_bytes: int) -> dict[str, Path]:
    """Unpack these members of a .tar, .tar.gz, .tgz or .zip file (detected by content) and no others.

    They are refused for the reasons that ``unpack`` has; so is an archive of which more than ``max_bytes`` have to be
    read to find them. The other members are passed over, whatever they are.

    Args:
        names: Their exact names in the archive.
        into: A folder, which is created; what was unpacked before an error stays in it.

    Returns:
        The files by the names of their members.

    Raises:
        I2IError: the archive is damaged, of another kind, or lacks a member; or one is refused.
        OSError: the disk is full, or the archive cannot be read.
    """
    target = _Target(archive, into, max_bytes, len(names), frozenset(names))
    into.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open("rb") as stream:
            zipped = stream.read(2) == b"PK"
            stream.seek(0)
            (_unzip if zipped else _untar)(stream, target, lambda: None)
    except _DAMAGE as error:
        raise I2IError(f"{archive} is damaged, or no tar or zip file ({error}).") from None
    files = {name: into.joinpath(*PurePosixPath(name).parts) for name in names}
    if missing := sorted(name for name, file in files.items() if not file.is_file()):
        raise I2IError(f"{archive} does not contain {missing[0]}.")
    return files


def _teller(stream: BinaryIO, size: int, progress: Progress | None) -> Callable[[], None]:
    def tell() -> None:
        if progress is not None:
            progress(stream.tell(), size)

    return tell


@dataclass
class _Target:
    """The folder that is filled, and how much it may still take."""

    archive: Path
    folder: Path
    max_bytes: int
    max_files: int
    wanted: frozenset[str] | None = None
    """Names of the members to unpack; None for all."""
    written: int = 0
    files: int = 0
    passed: int = 0
    """Bytes of members that were passed over."""

    def refuse(self, why: str) -> I2IError:
        return I2IError(
            f"{self.archive} is refused because {why}: delete it and fetch it again from a place you trust."
        )

    def path(self, name: str) -> Path:
        """Where a member goes; the one gate that every name passes."""
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or (parts and ":" in parts[0]):
            raise self.refuse(f"its member {name!r} would leave the folder")
        self.files += 1
        if self.files > self.max_files:
            raise self.refuse(f"it holds more than {self.max_files} files")
        return self.folder.joinpath(*parts)

    def wants(self, name: str, size: int) -> bool:
        """Whether a member is unpacked; one that is not counts against what may be read."""
        if self.wanted is None or name in self.wanted:
            return True
        self.passed += size
        if self.passed > self.max_bytes:
            raise self.refuse(f"more than {self.max_bytes} bytes lie before what is needed of it")
        return False

    @property
    def complete(self) -> bool:
        """Whether each wanted member is there, so that the rest of a stream need not be read."""
        return self.wanted is not None and self.files == len(self.wanted)

    def make_folder(self, name: str) -> None:
        try:
            self.path(name).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise self.refuse(f"{name!r} is both a file and a folder in it") from None

    def copy(self, name: str, source: IO[bytes], size: int) -> None:
        """Copy a member of ``size`` bytes, and count what really arrives."""
        path = self.path(name)
        start = self.written
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            sink = path.open("xb")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise self.refuse(f"it holds {name!r} twice") from None
        with sink:
            while chunk := source.read(_CHUNK):
                self.written += len(chunk)
                if self.written > self.max_bytes:
                    raise self.refuse(f"it unpacks to more than {self.max_bytes} bytes")
                sink.write(chunk)
        if self.written - start != size:
            raise tarfile.ReadError(f"{name!r} is cut off")


class _Metered:
    """A stream that gives no more than it was allowed to: a header that claims to be endless ends here."""

    def __init__(self, stream: IO[bytes], target: _Target) -> None:
        self.stream = stream
        self.target = target
        self.allowed = _HEADER

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.allowed -= len(data)
        if self.allowed < 0:
            raise self.target.refuse("something in it is longer than it says")
        return data


def _untar(stream: BinaryIO, target: _Target, tell: Callable[[], None]) -> None:
    zipped = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    plain: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if zipped else stream
    meter = _Metered(plain, target)
    with tarfile.open(fileobj=meter, mode="r|") as tar:  # type: ignore[call-overload]
        while (member := tar.next()) is not None:
            tar.members = []  # else it keeps every header of a hundred thousand
            if not target.wants(member.name, member.size):
                meter.allowed = member.size + _HEADER
                continue
            _check_tar_member(member, target)
            if member.isdir():
                target.make_folder(member.name)
            else:
                meter.allowed = member.size + _HEADER
                if (source := tar.extractfile(member)) is not None:
                    target.copy(member.name, source, member.size)
            meter.allowed = _HEADER
            tell()
            if target.complete:
                return
    while meter.read(_CHUNK):  # to the end, where gzip keeps its checksum
        continue


def _check_tar_member(member: tarfile.TarInfo, target: _Target) -> None:
    """Apply the data filter of tarfile, and refuse links and sparse files, which it lets through.

    Raises:
        I2IError: the member is no plain file or directory, or would leave the directory.
    """
    data_filter = getattr(tarfile, "data_filter", None)  # Python before 3.10.12 has none; the rest holds without it
    plain = (member.isdir() or member.isreg()) and not member.issparse()
    if data_filter is not None:
        try:
            data_filter(member, str(target.folder))
        except tarfile.OutsideDestinationError:
            raise target.refuse(f"its member {member.name!r} would leave the folder") from None
        except tarfile.FilterError:
            plain = False
    if not plain:
        raise target.refuse(f"its member {member.name!r} is a link or a special file")


def _unzip(stream: BinaryIO, target: _Target, tell: Callable[[], None]) -> None:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if not target.wants(info.filename, 0):  # nothing of it is read
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise target.refuse(f"its member {info.filename!r} is a link or a special file")
            if info.flag_bits & 1:
                raise target.refuse(f"its member {info.filename!r} is encrypted")
            if info.is_dir():
                target.make_folder(info.filename)
            else:
                _unzip_file(archive, info, target)
            tell()


def _unzip_file(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: _Target) -> None:
    try:
        source = archive.open(info)
    except NotImplementedError as error:
        raise target.refuse(f"its member {info.filename!r} is packed in an unknown way ({error})") from None
    with source:
        target.copy(info.filename, source, info.file_size)
