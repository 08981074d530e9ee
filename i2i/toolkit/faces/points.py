"""Points of a face placed by hand: where no face is found in a painting or an animal, they say where the crop lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...api.errors import UsageError

Point: TypeAlias = tuple[float, float]
"""x and y in pixels of the upright photo; (0, 0) is the centre of its upper left pixel."""

SMALLEST_ANGLE = 15.0
"""Smallest angle between the line of the eyes and the line from them to the mouth, degrees."""
SMALLEST_DISTANCE = 1.0
"""Smallest distance of the eyes from each other, pixels."""


@dataclass(frozen=True)
class FacePoints:
    """The centres of both eyes and of the mouth in one photo."""

    left_eye: Point
    """The eye that is to the left in the image, where the face is upright."""
    right_eye: Point
    """The other eye."""
    mouth: Point
    """The centre of the mouth."""

    @classmethod
    def of(cls, eyes: Any, mouth: Any) -> FacePoints | None:
        """Check points as they are given; None where neither is.

        Args:
            eyes: Two points ``(x, y)``, left and right in the image, or None.
            mouth: One point ``(x, y)``, or None.

        Raises:
            UsageError: one of the two is missing, they are no points, or they say no direction.
        """
        if eyes is None and mouth is None:
            return None
        if eyes is None or mouth is None:
            given, missing = ("--eyes", "--mouth X,Y") if mouth is None else ("--mouth", "--eyes X,Y:X,Y")
            raise UsageError(f"{given} places a face together with the other points: add {missing}.")
        try:
            left, right = eyes
            points = cls(_point(left), _point(right), _point(mouth))
        except (TypeError, ValueError):
            raise UsageError(
                f"--eyes {eyes} and --mouth {mouth} are no points: name two eyes (x, y), (x, y) and a mouth (x, y)."
            ) from None
        points._check_shape()
        return points

    def _check_shape(self) -> None:
        across = self.right_eye[0] - self.left_eye[0], self.right_eye[1] - self.left_eye[1]
        middle = (self.left_eye[0] + self.right_eye[0]) / 2, (self.left_eye[1] + self.right_eye[1]) / 2
        down = self.mouth[0] - middle[0], self.mouth[1] - middle[1]
        if math.hypot(*across) < SMALLEST_DISTANCE:
            raise UsageError(f"--eyes {self.eyes_text}: both eyes are at one place; name their two centres.")
        turn = across[0] * down[1] - across[1] * down[0]
        if abs(turn) < math.sin(math.radians(SMALLEST_ANGLE)) * math.hypot(*across) * math.hypot(*down) or not turn:
            raise UsageError(
                f"--eyes {self.eyes_text} and --mouth {_text(self.mouth)} lie almost on one line; name the centres of "
                "both eyes and of the mouth below them."
            )
        if turn < 0:
            raise UsageError(
                f"--eyes {self.eyes_text}: with the eyes in this order the mouth {_text(self.mouth)} lies above them; "
                f"exchange them: --eyes {_text(self.right_eye)}:{_text(self.left_eye)}."
            )

    def check_inside(self, height: int, width: int, where: object) -> None:
        """Refuse points outside of a photo of ``height`` x ``width`` px.

        Args:
            where: Name of the photo, for the message.

        Raises:
            UsageError: a point lies outside.
        """
        for flag, (x, y) in (("--eyes", self.left_eye), ("--eyes", self.right_eye), ("--mouth", self.mouth)):
            if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
                raise UsageError(
                    f"{flag}: {_text((x, y))} is outside of {where}, which is {width} x {height} px when upright; "
                    "name pixels of the photo, x to the right and y down."
                )

    @property
    def eyes_text(self) -> str:
        """The value of ``--eyes``."""
        return f"{_text(self.left_eye)}:{_text(self.right_eye)}"

    def to_plain(self) -> dict[str, Any]:
        """Return ``eyes`` and ``mouth`` for JSON; ``of`` takes them."""
        return {"eyes": [list(self.left_eye), list(self.right_eye)], "mouth": list(self.mouth)}


def parse_eyes(text: str) -> tuple[Point, Point]:
    """Parse the value of ``--eyes``: ``X,Y:X,Y``.

    Raises:
        UsageError: it is written otherwise.
    """
    parts = text.split(":")
    if len(parts) != 2:
        raise UsageError(
            f"--eyes {text}: write the centres of both eyes in pixels as X,Y:X,Y, such as 310,402:395,398."
        )
    return _parse("--eyes", text, parts[0]), _parse("--eyes", text, parts[1])


def parse_mouth(text: str) -> Point:
    """Parse the value of ``--mouth``: ``X,Y``.

    Raises:
        UsageError: it is written otherwise.
    """
    return _parse("--mouth", text, text)


def check_single_photo(count: int) -> None:
    """Refuse points by hand where they cannot be those of one photo.

    Args:
        count: Number of photos.

    Raises:
        UsageError: there are several photos, or none.
    """
    if count == 1:
        return
    instead = (
        "seeds and latents are not cropped: leave them out"
        if not count
        else f"{count} photos are given: edit or align them one at a time (a latent.safetensors can be edited further)"
    )
    raise UsageError(f"--eyes and --mouth place the face of one photo, and {instead}.")


def _parse(flag: str, text: str, part: str) -> Point:
    try:
        return _point(part.split(","))
    except ValueError:
        form, example = ("X,Y:X,Y", "310,402:395,398") if flag == "--eyes" else ("X,Y", "352,480")
        raise UsageError(f"{flag} {text}: write pixels of the photo as {form}, such as {example}.") from None


def _point(values: Sequence[Any]) -> Point:
    x, y = values
    point = float(x), float(y)
    if not all(map(math.isfinite, point)):
        raise ValueError(f"a point has finite numbers, got {point}")
    return point


def _text(point: Point) -> str:
    return f"{point[0]:g},{point[1]:g}"
