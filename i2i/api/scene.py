"""What an edit works on: photos, latents and the scene that holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device
    from .generator import Generator, StyleGenerator
    from .inverter import Inverter
    from .live import LiveView
    from .placement import Placement
from .inverter import InvertFunction, no_inverters
from .preset import Preset


@dataclass(frozen=True)
class Latent:
    """The latent code of an image, with all else that a generator needs to render it again."""

    w: Tensor
    """``(1, num_ws, w_dim)`` float32."""
    noise: Mapping[str, Tensor] = field(default_factory=dict)
    """Name of a noise map (``Generator.noise_maps``) -> its own ``(1, 1, r, r)``; others are the stored ones."""
    changes: Mapping[str, Tensor] = field(default_factory=dict)
    """Name of a weight (``Generator.weights``) -> what tuning added to it; empty for none."""


@dataclass(frozen=True)
class Photo:
    """One input image of an edit."""

    pixels: Tensor
    """``(1, 3, H, W)`` float32 in [-1, 1], on the scene's device: a whole photo for editors of pixels, for others the
    aligned crop, or what the latent renders to, at the generator's resolution."""
    path: Path | None = None
    name: str = ""
    """For captions: the file's name without its ending, ``seed:0``, ..."""
    latent: Latent | None = None
    """Never None for editors that want latents."""
    placement: Placement | None = None
    """Where in the whole photo the crop lies; None for images that were not cropped."""
    whole: tuple[int, int] | None = None
    """Height and width of that photo, upright, in pixels."""

    @property
    def given(self) -> tuple[int, int]:
        """Height and width of the input: the whole photo, or the image itself."""
        return self.whole or (self.pixels.shape[2], self.pixels.shape[3])

    def to_crop(self, points: Any) -> Any:
        """Convert points ``(..., 2)``, x and y in pixels of the input, to pixels of ``pixels``; a float64 array."""
        import numpy as np

        if self.placement is None:
            return np.asarray(points, np.float64)
        return self.placement.to_crop(points, self.pixels.shape[-1])


@dataclass
class Scene:
    """The inputs of one edit, and what it may use."""

    photos: dict[str, Photo]
    """Name (``Editor.photos``) -> image; the first one, for names that take several."""
    device: Device
    extractors: Mapping[str, Any] = field(default_factory=dict)
    """Extractors by role. The keys are the roles in ``Editor.extractors`` and ``Editor.may_use`` that an installed
    plugin provides; ``in`` and ``[...]`` also take other provided roles and an extractor's own name.

    ``[...]``, ``get``, ``values`` and ``items`` open an extractor on the first look-up. They raise ``I2IError`` where
    it cannot be opened, such as when its weights are not downloaded. For a role that no plugin provides ``[...]``
    raises ``I2IError``, for what is neither a role nor a name ``KeyError``; ``get`` returns its default for both.
    ``in``, ``len``, ``keys`` and iteration open nothing and never raise."""
    progress: Callable[..., None] = lambda done, total, **scalars: None
    """``progress(done, total, **scalars)`` updates the progress bar."""
    stop: Callable[[], bool] = lambda: False
    """True once the user has cancelled. If no progress was reported before, ``Interrupted`` is then raised by i2i."""
    generator: Generator = None  # type: ignore[assignment]
    """The generator, with the weight changes and noise maps of the first photo's latent. An instance of
    ``Editor.requires``; None for editors that want pixels."""
    untuned: Generator | None = None
    """The same generator as opened, without those changes."""
    every: Mapping[str, Sequence[Photo]] = field(default_factory=dict)
    """Name (``Editor.photos``) -> all its images."""
    note: Callable[[str], None] = lambda text: None
    """``note(text)`` shows the user a message, one sentence."""
    presets: Mapping[str, Preset] = field(default_factory=dict)
    """Name -> preset: all presets of this editor, of all plugins."""
    compare: Callable[[Tensor, Tensor], list[dict[str, float]]] = lambda pictures, others: [{} for _ in pictures]
    """``compare(pictures, others)``, both ``(N, 3, H, W)``: for each pair ``psnr`` (dB), ``ssim``, ``lpips`` and, for
    faces, ``identity`` (cosine), where the metric or extractor is installed and its weights are downloaded."""
    invert: InvertFunction = no_inverters
    """``invert(images, method="", options={})`` finds the latents of images, ``(N, 3, R, R)`` in [-1, 1], with any
    registered inverter: see ``i2i.Inverter``. Not for editors of pixels."""
    inverters: Mapping[str, type[Inverter]] = field(default_factory=dict)
    """The registered inverters by name."""
    live: LiveView | None = None
    """Who watches the edit while it runs, for ``LatentOptimizer(live=)``; None for nobody."""

    @property
    def cancelled(self) -> bool:
        """True once the user has cancelled: return the best result so far."""
        return self.stop()

    def generator_for(self, photo: Photo) -> Generator:
        """Return the generator with the weight changes and noise maps of a photo's latent."""
        latent, untuned = photo.latent, self.generator if self.untuned is None else self.untuned
        if latent is None or not (latent.changes or latent.noise):
            return untuned
        return cast("StyleGenerator", untuned).tuned(latent.changes, latent.noise)

    @property
    def latent(self) -> Latent:
        """The latent of the first image; for editors that want latents.

        Raises:
            AttributeError: the scene has none.
        """
        first = next(iter(self.photos.values()), None)
        if first is None or first.latent is None:
            raise AttributeError("this scene has no latent: an editor gets one with wants = 'latent'")
        return first.latent
