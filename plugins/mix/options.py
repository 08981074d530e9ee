"""What can be set about mixing; where nothing is given, the preset's own numbers hold."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

import i2i
from i2i import option_flag

from .presets import PRESETS, Name, Preset

_ANYWHERE = ("preset", "rows_of", "grid")


class Options(i2i.Options):
    """What is None or empty is as the preset has it."""

    preset: Name = Field("style", description="What to do")
    rows: str | None = Field(
        None, description="Rows of w, such as 8-17 or 3-7,10, both ends counted.  [default: the preset's]"
    )
    rows_of: Literal["18", "own"] = Field(
        "18", description="What --rows counts: rows of an 18-row generator, carried over by their share, or its own"
    )
    strength: float | None = Field(
        None,
        ge=-100,
        le=100,
        description="How far: 1 is the whole way; for directions, standard deviations.  [default: the preset's]",
    )
    psi: float | None = Field(
        None, ge=0, le=1, description="The own picture's share in the mixed rows.  [default: the preset's]"
    )
    frames: int | None = Field(
        None, ge=0, le=2000, description="Pictures of the animation; 0 for none.  [default: the preset's]"
    )
    threshold: float | None = Field(
        None,
        ge=0,
        description="Rows that change less are left alone, in standard deviations of w.  [default: 0.1]",
    )
    weights: tuple[float, ...] = Field(
        (), description="One for each picture of an average, in their order.  [default: all alike]"
    )
    component: int | None = Field(None, ge=0, description="Which direction, the strongest being 0.  [default: 0]")
    samples: int | None = Field(
        None,
        ge=200,
        le=1_000_000,
        description="Samples that a direction is found from.  [default: 10000; by words 500]",
    )
    attribute: str | None = Field(
        None, description='A column of --labels; or words, such as "a smiling face", set --against others'
    )
    against: str | None = Field(None, description='The opposite in words, such as "a frowning face"')
    labels: Path | None = Field(None, description="CSV file with a column seed and one of 0 and 1 for each attribute")
    condition: str | None = Field(None, description="Another column of --labels, which is to stay as it is")
    grid: bool = Field(False, description="Lay out all pictures against all, with the originals along the edges")

    @property
    def chosen(self) -> Preset:
        """The preset's record."""
        return PRESETS[self.preset]

    @model_validator(mode="after")
    def _fit(self) -> Options:
        """Refuse what would be passed over in silence, and ask for what is missing."""
        given = [
            name for name in type(self).model_fields if name not in _ANYWHERE and getattr(self, name) not in (None, ())
        ]
        for name in given:
            if name not in self.chosen.uses:
                takers: list[str] = [preset for preset, record in PRESETS.items() if name in record.uses]
                raise ValueError(
                    f"{option_flag(name)} means nothing to --preset {self.preset}; leave it out, "
                    f"or choose {_or(takers)}"
                )
        if self.preset == "interfacegan":
            self._check_attribute()
        return self

    def _check_attribute(self) -> None:
        if self.attribute is None:
            raise ValueError(
                "--preset interfacegan needs --attribute: a column of --labels FILE.csv, or words "
                'such as --attribute "a smiling face" --against "a frowning face"'
            )
        if self.labels is None and self.against is None:
            raise ValueError(
                f"--attribute {self.attribute!r} needs either --labels FILE.csv with a column of that name, "
                "or --against with the opposite in words"
            )
        if self.labels is None and self.condition is not None:
            raise ValueError("--condition names a column of --labels; give the file as well")
        if self.labels is not None and (self.against is not None or self.samples is not None):
            raise ValueError("--labels FILE.csv says it all; leave --against and --samples out")
        if self.condition is not None and self.condition == self.attribute:
            raise ValueError("--condition names the attribute itself; name another column")


def _or(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else names[0]
