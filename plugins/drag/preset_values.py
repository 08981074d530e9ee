"""The values of a drag preset and their validation.

Landmarks are counted from 1 to 68, in the iBUG order, as published.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

import i2i

Landmark = Annotated[int, Field(ge=1, le=68)]
Pairs = tuple[tuple[Landmark, Landmark], ...]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Move(_Model):
    """The displacement of a landmark at strength 1; it is proportional to the strength."""

    landmark: Landmark
    to: tuple[Landmark, ...] = ()
    """Landmarks towards whose mean it moves."""
    factor: float = 1.0
    """Fraction of the distance to that mean: 0.5 is half of it, below 0 is away from it."""
    by: tuple[float, float] = (0.0, 0.0)
    """A further displacement in eye distances: from the left eye of the image to the right one, and down."""
    smallest: int = Field(0, ge=0)
    """Resolution of the image, px, below which this move is left out."""

    @model_validator(mode="after")
    def _moves(self) -> Move:
        if not (self.to and self.factor) and self.by == (0.0, 0.0):
            raise ValueError("a move needs 'to', landmarks to move towards, or 'by', eye distances x and y")
        return self


class Hull(_Model):
    """A region: the convex hull of landmarks at their initial and target positions, grown on all sides."""

    hull: tuple[Landmark, ...] = Field(min_length=3)
    grow: float = Field(0.2, ge=0, le=5)
    """Margin on all sides, eye distances."""


class Measure(_Model):
    """A measure of the result: the relative change of a mean distance of landmark pairs."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    pairs: Pairs = Field(min_length=1)
    against: Pairs = ()
    """Pairs whose mean distance divides it; the eye distance where there are none."""


class PresetValues(_Model):
    """The values of a preset."""

    moves: tuple[Move, ...] = Field(min_length=1)
    region: tuple[Hull, ...] | None
    """Where the image may change; None, written ``"all"``, for everywhere."""
    hold: tuple[Landmark, ...] = ()
    """Landmarks in the region that must not move; those outside it never move."""
    space: Literal["w+", "w"] = "w+"
    """The latent space from 256 px on where the user names none. In w+ a turning head is torn apart."""
    aims: tuple[Measure, ...] = ()
    """Measures that the edit reports and tables show."""

    @field_validator("region", mode="before")
    @classmethod
    def _all(cls, region: Any) -> Any:
        if region == "all":
            return None
        if not isinstance(region, (list, tuple)) or not region:
            raise ValueError("write \"all\", or a list of hulls such as {'hull': [7, 9, 11]}")
        return region


def read_values(preset: i2i.Preset) -> PresetValues:
    """Validate the values of a preset.

    Raises:
        I2IError: they are invalid; names the provider.
    """
    try:
        return PresetValues.model_validate(dict(preset.values))
    except (ValidationError, TypeError, ValueError) as error:
        whose = f" of {preset.provider}" if preset.provider else ""
        raise i2i.I2IError(
            f"The preset {preset.name!r}{whose} cannot be used, {_first_problem(error)}; choose another, and report it "
            "to its author."
        ) from None


def _first_problem(error: Exception) -> str:
    """Describe the first problem and its place."""
    if not isinstance(error, ValidationError):
        return f"its values are not a mapping ({error})"
    issue = error.errors()[0]
    where = ".".join(str(part) for part in issue["loc"])
    message = issue["msg"].removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}" if where else message
