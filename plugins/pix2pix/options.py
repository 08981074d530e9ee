"""The options of the trainer ``pix2pix``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

import i2i


class Pix2PixOptions(i2i.Options):
    """Options of pix2pix; the defaults are the values of the paper."""

    generator: Literal["unet", "unet-full", "resnet9"] = Field(
        "unet",
        description="unet; unet-full: with a 3x3 convolution at full resolution first; resnet9: ResNet with 9 blocks",
    )
    levels: int = Field(
        0, ge=0, le=10, description="downsampling levels of the U-Net; 0: as many as the size allows, at most 8"
    )
    width: int = Field(64, ge=1, le=512, description="channels of the generator's first layer")
    patch: Literal[16, 70, 286] = Field(
        70, description="size of the patches that the discriminator classifies", json_schema_extra={"unit": "px"}
    )
    discriminator_width: int = Field(64, ge=1, le=512, description="channels of the discriminator's first layer")
    norm: Literal["batch", "instance"] = Field(
        "batch",
        description="batch: as in the paper; instance: the same in training at batch 1, independent of other samples",
    )
    dropout: Literal["paper", "common", "none"] = Field(
        "paper",
        description="decoder levels with dropout: the innermost three, or those of pytorch-CycleGAN-and-pix2pix",
    )
    gan: Literal["vanilla", "lsgan"] = Field("vanilla", description="adversarial loss: cross-entropy or least squares")
    l1: float = Field(100.0, ge=0, description="weight of the L1 distance to the target")
    rate: float = Field(2e-4, gt=0, description="Adam's learning rate")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first momentum")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second momentum")
    test: Literal["plain", "paper"] = Field(
        "plain",
        description="plain: without dropout, reproducible; paper: with dropout and the statistics of the image",
    )
    size: int = Field(256, ge=16, description="set by the run", json_schema_extra={"unit": "px"})
    seed: int = Field(0, ge=0, description="set by the run")

    @property
    def discriminator_layers(self) -> int:
        """Number of layers of stride 2 in the discriminator."""
        return {16: 1, 70: 3, 286: 5}[self.patch]

    @model_validator(mode="after")
    def _check_size(self) -> Pix2PixOptions:
        """Check that the discriminator's feature map is at least 3 x 3."""
        least = 3 * 2**self.discriminator_layers
        if self.size < least:
            raise ValueError(
                f"--patch {self.patch} needs images of {least} px: give a larger --size or a smaller patch"
            )
        return self
