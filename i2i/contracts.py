"""What a plugin gives: the classes to subclass, with every shape, unit and range that crosses the door.

Pictures inside the house are float32 tensors ``(N, 3, H, W)``, RGB, in [-1, 1]; pictures at its edge (datasets,
files) are uint8 arrays ``(H, W, 3)``, RGB. This module imports no torch, so that doors stay light.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .options import Options

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from .devices import Device
    from .pairs import Pair

Direction = Literal["AtoB", "BtoA"]
Split = Literal["train", "val", "test"]


class Trainer:
    """A training method: networks, losses, and one optimisation step at a time.

    ``Trainer(options, device)`` builds the networks. ``device`` is a string that torch takes wherever it takes a
    device (``module.to(device)``), with help for speed, precision and several processes: see ``i2i.Device``.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    kinds: ClassVar[Mapping[str, Callable[[dict[str, Tensor]], nn.Module]]] = {}
    """Foreign networks it can read, for ``i2i.load_network``: kind -> function from a state dict to a module."""

    networks: dict[str, nn.Module]
    """By name. The first makes the pictures: it is the one that is averaged (``--ema``) and exported."""
    multiple: int = 1
    """Height and width of an input must be multiples of this."""
    optimizers: dict[str, torch.optim.Optimizer]
    """By name. The training loop scales their rates over time; leave empty to keep the rates to yourself."""

    def __init__(self, options: Any, device: Device) -> None:
        raise TypeError(f"{type(self).__name__} must define __init__(self, options, device)")

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One optimisation step.

        Args:
            batch: ``{"input": (N, 3, H, W), "target": (N, 3, H, W)}``, float32 in [-1, 1], on the device.

        Returns:
            Losses by name, each a detached tensor of no dimension, unread: ``.item()`` would wait for the device.
        """
        raise TypeError(f"{type(self).__name__} must define step(self, batch)")

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        """Pictures ``(N, 3, H, W)`` in [-1, 1] for ``batch["input"]``; must leave training as it was."""
        raise TypeError(f"{type(self).__name__} must define sample(self, batch)")

    def state_dict(self) -> dict[str, Any]:
        """What training needs besides the networks' weights: plain values and tensors (default: the optimisers')."""
        return {name: optimizer.state_dict() for name, optimizer in getattr(self, "optimizers", {}).items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        for name, optimizer in getattr(self, "optimizers", {}).items():
            optimizer.load_state_dict(state[name])


@dataclass(frozen=True)
class Archive:
    """Where a set is fetched from."""

    url: str
    bytes: int | None = None
    """About how many bytes; what is less than half or more than twice that is not taken for it."""
    pictures: int | None = None
    """Pairs in all splits together, where ``Dataset.counts`` does not tell them apart."""


class Dataset:
    """A set of picture pairs: where it comes from, how it is laid out, and a drawn sample of its own."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    licence: ClassVar[str] = "unknown"
    homepage: ClassVar[str] = ""
    sides: ClassVar[tuple[str, str]] = ("A", "B")
    """What the left (A) and the right (B) picture of a pair show."""
    direction: ClassVar[Direction] = "AtoB"
    """The usual direction, the default of ``--direction``."""
    counts: ClassVar[Mapping[str, int]] = {}
    """Pairs in each split of the real set."""
    archive: ClassVar[Archive | None] = None
    """Where ``i2i datasets fetch`` gets it, or None where it cannot be downloaded by itself."""
    drawn: ClassVar[Mapping[str, int]] = {}
    """Pairs in each split of the drawn sample; empty where the set has none."""

    @classmethod
    def own(cls) -> bool:
        """True for a set of the user's own pictures: ``--data-root`` names the set itself, for there is no other."""
        return cls.archive is None and not cls.drawn

    def pairs(self, root: Path, split: str) -> list[Pair]:
        """The real pairs of a split under ``root``, in a fixed order, unread; empty where there are none.

        Raises:
            I2IError: the folder is there but its layout is not understood.
        """
        from .pairs import find_pairs

        return find_pairs(root, split)

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """One drawn pair ``(A, B)``, each uint8 ``(size, size, 3)`` RGB, from ``rng`` alone."""
        raise TypeError(f"{type(self).__name__} must define draw(self, rng, size)")


class Generator:
    """A pretrained generator one can edit with: latents in, pictures out."""

    name: ClassVar[str]
    summary: ClassVar[str]
    z_dim: int
    w_dim: int
    num_ws: int
    resolution: int

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """``z (N, z_dim)`` -> ``w (N, num_ws, w_dim)``."""
        raise TypeError(f"{type(self).__name__} must define map(self, z, ...)")

    def render(self, w: Tensor, noise: Literal["const", "random", "none"] = "const") -> Tensor:
        """``w`` -> pictures ``(N, C, R, R)`` float32, about [-1, 1], not clamped."""
        raise TypeError(f"{type(self).__name__} must define render(self, w, noise)")

    def features(self, w: Tensor, resolution: int) -> Tensor:
        """``w`` -> activations ``(N, C, resolution, resolution)``, computed no further than needed."""
        raise TypeError(f"{type(self).__name__} must define features(self, w, resolution)")


class Extractor:
    """A frozen network from pictures to numbers, found by its role. ``Extractor(device)`` loads it."""

    name: ClassVar[str]
    summary: ClassVar[str]
    role: ClassVar[Literal["landmarks", "identity", "perceptual", "text"]]

    def __init__(self, device: Device) -> None:
        raise TypeError(f"{type(self).__name__} must define __init__(self, device)")


class Metric:
    """A measure of outputs against targets, gathered batch by batch. ``Metric(device)`` starts at zero."""

    name: ClassVar[str]
    summary: ClassVar[str]
    better: ClassVar[Literal["lower", "higher"]]

    @property
    def per_picture(self) -> list[float]:
        """The measure of each picture, in the order taken in; empty where it has none for single pictures."""
        return []

    def __init__(self, device: Device) -> None:
        raise TypeError(f"{type(self).__name__} must define __init__(self, device)")

    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in a batch: both ``(N, 3, H, W)`` float32 in [-1, 1]."""
        raise TypeError(f"{type(self).__name__} must define update(self, output, target)")

    def compute(self) -> float:
        """The measure over everything taken in."""
        raise TypeError(f"{type(self).__name__} must define compute(self)")


class Panel:
    """What the web page shows for an editor or a trained run."""

    name: ClassVar[str]
    summary: ClassVar[str]


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
    extractors: ClassVar[tuple[str, ...]] = ()
    """Roles it needs, found in ``scene.extractors``."""
    wants: ClassVar[Literal["pixels", "latent"]] = "pixels"

    def edit(self, scene: Scene, options: Any) -> Result:
        """Make the edit."""
        raise TypeError(f"{type(self).__name__} must define edit(self, scene, options)")
