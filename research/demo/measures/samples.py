"""What the measurements share: unseen faces, the generator's samples, and who measures; each made once, when needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import i2i
from i2i.runtime.device import TorchDevice
from i2i_plugins.demo import synthetic_faces
from i2i_plugins.demo.model_records import BY_NAME

from .. import pools

BATCH = 50
"""Images that are made or looked at together."""
LARGE = 256
"""Height and width, pixels, at which dlib looks at faces."""


class EvaluationSamples:
    """Faces that are in no training data, and the networks, all on the CPU so that figures repeat.

    Args:
        count: Faces of each kind, as many samples; what is slow or needs fewer takes a part of them.
        vgg16: A file with the weights of the model ``vgg16``; None for where i2i keeps it.
        alone: Render the faces in this process without the cache, which is faster for few.
        say: Receives progress messages of one line.
    """

    def __init__(
        self,
        count: int,
        vgg16: Path | None = None,
        alone: bool = False,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.count, self.vgg16, self.alone, self.say = count, vgg16, alone, say
        self.registry, self.device = i2i.load_registry(), TorchDevice("cpu")
        self.cache: dict[str, Any] = {}
        """Results of one measurement that others use, by name."""

    def draw(self, count: int, **how: Any) -> pools.Pool:
        """Unseen faces; the arguments are those of ``pools.pool``."""
        self.say(f"{count} unseen faces are needed")
        if self.alone:
            return pools.render_pool(count, first_seed=synthetic_faces.UNSEEN, alone=True, **how)
        return pools.pool("unseen", count, first_seed=synthetic_faces.UNSEEN, say=self.say, **how)

    @cached_property
    def faces(self) -> pools.Pool:
        """Faces as the dataset ``faces`` has them."""
        return self.draw(self.count)

    @cached_property
    def large(self) -> pools.Pool:
        """Faces as the dataset has them, at 256 px: a quarter as many, as they take long to render; not cached."""
        count = max(1, self.count // 4)
        self.say(f"{count} large faces are needed")
        return pools.render_pool(count, LARGE, first_seed=synthetic_faces.UNSEEN, say=self.say, alone=self.alone)

    @cached_property
    def targets(self) -> pools.Pool:
        """Faces rendered for latents: the targets of the generator."""
        return self.draw(self.count, of_latents=True)

    @cached_property
    def samples(self) -> pools.Pool:
        """What the generator makes of the latents of ``targets``; all else is the truth about those."""
        _, targets = self.generator, self.targets  # in this order: where it is missing, nothing is rendered
        self.say(f"{len(targets)} samples are made")
        made = torch.cat([to_bytes(self.render(z)) for z in targets.latents.split(BATCH)])
        return replace(targets, images=made)

    @torch.no_grad()
    def render(self, z: Tensor, psi: float = 1.0) -> Tensor:
        """Samples ``(N, 3, S, S)`` in [-1, 1] of latents ``(N, z_dim)``."""
        return self.generator.render(self.generator.map(z, truncation=psi)).clamp(-1, 1)

    @cached_property
    def generator(self) -> i2i.Generator:
        """demo-faces."""
        require("demo-faces")
        return i2i.generator("demo-faces", "cpu", registry=self.registry)

    def extractor(self, name: str) -> Any:
        """An extractor by its name."""
        if name in BY_NAME:
            require(name)
        return self.registry.get("extractor", name)(self.device)

    @cached_property
    def lpips(self) -> Any:
        """The perceptual distance."""
        return self.extractor("lpips")

    def frechet(self) -> Any:
        """The metric, with nothing taken in yet."""
        maker = self.registry.get("metric", "frechet")
        return maker(self.device) if self.vgg16 is None else maker(self.device, self.vgg16)


def require(name: str) -> None:
    """Make sure that the weights of a record lie in the package.

    Raises:
        I2IError: they do not; says what to type.
    """
    file = BY_NAME[name].path
    if file is None or not file.is_file():
        raise i2i.I2IError(f"{name} has no weights at {file}: type 'python -m research.demo.train {name}'.")


def first(pool: pools.Pool, count: int) -> pools.Pool:
    """The first faces of a pool."""
    return pools.Pool(*(getattr(pool, name)[:count] for name in pools.Pool.__dataclass_fields__))


def to_bytes(images: Tensor) -> Tensor:
    """``(N, 3, H, W)`` in [-1, 1] -> uint8, as an image file would hold them."""
    return (images + 1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def in_batches(pool: pools.Pool) -> list[Tensor]:
    """The images of a pool in [-1, 1], batch by batch."""
    return [pools.images_of(pool, numbers) for numbers in torch.arange(len(pool)).split(BATCH)]
