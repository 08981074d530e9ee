"""The options of the trainer ``encoder`` and of the extractor ``trained-encoder``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator, model_validator

import i2i

SIZES = (32, 64, 128, 256)
"""Height and width of the images that an encoder can take, pixels."""


def _absolute(path: str) -> str:
    """Return the path of a file or folder so that it is found from any other folder; a name stays as it is."""
    return str(Path(path).expanduser().absolute()) if Path(path).expanduser().exists() else path


class EncoderTrainerOptions(i2i.Options):
    """The weights of the losses are e4e's where that has them (Tov et al. 2021)."""

    generator: str = Field(description="the generator: a model's name, a weight file or the folder of a run")
    rate: float = Field(1e-3, gt=0, description="Adam's learning rate")
    width: int = Field(32, ge=4, le=512, multiple_of=4, description="channels of the network at 32 px")
    truncation: tuple[float, float] = Field(
        (0.5, 1.0), description="range of the truncation psi of the samples: 0 is the mean image, 1 all variety"
    )
    mixing: float = Field(
        0.25, ge=0, le=1, description="fraction of the samples with the layers of two latents, so that layers differ"
    )
    augment: float = Field(
        0.5, ge=0, le=1, description="strength of blur, noise and light on what the encoder sees, as photos have them"
    )
    pool: int = Field(256, ge=1, description="samples at hand, of which the batches are taken")
    reuse: int = Field(4, ge=1, description="how often a sample is used before a new one replaces it")
    latent: float = Field(1.0, ge=0, description="weight of the squared distance from the true latent")
    pixels: float = Field(1.0, ge=0, description="weight of the squared error of reconstructions")
    lpips: float = Field(0.8, ge=0, description="weight of LPIPS (AlexNet) of reconstructions")
    identity: float = Field(
        0.1, ge=0, description="weight of the identity distance, where a network for the generator's faces is here"
    )
    delta: float = Field(
        0.02, ge=0, description="weight of the differences between layers, which keeps latents editable"
    )
    image_part: float = Field(
        0.25, ge=0, le=1, description="last part of the training, in which reconstructions are compared as images"
    )
    image_share: float = Field(
        0.5, gt=0, le=1, description="fraction of a batch that is reconstructed then; the slowest part of a step"
    )
    progressive: float = Field(
        0.2, ge=0, le=1, description="first part of the training, in which layers are freed from the first one by one"
    )
    size: int = Field(128, ge=16, description="set by the run", json_schema_extra={"unit": "px"})
    batch: int = Field(16, ge=1, description="set by the run")
    seed: int = Field(0, ge=0, description="set by the run")

    @field_validator("generator")
    @classmethod
    def _find_again(cls, value: str) -> str:
        return _absolute(value)

    @model_validator(mode="after")
    def _check_ranges(self) -> EncoderTrainerOptions:
        if self.size not in SIZES:
            raise ValueError(f"--size {self.size} is not possible: give one of {', '.join(map(str, SIZES))}")
        low, high = self.truncation
        if not 0 <= low <= high <= 2:
            raise ValueError(f"--truncation {low} {high} is no range: give two numbers from 0 to 2, the smaller first")
        return self


class TrainedEncoderOptions(i2i.Options):
    """Which encoder is opened."""

    file: str | None = Field(
        None, description="run of 'i2i train encoder', or the file that 'i2i export RUN --format safetensors' wrote"
    )

    @field_validator("file")
    @classmethod
    def _find_again(cls, value: str | None) -> str | None:
        return None if value is None else _absolute(value)
