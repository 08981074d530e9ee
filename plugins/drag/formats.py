"""What the values of a preset look like, and the check that a stranger's are such.

Landmarks are counted from 1 to 68, in the iBUG order, as they are published.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

import i2i

Landmark = Annotated[int, Field(ge=1, le=68)]
Pairs = tuple[tuple[Landmark, Landmark], ...]


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Move(_Plain):
    """Where a landmark goes at strength 1; other strengths go that share of the way."""

    landmark: Landmark
    to: tuple[Landmark, ...] = ()
    """Towards the mean of these landmarks,"""
    factor: float = 1.0
    """by this share of the way: 0.5 is half of it, less than 0 is away."""
    by: tuple[float, float] = (0.0, 0.0)
    """And by so many eye distances, along the line from the left eye of the picture to its right one, and down."""

    @model_validator(mode="after")
    def _moves(self) -> Move:
        if not (self.to and self.factor) and self.by == (0.0, 0.0):
            raise ValueError("a move needs 'to', landmarks that it goes towards, or 'by', eye distances x and y")
        return self


class Hull(_Plain):
    """The convex hull of landmarks, where they are and where they go, grown on all sides."""

    hull: tuple[Landmark, ...] = Field(min_length=3)
    grow: float = Field(0.2, ge=0, le=5)
    """Eye distances."""


class Aim(_Plain):
    """What is measured: how much a mean distance of pairs has changed, as a share of what it was."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    pairs: Pairs = Field(min_length=1)
    against: Pairs = ()
    """Divided by the mean distance of these; by the distance of the eyes where there are none."""


class Values(_Plain):
    """A preset's values."""

    moves: tuple[Move, ...] = Field(min_length=1)
    region: tuple[Hull, ...] | None
    """What may change; None, written ``"all"``, for the whole picture."""
    hold: tuple[Landmark, ...] = ()
    """Landmarks that stay where they are although they lie in the region; those outside it always stay."""
    aims: tuple[Aim, ...] = ()

    @field_validator("region", mode="before")
    @classmethod
    def _all(cls, region: Any) -> Any:
        if region == "all":
            return None
        if not isinstance(region, (list, tuple)) or not region:
            raise ValueError("write \"all\", or a list of hulls such as {'hull': [7, 9, 11]}")
        return region


def read(preset: i2i.Preset) -> Values:
    """The values of a preset.

    Raises:
        I2IError: they are no such thing; names who brings them.
    """
    try:
        return Values.model_validate(dict(preset.values))
    except (ValidationError, TypeError, ValueError) as error:
        whose = f" of {preset.giver}" if preset.giver else ""
        raise i2i.I2IError(
            f"The preset {preset.name!r}{whose} cannot be used, {_first(error)}; choose another, and tell its author."
        ) from None


def _first(error: Exception) -> str:
    """The first thing that is wrong, and where."""
    if not isinstance(error, ValidationError):
        return f"its values are no mapping ({error})"
    issue = error.errors()[0]
    where = ".".join(str(part) for part in issue["loc"])
    message = issue["msg"].removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}" if where else message
