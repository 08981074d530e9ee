"""The options of the editor ``swap``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

import i2i

CROSSOVER = "4-7"
"""Default layers, of 18, that the initial latent takes from the source: those of facial features."""
ROWS = "3-10"
"""Default layers, of 18, that may change: earlier ones make the pose, later ones colours and light."""
MIN_RESOLUTION = 256
"""Resolution in pixels from which layers are separated so, and the forehead is left to the target. In the few layers
of a smaller generator all may change."""


class SwapOptions(i2i.Options):
    """The options of ``swap``; weights are those of the terms in ``losses``."""

    steps: int = Field(40, ge=1, le=100_000, description="Number of optimisation steps")
    rate: float = Field(
        0.03,
        gt=0,
        le=1000,
        description="Largest learning rate of Adam, in units of w",
        json_schema_extra={"aliases": ["learning_rate"]},
    )
    arcface_weight: float = Field(
        1.5,
        gt=0,
        description="Weight of the identity loss to the source",
        json_schema_extra={"aliases": ["identity_weight"]},
    )
    rec_weight: float = Field(0.5, ge=0, description="Weight of the mean squared error of pixels to the target")
    lpips_weight: float = Field(1.0, ge=0, description="Weight of the perceptual loss to the target")
    landmarks_weight: float = Field(40.0, ge=0, description="Weight of the displacement of the landmarks")
    colour_weight: float = Field(
        10.0,
        ge=0,
        description="Weight of the colours of the face: the light and skin tone of the target",
    )
    skin: Literal["target", "source"] = Field(
        "target",
        description="Whose skin tone the result has; that of the source is given to all visible skin, under the light "
        "of the target",
    )
    distance_weight: float = Field(
        0.01, ge=0, description="Weight of the distance from the initial latent, in squared deviations of w"
    )
    inside: float = Field(0.5, ge=0, le=1, description="Factor of changes inside the face in the losses to the target")
    noise: bool = Field(False, description="Optimise the noise maps as well, where the generator has them")
    regularize_noise_weight: float = Field(5e5, ge=0, description="Weight of the regularisation of noise maps")
    rows: str | None = Field(
        None,
        description=f"Layers of w that may change, such as 4-9, both ends included.  [default: {ROWS}]",
        json_schema_extra={"aliases": ["layers"]},
    )
    rows_of: Literal["18", "own"] = Field(
        "18", description="Count of --rows: layers of an 18-layer generator, scaled to this one, or its own layers"
    )
    start: Literal["target", "crossover"] = Field(
        "crossover",
        description="Initial latent: that of the target, or with some layers of the source",
        json_schema_extra={"aliases": ["initial"]},
    )
    crossover: str | None = Field(
        None,
        description=f"Layers of the source in the initial latent.  [default: {CROSSOVER}, within --rows]",
    )
    grow: float = Field(
        0.1,
        ge=0,
        le=2,
        description="Margin of the face around its landmarks",
        json_schema_extra={"unit": "eyes"},
    )
    feather: float = Field(
        0.35,
        gt=0,
        le=2,
        description="Width of the soft edge of the face",
        json_schema_extra={"unit": "eyes"},
    )
    background: bool = Field(True, description="Keep the background of the target")
    frames: int = Field(
        0,
        ge=0,
        description="Steps between the frames of an animation, 0 for none",
        json_schema_extra={"unit": "steps"},
    )
    grid: bool = Field(
        False,
        description="Write an image grid of all pairs with the originals on the diagonal; result.png is still the "
        "first target with the face of the first source",
    )
    batch: int | None = Field(None, ge=1, description="Pairs in a batch.  [default: what suits the device]")

    @model_validator(mode="after")
    def _check(self) -> SwapOptions:
        """Refuse options that would have no effect."""
        if self.crossover is not None and self.start != "crossover":
            raise ValueError("--crossover has an effect with --start crossover only; leave --start target out")
        if self.rows_of == "own" and self.rows is None and self.crossover is None:
            raise ValueError("--rows-of has an effect with --rows or --crossover only; give one of them as well")
        return self
