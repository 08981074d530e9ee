"""Samples with labels: from a CSV file of seeds, or by what a text network says of rendered samples."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import i2i
from i2i import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

FEWEST = 20
"""Samples of each kind that a boundary is found from."""
_SURE = 1 / 3
"""Of samples sorted by what words say of them, the first and the last third are taken; those between are doubtful."""


@dataclass(frozen=True)
class Labels:
    """What a file says of seeds."""

    seeds: Sequence[int]
    columns: dict[str, list[bool]]
    """By attribute, one for each seed."""


def read(path: Path, attributes: Sequence[str]) -> Labels:
    """The seeds of a CSV file and some of its columns.

    Args:
        attributes: Columns that are wanted.

    Raises:
        UsageError: the file cannot be read, lacks a column, holds something else than seeds, 0 and 1, or has fewer
            than ``FEWEST`` seeds of one kind.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True)
            names = reader.fieldnames or []
            for wanted in ("seed", *attributes):
                if wanted not in names:
                    near = did_you_mean(wanted, [name for name in names if name != "seed"])
                    raise i2i.UsageError(f"--labels {path}: there is no column {wanted!r} in its first line.{near}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise i2i.UsageError(f"--labels {path} cannot be read ({reason}); name a CSV file.") from None
    columns = {name: [_truth(path, row, line, name) for line, row in enumerate(rows, 2)] for name in attributes}
    for name, truths in columns.items():
        for kind, count in ((1, sum(truths)), (0, len(truths) - sum(truths))):
            if count < FEWEST:
                raise i2i.UsageError(
                    f"--labels {path}: the column {name!r} is {kind} for {count} seeds, and a boundary needs at least "
                    f"{FEWEST} of each kind; label more seeds."
                )
    return Labels([_seed(path, row, line) for line, row in enumerate(rows, 2)], columns)


def _truth(path: Path, row: dict[str, str], line: int, name: str) -> bool:
    if (value := (row[name] or "").strip()) not in ("0", "1"):
        raise i2i.UsageError(f"--labels {path}: line {line} has {value!r} under {name!r}; write 0 or 1.")
    return value == "1"


def _seed(path: Path, row: dict[str, str], line: int) -> int:
    value = (row["seed"] or "").strip()
    if not (value.isascii() and value.isdigit() and int(value) < 2**32):
        raise i2i.UsageError(f"--labels {path}: line {line} has the seed {value!r}; write a whole number, 0 or more.")
    return int(value)


def surest(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The samples with the highest and the lowest scores ``(N,)``: their numbers ``(M,)``, ascending, and labels."""
    import torch

    order = scores.argsort(descending=True)
    count = int(len(scores) * _SURE)
    labels = torch.zeros(len(scores), dtype=torch.bool)
    labels[order[:count].cpu()] = True
    numbers = torch.cat([order[:count], order[len(order) - count :]]).cpu().sort().values
    return numbers, labels[numbers]
