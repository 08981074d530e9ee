"""The options of the editor ``mix``; the preset sets what is not given."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

import i2i
from i2i import option_flag

from .presets import PRESETS, MixPreset, Name

_COMMON = ("preset", "rows_of", "grid")
MAX_STRENGTH = 100.0
"""Largest magnitude of a strength."""
MAX_STRENGTHS = 1000
"""Largest number of strengths in one list."""


class MixOptions(i2i.Options):
    """The options of ``mix``; None or empty means the setting of the preset."""

    preset: Name = Field("style", description="Operation on the latent codes")
    rows: str | None = Field(
        None,
        description="Layers of w, such as 8-17 or 3-7,10, both ends included.  [default: the preset's]",
        json_schema_extra={"aliases": ["layers"]},
    )
    rows_of: Literal["18", "own"] = Field(
        "18", description="Count of --rows: layers of an 18-layer generator, scaled to this one, or its own layers"
    )
    strength: float | None = Field(
        None,
        ge=-MAX_STRENGTH,
        le=MAX_STRENGTH,
        description="Fraction of the path, or standard deviations for a direction; of a published direction, its "
        "factor.  [default: the preset's]",
    )
    strengths: str | None = Field(
        None,
        description="Write a strip of images at these strengths, such as -4,-2,0,2,4, or from first to last in N steps "
        "as -4:4:N; the animation passes them, and the result has the last one unless --strength is given",
    )
    psi: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Weight of the image itself in the mixed layers.  [default: the preset's]",
        json_schema_extra={"aliases": ["own_weight"]},
    )
    frames: int | None = Field(
        None, ge=0, le=2000, description="Frames of the animation, 0 for none.  [default: the preset's]"
    )
    threshold: float | None = Field(
        None,
        ge=0,
        description="Smallest change of a layer that is applied, in standard deviations of w.  [default: 0.1]",
    )
    weights: tuple[float, ...] = Field(
        (), description="Weight of each image of an average, in their order.  [default: all equal]"
    )
    component: int | None = Field(None, ge=0, description="Number of the direction; 0 is the strongest.  [default: 0]")
    samples: int | None = Field(
        None,
        ge=200,
        le=1_000_000,
        description="Samples from which the direction is computed.  [default: 10000; with a text 500]",
    )
    attribute: str | None = Field(
        None, description='Column of --labels; or a text, such as "a smiling face", with its opposite in --against'
    )
    against: str | None = Field(None, description='Text of the opposite, such as "a frowning face"')
    labels: Path | None = Field(
        None, description="CSV file with the column seed and a column of 0 and 1 for each attribute"
    )
    condition: str | None = Field(None, description="Another column of --labels, whose attribute is kept")
    direction: Path | None = Field(
        None,
        description="Published direction: a file of InterFaceGAN, e4e or GANSpace, or a record such as smile, see "
        "'i2i models list --role direction'",
    )
    grid: bool = Field(False, description="Write an image grid of all pairs, with the originals at the edges")

    @property
    def chosen(self) -> MixPreset:
        """The chosen preset."""
        return PRESETS[self.preset]

    @field_validator("strengths")
    @classmethod
    def _check_strengths(cls, value: str | None) -> str | None:
        if value is not None:
            read_strengths(value)
        return value

    @model_validator(mode="after")
    def _check(self) -> MixOptions:
        """Refuse options that would have no effect, and ask for missing ones."""
        given = [
            name for name in type(self).model_fields if name not in _COMMON and getattr(self, name) not in (None, ())
        ]
        for name in given:
            if name not in self.chosen.uses:
                presets: list[str] = [preset for preset, each in PRESETS.items() if name in each.uses]
                raise ValueError(
                    f"{option_flag(name)} has no effect with --preset {self.preset}; leave it out, "
                    f"or choose {_or(presets)}"
                )
        if self.grid and self.strengths and self.chosen.kind == "transfer" and self.preset != "morph":
            raise ValueError("--grid shows every pair at one strength; leave out --grid or --strengths")
        if self.preset == "direction" and self.direction is None:
            raise ValueError("--preset direction needs --direction: a file, or a record such as --direction smile")
        if self.direction is not None:
            for name in ("samples", "attribute", "against", "labels", "condition"):
                if name in given:
                    raise ValueError(f"--direction replaces {option_flag(name)}; leave one of them out")
        elif self.preset == "interfacegan":
            self._check_attribute()
        return self

    def _check_attribute(self) -> None:
        if self.attribute is None:
            raise ValueError(
                "--preset interfacegan needs --attribute: a column of --labels FILE.csv, or a text such as "
                '--attribute "a smiling face" --against "a frowning face"; or --direction FILE'
            )
        if self.labels is None and self.against is None:
            raise ValueError(
                f"--attribute {self.attribute!r} needs either --labels FILE.csv with a column of that name, "
                "or --against with the text of the opposite"
            )
        if self.labels is None and self.condition is not None:
            raise ValueError("--condition names a column of --labels; give the file as well")
        if self.labels is not None and (self.against is not None or self.samples is not None):
            raise ValueError("--labels FILE.csv replaces --against and --samples; leave --against and --samples out")
        if self.condition is not None and self.condition == self.attribute:
            raise ValueError("--condition is the attribute itself; name another column")


def read_strengths(text: str) -> list[float]:
    """Parse strengths: a list such as ``-4,-2,0,2,4``, or ``FIRST:LAST:COUNT`` for evenly spaced ones.

    Raises:
        ValueError: the text is neither, or a number or their count is out of range.
    """
    try:
        if ":" in text:
            first, last, count = text.split(":")
            steps = int(count)
            if not 2 <= steps <= MAX_STRENGTHS:
                raise ValueError
            start, end = float(first), float(last)
            values = [start + (end - start) * number / (steps - 1) for number in range(steps)]
        else:
            values = [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError("write numbers such as -4,-2,0,2,4, or FIRST:LAST:COUNT such as -4:4:9") from None
    if len(values) > MAX_STRENGTHS or not all(math.isfinite(value) and abs(value) <= MAX_STRENGTH for value in values):
        raise ValueError(f"write at most {MAX_STRENGTHS} numbers from {-MAX_STRENGTH:g} to {MAX_STRENGTH:g}")
    return values


def _or(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else names[0]
