"""A baseline implementation of an inversion step, with the operations of published projectors, on our weights.

One photo at a time; the generator convolves weights of each sample in groups (``plain_stylegan2.py``) and doubles
images by putting zeros between their pixels; LPIPS-VGG is an ordinary sequence of layers, to which the photo is shown
anew at every step; noise maps are regularised one by one. Weights are frozen, which published loops often forget.
"""

from __future__ import annotations

from typing import Any

import torch
from plain_stylegan2 import PlainSynthesis
from torch import Tensor
from torch.nn import functional as F


class PlainLoop:
    """W+ and noise maps of one photo ``(1, 3, R, R)`` in [-1, 1], from the mean of all w."""

    def __init__(self, generator: Any, perceptual: Any, photo: Tensor, rate: float, noise_weight: float) -> None:
        """``generator`` and ``perceptual`` lend their weights."""
        self.synthesis, self.perceptual, self.photo = PlainSynthesis(generator.network.synthesis), perceptual, photo
        self.noise_weight = noise_weight
        self.w = generator.w_mean.expand(1, generator.num_ws, -1).clone().requires_grad_()
        self.noise = []
        for module in generator.network.synthesis.modules():
            if hasattr(module, "noise_const"):
                module.noise_const = module.noise_const.clone().requires_grad_()
                self.noise.append(module.noise_const)
        self.optimizer = torch.optim.Adam([self.w, *self.noise], lr=rate)

    def step(self) -> float:
        """One step; gives the loss before it, without the noise's part."""
        image, _ = self.synthesis(self.w)
        loss = self._distance(image, self.photo)
        whole = loss + self.noise_weight * sum(_likeness(plane) for plane in self.noise)
        self.optimizer.zero_grad()
        whole.backward()
        self.optimizer.step()
        with torch.no_grad():
            for plane in self.noise:
                plane.sub_(plane.mean()).div_(plane.square().mean().sqrt())
        return loss.item()

    def _distance(self, one: Tensor, other: Tensor) -> Tensor:
        """LPIPS on VGG16, both images looked at."""
        here, there = self._features(one), self._features(other)
        found = one.new_zeros(())
        for layer, a, b in zip(self.perceptual.layers, here, there, strict=True):
            found = found + F.conv2d((a - b) ** 2, self.perceptual._weights[layer]).mean()
        return found

    def _features(self, image: Tensor) -> list[Tensor]:
        trunk = self.perceptual._trunk
        x, found = (image - self.perceptual._shift) / self.perceptual._scale, []
        for name, layer in zip(trunk.names, trunk.features, strict=True):
            x = layer(x)
            if name in self.perceptual.layers:
                found.append(x / (x.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return found


def _likeness(plane: Tensor) -> Tensor:
    """Of neighbours in a map ``(r, r)``, over the levels of its pyramid."""
    found = plane.new_zeros(())
    level = plane[None, None]
    while True:
        for axis in (2, 3):
            found = found + (level * level.roll(1, axis)).mean() ** 2
        if level.shape[2] <= 8:
            return found
        level = F.avg_pool2d(level, 2)
