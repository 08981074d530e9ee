"""What can be set about an edit by words."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

import i2i
from i2i import option_flag

OF_OPTIMISATION = ("steps", "rate", "l2_weight", "identity_weight", "rows", "rows_of", "batch")
"""Options that mean nothing to a direction."""
NEUTRAL = "a face"
"""In words, what a direction leads away from unless that is said."""


class Options(i2i.Options):
    """The numbers of the optimisation are those of Patashnik et al., "StyleCLIP" (2021), section 4."""

    prompt: tuple[str, ...] = Field(
        ("a smiling face",),
        description="What the picture is to show; if several, all at once, or with --grid each by itself",
    )
    against: str | None = Field(
        None,
        description='What it shows now, such as "a face": then the change of the picture is to go the way from these '
        'words to the prompt.  [default: the prompt alone; with --directions "a face"]',
    )
    strength: float | None = Field(
        None,
        ge=-100,
        le=100,
        description="How far to go of the way that was found, 1 being all of it; along --directions the factor alpha.  "
        "[default: 1; along --directions 4.1]",
    )
    steps: int = Field(300, ge=1, le=100_000, description="Steps of optimisation")
    rate: float = Field(0.1, gt=0, le=1000, description="Highest learning rate of Adam, in the numbers of the latent")
    l2_weight: float = Field(
        0.008, ge=0, description="How much the latent is held to its start, by the sum of its squared differences"
    )
    identity_weight: float = Field(
        0.005, ge=0, description="How much the person is held, where an identity network knows the pictures"
    )
    rows: str | None = Field(
        None, description="Rows of w that may change, such as 4-7, both ends counted.  [default: all]"
    )
    rows_of: Literal["18", "own"] = Field(
        "18", description="What --rows counts: rows of an 18-row generator, carried over by their share, or its own"
    )
    directions: Path | None = Field(
        None, description="File of 'i2i models make-directions': move styles along it instead of optimising"
    )
    threshold: float = Field(
        0.15, ge=0, lt=1, description="Along --directions: channels that matter less to the words are left alone (beta)"
    )
    frames: int = Field(
        0, ge=0, le=2000, description="Pictures of the animation from the picture to the result; 0 for none"
    )
    grid: bool = Field(False, description="Draw every picture with every prompt; the result is that of the first one")
    batch: int | None = Field(None, ge=1, description="Pictures at a time.  [default: as many as suit the device]")

    @field_validator("prompt", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        """From Python a single prompt may be given as it is."""
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fit(self) -> Options:
        """Ask for the words, and refuse what would be passed over in silence."""
        if not self.prompt or not all(each.strip() for each in self.prompt):
            raise ValueError('say what the picture is to show, such as --prompt "a smiling face"')
        self._check_against()
        if self.directions is None and self._chosen("threshold"):
            raise ValueError("--threshold is of --directions FILE; give that as well, or leave it out")
        for name in OF_OPTIMISATION:
            if self.directions is not None and self._chosen(name):
                raise ValueError(
                    f"{option_flag(name)} means nothing along --directions, which optimise nothing; leave it out"
                )
        if self.rows_of == "own" and self.rows is None:
            raise ValueError("--rows-of says what --rows counts; give --rows as well")
        return self

    def _check_against(self) -> None:
        if self.against is not None and not self.against.strip():
            raise ValueError('--against "" says nothing; give what the picture shows now, such as "a face"')
        prompts = {_plain(each): each for each in self.prompt}
        if self.against is not None and _plain(self.against) in prompts:
            raise ValueError(
                f"--against {self.against!r} is the prompt as well, and there is no way from words to themselves; "
                'give what the picture shows now, such as --against "a face"'
            )
        if self.against is None and self.directions is not None and NEUTRAL in prompts:
            raise ValueError(
                f"--prompt {prompts[NEUTRAL]!r} is what directions lead away from unless --against says otherwise; "
                "ask for something else, or give --against"
            )

    def _chosen(self, name: str) -> bool:
        """Whether it is other than without the user; a recipe names all options."""
        return bool(getattr(self, name) != type(self).model_fields[name].default)


def _plain(words: str) -> str:
    """Words by which texts are compared: in lower case, one space apart."""
    return " ".join(words.lower().split())
