"""How each channel of a generator's styles moves pictures in the space of a text network, measured by drawing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

import i2i
from i2i.toolkit.latents.sampling import SamplingOptions, batch_for, latents

from .directions import Directions

if TYPE_CHECKING:
    from torch import Tensor

DEVIATIONS = 5.0
"""How far each style is moved to both sides, in its standard deviations, as published."""
SPREAD = 2000
"""Latents by which deviations are known."""


def make(
    generator: Any,
    text: Any,
    samples: int,
    first_seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Directions:
    """Draw ``samples`` pictures with every style moved to either side, and look where that moves them.

    Args:
        generator: An ``i2i.Generator`` with styles.
        text: An extractor of the role text.
        first_seed: Of the pictures; the others follow.
        progress: Called with the channels done and their number.

    Raises:
        I2IError: the generator shows no styles, or cannot be changed.
    """
    with torch.no_grad():
        spread = generator.style_space(
            latents(generator, range(first_seed, first_seed + SPREAD), SamplingOptions(truncation=1))
        )
        if not spread:
            raise i2i.I2IError(
                f"Generators of the family {generator.name!r} show no styles, so there are no directions among them; "
                "leave --directions out, and words are optimised for."
            )
        w = latents(generator, range(first_seed, first_seed + samples), SamplingOptions(truncation=0.7))
        copy = generator.tuned()
        added, found = copy.weights(), []
        total = sum(each.shape[1] for each in spread.values())
        for name, styles in spread.items():
            for channel, deviation in enumerate(styles.std(dim=0).tolist()):
                found.append(_effect(copy, text, w, added[name], channel, DEVIATIONS * deviation))
                progress(len(found), total)
    return Directions(
        {name: each.shape[1] for name, each in spread.items()},
        torch.stack(found),
        torch.cat([each.std(dim=0) for each in spread.values()]).cpu(),
        generator.w_mean.detach().float().cpu(),
        text.name,
        samples,
    )


def _effect(generator: Any, text: Any, w: Tensor, added: Tensor, channel: int, amount: float) -> Tensor:
    """Where one channel moves pictures, ``(F,)`` of unit length on the CPU: the mean of the unit differences."""
    before = added[channel].clone()
    sides = []
    for sign in (1, -1):
        added[channel] = before + sign * amount
        parts = [generator.render(part).clamp(-1, 1) for part in w.split(batch_for(generator))]
        sides.append(torch.cat([text.images(part.expand(-1, 3, -1, -1)) for part in parts]))
    added[channel] = before
    difference = F.normalize(sides[0] - sides[1], dim=1)
    found: Tensor = F.normalize(difference.mean(dim=0), dim=0).cpu()
    return found
