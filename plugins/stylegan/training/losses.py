"""The losses of StyleGAN2 (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN").

Both penalties are gradients of gradients: compute them in float32 and outside compiled code.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def fools(fake: Tensor) -> Tensor:
    """The generator's loss on the logits ``(N, 1)`` of its pictures: non-saturating, ``-log sigmoid``."""
    return F.softplus(-fake.float()).mean()


def tells(fake: Tensor, real: Tensor) -> Tensor:
    """The discriminator's loss on the logits ``(N, 1)`` of generated and of real pictures: logistic."""
    return F.softplus(fake.float()).mean() + F.softplus(-real.float()).mean()


def r1(judge: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """The mean squared length of the logits' gradient at real pictures (Mescheder et al. 2018), to be weighted.

    Args:
        judge: Pictures ``(N, 3, H, W)`` -> logits ``(N, 1)``.
    """
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def path_lengths(render: Callable[[Tensor], Tensor], ws: Tensor) -> Tensor:
    """How far a picture moves with its latent: ``|J^T y|`` for pictures y of noise (section 3.2), ``(N,)``.

    The noise is scaled by the root of the pixels, so that lengths do not grow with the picture; over the rows of ``ws``
    the mean square is taken.

    Args:
        render: ``ws (N, num_ws, w_dim)`` -> pictures ``(N, 3, H, W)``.
        ws: Part of a graph, or a leaf that requires gradients.
    """
    pictures = render(ws)
    noise = torch.randn_like(pictures) / (pictures.shape[2] * pictures.shape[3]) ** 0.5
    (gradient,) = torch.autograd.grad((pictures * noise).sum(), ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()
