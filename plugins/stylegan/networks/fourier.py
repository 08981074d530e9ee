"""The input of StyleGAN3: Fourier features that w shifts and turns (Karras et al. 2021, sections 3.2 and F.3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .layers import Linear


class FourierInput(nn.Module):
    """Waves of fixed frequency and phase, moved as a rigid body by w, mixed by a learned matrix.

    Args:
        channels: Of its map.
        size: Height and width of its map, samples.
        rate: Samples across the picture.
        bandwidth: The highest frequency, cycles across the picture.
    """

    weight: nn.Parameter
    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, w_dim: int, channels: int, size: int, rate: int, bandwidth: float) -> None:
        super().__init__()
        self.size, self.rate, self.bandwidth = size, rate, bandwidth
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = Linear(w_dim, 4)
        with torch.no_grad():  # at first no w moves anything: cosine 1, sine 0, shift 0
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        radius, angle = torch.rand(channels).sqrt() * bandwidth, torch.rand(channels) * 2 * math.pi
        self.register_buffer("freqs", torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1))
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def move(self, rotation: float = 0.0, translate: tuple[float, float] = (0.0, 0.0)) -> None:
        """Turn and shift every picture from now on; without arguments, put them back.

        Args:
            rotation: Degrees, counter-clockwise, about the centre.
            translate: Right and down, as parts of the picture's side; after the rotation.
        """
        cosine, sine = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
        x, y = translate
        wanted = torch.tensor([[cosine, sine, x], [-sine, cosine, y], [0.0, 0.0, 1.0]], dtype=torch.float64)
        self.transform.copy_(wanted.inverse())  # it tells where each point of the new picture was

    def forward(self, w: Tensor) -> Tensor:
        """``w (N, w_dim)`` -> ``(N, channels, size, size)``."""
        moved = self.affine(w)
        cosine, sine, x, y = (moved / moved[:, :2].norm(dim=1, keepdim=True)).unbind(dim=1)
        nought, one = torch.zeros_like(x), torch.ones_like(x)
        turn = torch.stack([cosine, -sine, nought, sine, cosine, nought, nought, nought, one], dim=1).view(-1, 3, 3)
        shift = torch.stack([one, nought, -x, nought, one, -y, nought, nought, one], dim=1).view(-1, 3, 3)
        place = turn @ shift @ self.transform
        phases = self.phases + (self.freqs @ place[:, :2, 2:]).squeeze(2)
        freqs = self.freqs @ place[:, :2, :2]
        # A transform that shrinks the picture may lift waves beyond what the grid can hold.
        beyond = (freqs.norm(dim=2) - self.bandwidth) / (self.rate / 2 - self.bandwidth)
        at = (torch.arange(self.size, device=w.device, dtype=w.dtype) + (0.5 - self.size / 2)) / self.rate
        grid = torch.stack(torch.meshgrid(at, at, indexing="xy")).view(2, -1)
        waves = torch.sin((freqs @ grid + phases.unsqueeze(2)) * (2 * math.pi))
        waves = waves * (1 - beyond).clamp(0, 1).unsqueeze(2)
        mixed: Tensor = (self.weight / math.sqrt(self.weight.shape[1])) @ waves
        return mixed.view(len(w), -1, self.size, self.size)
