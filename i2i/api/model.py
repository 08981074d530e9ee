"""Model records: published weights and where they come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

from .extractor import Role

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class FileSource:
    """A file at an address, downloaded as it is."""

    url: str
    """Of HTTP or HTTPS; its last part is the file's name."""
    sha256: str
    """Of the file, 64 hexadecimal digits."""
    bytes: int | None = None
    """Size of the file."""

    @property
    def archive_name(self) -> str:
        """Name of the downloaded file."""
        return unquote(PurePosixPath(urlsplit(self.url).path).name)

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 of the file by its name."""
        return {self.archive_name: self.sha256}


@dataclass(frozen=True)
class WheelSource:
    """Files in a wheel of the Python package index, which is downloaded and read, never installed or imported."""

    requirement: str
    """The package and its exact version, such as ``"random-face==2021.7.21.1"``."""
    sha256: str
    """Of the wheel."""
    members: Mapping[str, str]
    """Paths of the files in the wheel, such as ``"random_face/data/MappingNetwork.xml"`` -> sha256 of each."""
    bytes: int | None = None
    """Size of the wheel."""

    @property
    def archive_name(self) -> str:
        """Name of the downloaded file, with ``*`` in place of the tags, which are not recorded."""
        package, _, version = self.requirement.partition("==")
        return f"{re.sub(r'[-_.]+', '_', package).lower()}-{version}-*.whl"

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 of each file by its base name."""
        return _by_base_name(self.members)


@dataclass(frozen=True)
class NpmSource:
    """Files in a package of the npm registry, which is downloaded and read, never installed or run."""

    requirement: str
    """The package and its exact version, such as ``"faceplugin-face-recognition-js@0.0.1"``."""
    sha256: str
    """Of the package's ``.tgz``."""
    members: Mapping[str, str]
    """Paths of the files in the package (``"package/..."``) -> sha256 of each."""
    bytes: int | None = None
    """Size of the ``.tgz``."""

    @property
    def archive_name(self) -> str:
        """Name of the downloaded file, as ``npm pack`` gives it: ``@a/b@1.0.0`` is ``a-b-1.0.0.tgz``."""
        package, _, version = self.requirement.rpartition("@")
        return f"{package.removeprefix('@').replace('/', '-')}-{version}.tgz"

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 of each file by its base name."""
        return _by_base_name(self.members)


def _by_base_name(members: Mapping[str, str]) -> dict[str, str]:
    return {PurePosixPath(path).name: digest for path, digest in members.items()}


Source: TypeAlias = "FileSource | WheelSource | NpmSource"


@dataclass(frozen=True)
class Model:
    """A record of published weights: what they are and where they come from."""

    name: str
    summary: str
    role: Role
    """``generator``, or the role of the extractor that reads the weights, standard or of a plugin's own."""
    url: str
    """Address of the file as it is published; empty where ``sources`` or ``path`` say where it is."""
    licence: str
    domain: str = "any"
    """What it knows: ``"faces"``, ``"cats"``, ``"cars"``, ..."""
    resolution: int | None = None
    """Height and width of its images, pixels."""
    aspect_ratio: tuple[int, int] = (1, 1)
    """Width and height, as a ratio, of what the square images of a generator show, in the middle between black bars:
    ``(4, 3)`` for a generator of 512 px that was trained on images of 512 x 384 with bars above and below. Photos are
    cropped accordingly, and results are written without the bars."""
    bytes: int | None = None
    """Size of the file, where it is known; of a converted one that of ``NAME.safetensors``."""
    sha256: str | None = None
    """Of the file, after ``convert``. Where it is not known, that of the first download is stored, and a later download
    from ``url`` must match it."""
    homepage: str = ""
    path: Path | None = None
    """Where it lies already, for weights that an installed package contains; it takes precedence over ``url`` and
    ``sources``, which are not needed then."""
    default: bool = False
    """True for the model of its role that is used where the user names none."""
    sources: tuple[Source, ...] = ()
    """Where the weights may come from, in the order in which they are tried; in place of ``url``. Without ``convert``
    each gives the same single file."""
    convert: Callable[[Mapping[str, Path]], Mapping[str, Tensor]] | None = None
    """What makes the weights from the files of a source, given by their base names (``"model.onnx"``), which are data
    from outside: finite tensors on the CPU, stored as ``NAME.safetensors``, equal ones as equal bytes. A file that it
    cannot read it refuses with an ``i2i.I2IError``. None where a source has one file, stored as it is."""
    bundles: frozenset[str] = frozenset()
    """Names under which ``i2i models fetch`` gets it along with others, such as ``"faces"``; none is a model's name."""
    training_data: str = ""
    """What the weights were trained on, whom or what that favours, and what to expect of the rest; sentences that
    ``i2i models show`` prints."""
