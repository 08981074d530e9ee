"""Attributes and captions: true, agreeing with each other, and good English."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Make = Callable[..., np.ndarray]

OPPOSITES = (
    ("smiling", "frowning"),
    ("mouth open", "mouth closed"),
    ("eyes closed", "eyes wide open"),
    ("looking left", "looking right"),
    ("looking up", "looking down"),
    ("short hair", "long hair"),
    ("bald", "curly hair"),
    ("bald", "fringe"),
    ("dark skin", "fair skin"),
    ("blue eyes", "brown eyes"),
    ("blue eyes", "eyes closed"),
    ("light from the left", "light from the right"),
)
UNSPOKEN = {"mouth closed", "warm light", "light from the left", "light from the right"}
COLOURS = ("black", "brown", "blond", "red", "grey")


def said(caption: str) -> set[str]:
    """The attributes that a sentence names."""
    before, _, after = caption.partition(" face")
    phrases = re.split(r", | and ", after.removeprefix(" with ").removeprefix(", "))
    found = {phrase.removeprefix("a ") for phrase in phrases} | set(before.split()[1:])
    for phrase in [each for each in found if each.endswith(" hair")]:
        found = found - {phrase} | {f"{word} hair" for word in phrase.split()[:-1]}
    return found - {""}


@pytest.fixture(scope="module")
def many(faces: Any) -> list[np.ndarray]:
    return [faces.values(seed) for seed in range(600)]


def test_captions_state_true_attributes_only(faces: Any, many: list[np.ndarray]) -> None:
    for values in many:
        holds = {name for name, true in faces.attributes(values).items() if true}
        assert said(faces.caption(values)) == holds - UNSPOKEN, faces.caption(values)


def test_every_attribute_occurs_and_is_absent(faces: Any, many: list[np.ndarray]) -> None:
    rows = [faces.attributes(values) for values in many]
    assert all(list(row) == list(rows[0]) and set(map(type, row.values())) == {bool} for row in rows)
    for name in rows[0]:
        share = np.mean([row[name] for row in rows])
        assert 0.01 < share < 0.7, name
    for one, other in OPPOSITES:
        assert not any(row[one] and row[other] for row in rows), (one, other)
    for row in rows:
        assert sum(row[f"{colour} hair"] for colour in COLOURS) == (0 if row["bald"] else 1)


def test_captions_are_varied_and_well_formed(faces: Any, many: list[np.ndarray]) -> None:
    captions = [faces.caption(values) for values in many]
    assert len(set(captions)) > 500
    for caption in captions:
        assert caption.startswith("a ") and " face" in caption
        assert "  " not in caption and ",," not in caption and not caption.endswith((",", " ", "with", "and"))
        assert " with and" not in caption and caption.count(" with ") <= 1 and caption.count(" and ") <= 1


@pytest.mark.parametrize(
    ("changes", "caption"),
    [
        ({}, "a face with short brown hair"),
        (
            {"smile": 1, "hair_length": 2, "hair_shade": 2, "glasses": 2, "eyes_open": -2, "yaw": -1},
            "a smiling face with long blond hair and glasses, eyes closed, looking left",
        ),
        ({"hair_length": -3, "beard": 2, "smile": -2}, "a frowning bald face with a beard"),
        ({"hair_length": -3, "hair_shade": 2}, "a bald face"),
        (
            {"hair_grey": 2, "hair_curl": 2, "fringe": 2, "skin": 2, "freckles": 2, "iris": 2, "pitch": 2},
            "a face with short curly grey hair, a fringe, freckles, fair skin and blue eyes, looking down",
        ),
        (
            {"hair_red": 2, "hair_length": 0.2, "mouth_open": 1, "lip_red": 2, "brow_raise": 2, "eyes_open": 2},
            "a face with red hair, red lips and raised brows, eyes wide open, mouth open",
        ),
    ],
)
def test_caption_examples(changes: dict[str, float], caption: str, faces: Any, made: Make) -> None:
    assert faces.caption(made(**changes)) == caption


def test_captions_of_one_person_keep_identity_attributes(faces: Any) -> None:
    """Hair and skin stay from image to image; smiles and looks need not."""
    own = ("bald", "long hair", "curly hair", "grey hair", "beard", "freckles", "glasses", "dark skin", "red lips")
    for person in range(20):
        rows = [faces.attributes(faces.values(seed, identity=person)) for seed in range(8)]
        assert all(len({row[name] for row in rows}) == 1 for name in own)
