"""Which face of a photo is taken, what is noted about it, and what is said where there is none."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

import i2i
from i2i.runtime.device import TorchDevice
from i2i.toolkit.faces.detection import FaceChoice, find_faces, parse_face_choice
from i2i.toolkit.faces.landmarks import LEGIBLE_SIDE, mark_faces
from i2i.toolkit.images import ImageError
from tests.helpers.toy_faces import CropsOnly, face

LEFT, MIDDLE, RIGHT = face(5, 40, 20, 0.3), face(40, 10, 30, 0.9), face(80, 30, 26, 0.5)
TINY = face(100, 5, 8)
PICTURE = torch.zeros(1, 3, 100, 120)


class Finder:
    name = "toy"

    def __init__(self, *faces: i2i.Face) -> None:
        self.faces = faces

    def find(self, picture: torch.Tensor) -> list[i2i.Face]:
        assert picture.shape == PICTURE.shape
        return list(self.faces)


def taken(choice: FaceChoice, *faces: i2i.Face) -> tuple[list[i2i.Face], list[str]]:
    notes: list[str] = []
    finder: Any = Finder(*faces)
    return list(find_faces(PICTURE, finder, choice, "me.jpg", notes.append).values()), notes


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("all", [LEFT, MIDDLE, RIGHT, TINY]),
        ("left", [LEFT]),
        ("largest", [MIDDLE]),
        (1, [LEFT]),
        (3, [RIGHT]),
    ],
)
def test_faces_are_counted_from_left_to_right(choice: FaceChoice, expected: list[i2i.Face]) -> None:
    assert taken(choice, RIGHT, TINY, MIDDLE, LEFT)[0] == expected


@pytest.mark.parametrize(
    ("faces", "note"),
    [
        ((MIDDLE,), None),
        ((MIDDLE, TINY), None),
        ((MIDDLE, LEFT), None),  # 0.44 of the area
        (
            (MIDDLE, RIGHT),  # 0.75 of it
            "me.jpg: its 2 faces are about as large; number 1 from the left is taken, choose another with "
            "--face 1 to 2, or --face all.",
        ),
        (
            (TINY, MIDDLE, RIGHT),
            "me.jpg: 2 of its 3 faces are about as large; number 1 from the left is taken, choose another with "
            "--face 1 to 3, or --face all.",
        ),
    ],
)
def test_a_doubtful_choice_is_told(faces: tuple[i2i.Face, ...], note: str | None) -> None:
    chosen, notes = taken("largest", *faces)
    assert chosen == [MIDDLE] and notes == ([note] if note else [])
    assert taken("all", *faces)[1] == []


def test_of_equally_large_faces_the_surest_is_taken() -> None:
    (one,), _ = taken("largest", face(5, 5, 20, 0.2), face(50, 5, 20, 0.8), face(80, 5, 20, 0.4))
    assert one.score == 0.8


@pytest.mark.parametrize(
    ("where", "cut"),
    [
        (face(-1, 40, 30), False),  # 1 of 30 px is within the slack of 5 %
        (face(-3, 40, 30), True),
        (face(92, 40, 30), True),  # the last column is 119
        (face(40, -3, 30), True),
        (face(40, 72, 30), True),
        (dataclasses.replace(face(40, 40, 30), landmarks=face(40, 74, 30).landmarks), True),
    ],
)
def test_a_face_cut_by_the_border_is_given_with_a_note(where: i2i.Face, cut: bool) -> None:
    chosen, notes = taken("largest", where)
    assert chosen == [where]
    told = "me.jpg: the face is cut by the border of the image; its landmarks beyond are guesses."
    assert notes == ([told] if cut else [])
    _, notes = taken("all", face(1, 5, 8), where, face(110, 5, 8))
    assert [note.partition(" is cut")[0] for note in notes] == (["me.jpg: face 2 from the left"] if cut else [])


@pytest.mark.parametrize(
    ("choice", "faces", "said"),
    [
        ("largest", (), "me.jpg: toy finds no face in it; take a larger, better lit .* with --landmarks"),
        ("all", (), "finds no face"),
        (3, (LEFT, RIGHT), "me.jpg: --face 3 is asked for, but only 2 faces are found in it; choose 1 to 2"),
        (2, (LEFT,), "--face 2 is asked for, but only one face is found in it; leave --face out"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(choice: FaceChoice, faces: tuple[i2i.Face, ...], said: str) -> None:
    with pytest.raises(ImageError, match=said) as caught:
        taken(choice, *faces)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_an_extractor_that_cannot_search_is_named() -> None:
    with pytest.raises(i2i.UsageError, match=r"^crops-only reads .* choose another with --landmarks"):
        find_faces(PICTURE, CropsOnly(TorchDevice("cpu")), "largest", "me.jpg")


@pytest.mark.parametrize(("text", "choice"), [("largest", "largest"), ("left", "left"), ("all", "all"), ("12", 12)])
def test_face_is_read(text: str, choice: FaceChoice) -> None:
    assert parse_face_choice(text) == choice


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "right", "", "²", "Largest"])
def test_a_wrong_face_is_refused(text: str) -> None:
    with pytest.raises(i2i.UsageError, match=r"use largest, left, all, or a number from 1"):
        parse_face_choice(text)


def test_marks_lie_on_the_landmarks_and_leave_the_rest_alone() -> None:
    grey = np.full((1100, 1300, 3), 90, np.uint8)
    marked = mark_faces(grey, [face(300.0, 200.0, 400.0)])
    assert marked.shape == grey.shape and (grey == 90).all()
    for x, y in face(300.0, 200.0, 400.0).landmarks.round().int().tolist():
        assert np.abs(marked[y, x].astype(int) - 90).max() > 30, "each landmark has a dot of another colour"
    outside = np.ones(grey.shape[:2], bool)
    outside[190:611, 290:711] = False  # dots and lines reach a few pixels beyond the frame
    assert (marked[outside] == 90).all()


def test_several_faces_are_numbered_and_small_pictures_enlarged() -> None:
    grey = np.full((50, 80, 3), 90, np.uint8)
    faces = [face(5, 5, 20), face(45, 10, 30)]
    one, both = mark_faces(grey, faces[:1]), mark_faces(grey, faces)
    times = LEGIBLE_SIDE // 80
    assert one.shape == both.shape == (50 * times, 80 * times, 3)
    inner = np.s_[6 * times : 9 * times, 6 * times : 10 * times]  # upper left of the first frame, where its number goes
    assert (one[inner] == 90).all() and (both[inner] == 255).any()
    x, y = ((faces[0].landmarks[0] + 0.5) * times - 0.5).round().int().tolist()
    assert (one[y, x] != 90).any()
