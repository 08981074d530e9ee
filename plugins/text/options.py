"""The options of the editor ``text``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

import i2i
from i2i import option_flag

OPTIMISATION_OPTIONS = ("steps", "rate", "l2_weight", "identity_weight", "rows", "rows_of", "batch")
"""Options that have no effect with ``--directions``."""
NEUTRAL = "a face"
"""Default of ``--against`` with ``--directions``."""


class TextOptions(i2i.Options):
    """The options of ``text``; defaults of the optimisation from Patashnik et al., "StyleCLIP" (2021), section 4.

    The identity weighs ten times as much as published: edits are as strong, and change the person less.
    """

    prompt: tuple[str, ...] = Field(
        ("a smiling face",),
        description="Text that the image is to match; if several, all at once, or with --grid each alone",
    )
    against: str | None = Field(
        None,
        description='Text that matches the image now, such as "a face": the image changes in the direction from this '
        'text to the prompt.  [default: the prompt alone; with --directions "a face"]',
    )
    strength: float | None = Field(
        None,
        ge=-100,
        le=100,
        description="Fraction of the optimised change that is applied; with --directions the factor alpha.  "
        "[default: 1; with --directions 4.1]",
    )
    steps: int = Field(300, ge=1, le=100_000, description="Number of optimisation steps")
    rate: float = Field(
        0.1,
        gt=0,
        le=1000,
        description="Largest learning rate of Adam, in units of w",
        json_schema_extra={"aliases": ["learning_rate"]},
    )
    l2_weight: float = Field(0.008, ge=0, description="Weight of the squared distance from the initial latent")
    identity_weight: float = Field(
        0.05,
        ge=0,
        description="Weight of the identity loss, where an identity network recognises the images; published 0.005",
    )
    rows: str | None = Field(
        None,
        description="Layers of w that may change, such as 4-7, both ends included.  [default: all]",
        json_schema_extra={"aliases": ["layers"]},
    )
    rows_of: Literal["18", "own"] = Field(
        "18", description="Count of --rows: layers of an 18-layer generator, scaled to this one, or its own layers"
    )
    directions: Path | None = Field(
        None, description="File of 'i2i models make-directions': global directions instead of optimisation"
    )
    threshold: float = Field(
        0.15, ge=0, lt=1, description="With --directions: smallest relevance of a channel that changes (beta)"
    )
    frames: int = Field(
        0, ge=0, le=2000, description="Frames of the animation from the image to the result, 0 for none"
    )
    grid: bool = Field(
        False,
        description="Write an image grid of every image with every prompt; the result is that of the first prompt",
    )
    batch: int | None = Field(None, ge=1, description="Images in a batch.  [default: what suits the device]")

    @field_validator("prompt", mode="before")
    @classmethod
    def _split_prompt(cls, value: Any) -> Any:
        """Accept a single prompt as a string."""
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> TextOptions:
        """Require a text, and refuse options that would have no effect."""
        if not self.prompt or not all(each.strip() for each in self.prompt):
            raise ValueError('give the text that the image is to match, such as --prompt "a smiling face"')
        self._check_against()
        if self.directions is None and self._chosen("threshold"):
            raise ValueError("--threshold has an effect with --directions FILE only; give both or leave it out")
        for name in OPTIMISATION_OPTIONS:
            if self.directions is not None and self._chosen(name):
                raise ValueError(
                    f"{option_flag(name)} has no effect with --directions, which do not optimise; leave it out"
                )
        if self.rows_of == "own" and self.rows is None:
            raise ValueError("--rows-of has an effect with --rows only; give --rows as well")
        return self

    def _check_against(self) -> None:
        if self.against is not None and not self.against.strip():
            raise ValueError('--against is empty; give a text that matches the image now, such as "a face"')
        prompts = {_normalise(each): each for each in self.prompt}
        if self.against is not None and _normalise(self.against) in prompts:
            raise ValueError(
                f"--against {self.against!r} is the prompt as well, so there is no direction between them; "
                'give a text that matches the image now, such as --against "a face"'
            )
        if self.against is None and self.directions is not None and NEUTRAL in prompts:
            raise ValueError(
                f"--prompt {prompts[NEUTRAL]!r} is the default of --against with --directions; "
                "give another prompt, or --against"
            )

    def _chosen(self, name: str) -> bool:
        """Tell whether an option differs from its default; a recipe names all options."""
        return bool(getattr(self, name) != type(self).model_fields[name].default)


def _normalise(text: str) -> str:
    """Normalise a text for comparison: lower case, single spaces."""
    return " ".join(text.lower().split())
