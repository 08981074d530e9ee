"""What a pretrained generator gives, and where published weights are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from .errors import I2IError
from .options import Options

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device
    from .contents import Contents

Noise: TypeAlias = 'Literal["const", "random", "none"] | Mapping[str, Tensor]'

UNKNOWN = "unknown: ask whoever gave you the file"
"""The licence of a file that says nothing of one."""


@dataclass(frozen=True)
class Weights:
    """A network as it lies in a file, under the names of its family: all it takes to build it."""

    family: str
    """The generator that builds it: its ``name``."""
    tensors: Mapping[str, Tensor]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What the tensors' names and shapes do not tell; plain values."""


class Generator(ABC):
    """A pretrained generator one can edit with: latents in, pictures out.

    What is registered is a family, such as ``stylegan2``: ``read`` says whether a file holds one, and
    ``Family(weights, device)`` builds it. A generator that needs no file leaves ``read`` alone and is built by its own
    name, with ``weights`` None.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    """Its options; where there are any, it is constructed as ``Family(weights, device, options)``."""
    z_dim: int
    c_dim: int = 0
    """Classes it was trained on; 0 for a generator without."""
    w_dim: int
    num_ws: int
    """Rows of a latent, one for each layer that it steers."""
    resolution: int
    channels: int = 3
    """1 for grey pictures."""
    device: Device
    """Where it computes; latents may come from anywhere."""

    @classmethod
    def read(cls, contents: Contents) -> Weights | None:
        """The weights in a file's contents, or None where they are not of this family.

        Raises:
            I2IError: they are, but cannot be used.
        """
        return None

    @staticmethod
    def licence(contents: Contents) -> str:
        """What a file lets one know about the terms of its weights."""
        return UNKNOWN

    @abstractmethod
    def __init__(self, weights: Weights | None, device: Device) -> None:
        """Build the network on ``device``."""

    @abstractmethod
    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """``z (N, z_dim)`` -> ``w (N, num_ws, w_dim)``.

        Args:
            c: Classes ``(N, c_dim)``, one-hot, for a generator that has them.
            truncation: 1 leaves w as it is, 0 gives the mean of all w.
            cutoff: Rows that are truncated, counted from the first; None for all.
        """

    @abstractmethod
    def render(self, w: Tensor, noise: Noise = "const") -> Tensor:
        """``w (N, num_ws, w_dim)`` -> pictures ``(N, C, R, R)`` float32, about [-1, 1], not clamped.

        Args:
            noise: As stored, new at each call, none at all; or by the names of ``noise_maps``, each ``(N or 1, 1, r,
                r)``, the others being as stored.
        """

    def features(self, w: Tensor, resolution: int) -> Tensor:
        """``w (N, num_ws, w_dim)`` -> maps ``(N, C, resolution, resolution)``, computed no further than needed."""
        raise TypeError(f"{type(self).__name__} must define features(self, w, resolution)")

    def features_and_pictures(self, w: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        """``features(w, resolution)`` and ``render(w)``; what both need is computed once by families that can."""
        return self.features(w, resolution), self.render(w)

    @property
    def w_mean(self) -> Tensor:
        """The mean of all w, ``(w_dim,)``."""
        raise TypeError(f"{type(self).__name__} must define w_mean")

    @property
    def w_std(self) -> float:
        """The root of the mean squared distance of w from its mean."""
        raise TypeError(f"{type(self).__name__} must define w_std")

    @property
    def noise_maps(self) -> dict[str, Tensor]:
        """Copies of its stored noise by name, each ``(1, 1, r, r)``; empty for a generator without."""
        return {}

    def weights(self) -> dict[str, Tensor]:
        """Its own tensors by name, which pivotal tuning may change; empty where it cannot be tuned.

        To learn, ask those of a copy (``tuned()``) for gradients.
        """
        return {}

    def tuned(
        self, changes: Mapping[str, Tensor] | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> Generator:
        """A copy whose tensors are its own: ``changes`` added to its ``weights``, ``noise`` in place of ``noise_maps``.

        Raises:
            I2IError: the family cannot be tuned, or a name or shape does not fit.
        """
        raise I2IError(f"Generators of the family {self.name!r} cannot be tuned; choose another method.")

    def styles(self) -> Sequence[Tensor]:
        """By row of w, what its layers read from it: ``(C, w_dim)``, the weights of their affine maps one below the
        other. Empty for a generator without such maps.
        """
        return ()

    def style_space(self, w: Tensor) -> dict[str, Tensor]:
        """What its layers make of ``w (N, num_ws, w_dim)``: styles ``(N, C)``, a number for each channel, in order.

        The names are those, among ``weights``, of what is added to the styles, ``(C,)``: ``tuned({name: offset})``
        draws every picture with styles moved by the offset. Layers that make nothing but colours are left out. Empty
        for a generator without styles.
        """
        return {}
