"""Editors and their results: images, tables and plots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .extractor import Role
from .generator import Generator
from .options import Options
from .preset import Preset
from .scene import Latent, Scene

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Table:
    """Images in rows and columns with labels; written as ``grid.png`` and ``grid.html``."""

    cells: Sequence[Sequence[Tensor | None]]
    """Rows of images, each ``(1, 3, H, W)`` in [-1, 1]; None leaves a cell empty."""
    columns: Sequence[str] = ()
    labels: Sequence[str] = ()
    """Labels of the rows."""
    notes: Sequence[Sequence[str]] = ()
    """A short text for each cell, shown on the page; empty for none."""
    caption: str = ""
    """What the captions mean, shown below the images."""


@dataclass(frozen=True)
class Plot:
    """A line plot; written as an image file."""

    x: str
    y: str
    """Labels of the two axes, with units."""
    lines: Mapping[str, Sequence[tuple[float, float]]]
    """Name of each line -> its points ``(x, y)`` in order."""
    logarithmic: bool = False
    """Whether the y axis is logarithmic."""
    right: str = ""
    """Label of a second y axis on the right, with its unit."""
    right_lines: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """The lines of that axis, which is linear."""
    csv: bool = False
    """Whether the points are also written as a table of the same name, with one column for each line. The plots of this
    name of all results go into one table, with a column ``photo`` where there are several."""


@dataclass(frozen=True)
class Result:
    """The result of an edit."""

    image: Tensor
    """``(1, 3, H, W)`` in [-1, 1]; square where it is pasted back into a photo."""
    latent: Tensor | Latent | None = None
    """Latent of ``image``. A tensor is its w; noise and weight changes are then those of the edited image's latent."""
    frames: Sequence[Tensor] = ()
    """Intermediate images, each ``(1, 3, H, W)``: the frames of the animation. A list, or
    ``i2i.toolkit.images.frames.LazyFrames`` where they do not fit in memory."""
    scalars: Mapping[str, float] = field(default_factory=dict)
    table: Table | None = None
    plots: Mapping[str, Plot] = field(default_factory=dict)
    """Name of the file without its suffix, such as ``"loss"`` -> plot."""
    others: Sequence[Result] = ()
    """For editors that take several images: the results of the second and later ones, in input order."""


@dataclass(frozen=True)
class EditOutline:
    """What an edit is going to do to one image, to be drawn on it before the edit runs.

    Positions are x and y in pixels of ``Photo.pixels``; (0, 0) is the centre of the upper left pixel.
    """

    points: Tensor | None = None
    """Positions that will be moved, ``(P, 2)``; None for none."""
    targets: Tensor | None = None
    """Where each is moved to, ``(P, 2)``."""
    names: Sequence[str] = ()
    """Name of each point, such as ``"landmark 63"``."""
    mask: Tensor | None = None
    """Where the image may change, ``(1, 1, R, R)`` in [0, 1]; None for everywhere."""
    landmarks: Tensor | None = None
    """Landmarks ``(68, 2)``, if they were found on the way."""


class Editor(ABC):
    """An edit: takes a scene and options, returns a result. It writes no files and prints nothing."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    photos: ClassVar[tuple[str, ...]] = ("image",)
    """Names of its input images, in the order of ``--image``. A name may end in ``?`` (optional), ``+`` (one or more)
    or ``*`` (any number); this mark is not part of the name."""
    extractors: ClassVar[tuple[Role, ...]] = ()
    """Roles it needs, found in ``scene.extractors``."""
    may_use: ClassVar[tuple[Role, ...]] = ()
    """Roles it needs under some options only; opened when they are looked up in ``scene.extractors``."""
    wants: ClassVar[Literal["pixels", "crops", "latent"]] = "pixels"
    """``"pixels"``: whole photos. ``"crops"``: crops aligned as the generator's training data. ``"latent"``: such
    crops with their latents; photos are inverted first."""
    requires: ClassVar[type[Generator]] = Generator  # type: ignore[type-abstract]
    """The class of generators it works with, such as ``i2i.StyleGenerator``; others are refused before it starts."""
    default: ClassVar[bool] = False
    """True for the editor that ``i2i edit`` uses when none is named."""

    def check(self, generator: Generator | None, options: Any) -> None:
        """Refuse options that do not fit the generator (None for editors of pixels), before extractors are opened.

        Raises:
            I2IError: they do not fit.
        """

    def check_photos(self, scene: Scene, options: Any) -> None:
        """Refuse images that cannot be edited, before photos are inverted and before ``edit``.

        Called for every editor. ``scene`` is as for ``edit``, but photos that are yet to be inverted have no latent.

        Raises:
            I2IError: one of them cannot be edited, or the options do not fit it.
        """

    def outline(self, scene: Scene, options: Any) -> Sequence[EditOutline]:
        """Return what ``edit`` would do, one outline for each image; none where there is nothing to show.

        ``scene`` is as for ``check_photos``, so it should take no longer than finding landmarks.

        Raises:
            I2IError: the options do not fit the images.
        """
        return ()

    @abstractmethod
    def edit(self, scene: Scene, options: Any) -> Result:
        """Make the edit."""

    def presets(self, options: Any) -> Iterable[str]:
        """Return the names of the presets that the options request; unknown ones are refused before ``edit``."""
        return ()

    def check_preset(self, preset: Preset) -> None:
        """Refuse a preset that ``edit`` would refuse, in the same words; editors without presets need none.

        Raises:
            I2IError: its values are invalid; the message names the distribution that provides it.
        """
