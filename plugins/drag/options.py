"""The options of the editor ``drag``; ``settings`` resolves those that depend on the resolution."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

import i2i

from .presets import PRESETS

Point = tuple[tuple[float, float], tuple[float, float]]
"""Handle and target, each x, y in pixels of the image as given."""
Guide = Literal["features", "landmarks", "both"]

MAX_STRENGTH = 5.0
"""Largest absolute strength of a preset; published strengths are about 1."""
_NUMBER = r"\s*(-?\d+(?:\.\d*)?|-?\.\d+)\s*"
_POINT = re.compile(f"{_NUMBER},{_NUMBER}:{_NUMBER},{_NUMBER}")
_SCALED = "[default: scaled to the resolution]"
_NAMES = ", ".join(preset.name for preset in PRESETS)
_MASK_KEYWORDS = ("auto", "none")
"""Values of ``--mask`` that are not files."""


class DragOptions(i2i.Options):
    """The options of ``drag``; None means a default that depends on the resolution, or on points and presets."""

    point: tuple[str, ...] = Field(
        (),
        description="Drag x0,y0 to x1,y1, in pixels of the whole image as given; may be repeated",
        json_schema_extra={"unit": "x0,y0:x1,y1"},
    )
    preset: str | None = Field(
        None,
        description=f"Landmark presets, with strengths from -{MAX_STRENGTH:g} to {MAX_STRENGTH:g}, such as "
        f"open_mouth=0.6,slim_face=0.3.  [{_NAMES}, and those of other plugins]",
    )
    mask: Path | None = Field(
        None,
        description="Where the image may change: an image of the same size, white where it may; auto, the regions of "
        "presets and around points; or none, for everywhere.  [default: auto with presets, none for points alone]",
    )
    keep_outside: bool = Field(True, description="Keep the original image outside the mask")
    method: Literal["scaled", "published"] = Field(
        "scaled",
        description="scaled adapts the method to resolution, generator and presets; published is DragGAN as published: "
        "features alone, handles on whole pixels, no early stopping",
    )
    steps: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Maximum number of optimisation steps.  [default: 60 from 256 px on, 100 below, 300 as published]",
    )
    rate: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Learning rate of Adam, in units of w; published 0.001.  [default: scaled to the deviation of w]",
        json_schema_extra={"aliases": ["learning_rate"]},
    )
    rows: int | None = Field(
        None,
        ge=1,
        le=18,
        description="Number of first layers of w that change, of 18, scaled.  [default: 6 of its own, at most half; "
        "from 256 px on half where landmarks guide, and 5 of 18 for presets in w]",
        json_schema_extra={"aliases": ["layers"]},
    )
    space: Literal["w+", "w"] | None = Field(
        None,
        description="w+ moves each layer by its own vector, w all by one.  [default: w for turns at 256 px and "
        "more, else w+]",
    )
    layer: int | None = Field(
        None,
        ge=4,
        description=f"Resolution of the feature maps; published 128.  {_SCALED}",
        json_schema_extra={"aliases": ["feature_resolution"], "unit": "px"},
    )
    r1: float | None = Field(
        None,
        gt=0,
        description=f"Radius of motion supervision; published 3 of 512.  {_SCALED}",
        json_schema_extra={"unit": "px"},
    )
    r2: float | None = Field(
        None,
        gt=0,
        description=f"Radius of point tracking; published 12 of 512.  {_SCALED}",
        json_schema_extra={"unit": "px"},
    )
    tolerance: float | None = Field(
        None,
        gt=0,
        description=f"Distance from its target at which a handle has converged.  {_SCALED}",
        json_schema_extra={"unit": "px"},
    )
    patience: int | None = Field(
        None,
        ge=0,
        description="Early stopping: steps without improvement of the handles, 0 for never; three times as many before "
        "they have moved.  [default: 10 from 256 px on, 20 where heads turn and below, 0 as published]",
        json_schema_extra={"unit": "steps"},
    )
    mask_weight: float | None = Field(
        None,
        ge=0,
        description=f"Weight of the loss on features outside the mask; published 20.  {_SCALED}",
    )
    start_weight: float = Field(0.0, ge=0, description="Weight of the distance of w from the initial latent")
    identity_weight: float | None = Field(
        None,
        ge=0,
        description="Weight of the identity loss, where landmarks guide.  [default: 2 from 256 px on, 3 for "
        "presets that turn the head, 0.3 below]",
    )
    colour_weight: float | None = Field(
        None,
        ge=0,
        description="Weight of the loss on mean colours of blocks, where landmarks guide.  [default: 10, and 2 for "
        "presets that turn the head from 256 px on]",
    )
    guide: Guide | None = Field(
        None,
        description="What guides the handles of presets: features as published, the landmark network, or both.  "
        "[default: both where that network passes gradients, else features]",
    )
    frames: int = Field(
        5,
        ge=0,
        description="Steps between the frames of the animation, 0 for none",
        json_schema_extra={"unit": "steps"},
    )
    track: bool = Field(True, description="Draw handles and targets in the animation")
    batch: int | None = Field(None, ge=1, description="Images in a batch.  [default: what suits the device]")

    grid: bool = Field(
        False,
        description="Write an image grid of every image with each preset alone, by default all presets; the result is "
        "that of the first preset",
    )

    @property
    def points(self) -> list[Point]:
        """The points of ``point``."""
        return [read_point(text) for text in self.point]

    @property
    def presets(self) -> dict[str, float]:
        """Strengths of the presets by name, in order; empty for none."""
        return {} if self.preset is None else read_presets(self.preset)

    @property
    def mask_file(self) -> Path | None:
        """The file of ``mask``; None where it is a keyword or not given."""
        return None if self.mask is None or str(self.mask) in _MASK_KEYWORDS else self.mask

    @model_validator(mode="after")
    def _check(self) -> DragOptions:
        """Refuse values that cannot be read, before the slow work."""
        _check_handles(list(zip(self.point, self.points, strict=True)))
        _ = self.presets
        if self.mask_file is not None and not self.mask_file.is_file():
            reason = "it is a folder" if self.mask_file.is_dir() else "there is no such file"
            raise ValueError(f"--mask {self.mask_file}: {reason}; name an image of the same size, auto or none")
        if self.guide is not None and self.point and not self.preset:
            raise ValueError("--guide has no effect without presets; leave it out")
        if self.guide not in (None, "features") and self.method == "published":
            raise ValueError(f"--guide {self.guide}: the published method is guided by features; leave out --method")
        return self


def read_point(text: str) -> Point:
    """Read a point ``x0,y0:x1,y1``.

    Raises:
        ValueError: it has another format, or the handle is its target.
    """
    match = _POINT.fullmatch(text)
    if match is None:
        raise ValueError(f"--point {text}: write handle and target as x0,y0:x1,y1, such as 120,80:120,95")
    x0, y0, x1, y1 = map(float, match.groups())
    if (x0, y0) == (x1, y1):
        raise ValueError(f"--point {text}: the handle is its own target; give another target")
    return (x0, y0), (x1, y1)


def _check_handles(points: Sequence[tuple[str, Point]]) -> None:
    """Refuse two points with the same handle; each has its text and its position.

    Raises:
        ValueError: names both.
    """
    seen: dict[tuple[float, float], str] = {}
    for text, (handle, _) in points:
        if handle in seen:
            raise ValueError(
                f"--point {seen[handle]} and --point {text} have the same handle, which can have one target only; "
                "leave one of them out"
            )
        seen[handle] = text


def read_presets(text: str) -> dict[str, float]:
    """Read presets ``NAME[=STRENGTH][,...]``; the default strength is 1, and strengths of the same preset are added.

    Raises:
        ValueError: it has another format, or a strength is 0, not a number, or beyond ``MAX_STRENGTH``.
    """
    strengths: dict[str, float] = {}
    for part in text.split(","):
        name, sign, number = (each.strip() for each in part.partition("="))
        if not name:
            raise ValueError(f"--preset {text}: write presets as NAME or NAME=STRENGTH, such as open_mouth=0.6,smile")
        try:
            strength = float(number) if sign else 1.0
        except ValueError:
            strength = math.nan
        if not 0 < abs(strength) <= MAX_STRENGTH:
            raise ValueError(
                f"--preset {part.strip()}: a strength is a number from -{MAX_STRENGTH:g} to {MAX_STRENGTH:g} "
                f"other than 0, such as {name}=0.6"
            )
        strengths[name] = strengths.get(name, 0.0) + strength
    return strengths
