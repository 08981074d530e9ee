"""Latent spaces in which a latent is optimised: z, w, or w+ with one w for each layer, also in principal components."""

from __future__ import annotations

import torch
from torch import Tensor

import i2i
from i2i.toolkit.latents.statistics import PrincipalComponents, component_std

from .methods import Method

CANDIDATES = 1000
"""Number of z that are sampled; the one whose w is nearest to the initial latent is taken, because the mapping network
has no inverse."""


class LatentSpace:
    """The variables that are optimised, ``(N, rows, dim)``, and the w that they stand for.

    ``rows`` is the number of layers in w+ and p+, and 1 in w and z.
    """

    def __init__(self, generator: i2i.Generator, method: Method) -> None:
        self.generator, self.kind, self.method = generator, method.space, method
        self.component_std = component_std(generator)
        """Standard deviation of one component of w."""
        self._components: PrincipalComponents | None = None
        if self.kind == "p+":
            classes = None if method.label is None else one_hot_classes(generator, method.label, 1)
            self._components = PrincipalComponents.estimate(generator, classes)

    @property
    def has_layers(self) -> bool:
        """Whether each layer has variables of its own."""
        return self.kind in ("w+", "p+")

    @property
    def scale(self) -> float:
        """Standard deviation of one component of the variables."""
        return self.component_std if self.kind in ("w", "w+") else 1.0

    def from_w(self, w: Tensor) -> Tensor:
        """Return the variables of ``w (N, num_ws, w_dim)``, or of the nearest latent in the space."""
        if self._components is not None:
            return self._components.from_w(w)
        if self.kind == "w+":
            return w.clone()
        mean = w.mean(dim=1, keepdim=True)
        return mean if self.kind == "w" else self._nearest_z(mean)

    def to_w(self, variables: Tensor) -> Tensor:
        """Return the w ``(N, num_ws, w_dim)`` of variables ``(N, rows, dim)``; differentiable."""
        if self.kind == "z":
            return self.generator.map(variables[:, 0], self._classes(len(variables)))
        if self._components is not None:
            return self._components.to_w(variables)
        return variables.expand(-1, self.generator.num_ws, -1)

    def prior_loss(self, w: Tensor) -> Tensor:
        """Compute the mean squared distance ``(N,)`` of w from the mean of all w; 1 for samples.

        In p+ each principal component is measured in its own standard deviation, elsewhere w in that of all components.
        """
        return self._normalise(w).square().mean(dim=(1, 2))

    def layers_loss(self, w: Tensor) -> Tensor:
        """Compute the mean squared distance ``(N,)`` of the layers of w from their mean, in the same units."""
        normalised = self._normalise(w)
        return (normalised - normalised.mean(dim=1, keepdim=True)).square().mean(dim=(1, 2))

    def _normalise(self, w: Tensor) -> Tensor:
        if self._components is not None:
            return self._components.from_w(w)
        normalised: Tensor = (w - self.generator.w_mean) / self.component_std
        return normalised

    def _nearest_z(self, w: Tensor) -> Tensor:
        """Return the sampled z ``(N, 1, z_dim)`` whose w is nearest to ``w (N, 1, w_dim)``."""
        z = torch.randn(CANDIDATES, self.generator.z_dim, generator=seeded_random(self.method.seed)).to(w)
        mapped = self.generator.map(z, self._classes(CANDIDATES))[:, 0]
        return z[torch.cdist(w[:, 0], mapped).argmin(dim=1)][:, None]

    def _classes(self, count: int) -> Tensor | None:
        return one_hot_classes(self.generator, self.method.label, count)


def one_hot_classes(generator: i2i.Generator, label: int | None, count: int) -> Tensor | None:
    """Return the class of ``--label``, one-hot ``(count, c_dim)``; None for a generator without classes.

    Raises:
        UsageError: the generator has classes, and ``label`` is not one of them.
    """
    if not generator.c_dim:
        return None
    if label is None or label >= generator.c_dim:
        reason = "z maps to a w only together with a class" if label is None else f"--label {label}: there is none"
        raise i2i.UsageError(f"{reason}; give --label, from 0 to {generator.c_dim - 1}.")
    return torch.eye(generator.c_dim, device=generator.device)[label].expand(count, -1)


def seeded_random(seed: int) -> torch.Generator:
    """Return random numbers on the CPU that are the same for every photo and device."""
    return torch.Generator().manual_seed(seed)
