"""What can be set about dragging; what is left to the size of the picture is settled in ``settings``."""

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
"""Handle and target, each x, y in pixels of what the user gave."""
Guide = Literal["features", "landmarks", "both"]

STRONGEST = 5.0
"""Of a preset, in either direction; published strengths are about 1."""
_NUMBER = r"\s*(-?\d+(?:\.\d*)?|-?\.\d+)\s*"
_POINT = re.compile(f"{_NUMBER},{_NUMBER}:{_NUMBER},{_NUMBER}")
_SCALED = "[default: by the picture's size]"
_NAMES = ", ".join(preset.name for preset in PRESETS)
_WORDS = ("auto", "none")
"""Masks that are no files."""


class Options(i2i.Options):
    """None leaves it to the generator's size, or to what is dragged."""

    point: tuple[str, ...] = Field(
        (),
        description="Drag x0,y0 to x1,y1: pixels of the picture as given, of a photo the whole photo; may be repeated",
        json_schema_extra={"unit": "x0,y0:x1,y1"},
    )
    preset: str | None = Field(
        None,
        description=f"Presets by landmarks, with strengths from -{STRONGEST:g} to {STRONGEST:g}, such as "
        f"open_mouth=0.6,slim_face=0.3.  [{_NAMES}, and those of other plugins]",
    )
    mask: Path | None = Field(
        None,
        description="What may change: a picture as large as the one given, white where it may; auto, the presets' "
        "regions and around the points; or none, for everything.  [default: auto with presets, none for points alone]",
    )
    keep_outside: bool = Field(True, description="Give back what lies outside the mask from the picture itself")
    steps: int = Field(100, ge=1, le=100_000, description="Most steps")
    rate: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Adam's learning rate, in the numbers of w; published 0.001.  [default: by their spread]",
    )
    rows: int | None = Field(
        None,
        ge=1,
        le=18,
        description="First rows of w that move, of 18, by their share.  [default: 6 of its own, at most half]",
    )
    space: Literal["w+", "w"] = Field("w+", description="Whether each moved row goes its own way, or all go one")
    layer: int | None = Field(
        None,
        ge=4,
        description=f"Resolution of the features; published 128.  {_SCALED}",
        json_schema_extra={"unit": "px"},
    )
    r1: float | None = Field(
        None,
        gt=0,
        description=f"Radius of what is pulled; published 3 of 512.  {_SCALED}",
        json_schema_extra={"unit": "px"},
    )
    r2: float | None = Field(
        None,
        gt=0,
        description=f"Radius of the search; published 12 of 512.  {_SCALED}",
        json_schema_extra={"unit": "px"},
    )
    tolerance: float | None = Field(
        None,
        gt=0,
        description=f"From its target at which a handle has arrived.  {_SCALED}",
        json_schema_extra={"unit": "px"},
    )
    patience: int = Field(
        20,
        ge=0,
        description="Steps in which handles must come nearer, 0 for no end but --steps",
        json_schema_extra={"unit": "steps"},
    )
    mask_weight: float | None = Field(
        None,
        ge=0,
        description=f"How much features outside the mask are held to the start; published 20.  {_SCALED}",
    )
    start_weight: float = Field(0.0, ge=0, description="How much w is held to the start")
    identity_weight: float = Field(
        0.3, ge=0, description="How much a face is held to be the same person's where landmarks guide"
    )
    colour_weight: float = Field(
        10.0, ge=0, description="How much colours, seen from afar, are held to the start where landmarks guide"
    )
    guide: Guide | None = Field(
        None,
        description="What pulls the handles of presets: features as published, the landmark network, or both.  "
        "[default: both below 256 px where that network passes gradients, else features]",
    )
    frames: int = Field(
        5,
        ge=0,
        description="A frame of the animation every so many steps, 0 for none",
        json_schema_extra={"unit": "steps"},
    )
    track: bool = Field(True, description="Mark handles and targets in the animation")
    batch: int | None = Field(None, ge=1, description="Pictures at a time.  [default: as many as suit the device]")

    grid: bool = Field(
        False,
        description="Draw every picture with every preset by itself, all there are where none is named; the result is "
        "that of the first one",
    )

    @property
    def points(self) -> list[Point]:
        """Of ``point``, read."""
        return [read_point(text) for text in self.point]

    @property
    def presets(self) -> dict[str, float]:
        """Strengths of ``preset`` by name, in order; empty for none."""
        return {} if self.preset is None else read_presets(self.preset)

    @property
    def painted(self) -> Path | None:
        """The file of ``mask``, where it is one."""
        return None if self.mask is None or str(self.mask) in _WORDS else self.mask

    @model_validator(mode="after")
    def _readable(self) -> Options:
        """Refuse what cannot be read before anything slow begins."""
        _check_handles(list(zip(self.point, self.points, strict=True)))
        _ = self.presets
        if self.painted is not None and not self.painted.is_file():
            reason = "it is a folder" if self.painted.is_dir() else "there is no such file"
            raise ValueError(f"--mask {self.painted}: {reason}; name a picture as large as the one given, auto or none")
        if self.guide is not None and self.point and not self.preset:
            raise ValueError("--guide is about presets, and only points are dragged; leave it out")
        return self


def read_point(text: str) -> Point:
    """``x0,y0:x1,y1``.

    Raises:
        ValueError: it is written otherwise, or the handle is its target.
    """
    match = _POINT.fullmatch(text)
    if match is None:
        raise ValueError(f"--point {text}: write handle and target as x0,y0:x1,y1, such as 120,80:120,95")
    x0, y0, x1, y1 = map(float, match.groups())
    if (x0, y0) == (x1, y1):
        raise ValueError(f"--point {text}: the handle is its own target; give another target")
    return (x0, y0), (x1, y1)


def _check_handles(points: Sequence[tuple[str, Point]]) -> None:
    """Refuse two points of one handle, each given as it was typed and as it was read.

    Raises:
        ValueError: names both.
    """
    seen: dict[tuple[float, float], str] = {}
    for text, (handle, _) in points:
        if handle in seen:
            raise ValueError(
                f"--point {seen[handle]} and --point {text} have the same handle, which can go to one target only; "
                "leave one of them out"
            )
        seen[handle] = text


def read_presets(text: str) -> dict[str, float]:
    """``NAME[=STRENGTH][,...]``, the strength 1 unless given; one that is named twice counts with both.

    Raises:
        ValueError: it is written otherwise, or a strength is 0, no number, or beyond ``STRONGEST``.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, sign, number = (each.strip() for each in part.partition("="))
        if not name:
            raise ValueError(f"--preset {text}: write presets as NAME or NAME=STRENGTH, such as open_mouth=0.6,smile")
        try:
            strength = float(number) if sign else 1.0
        except ValueError:
            strength = math.nan
        if not 0 < abs(strength) <= STRONGEST:
            raise ValueError(
                f"--preset {part.strip()}: a strength is a number from -{STRONGEST:g} to {STRONGEST:g} other than 0, "
                f"such as {name}=0.6"
            )
        found[name] = found.get(name, 0.0) + strength
    return found
