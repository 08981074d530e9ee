"""The losses of StyleGAN2 (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN").

Both penalties need second derivatives: compute them in float32 and outside compiled code.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def generator_loss(fake: Tensor) -> Tensor:
    """Compute the generator's non-saturating loss, ``-log sigmoid``, from the logits ``(N, 1)`` of its images."""
    return F.softplus(-fake.float()).mean()


def discriminator_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Compute the discriminator's logistic loss from the logits ``(N, 1)`` of generated and of real images."""
    return F.softplus(fake.float()).mean() + F.softplus(-real.float()).mean()


def r1_penalty(judge: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """Compute R1, the mean squared norm of the logits' gradient at real images (Mescheder et al. 2018), unweighted.

    Args:
        judge: Maps images ``(N, 3, H, W)`` -> logits ``(N, 1)``.
    """
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def path_lengths(render: Callable[[Tensor], Tensor], ws: Tensor) -> Tensor:
    """Compute path lengths ``|J^T y|`` for random images y, ``(N,)`` (section 3.2).

    y is divided by the root of the number of pixels, so that lengths do not depend on the resolution; the mean square
    is taken over the layers of ``ws``.

    Args:
        render: Maps ``ws (N, num_ws, w_dim)`` to images ``(N, 3, H, W)``.
        ws: Latent codes that require gradients.
    """
    images = render(ws)
    noise = torch.randn_like(images) / (images.shape[2] * images.shape[3]) ** 0.5
    (gradient,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()
