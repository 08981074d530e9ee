"""The image pool: a history of generated images, so that discriminators do not forget (Shrivastava et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor


class ImagePool:
    """Keeps up to ``size`` generated images."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: list[Tensor] = []
        """Each ``(C, H, W)``."""

    def exchange(self, images: Tensor) -> Tensor:
        """Return images for the discriminator.

        While the pool is not full, they are those given. Then each is, with probability 1/2, one of the pool, which the
        given one replaces. The random numbers are those of torch, which i2i seeds before each step.

        Args:
            images: ``(N, C, H, W)``, detached.
        """
        if not self.size:
            return images
        chosen = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.clone())
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                chosen.append(self.images[place])
                self.images[place] = image.clone()
                continue
            chosen.append(image)
        return torch.stack(chosen)
