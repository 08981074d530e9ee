"""Rows of w by what is typed: counted on a generator of 18 rows, and carried over to others."""

from __future__ import annotations

import re

from ...api.errors import UsageError

PUBLISHED = 18
"""Rows of StyleGAN2 at 1024 px, for which rows are published."""


def choose(text: str, num_ws: int, own: bool = False) -> list[int]:
    """The rows of a generator that ``text`` means, ascending.

    A run of rows a to b of 18 takes up the share from a/18 to (b + 1)/18 of the way from coarse to fine. Of a generator
    with n rows, row j takes up j/n to (j + 1)/n, and those are taken that lie wholly within; where none does, the one
    in the middle. So 18 rows stay as they are, and what is left out is left as it was.

    Args:
        text: Such as ``"8-17"`` or ``"3-7,10"``, both ends counted, from 0. A range may also end in the number of rows
            ("8-18", as slices are published), which means the last.
        num_ws: Rows of the generator.
        own: The rows are the generator's own, taken as they are.

    Raises:
        UsageError: this is no list of rows, or there are no such rows.
    """
    count = num_ws if own else PUBLISHED
    rows = _read(text, count, "this generator" if own else "a generator of 18, on which --rows is counted")
    if num_ws == count:
        return rows
    found: set[int] = set()
    for first, last in _runs(rows):
        within = range(-(-first * num_ws // count), (last + 1) * num_ws // count)
        found.update(within or [(first + last + 1) * num_ws // (2 * count)])
    return sorted(found)


def _read(text: str, count: int, whose: str) -> list[int]:
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)
        if not match:
            raise UsageError(f"--rows {text}: {part!r} is no row or range; type rows such as 8-17 or 3-7,10.")
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        last -= match[2] is not None and last == count
        if not first <= last < count:
            raise UsageError(
                f"--rows {text}: {part} is not among rows 0 to {count - 1} of {whose}; type 0-{count // 2} or 3,5."
            )
        found.update(range(first, last + 1))
    return sorted(found)


def _runs(rows: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of rows without a gap."""
    found: list[tuple[int, int]] = []
    for row in rows:
        if found and found[-1][1] == row - 1:
            found[-1] = (found[-1][0], row)
        else:
            found.append((row, row))
    return found
