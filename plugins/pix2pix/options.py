"""What can be set about pix2pix; the paper's numbers are the defaults."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

import i2i


class Pix2PixOptions(i2i.Options):
    """The paper's numbers are the defaults."""

    generator: Literal["unet", "unet-full", "resnet9"] = Field(
        "unet",
        description="unet halves the picture from the start, unet-full after a full-size 3x3 layer, resnet9 twice",
    )
    levels: int = Field(0, ge=0, le=10, description="halvings of the U-Net; 0: as many as the size allows, at most 8")
    width: int = Field(64, ge=1, le=512, description="channels of the generator's first layer")
    patch: Literal[16, 70, 286] = Field(
        70, description="size of the patches the discriminator judges", json_schema_extra={"unit": "px"}
    )
    discriminator_width: int = Field(64, ge=1, le=512, description="channels of the discriminator's first layer")
    norm: Literal["batch", "instance"] = Field(
        "batch",
        description="batch: the paper's; instance: the same in training at batch 1, and independent of batch mates",
    )
    dropout: Literal["paper", "common", "none"] = Field(
        "paper",
        description="decoder levels that drop values: the innermost three, or those of the common reimplementation",
    )
    gan: Literal["vanilla", "lsgan"] = Field("vanilla", description="adversarial loss: cross-entropy or least squares")
    l1: float = Field(100.0, ge=0, description="weight of the L1 distance to the target")
    rate: float = Field(2e-4, gt=0, description="Adam's learning rate")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first momentum")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second momentum")
    test: Literal["plain", "paper"] = Field(
        "plain",
        description="plain: no dropout, the same picture twice; paper: with dropout and the picture's own statistics",
    )
    size: int = Field(256, ge=16, description="set by the run", json_schema_extra={"unit": "px"})
    seed: int = Field(0, ge=0, description="set by the run")

    @property
    def halvings(self) -> int:
        """Layers of stride 2 in the discriminator."""
        return {16: 1, 70: 3, 286: 5}[self.patch]

    @model_validator(mode="after")
    def _large_enough(self) -> Pix2PixOptions:
        """The discriminator needs a map of at least 3 x 3 after its halvings."""
        least = 3 * 2**self.halvings
        if self.size < least:
            raise ValueError(
                f"--patch {self.patch} needs pictures of {least} px: give a larger --size or a smaller patch"
            )
        return self
