"""What must not be opened is refused in one sentence, within a second and 200 MB, and nothing in it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import i2i
from i2i.toolkit.weights import read_weights
from i2i.toolkit.weights import reader as opening
from tests.toolkit.reading import assembling, hostile, misfits

FILES = {**hostile.FILES, **misfits.FILES}
NAMES = list(FILES)
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process says of all files, read one after the other."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = [folder / f"{place}.pkl" for place in range(len(NAMES))]
    for path, (content, _) in zip(paths, FILES.values(), strict=True):
        path.write_bytes(content)
    paths.append(folder / "sparse.pkl")
    assembling.sparse(paths[-1], 9 * 2**30)
    command = [sys.executable, "-m", "tests.toolkit.reading.measuring", *map(str, paths)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert not answer.stderr
    return {**json.loads(answer.stdout), "folder": folder}


def check(measured: dict[str, Any], file: str, told: str) -> None:
    said = measured["files"][file]["said"]
    assert said.startswith(f"{measured['folder'] / file} ") and told in said and said.endswith(".")
    assert said.isprintable() and len(said) < 400 + len(str(measured["folder"]))
    assert measured["files"][file]["seconds"] < 1  # of the processor's time: others' work does not count


@pytest.mark.parametrize("place", range(len(NAMES)), ids=NAMES)
def test_each_is_refused_in_one_sentence_and_soon(place: int, measured: dict[str, Any]) -> None:
    check(measured, f"{place}.pkl", FILES[NAMES[place]][1])


def test_a_file_beyond_all_size_is_refused_unread(measured: dict[str, Any]) -> None:
    check(measured, "sparse.pkl", "has 9 GB, more than any weight file")


def test_nothing_ran_and_memory_stayed_small(measured: dict[str, Any]) -> None:
    assert not Path(hostile.HARM).exists()
    assert measured["grown"] < 200
    assert not measured["torch"]


def test_the_harm_is_real_where_a_file_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hostile files do what they say when Python's own unpickler reads them."""
    import pickle

    made: list[str] = []
    monkeypatch.setattr(os, "mkdir", made.append)
    pickle.loads(hostile.FILES["direct"][0])
    assert made == [hostile.HARM]


def test_ctrl_c_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(opening, "check_tree", stop)
    (tmp_path / "net.pkl").write_bytes(assembling.pickled(assembling.NONE))
    with pytest.raises(KeyboardInterrupt):
        read_weights(tmp_path / "net.pkl")


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_what_is_no_file_is_named(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "net.pkl")
    with pytest.raises(i2i.I2IError, match=r"net\.pkl is not a file; check the path\.$"):
        read_weights(tmp_path / "net.pkl")
