"""What an edit works on, what it gives back, and what the web page shows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..options import Options
from .measuring import Role

if TYPE_CHECKING:
    from torch import Tensor

    from ..devices import Device


@dataclass(frozen=True)
class Photo:
    """One picture an edit works on."""

    pixels: Tensor
    """``(1, 3, H, W)`` float32 in [-1, 1], on the scene's device."""
    path: Path | None = None


@dataclass
class Scene:
    """Everything one edit works on."""

    photos: dict[str, Photo]
    device: Device
    extractors: dict[str, Any] = field(default_factory=dict)
    """By role, those the editor asked for."""
    progress: Callable[..., None] = lambda done, total, **scalars: None
    """``progress(done, total, **scalars)`` moves the terminal's bar or the page's."""
    stop: Callable[[], bool] = lambda: False

    @property
    def cancelled(self) -> bool:
        """True once the user wants out: return the best result so far."""
        return self.stop()


@dataclass(frozen=True)
class Result:
    """What an edit gives back."""

    image: Tensor
    """``(1, 3, H, W)`` in [-1, 1]."""
    latent: Tensor | None = None
    frames: Sequence[Tensor] = ()
    """Pictures of the way, each ``(1, 3, H, W)``, for the animation."""
    scalars: Mapping[str, float] = field(default_factory=dict)


class Editor:
    """An edit: scene and options in, result out. Pure: no files, no prints."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    photos: ClassVar[tuple[str, ...]] = ("image",)
    """Names of the pictures it asks for, in the order of ``--image``."""
    extractors: ClassVar[tuple[Role, ...]] = ()
    """Roles it needs, found in ``scene.extractors``."""
    wants: ClassVar[Literal["pixels", "latent"]] = "pixels"

    def edit(self, scene: Scene, options: Any) -> Result:
        """Make the edit."""
        raise TypeError(f"{type(self).__name__} must define edit(self, scene, options)")


class Panel:
    """What the web page shows for an editor or a trained run."""

    name: ClassVar[str]
    summary: ClassVar[str]
