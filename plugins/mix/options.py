"""The options of the editor ``mix``; the preset sets what is not given."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

import i2i
from i2i import option_flag

from .presets import PRESETS, MixPreset, Name

_COMMON = ("preset", "rows_of", "grid")


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
        ge=-100,
        le=100,
        description="Fraction of the path, or standard deviations for a direction.  [default: the preset's]",
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
    grid: bool = Field(False, description="Write an image grid of all pairs, with the originals at the edges")

    @property
    def chosen(self) -> MixPreset:
        """The chosen preset."""
        return PRESETS[self.preset]

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
        if self.preset == "interfacegan":
            self._check_attribute()
        return self

    def _check_attribute(self) -> None:
        if self.attribute is None:
            raise ValueError(
                "--preset interfacegan needs --attribute: a column of --labels FILE.csv, or a text "
                'such as --attribute "a smiling face" --against "a frowning face"'
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


def _or(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else names[0]
