"""Pretrained generators: from random numbers to images, and what StyleGANs add to that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from .errors import I2IError
from .options import Options

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.device import Device
    from .contents import Contents

Noise: TypeAlias = 'Literal["const", "random", "none"] | Mapping[str, Tensor]'

UNKNOWN = "unknown: ask the provider of the file"
"""The licence of a file that says nothing of one."""


@dataclass(frozen=True)
class Weights:
    """A network as it lies in a file, under the names of its family: all it takes to build it."""

    family: str
    """The generator that builds it: its ``name``."""
    tensors: Mapping[str, Tensor]
    """The network's tensors by name."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What the tensors' names and shapes do not say; plain values."""


class Generator(ABC):
    """A pretrained generator: random numbers z are mapped to a latent code w, which is rendered to an image.

    What is registered is a family, such as ``stylegan2``: ``read`` says whether a file holds one, and
    ``Family(weights, device)`` builds it. A generator that needs no file does not define ``read`` and is built by its
    own name, with ``weights`` None.

    A generator without a mapping network (a DCGAN) defines ``__init__``, which sets ``z_dim``, ``resolution`` and
    ``device``, and ``render``: its w is z itself, in one layer. A mapping network is added by ``map``, ``w_dim``,
    ``w_mean`` and ``w_std``; several layers, feature maps, noise maps and tunable weights by ``StyleGenerator``.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    """Its options; where there are any, it is constructed as ``Family(weights, device, options)``."""
    z_dim: int
    """Dimensions of z, sampled from the normal distribution."""
    c_dim: int = 0
    """Number of classes it was trained on; 0 for a generator without classes."""
    num_ws: int = 1
    """Number of layers of a latent code."""
    resolution: int
    """Height and width R of its images, pixels."""
    channels: int = 3
    """Channels of its images; 1 for grey."""
    device: Device
    """The device that it computes on; latent codes may come from any."""

    @classmethod
    def read(cls, contents: Contents) -> Weights | None:
        """Read the weights from a file's contents; None where they are not of this family.

        Raises:
            I2IError: they are of this family, but cannot be used.
        """
        return None

    @staticmethod
    def licence(contents: Contents) -> str:
        """Return the licence of the weights in a file, as far as the file says."""
        return UNKNOWN

    @abstractmethod
    def __init__(self, weights: Weights | None, device: Device) -> None:
        """Build the network on ``device``."""

    @cached_property
    def w_dim(self) -> int:
        """Dimensions of a latent code in each layer; ``z_dim`` unless the family sets its own."""
        return self.z_dim

    def map(self, z: Tensor, c: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Map ``z (N, z_dim)`` to the latent code ``w (N, num_ws, w_dim)``; by default w is z in every layer.

        Args:
            c: Classes ``(N, c_dim)``, one-hot, for a generator that has them.
            truncation: 1 leaves w as it is, 0 gives the mean of all w.
            cutoff: Number of layers that are truncated, counted from the first; None for all.
        """
        import torch

        w = z.to(torch.float32).to(self.device)[:, None].repeat(1, self.num_ws, 1)
        if truncation != 1.0:
            w[:, :cutoff] = self.w_mean + truncation * (w[:, :cutoff] - self.w_mean)
        return w

    @abstractmethod
    def render(self, w: Tensor, noise: Noise = "const") -> Tensor:
        """Render ``w (N, num_ws, w_dim)`` to images ``(N, C, R, R)`` float32, about [-1, 1], not clamped.

        Args:
            noise: Noise maps as stored, random at each call, or none; or by the names of ``noise_maps``, each
                ``(N or 1, 1, r, r)``, the others being as stored. A generator without noise maps ignores it.
        """

    @property
    def w_mean(self) -> Tensor:
        """The mean of all w, ``(w_dim,)`` on the device; by default that of z, which is 0."""
        import torch

        return torch.zeros(self.w_dim, device=self.device)

    @property
    def w_std(self) -> float:
        """The root of the mean squared distance of w from its mean; by default that of z, ``sqrt(z_dim)``."""
        return float(self.z_dim**0.5)


class StyleGenerator(Generator):
    """What StyleGANs add: layers with their own w, feature maps, noise maps, tunable weights and styles.

    Editors that need it say so with ``requires = i2i.StyleGenerator``.
    """

    if TYPE_CHECKING:
        w_dim: int

    def features(self, w: Tensor, resolution: int) -> Tensor:
        """Compute feature maps ``(N, C, resolution, resolution)`` of ``w (N, num_ws, w_dim)``, and no further layers.

        Raises:
            UsageError: no layer has this resolution.
        """
        raise TypeError(f"{type(self).__name__} must define features(self, w, resolution)")

    def features_and_pictures(self, w: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        """Compute ``features(w, resolution)`` and ``render(w)``; families may compute what both need once."""
        return self.features(w, resolution), self.render(w)

    @property
    def noise_maps(self) -> dict[str, Tensor]:
        """Copies of its stored noise maps by name, each ``(1, 1, r, r)``; empty for a generator without."""
        return {}

    def weights(self) -> dict[str, Tensor]:
        """Return its own tensors by name, which pivotal tuning may change; empty where it cannot be tuned.

        To optimise them, take those of a copy (``tuned()``).
        """
        return {}

    def tuned(
        self, changes: Mapping[str, Tensor] | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> StyleGenerator:
        """Copy the generator, with ``changes`` added to its ``weights`` and ``noise`` in place of its ``noise_maps``.

        Raises:
            I2IError: the family cannot be tuned, or a name or shape does not fit.
        """
        raise I2IError(f"Generators of the family {self.name!r} cannot be tuned; choose another method.")

    def styles(self) -> Sequence[Tensor]:
        """Return by layer of w the affine weights that read it, ``(C, w_dim)``; empty without such maps."""
        return ()

    def style_space(self, w: Tensor) -> dict[str, Tensor]:
        """Compute the styles ``(N, C)`` of the layers for ``w (N, num_ws, w_dim)``, one number a channel.

        The names are those, among ``weights``, of what is added to the styles, ``(C,)``: ``tuned({name: offset})``
        renders every image with styles moved by the offset. Layers that make colours only (toRGB) are left out. Empty
        for a generator without styles.
        """
        return {}

    def from_published_layers(self, w: Tensor) -> Tensor | None:
        """Convert latent codes of the form in which its family was published to ``(N, num_ws, w_dim)``.

        Args:
            w: ``(N, rows, w_dim)``, with another number of rows than ``num_ws``.

        Returns:
            The converted latent codes; None where no form of the family has so many rows, as by default.
        """
        return None

    def to_published_layers(self, w: Tensor) -> Tensor:
        """Convert ``w (N, num_ws, w_dim)`` to the form in which its family was published; by default that of ``w``.

        Edits write it to ``latent.safetensors`` as ``w_published`` where its number of rows differs.
        """
        return w
