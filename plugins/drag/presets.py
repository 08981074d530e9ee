"""The built-in presets as plain data; ``preset_values`` defines their format.

close_eyes, big_eyes, shut_mouth, open_mouth and slim_face move the landmarks that are published for them (68 points,
counted from 1: eyelids to their midpoint or apart, inner lips to their midpoint or to the outer lips, the jaw's sides
towards each other). The moves of the other presets and all regions were chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from i2i import Preset

LIDS = ((38, 42), (39, 41), (44, 48), (45, 47))
"""Upper and lower eyelid, of both eyes."""
INNER_LIPS = ((62, 68), (63, 67), (64, 66))
EYES = [{"hull": [*range(37, 43)], "grow": 0.25}, {"hull": [*range(43, 49)], "grow": 0.25}]
MOUTH = [{"hull": [*range(49, 61), 7, 8, 9, 10, 11], "grow": 0.2}]
BROWS = [
    {"hull": [*range(18, 23), *range(37, 43)], "grow": 0.25},
    {"hull": [*range(23, 28), *range(43, 49)], "grow": 0.25},
]
JAW = tuple((side, 18 - side) for side in range(2, 9))
"""Points 2 to 8 with their opposites 16 to 10; 9 is the chin."""
JAW_DOWN = [
    *({"landmark": landmark, "by": [0.0, 0.15], "smallest": 256} for landmark in (67, 57, 58, 59, 8, 9, 10)),
    *({"landmark": landmark, "by": [side * 0.03, 0.05], "smallest": 256} for landmark, side in ((49, 1), (55, -1))),
]
"""Further moves of an opening mouth: between closed lips the published targets lie a pixel or two away. The corners
come together, as the mouth would smile otherwise."""


def _move_together(pairs: Sequence[tuple[int, int]], factor: float) -> list[dict[str, Any]]:
    """Move both landmarks of each pair by a fraction of their distance towards each other."""
    return [{"landmark": one, "to": [other], "factor": factor} for pair in pairs for one, other in (pair, pair[::-1])]


def _turn(side: int) -> list[dict[str, Any]]:
    """Move landmarks in proportion to their depth, as when the head turns: the nose most, then mouth and eyes."""
    fractions = {31: 0.22, 34: 0.17, 30: 0.18, 29: 0.15, 28: 0.12, 52: 0.15, 58: 0.14, 9: 0.1, 40: 0.11, 43: 0.11}
    return [{"landmark": landmark, "by": [side * fraction, 0.0]} for landmark, fraction in fractions.items()]


PRESETS = (
    Preset(
        "close_eyes",
        "Both eyes shut: the lids meet in the middle.",
        "drag",
        {
            "moves": _move_together(LIDS, 0.5),
            "region": EYES,
            "aims": [{"name": "eye_opening", "pairs": LIDS}],
        },
    ),
    Preset(
        "big_eyes",
        "Both eyes opened wider, by half of their opening.",
        "drag",
        {
            "moves": _move_together(LIDS, -0.25),
            "region": EYES,
            "aims": [{"name": "eye_opening", "pairs": LIDS}],
        },
    ),
    Preset(
        "shut_mouth",
        "The mouth shut: the lips meet in the middle.",
        "drag",
        {
            "moves": _move_together([(63, 67)], 0.5),
            "region": MOUTH,
            "aims": [{"name": "mouth_opening", "pairs": INNER_LIPS}],
        },
    ),
    Preset(
        "open_mouth",
        "The mouth open: the inner lips move to the outer ones.",
        "drag",
        {
            "moves": [{"landmark": 63, "to": [52]}, {"landmark": 67, "to": [58]}, *JAW_DOWN],
            "region": MOUTH,
            "aims": [{"name": "mouth_opening", "pairs": INNER_LIPS}],
        },
    ),
    Preset(
        "slim_face",
        "A narrower jaw, by a tenth.",
        "drag",
        {
            "moves": _move_together(JAW, 0.06),
            "region": [{"hull": [*range(1, 18)], "grow": 0.35}],
            "hold": [*range(18, 69)],
            "aims": [{"name": "jaw_width", "pairs": [(3, 15), (4, 14), (5, 13)]}],
        },
    ),
    Preset(
        "smile",
        "The corners of the mouth up and apart.",
        "drag",
        {
            "moves": [{"landmark": 49, "by": [-0.08, -0.1]}, {"landmark": 55, "by": [0.08, -0.1]}],
            "region": MOUTH,
            "aims": [
                {"name": "corners_to_eyes", "pairs": [(49, 37), (55, 46)]},
                {"name": "mouth_width", "pairs": [(49, 55)]},
            ],
        },
    ),
    Preset(
        "frown",
        "The corners of the mouth down.",
        "drag",
        {
            "moves": [{"landmark": 49, "by": [0.0, 0.1]}, {"landmark": 55, "by": [0.0, 0.1]}],
            "region": MOUTH,
            "aims": [{"name": "corners_to_eyes", "pairs": [(49, 37), (55, 46)]}],
        },
    ),
    Preset(
        "raise_brows",
        "Both brows up.",
        "drag",
        {
            "moves": [{"landmark": landmark, "by": [0.0, -0.12]} for landmark in range(18, 28)],
            "region": BROWS,
            "hold": [*range(37, 49)],
            "aims": [{"name": "brows_to_eyes", "pairs": [(20, 38), (25, 45)]}],
        },
    ),
    Preset(
        "turn_left",
        "The head turned to the left of the image.",
        "drag",
        {
            "moves": _turn(-1),
            "region": "all",
            "space": "w",
            "aims": [{"name": "nose_to_left_cheek", "pairs": [(31, 3)], "against": [(31, 15)]}],
        },
    ),
    Preset(
        "turn_right",
        "The head turned to the right of the image.",
        "drag",
        {
            "moves": _turn(1),
            "region": "all",
            "space": "w",
            "aims": [{"name": "nose_to_right_cheek", "pairs": [(31, 15)], "against": [(31, 3)]}],
        },
    ),
)
