"""The options of the trainer ``stylegan2``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

import i2i

SIZES = tuple(2**level for level in range(4, 11))
"""Resolutions that can be trained, pixels."""


class StyleGAN2Options(i2i.Options):
    """The defaults are those of the paper and of its training with limited data (Karras et al. 2020a, 2020b).

    Below 256 px the networks have fewer channels than published, at 64 px by a factor of 4 to 8, so that a laptop can
    train them. The weight of R1 is larger than by the published rule: at 32 px, after some thousand images, a generator
    trained by the rule produced noise, and one trained with a weight of 8 produced shapes.
    """

    channel_base: int = Field(
        0,
        ge=0,
        description="channels at resolution R are this / R; 0: 32768 from 512 px, 16384 at 256, below that 32 * size",
    )
    channel_max: int = Field(
        0, ge=0, le=2048, description="and at most this number; 0: 512 from 256 px, below it 2 * size"
    )
    mapping_layers: int = Field(2, ge=1, le=16, description="layers from z to w; the first papers had 8")
    latent: int = Field(512, ge=1, le=4096, description="dimension of z, and of w unless --w-dim is given")
    w_dim: int = Field(0, ge=0, le=4096, description="dimension of w; 0: that of z")
    rate: float = Field(2.5e-3, gt=0, description="Adam's learning rate; published with 0.002 for 1024 px")
    gamma: float = Field(
        8.0,
        ge=0,
        description="weight of R1, which regularises the discriminator; for days of training, 0.0002 * size^2 / batch",
    )
    path_length: float = Field(2.0, ge=0, description="weight of path length regularisation")
    mixing: float = Field(
        0.9, ge=0, le=1, description="fraction of generated images with the styles of two latent codes (style mixing)"
    )
    augment: Literal["ada", "fixed", "none"] = Field(
        "ada",
        description="augment the discriminator's images: ada adapts the probability to the overfitting, fixed keeps it",
    )
    augment_p: float = Field(0.2, ge=0, le=1, description="probability of each augmentation with --augment fixed")
    ada_target: float = Field(
        0.6, ge=-1, le=1, description="mean sign of the logits of real images above which the probability rises"
    )
    ada_kimg: float = Field(
        500.0, gt=0, description="thousands of images in which the probability can rise from 0 to 1"
    )
    truncation: float = Field(
        1.0, ge=0, le=1, description="truncation psi of the sample grids: below 1 more typical, less varied"
    )
    size: int = Field(64, ge=16, description="set by the run", json_schema_extra={"unit": "px"})
    batch: int = Field(8, ge=1, description="set by the run")
    seed: int = Field(0, ge=0, description="set by the run")

    @model_validator(mode="after")
    def _power_of_two(self) -> StyleGAN2Options:
        if self.size not in SIZES:
            raise ValueError(f"--size {self.size} cannot be trained: give one of {', '.join(map(str, SIZES))}")
        return self

    @property
    def widths(self) -> tuple[int, int]:
        """``channel_base`` and ``channel_max`` with the defaults resolved."""
        small = self.size < 256
        base = self.channel_base or (32 * self.size if small else 16384 if self.size == 256 else 32768)
        return max(base, self.size), self.channel_max or (2 * self.size if small else 512)
