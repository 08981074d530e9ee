"""Face detection in photographs: order the faces from left to right and select those of ``--face``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from ...api.errors import UsageError
from ..images import ImageError

if TYPE_CHECKING:
    from torch import Tensor

    from ...api.extractor import Extractor, Face

FaceChoice: TypeAlias = Literal["largest", "left", "all"] | int
"""Selection of faces; a number counts from 1, from left to right, and ``"left"`` is number 1."""

BY_HAND = "; or, in a painting or of an animal, place the crop yourself with --eyes X,Y:X,Y --mouth X,Y"
"""End of the message that no face is found, where points by hand are taken (``points.FacePoints``)."""
SIMILAR = 0.6
"""Share of the largest face's area from which another may be meant as well: finders know sizes to a step or so of their
pyramids, and a step of 1.2 in width makes 0.69 in area."""
SLACK = 0.05
"""Fraction of a face's width by which its frame or a landmark may exceed the image before it counts as cut."""


def parse_face_choice(text: str) -> FaceChoice:
    """Parse the value of ``--face``: ``largest``, ``left``, ``all`` or a number from 1.

    Raises:
        UsageError: any other value.
    """
    if text in ("largest", "left", "all"):
        return text  # type: ignore[return-value]
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--face {text}: use largest, left, all, or a number from 1, counted from left to right.")


def find_faces(
    picture: Tensor,
    finder: Extractor,
    choice: FaceChoice = "largest",
    where: str | Path = "the image",
    note: Callable[[str], None] = lambda text: None,
    remedy: str = "",
) -> dict[int, Face]:
    """Detect the faces of an image and select those that ``choice`` names.

    A face that the border of the image cuts is selected like any other, with a note.

    Args:
        picture: float32 ``(1, 3, H, W)``, RGB in [-1, 1].
        finder: A landmark extractor with ``find``, which detects faces in whole photographs.
        choice: Which faces to select; one face except for ``"all"``.
        where: Name of the image in messages, usually its file.
        note: Called with one sentence for the user, such as a warning that several faces are about as large.
        remedy: What the caller offers where no face is found, such as ``BY_HAND``, to end the message.

    Returns:
        The faces by their number from the left, in that order.

    Raises:
        UsageError: the extractor has no ``find``: it reads aligned crops only.
        ImageError: there is no face, or none with this number.
    """
    find = getattr(finder, "find", None)
    if find is None:
        raise UsageError(
            f"{finder.name} reads the landmarks of a face's crop and finds no faces in whole photos; "
            "choose another with --landmarks (see 'i2i plugins list')."
        )
    faces: list[Face] = sorted(find(picture), key=lambda face: (face.box[0] + face.box[2], face.box[1]))
    if not faces:
        raise ImageError(
            where,
            f"{finder.name} finds no face in it; take a larger, better lit or more frontal photo, "
            f"or try another finder with --landmarks (see 'i2i plugins list'){remedy}.",
        )
    if choice == "all":
        chosen = list(range(len(faces)))
    elif choice == "largest":
        chosen = [_largest(faces, where, note)]
    else:
        chosen = [_face_index(faces, 1 if choice == "left" else choice, where)]
    for index in chosen:
        if _is_cut(faces[index], picture.shape[-2], picture.shape[-1]):
            which = f"face {index + 1} from the left" if len(faces) > 1 else "the face"
            note(f"{where}: {which} is cut by the border of the image; its landmarks beyond are guesses.")
    return {index + 1: faces[index] for index in chosen}


def _largest(faces: Sequence[Face], where: str | Path, note: Callable[[str], None]) -> int:
    """Return the index of the largest face, of equal ones that with the best score; note similar ones."""
    index = max(range(len(faces)), key=lambda each: (faces[each].area, faces[each].score))
    rivals = sum(face.area >= SIMILAR * faces[index].area for face in faces) - 1
    if rivals:
        alike = f"{rivals + 1} of its " if rivals + 1 < len(faces) else "its "
        note(
            f"{where}: {alike}{len(faces)} faces are about as large; number {index + 1} from the left is taken, "
            f"choose another with --face 1 to {len(faces)}, or --face all."
        )
    return index


def _face_index(faces: Sequence[Face], number: int, where: str | Path) -> int:
    if not 1 <= number <= len(faces):
        there = "only one face is" if len(faces) == 1 else f"only {len(faces)} faces are"
        way_out = "leave --face out" if len(faces) == 1 else f"choose 1 to {len(faces)}, counted from left to right"
        raise ImageError(where, f"--face {number} is asked for, but {there} found in it; {way_out}.")
    return number - 1


def _is_cut(face: Face, height: int, width: int) -> bool:
    """Whether the frame or a landmark exceeds the image by more than ``SLACK`` of the face's width."""
    x0, y0, x1, y1 = face.box
    (left, top), (right, bottom) = (face.landmarks.amin(dim=0).tolist(), face.landmarks.amax(dim=0).tolist())
    out = max(-min(x0, left), -min(y0, top), max(x1, right) - (width - 1), max(y1, bottom) - (height - 1))
    return bool(out > SLACK * (x1 - x0))
