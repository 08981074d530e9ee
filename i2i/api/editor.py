"""What an edit works on, what it gives back, and what the web page shows of it."""

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
    """Pictures in rows and columns with their names, as people show them; becomes ``grid.png`` and ``grid.html``."""

    cells: Sequence[Sequence[Tensor | None]]
    """Row by row, each ``(1, 3, H, W)`` in [-1, 1]; None leaves a place empty."""
    columns: Sequence[str] = ()
    labels: Sequence[str] = ()
    """Names of the rows."""
    notes: Sequence[Sequence[str]] = ()
    """A short text for each cell, shown on the page; empty for none."""


@dataclass(frozen=True)
class Plot:
    """Lines over one axis; becomes a picture of its own."""

    x: str
    y: str
    """What the axes show, with units."""
    lines: Mapping[str, Sequence[tuple[float, float]]]
    """By name, points ``(x, y)`` in order."""
    logarithmic: bool = False
    """Of y."""


@dataclass(frozen=True)
class Result:
    """What an edit gives back."""

    image: Tensor
    """``(1, 3, H, W)`` in [-1, 1]."""
    latent: Tensor | Latent | None = None
    """Of the image; a tensor is its w, with noise and changes as in the latent of the picture that was edited."""
    frames: Sequence[Tensor] = ()
    """Pictures of the way, each ``(1, 3, H, W)``, for the animation."""
    scalars: Mapping[str, float] = field(default_factory=dict)
    table: Table | None = None
    plots: Mapping[str, Plot] = field(default_factory=dict)
    """By the name of their file, such as ``"loss"``."""
    others: Sequence[Result] = ()
    """Of an editor that takes many pictures: the results of the second and further ones, in their order."""


class Editor(ABC):
    """An edit: scene and options in, result out. Pure: no files, no prints."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    photos: ClassVar[tuple[str, ...]] = ("image",)
    """Names of the pictures it asks for, in the order of ``--image``. A name may end in ``?`` (may be left out), ``+``
    (one or more) or ``*`` (any number); the mark is no part of the name."""
    extractors: ClassVar[tuple[Role, ...]] = ()
    """Roles it needs, found in ``scene.extractors``."""
    may_use: ClassVar[tuple[Role, ...]] = ()
    """Roles it needs under some options only; opened when they are looked up in ``scene.extractors``."""
    wants: ClassVar[Literal["pixels", "crops", "latent"]] = "pixels"
    """``"pixels"``: whole photos. ``"crops"``: crops as the generator knows pictures, aligned. ``"latent"``: those with
    their latents; photos are inverted first."""
    requires: ClassVar[type[Generator]] = Generator  # type: ignore[type-abstract]
    """The class of generators it works with, such as ``i2i.StyleGenerator``; others are refused before it starts."""
    default: ClassVar[bool] = False
    """True for the editor that ``i2i edit`` means where none is named."""

    def check(self, generator: Generator | None, options: Any) -> None:
        """Refuse options that do not fit the generator (None for editors of pixels), before extractors are opened.

        Raises:
            I2IError: they do not fit.
        """

    def check_photos(self, scene: Scene, options: Any) -> None:
        """Refuse pictures that cannot be edited, before the long work of finding latents for photos.

        ``scene`` is as for ``edit``, but photos that are yet to be inverted have no latent.

        Raises:
            I2IError: one of them cannot be edited, or the options do not fit it.
        """

    @abstractmethod
    def edit(self, scene: Scene, options: Any) -> Result:
        """Make the edit."""

    def presets(self, options: Any) -> Iterable[str]:
        """Names of the presets that options ask for; those that nobody brings are refused before ``edit``."""
        return ()

    def check_preset(self, preset: Preset) -> None:
        """Refuse a preset that ``edit`` would refuse, in the same words; editors without presets need none.

        Raises:
            I2IError: its values are not sound; names who brings it.
        """
