"""Labels of samples: the truth about the faces that seeds stand for, as a file."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from i2i_plugins.demo import labels
from i2i_plugins.demo.synthetic_faces import faces


def test_labels_match_faces_of_seeds(tmp_path: Path) -> None:
    file = tmp_path / "new" / "labels.csv"
    result = CliRunner().invoke(labels.main, ["--count", "40", "--out", str(file)])
    assert result.exit_code == 0 and result.output.strip() == str(file)
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["seed"] for row in rows] == [str(seed) for seed in range(40)]
    world = faces()
    for row in rows[::13]:
        z = np.random.RandomState(int(row["seed"])).randn(64)  # what i2i sample draws for the seed
        values = z * 8 / np.linalg.norm(z)  # sqrt(64): a mapping network sees the direction alone
        expected = world.attributes(values[: len(world.names)])
        assert {name: value == "1" for name, value in row.items() if name != "seed"} == expected


def test_attributes_are_balanced() -> None:
    names, truths = labels.labels_of(300)
    shares = dict(zip(names, np.mean(truths, axis=0), strict=True))
    assert 0.2 < shares["smiling"] < 0.6 and 0.1 < shares["mouth open"] < 0.4 and 0.1 < shares["glasses"] < 0.5


def test_unwritable_path_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SystemExit) as end:
        labels.run(["--count", "1", "--out", str(tmp_path / "file" / "labels.csv")])
    error = capsys.readouterr().err
    assert end.value.code == 1 and error.startswith("Error: writing labels") and error.count("\n") == 1


def test_failure_keeps_existing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("before")
    monkeypatch.setattr(labels, "labels_of", lambda count: (["a"], [None]))
    with pytest.raises(TypeError):
        labels.write(file, 1)
    assert file.read_text() == "before" and list(tmp_path.iterdir()) == [file]
