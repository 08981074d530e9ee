"""Labels of samples: from a CSV file of seeds, or from the scores of a text extractor."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

import i2i
from i2i import did_you_mean

MINIMUM_SAMPLES = 20
"""Smallest number of samples with each label from which a boundary is fitted."""
_CONFIDENT = 1 / 3
"""Fraction of the samples, at either end of the scores, that is labelled; the samples between are ambiguous."""


@dataclass(frozen=True)
class Labels:
    """Binary labels of seeds, read from a file."""

    seeds: Sequence[int]
    """The seeds, in the order of the file."""
    columns: dict[str, list[bool]]
    """Labels by attribute, one for each seed."""


def read_labels(path: Path, attributes: Sequence[str]) -> Labels:
    """Read the seeds of a CSV file and some of its columns.

    Args:
        path: A file whose first line names the columns; one of them is ``seed``, the others hold 0 and 1.
        attributes: The columns to read.

    Raises:
        UsageError: the file cannot be read, lacks a column, holds values other than seeds, 0 and 1, or has fewer than
            ``MINIMUM_SAMPLES`` seeds with one label.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True)
            names = reader.fieldnames or []
            for column in ("seed", *attributes):
                if column not in names:
                    hint = did_you_mean(column, [name for name in names if name != "seed"])
                    raise i2i.UsageError(f"--labels {path}: there is no column {column!r} in its first line.{hint}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise i2i.UsageError(f"--labels {path} cannot be read ({reason}); name a CSV file.") from None
    columns = {name: [_read_label(path, row, line, name) for line, row in enumerate(rows, 2)] for name in attributes}
    for name, values in columns.items():
        for label, count in ((1, sum(values)), (0, len(values) - sum(values))):
            if count < MINIMUM_SAMPLES:
                raise i2i.UsageError(
                    f"--labels {path}: the column {name!r} is {label} for {count} seeds, and a boundary needs at least "
                    f"{MINIMUM_SAMPLES} seeds of each label; label more seeds."
                )
    return Labels([_read_seed(path, row, line) for line, row in enumerate(rows, 2)], columns)


def _read_label(path: Path, row: dict[str, str], line: int, name: str) -> bool:
    if (value := (row[name] or "").strip()) not in ("0", "1"):
        raise i2i.UsageError(f"--labels {path}: line {line} has {value!r} under {name!r}; write 0 or 1.")
    return value == "1"


def _read_seed(path: Path, row: dict[str, str], line: int) -> int:
    value = (row["seed"] or "").strip()
    if not (value.isascii() and value.isdigit() and int(value) < 2**32):
        raise i2i.UsageError(f"--labels {path}: line {line} has the seed {value!r}; write a whole number, 0 or more.")
    return int(value)


def select_confident(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Select the samples with the highest and the lowest scores ``(N,)``, a third of them each.

    Returns:
        Their indices ``(M,)``, ascending, and their labels ``(M,)`` bool, True for the highest; both on the CPU.
    """
    order = scores.argsort(descending=True)
    count = int(len(scores) * _CONFIDENT)
    labels = torch.zeros(len(scores), dtype=torch.bool)
    labels[order[:count].cpu()] = True
    indices = torch.cat([order[:count], order[len(order) - count :]]).cpu().sort().values
    return indices, labels[indices]
