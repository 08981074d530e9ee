"""Labels from files, with every fault named; and of samples by their scores."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import i2i
from i2i_plugins.mix.labels import read_labels, select_confident


def file(folder: Path, header: str = "seed,smiling,glasses", rows: list[str] | None = None) -> Path:
    rows = [f"{seed},{seed % 2},{int(seed >= 20)}" for seed in range(50)] if rows is None else rows
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_read_labels_columns(tmp_path: Path) -> None:
    found = read_labels(file(tmp_path), ["glasses", "smiling"])
    assert list(found.seeds) == list(range(50))
    assert found.columns["glasses"] == [False] * 20 + [True] * 30
    assert found.columns["smiling"][:4] == [False, True, False, True]


def test_read_labels_skips_spaces_and_byte_order_mark(tmp_path: Path) -> None:
    path = file(tmp_path, "seed, smiling", [f"{seed}, {seed % 2}" for seed in range(50)])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert sum(read_labels(path, ["smiling"]).columns["smiling"]) == 25


@pytest.mark.parametrize(
    ("header", "change", "attribute", "told"),
    [
        ("seed,smiling", None, "smilin", "no column 'smilin' in its first line. Did you mean 'smiling'?"),
        ("seed,smiling", None, "beard", "There are: smiling."),
        ("number,smiling", None, "smiling", "no column 'seed'"),
        ("seed,smiling", "7,yes", "smiling", "line 9 has 'yes' under 'smiling'; write 0 or 1"),
        ("seed,smiling", "7", "smiling", "line 9 has '' under 'smiling'"),
        ("seed,smiling", "-7,1", "smiling", "line 9 has the seed '-7'"),
        ("seed,smiling", "4294967296,1", "smiling", "line 9 has the seed '4294967296'"),
    ],
)
def test_read_labels_names_the_fault(
    tmp_path: Path, header: str, change: str | None, attribute: str, told: str
) -> None:
    rows = [f"{seed},{seed % 2}" for seed in range(50)]
    if change:
        rows[7] = change
    with pytest.raises(i2i.UsageError) as error:
        read_labels(file(tmp_path, header, rows), [attribute])
    assert told in str(error.value)


@pytest.mark.parametrize(("kind", "value"), [(1, "0"), (0, "1")])
def test_read_labels_refuses_rare_label(tmp_path: Path, kind: int, value: str) -> None:
    rows = [f"{seed},{kind if seed < 19 else value}" for seed in range(50)]
    with pytest.raises(i2i.UsageError, match=f"'smiling' is {kind} for 19 seeds, and a boundary needs at least 20"):
        read_labels(file(tmp_path, "seed,smiling", rows), ["smiling"])


@pytest.mark.parametrize("what", ["missing", "folder", "binary", "empty"])
def test_read_labels_refuses_unreadable_file(tmp_path: Path, what: str) -> None:
    path = tmp_path / "labels.csv"
    if what == "folder":
        path.mkdir()
    if what in ("binary", "empty"):
        path.write_bytes(b"\xff\xfe\x00\x01" if what == "binary" else b"")
    with pytest.raises(i2i.UsageError, match="labels"):
        read_labels(path, ["smiling"])


def test_select_confident_takes_outer_thirds() -> None:
    scores = torch.tensor([0.9, -0.9, 0.1, 0.0, 0.8, -0.8, 0.2])
    numbers, labels = select_confident(scores)
    assert numbers.tolist() == [0, 1, 4, 5] and labels.tolist() == [True, False, True, False]
