"""What a reconstruction is held against: the photos' pixels and features, looked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

import i2i
from i2i.toolkit.latents.features import fitting

from .methods import Method

if TYPE_CHECKING:
    from torch import Tensor


class Aim:
    """Photos ``(N, 3, R, R)``, and how far pictures lie from them."""

    def __init__(self, scene: i2i.Scene, method: Method, targets: Tensor) -> None:
        """Look at the photos.

        Raises:
            I2IError: the extractor of the features cannot be opened.
        """
        self.method, self.targets = method, targets
        self.perceptual: Any = perceptual(scene, method) if method.lpips_weight else None
        if self.perceptual is not None:
            with torch.no_grad():
                # One photo at a time: what is compared with must be the same to the bit, whoever its neighbours are.
                each = [self.perceptual.features(fitting(target)) for target in targets.split(1)]
            self.features = {layer: torch.cat([one[layer] for one in each]) for layer in each[0]}

    def losses(self, pictures: Tensor) -> Tensor:
        """``(N, 3, R, R)``, the i-th for the i-th photo -> ``(N,)``."""
        return self.weighed(*self.measures(pictures))

    def measures(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The mean squared difference of pixels, and the distance by features: ``(N,)`` each, 0 where not wanted."""
        none = pictures.new_zeros(len(pictures))
        wanted = self.method.rec_weight > 0
        squares = (pictures - self.targets).square().mean(dim=(1, 2, 3)) if wanted else none
        if self.perceptual is None:
            return squares, none
        return squares, self.perceptual.compare(self.perceptual.features(fitting(pictures)), self.features)

    def weighed(self, squares: Tensor, distances: Tensor) -> Tensor:
        """The loss of what ``measures`` gives."""
        return self.method.rec_weight * squares + self.method.lpips_weight * distances

    def keep(self, rows: Tensor) -> None:
        """Forget all photos but these."""
        self.targets = self.targets[rows]
        if self.perceptual is not None:
            self.features = {layer: maps[rows] for layer, maps in self.features.items()}


def perceptual(scene: i2i.Scene, method: Method) -> Any:
    """The extractor whose features the method compares.

    Raises:
        I2IError: it cannot be opened; says what to fetch, and what does without.
    """
    try:
        return scene.extractors[method.features]
    except i2i.I2IError as error:
        if method.features == "perceptual":
            raise
        raise i2i.I2IError(f"{str(error).rstrip('.')}; or take --method lpips, which needs no download.") from error


def draw(generator: Any, w: Tensor, noise: Any = None) -> Tensor:
    """Pictures ``(N, 3, R, R)``, also of a generator that knows grey only."""
    pictures: Tensor = generator.render(w, noise or "const")
    return pictures.expand(-1, 3, -1, -1)
