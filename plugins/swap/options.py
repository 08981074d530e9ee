"""What can be set about a face swap."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

import i2i

CROSSOVER = "4-7"
"""Rows of 18 that a start has from the source where nothing else is named: those of features."""


class Options(i2i.Options):
    """Weights are those of a sum; what each of its terms measures, ``losses`` tells."""

    steps: int = Field(100, ge=1, le=100_000, description="Steps of optimisation")
    rate: float = Field(0.01, gt=0, le=1000, description="Learning rate of Adam, in the numbers of the latent")
    arcface_weight: float = Field(1.5, gt=0, description="How much the face is to be the source's")
    rec_weight: float = Field(0.5, ge=0, description="Weight of the squared difference of pixels to the target")
    lpips_weight: float = Field(1.0, ge=0, description="Weight of the distance by features to the target")
    landmarks_weight: float = Field(20.0, ge=0, description="How much the landmarks are held where the target has them")
    colour_weight: float = Field(
        10.0,
        ge=0,
        description="How much the face's colours are held to the target's light on the tone of the source's skin",
    )
    distance_weight: float = Field(
        0.01, ge=0, description="How much the latent is held to its start, in squared deviations of its numbers"
    )
    inside: float = Field(
        0.5, ge=0, le=1, description="How much of a change within the face the comparisons with the target see"
    )
    noise: bool = Field(True, description="Optimise the noise maps as well, where the generator has some")
    regularize_noise_weight: float = Field(5e5, ge=0, description="How much noise maps are held to be noise")
    rows: str | None = Field(
        None, description="Rows of w that may change, such as 4-9, both ends counted.  [default: all]"
    )
    rows_of: Literal["18", "own"] = Field(
        "18", description="What rows are counted on: an 18-row generator, carried over by their share, or its own"
    )
    start: Literal["target", "crossover"] = Field(
        "crossover", description="Begin at the target's latent, or at one that has some rows from the source"
    )
    crossover: str | None = Field(
        None,
        description=f"The rows that such a start has from the source.  [default: {CROSSOVER}, as far as --rows goes]",
    )
    grow: float = Field(
        0.15,
        ge=0,
        le=2,
        description="How far the face reaches beyond its landmarks",
        json_schema_extra={"unit": "eyes"},
    )
    feather: float = Field(
        0.35,
        gt=0,
        le=2,
        description="Over how much it fades into the target there, in eye distances",
        json_schema_extra={"unit": "eyes"},
    )
    background: bool = Field(True, description="Keep what lies outside the face as the target has it")
    frames: int = Field(
        0,
        ge=0,
        description="Keep the picture of every so many steps for an animation, 0 for none",
        json_schema_extra={"unit": "steps"},
    )
    grid: bool = Field(
        False,
        description="Swap everyone with everyone, in grid.png with the originals on its diagonal; result.png is still "
        "the first target with the first source's face",
    )
    batch: int | None = Field(None, ge=1, description="Pairs at a time.  [default: as many as suit the device]")

    @model_validator(mode="after")
    def _fit(self) -> Options:
        """Refuse what would be passed over in silence."""
        if self.crossover is not None and self.start != "crossover":
            raise ValueError("--crossover names the rows of --start crossover; leave --start target out")
        if self.rows_of == "own" and self.rows is None and self.crossover is None:
            raise ValueError("--rows-of says what --rows and --crossover count; give one of them as well")
        return self
