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
    from .placement import Placement
from .inverter import InvertFunction, no_inverters
from .preset import Preset


@dataclass(frozen=True)
class Latent:
    """Where a picture lies in a generator: what it takes to render it again."""

    w: Tensor
    """``(1, num_ws, w_dim)`` float32."""
    noise: Mapping[str, Tensor] = field(default_factory=dict)
    """Noise of its own by the names of ``Generator.noise_maps``, each ``(1, 1, r, r)``; others are as stored."""
    changes: Mapping[str, Tensor] = field(default_factory=dict)
    """What was added to the generator's weights for it, by the names of ``Generator.weights``; empty for none."""


@dataclass(frozen=True)
class Photo:
    """One picture an edit works on."""

    pixels: Tensor
    """``(1, 3, H, W)`` float32 in [-1, 1], on the scene's device: a whole photo for editors of pixels, for others the
    aligned crop, or what the latent renders to, at the generator's resolution."""
    path: Path | None = None
    name: str = ""
    """For captions: the file's name without its ending, ``seed:0``, ..."""
    latent: Latent | None = None
    """Always there for editors that want latents."""
    placement: Placement | None = None
    """Where in the whole photo a crop lies; None for pictures that were given as they are."""
    whole: tuple[int, int] | None = None
    """Height and width of that photo, upright, in pixels."""

    @property
    def given(self) -> tuple[int, int]:
        """Height and width of what the user gave: the whole photo, or the picture itself."""
        return self.whole or (self.pixels.shape[2], self.pixels.shape[3])

    def to_crop(self, points: Any) -> Any:
        """Points ``(..., 2)`` x, y in pixels of what the user gave -> in pixels of ``pixels``, a float64 array."""
        import numpy as np

        if self.placement is None:
            return np.asarray(points, np.float64)
        return self.placement.to_crop(points, self.pixels.shape[-1])


@dataclass
class Scene:
    """Everything one edit works on."""

    photos: dict[str, Photo]
    """The pictures by the editor's name for them; of those that may be given many times, the first."""
    device: Device
    extractors: Mapping[str, Any] = field(default_factory=dict)
    """Extractors by role. The keys are the roles in ``Editor.extractors`` and ``Editor.may_use`` that an installed
    plugin provides; ``in`` and ``[...]`` also take other provided roles and an extractor's own name.

    ``[...]``, ``get``, ``values`` and ``items`` open an extractor on the first look-up. They raise ``I2IError`` where
    it cannot be opened, such as when its weights are not downloaded. For a role that no plugin provides ``[...]``
    raises ``I2IError``, for what is neither a role nor a name ``KeyError``; ``get`` returns its default for both.
    ``in``, ``len``, ``keys`` and iteration open nothing and never raise."""
    progress: Callable[..., None] = lambda done, total, **scalars: None
    """``progress(done, total, **scalars)`` moves the terminal's bar or the page's."""
    stop: Callable[[], bool] = lambda: False
    """True once the user wants out. Before any progress was told, the edit then ends with ``Interrupted`` by itself."""
    generator: Generator = None  # type: ignore[assignment]
    """The generator, with the weight changes and noise maps of the first photo's latent. An instance of
    ``Editor.requires``; None for editors that want pixels."""
    untuned: Generator | None = None
    """The same generator as opened, without those changes."""
    every: Mapping[str, Sequence[Photo]] = field(default_factory=dict)
    """All pictures by the editor's name for them, also where it takes any number."""
    note: Callable[[str], None] = lambda text: None
    """Called with a sentence about anything the user should know."""
    presets: Mapping[str, Preset] = field(default_factory=dict)
    """Those of this editor by name, whoever brings them."""
    compare: Callable[[Tensor, Tensor], list[dict[str, float]]] = lambda pictures, others: [{} for _ in pictures]
    """``compare(pictures, others)``, both ``(N, 3, H, W)``: for each pair ``psnr`` (dB), ``ssim``, ``lpips`` and, for
    faces, ``identity`` (cosine), as far as the metrics and extractors for them are there."""
    invert: InvertFunction = no_inverters
    """``invert(images, method="", options={})`` finds the latents of images, ``(N, 3, R, R)`` in [-1, 1], with any
    registered inverter: see ``i2i.Inverter``. Not for editors of pixels."""
    inverters: Mapping[str, type[Inverter]] = field(default_factory=dict)
    """The registered inverters by name."""

    @property
    def cancelled(self) -> bool:
        """True once the user wants out: return the best result so far."""
        return self.stop()

    def generator_for(self, photo: Photo) -> Generator:
        """Return the generator with the weight changes and noise maps of a photo's latent."""
        latent, untuned = photo.latent, self.generator if self.untuned is None else self.untuned
        if latent is None or not (latent.changes or latent.noise):
            return untuned
        return cast("StyleGenerator", untuned).tuned(latent.changes, latent.noise)

    @property
    def latent(self) -> Latent:
        """That of the first picture; for editors that want latents.

        Raises:
            AttributeError: the scene has none.
        """
        first = next(iter(self.photos.values()), None)
        if first is None or first.latent is None:
            raise AttributeError("this scene has no latent: an editor gets one with wants = 'latent'")
        return first.latent
