"""Generate images from random seeds and from latents, in batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...api.errors import I2IError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from ...api.generator import Generator

Noise = Literal["const", "random", "none"]


_MAPPED = 256  # seeds that are mapped together: little work and little memory


@dataclass(frozen=True)
class SamplingOptions:
    """How images are generated from random seeds."""

    truncation: float = 0.7
    """1 leaves w as it is, 0 gives the mean of all w: less variety, fewer failures."""
    cutoff: int | None = None
    """Number of first layers that are truncated; None for all."""
    label: int | None = None
    """The class, counted from 0, of a generator that has them."""
    noise: Noise = "const"
    batch: int | None = None
    """Batch size; None for one that suits the device and the resolution."""
    progress: Callable[[int, int], None] = lambda done, total: None
    """``progress(done, total)`` is called after each image."""


def latents(generator: Generator, seeds: Sequence[int], terms: SamplingOptions = SamplingOptions()) -> Tensor:
    """Return ``w (N, num_ws, w_dim)`` of N seeds, on the generator's device.

    z comes from ``numpy.random.RandomState(seed)``, as in NVIDIA's tools, so that published seeds give their images.

    Raises:
        UsageError: the truncation is no number; or the class is missing or out of range, or the generator has none.
    """
    import torch

    if not math.isfinite(terms.truncation):
        raise UsageError(f"--truncation {terms.truncation}: give a number, such as 0.7.")
    classes = _classes(generator, terms.label)
    parts = []
    for start in range(0, len(seeds), _MAPPED):
        part = seeds[start : start + _MAPPED]
        z = np.stack([np.random.RandomState(seed).randn(generator.z_dim) for seed in part])
        with torch.no_grad():
            drawn = torch.from_numpy(z).float().to(generator.device)
            c = None if classes is None else classes.to(drawn).expand(len(part), -1)
            parts.append(generator.map(drawn, c, terms.truncation, terms.cutoff))
    return torch.cat(parts)


def _classes(generator: Generator, label: int | None) -> Tensor | None:
    """``(1, c_dim)``, one-hot, or None for a generator without classes."""
    import torch

    if not generator.c_dim:
        if label is not None:
            raise UsageError(f"--class {label}: this generator was trained without classes; leave the option out.")
        return None
    if label is None or not 0 <= label < generator.c_dim:
        given = "This generator has classes" if label is None else f"--class {label}: there is none"
        raise UsageError(f"{given}; choose one with --class, from 0 to {generator.c_dim - 1}.")
    return torch.eye(generator.c_dim)[label : label + 1]


def stream(
    generator: Generator, ws: Iterable[Tensor], batch: int | None = None, noise: Noise = "const"
) -> Iterator[np.ndarray]:
    """Render latents in batches; an iterator that renders a batch when it is reached.

    Args:
        ws: ``(N, num_ws, w_dim)``, or any stream of ``(num_ws, w_dim)``.
        batch: Batch size; None for one that suits the device and the resolution.

    Yields:
        uint8 ``(R, R, 3)``, RGB, one for each latent; a grey generator's three planes are equal.

    Raises:
        I2IError: an image holds numbers that are not finite.
    """
    import torch

    coming, size = iter(ws), batch or batch_for(generator)
    while group := list(islice(coming, size)):
        with torch.no_grad():
            yield from _arrays(generator.render(torch.stack(group), noise))


def batch_for(generator: Generator) -> int:
    """Return the default batch size: 8 megapixels on a GPU, a quarter of one on a CPU, at most 64 images."""
    pixels = 2**18 if generator.w_mean.device.type == "cpu" else 2**23
    return max(1, min(64, pixels // generator.resolution**2))


def _arrays(pictures: Tensor) -> np.ndarray:
    """``(N, C, R, R)`` in about [-1, 1] -> uint8 ``(N, R, R, 3)``: rounded and clamped on the device, then fetched."""
    import torch

    if not pictures.isfinite().all():
        raise I2IError("The generator gives values that are not finite; try --precision fp32, or other weights.")
    whole = pictures.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return whole.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def draw(
    generator: Generator, seeds: Sequence[int], terms: SamplingOptions = SamplingOptions()
) -> Iterator[np.ndarray]:
    """Generate the image of each seed, uint8 ``(R, R, 3)``; an iterator that renders a batch when it is reached.

    Raises:
        UsageError, I2IError: as ``latents`` and ``stream``.
    """
    return count_images(
        stream(generator, _mapped_parts(generator, seeds, terms), terms.batch, terms.noise), len(seeds), terms
    )


def _mapped_parts(generator: Generator, seeds: Sequence[int], terms: SamplingOptions) -> Iterator[Tensor]:
    for start in range(0, len(seeds), _MAPPED):
        yield from latents(generator, seeds[start : start + _MAPPED], terms)


def count_images(pictures: Iterable[np.ndarray], total: int, terms: SamplingOptions) -> Iterator[np.ndarray]:
    """Yield images, and report after each the number so far and ``total`` to ``terms.progress``."""
    for done, picture in enumerate(pictures, start=1):
        yield picture
        terms.progress(done, total)
