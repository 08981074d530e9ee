"""i2i datasets: what is listed, fetched, found faulty and shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import i2i
from i2i.cli import Root
from i2i.cli.datasets import command
from i2i.registry import Plugin, find_plugins
from i2i.toolkit.images import read_image


class Stripes(i2i.Dataset):
    name = "stripes"
    summary = "Stripes and their colour."
    licence = "CC0"
    homepage = "https://example.org/stripes"
    sides = ("stripes", "colour")
    direction = "BtoA"
    counts = {"train": 2, "val": 1}
    archive = i2i.Archive("http://127.0.0.1:9/stripes.zip")
    drawn = {"train": 5}

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        colour = np.full((size, size, 3), rng.integers(0, 200, 3), np.uint8)
        return colour // 2, colour


def _run(*args: object) -> Result:
    """The command over the set above and the one for people's own pictures."""
    module = ModuleType("painted")
    module.register_datasets = i2i.hookimpl(lambda register: register(Stripes))  # type: ignore[attr-defined]
    registry = i2i.Registry([Plugin("painted", "painted", "1", module), *find_plugins(["folder"])])
    root = Root("i2i", context_settings={"obj": registry})
    root.add_command(command)
    return CliRunner().invoke(root, ["datasets", *map(str, args)])


def _save(path: Path, width: int = 32, height: int = 16) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (0, 128, 0)).save(path)
    return path


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """Four pairs in train, two of them bad, and one good one in val."""
    for name in ("train/1.png", "train/2.png", "train/3.png", "val/1.png"):
        _save(tmp_path / "own" / name)
    (tmp_path / "own" / "train" / "2.png").write_bytes(b"no picture")
    _save(tmp_path / "own" / "train" / "10.png", 16, 16)
    return tmp_path / "own"


def test_list_tells_what_is_here(tmp_path: Path) -> None:
    rows = _run("list", "--data-root", tmp_path).stdout.splitlines()
    assert rows[0].split() == ["name", "pairs", "A", "|", "B", "direction", "state", "licence"]
    assert "your own" in rows[1]
    assert re.split(r"  +", rows[2]) == [
        "stripes",
        "train 2, val 1",
        "stripes | colour",
        "BtoA",
        "synthetic only",
        "CC0",
    ]
    _save(tmp_path / "stripes" / "train" / "1.png")
    sets = json.loads(_run("list", "--data-root", tmp_path, "--json").stdout)["datasets"]
    assert [(each["name"], each["state"], each["folder"]) for each in sets] == [
        ("folder", "your own", None),
        ("stripes", "real", str(tmp_path / "stripes")),
    ]


def test_show_counts_what_is_here(tmp_path: Path) -> None:
    text = _run("show", "stripes", "--data-root", tmp_path).stdout
    assert "state     synthetic only\n" in text and "synthetic train 5\n" in text
    _save(tmp_path / "stripes" / "train" / "1.png")
    facts = json.loads(_run("show", "stripes", "--data-root", tmp_path, "--json").stdout)
    assert (facts["pairs"], facts["found"], facts["drawn"]) == ({"train": 2, "val": 1}, {"train": 1}, {"train": 5})
    assert facts["archive"] == Stripes.archive.url and facts["licence"] == "CC0"
    text = _run("show", "stripes", "--data-root", tmp_path).stdout
    assert "state     downloaded\n" in text and "found     train 1\n" in text and "sides     stripes | colour\n" in text


def test_check_names_every_faulty_file_and_exits_with_one(faulty: Path) -> None:
    done = _run("check", faulty)
    lines = done.stdout.splitlines()
    assert done.exit_code == 1 and len(lines) == 3
    assert lines[0].startswith(f"{faulty / 'train' / '2.png'}: it is no JPEG")
    assert lines[1].startswith(f"{faulty / 'train' / '10.png'}: it is 16 x 16 pixels")
    assert lines[2] == f"{faulty}: 5 pairs (train 4, val 1), 2 faulty"
    found = json.loads(_run("check", faulty, "--json").stdout)
    assert [Path(fault["path"]).name for fault in found["faults"]] == ["2.png", "10.png"]
    assert found["pairs"] == {"train": 4, "val": 1}


def test_check_is_content_with_good_pictures(faulty: Path) -> None:
    for name in ("2.png", "10.png"):
        (faulty / "train" / name).unlink()
    for target in ([faulty], ["folder", "--data-root", faulty]):
        done = _run("check", *target)
        assert (done.exit_code, done.stdout) == (0, f"{faulty}: 3 pairs (train 2, val 1), all good\n")


def test_check_reads_unpaired_images(tmp_path: Path) -> None:
    for name in ("trainA/1.png", "trainA/2.png", "trainB/7.png"):
        _save(tmp_path / name)
    done = _run("check", tmp_path)
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path}: 2 A and 1 B unpaired (train), all good\n")
    (tmp_path / "trainB" / "8.png").write_bytes(b"no picture")
    done = _run("check", tmp_path, "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1 and found["pairs"] == {} and found["unpaired"] == {"train": {"A": 2, "B": 2}}
    assert [Path(fault["path"]).name for fault in found["faults"]] == ["8.png"]
    for name in ("7.png", "8.png"):
        (tmp_path / "trainB" / name).unlink()
    assert "has no image of side B in the split train" in _run("check", tmp_path).stdout
    (tmp_path / "trainB").rmdir()
    assert "trainB is not: put the images of the other side there" in _run("check", tmp_path).stdout


def test_check_finds_a_set_by_its_name(tmp_path: Path) -> None:
    _save(tmp_path / "stripes" / "val" / "1.png").write_bytes(b"")
    done = _run("check", "stripes", "--data-root", tmp_path)
    assert done.exit_code == 1 and str(tmp_path / "stripes" / "val" / "1.png") in done.stdout


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["check", "stripes"], 1, "i2i datasets fetch stripes"),
        (["check", "."], 1, "has no folder train, val or test"),
        (["check", "folder"], 2, "type i2i datasets check DIR"),
        (["check", "nowhere"], 2, "neither a folder nor a dataset; the datasets are: folder, stripes"),
        (["show", "stripe"], 2, "Did you mean 'stripes'?"),
        (["fetch", "folder"], 1, "give their folder with --data-root DIR"),
        (["fetch", "stripes"], 1, "put the file at"),
        (["preview", "stripes", "--source", "real", "--out", "a.png"], 1, "i2i datasets fetch stripes"),
        (["preview", "stripes", "--out", "a.gif"], 1, "must end in .png"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    done = _run(*args)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_fetch_does_nothing_where_the_set_is(tmp_path: Path) -> None:
    _save(tmp_path / "stripes" / "train" / "1.png")
    done = _run("fetch", "stripes", "--data-root", tmp_path)
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'stripes'}\n")
    assert "is there already" in done.stderr


def test_preview_draws_where_nothing_is_there(tmp_path: Path) -> None:
    out = tmp_path / "sheets" / "a.png"
    done = _run("preview", "stripes", "--out", out, "--count", 3, "--size", 64)
    assert done.stdout == f"{out}: 3 synthetic pairs of stripes, train\n"
    height, width, _ = read_image(out).shape
    assert width > 6 * 64 > height > 64
    again = tmp_path / "b.png"
    _run("preview", "stripes", "--out", again, "--count", 3, "--size", 64)
    assert again.read_bytes() == out.read_bytes()


def test_preview_shows_the_real_pictures(tmp_path: Path) -> None:
    for number in range(9):
        _save(tmp_path / "stripes" / "train" / f"{number}.png")
    done = _run("preview", "stripes", "--data-root", tmp_path, "--out", tmp_path / "a.png", "--count", 5, "--size", 32)
    assert "5 real pairs" in done.stdout
    assert ((read_image(tmp_path / "a.png") == (0, 128, 0)).all(2)).sum() == 10 * 32 * 32


def test_list_leaves_torch_alone() -> None:
    code = (
        "import sys; from i2i.cli.datasets import command; from i2i.registry import load_registry\n"
        "command.main(['list'], obj=load_registry(), standalone_mode=False); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False" and "folder" in done.stdout
