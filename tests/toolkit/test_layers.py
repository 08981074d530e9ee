"""Rows that are typed, and where they lie on generators of other depths."""

from __future__ import annotations

import pytest

import i2i
from i2i.toolkit.latents.layers import choose_layers

TABLE = {
    # typed: of 18 (1024 px), 16 (StyleGAN3, or 512 px), 14 (256 px), 10 (64 px)
    "8-17": ([*range(8, 18)], [*range(8, 16)], [*range(7, 14)], [*range(5, 10)]),
    "8-18": ([*range(8, 18)], [*range(8, 16)], [*range(7, 14)], [*range(5, 10)]),
    "3-9": ([*range(3, 10)], [3, 4, 5, 6, 7], [3, 4, 5, 6], [2, 3, 4]),
    "0-7": ([*range(8)], [*range(7)], [*range(6)], [*range(4)]),
    "9-17": ([*range(9, 18)], [*range(8, 16)], [*range(7, 14)], [*range(5, 10)]),
    "0-17": ([*range(18)], [*range(16)], [*range(14)], [*range(10)]),
    "3-7,10": ([3, 4, 5, 6, 7, 10], [3, 4, 5, 6, 9], [3, 4, 5, 8], [2, 3, 5]),
    "4": ([4], [4], [3], [2]),
    "17, 0": ([0, 17], [0, 15], [0, 13], [0, 9]),
}


@pytest.mark.parametrize(("typed", "number"), [(typed, number) for typed in TABLE for number in range(4)])
def test_rows_are_carried_over_by_their_share(typed: str, number: int) -> None:
    assert choose_layers(typed, (18, 16, 14, 10)[number]) == TABLE[typed][number]


@pytest.mark.parametrize("num_ws", [2, 4, 8, 10, 12, 14, 16, 18, 20])
def test_every_range_has_rows_and_two_that_meet_share_none_and_leave_one_at_most(num_ws: int) -> None:
    for middle in range(1, 18):
        first, last = choose_layers(f"0-{middle - 1}", num_ws), choose_layers(f"{middle}-17", num_ws)
        assert first and last and max(first + last) < num_ws
        if num_ws >= 8 and 3 <= middle <= 15:  # else one of them may be a part of a single row
            assert not set(first) & set(last) and len(first) + len(last) >= num_ws - 1


def test_own_rows_stay_as_they_are() -> None:
    assert choose_layers("1-3,7", 10, own=True) == [1, 2, 3, 7]
    assert choose_layers("8-10", 10, own=True) == [8, 9]  # the number of rows may stand for the last


@pytest.mark.parametrize(
    ("typed", "own", "told"),
    [
        ("18", False, "0 to 17"),
        ("3-19", False, "0 to 17"),
        ("18-18", False, "0 to 17"),
        ("10", True, "0 to 9 of this generator"),
        ("7-3", False, "7-3 is not among"),
        ("", False, "no layer or range"),
        ("3-", False, "no layer or range"),
        ("3,,4", False, "no layer or range"),
        ("-1", False, "no layer or range"),
        ("all", False, "'all' is no layer"),
        ("99999999999999999999", False, "no layer or range"),
    ],
)
def test_rows_that_are_not_there_are_refused(typed: str, own: bool, told: str) -> None:
    with pytest.raises(i2i.UsageError, match=told):
        choose_layers(typed, 10, own)
