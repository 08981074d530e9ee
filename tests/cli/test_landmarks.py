"""i2i landmarks: what it prints, what it leaves in --out, and how photos that cannot be used are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from i2i.cli import build
from i2i.testing import registry_of
from tests.helpers.toy_faces import CropsOnly, Shifted, Squares, photo


def landmarks(*args: object) -> Result:
    return CliRunner().invoke(
        build(registry_of(Squares, Shifted, CropsOnly, plugins=("face_tools",))),
        ["landmarks", "--device", "cpu", *map(str, args)],
    )


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A photo with a larger face on the right and one of half its width, lower down, on the left."""
    return photo(tmp_path / "in" / "two.png", (70, 10, 40), (10, 50, 20))


def test_faces_are_listed_from_left_to_right(two: Path) -> None:
    result = landmarks(two)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert result.exit_code == 0 and not result.stderr
    assert rows[0] == ["photo", "face", "x0", "y0", "x1", "y1", "score"]
    assert rows[1][1:] == ["1", "10", "50", "29", "69", "0.04"] and rows[2][1:] == [
        "2",
        "70",
        "10",
        "109",
        "49",
        "0.17",
    ]


def test_json_is_one_object_and_holds_the_landmarks(two: Path) -> None:
    result = landmarks(two, "--face", "2", "--json")
    told = json.loads(result.stdout)
    assert (told["landmarks"], told["faults"]) == ("squares", [])
    (only,) = told["photos"]
    assert (only["file"], only["width"], only["height"]) == (str(two), 120, 80)
    (found,) = only["faces"]
    assert found["number"] == 2, "its place in the photo, which --face takes"
    assert found["box"] == [70, 10, 109, 49] and len(found["landmarks"]) == 68
    assert found["landmarks"][0] == [70, 49] and found["landmarks"][-1] == [109, 10]
    assert found["landmarks"][1] == [70.58, 48.42], "39 / 67 of a pixel further, to two places"


def test_extractor_options_are_used(two: Path) -> None:
    options = ("--extractor-options", "squares-shifted.pixels=5")
    moved = landmarks(two, "--landmarks", "squares-shifted", *options, "--face", 2, "--json")
    assert json.loads(moved.stdout)["photos"][0]["faces"][0]["box"] == [75, 10, 114, 49], moved.output
    wrong = landmarks(two, "--landmarks", "squares", *options)
    assert wrong.exit_code == 2
    assert "--extractor-options is for 'squares-shifted', and the extractor here is 'squares'" in wrong.stderr


def test_out_gets_the_photo_drawn_and_the_numbers(two: Path, tmp_path: Path) -> None:
    photo(two.parent / "deep" / "one.png", (30, 20, 30))
    out = tmp_path / "out"
    result = landmarks(two.parent, "--out", out)
    assert result.exit_code == 0, result.stderr
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert files == ["deep/one.json", "deep/one.png", "two.json", "two.png"]
    printed = json.loads(landmarks(two, "--json").stdout)["photos"][0]
    assert json.loads((out / "two.json").read_text(encoding="utf-8")) == {"landmarks": "squares", **printed}
    with Image.open(out / "two.png") as drawn:
        assert drawn.size == (960, 640), "small pictures are enlarged"
        colours = np.asarray(drawn)[400:560, 80:240].reshape(-1, 3)
    assert (np.ptp(colours.astype(int), axis=1) > 60).any(), "coloured dots on a black and white face"


def test_notes_go_to_stderr(tmp_path: Path) -> None:
    alike = photo(tmp_path / "alike.png", (5, 5, 20), (50, 5, 20))
    result = landmarks(alike, "--face", "largest", "--json")
    assert len(json.loads(result.stdout)["photos"][0]["faces"]) == 1
    assert "its 2 faces are about as large" in result.stderr and str(alike) in result.stderr


def test_faulty_photos_are_named_after_all_others_are_done(two: Path, tmp_path: Path) -> None:
    empty, broken = photo(tmp_path / "in" / "empty.png"), tmp_path / "in" / "broken.jpg"
    broken.write_bytes(b"no picture")
    result = landmarks(two.parent, "--out", tmp_path / "out", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1 and [each["file"] for each in told["photos"]] == [str(two)]
    assert len(told["faults"]) == 2 and (tmp_path / "out" / "two.png").exists()
    assert not (tmp_path / "out" / "empty.png").exists()
    assert result.stderr.startswith("i2i: 2 of 3 photos could not be used. ") and result.stderr.count("\n") == 1
    assert str(empty) in result.stderr and str(broken) in result.stderr
    table = landmarks(two.parent)
    assert table.exit_code == 1 and str(two) in table.stdout


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["in/empty.png"], 1, "i2i: in/empty.png: squares finds no face in it; "),
        (["in/two.png", "--face", "3"], 1, "i2i: in/two.png: --face 3 is asked for, but only 2 faces"),
        (["in/two.png", "--face", "big"], 2, "i2i: --face big: use largest"),
        (["in/none.png"], 2, "There is no image or folder in/none.png"),
        (["in/two.png", "--landmarks", "square"], 2, "Did you mean 'squares'?"),
        (["in/two.png", "--landmarks", "crops-only"], 2, "crops-only reads the landmarks of a face's crop"),
        ([], 2, "PHOTO"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    args: list[str], code: int, said: str, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(two.with_name("empty.png"))
    monkeypatch.chdir(tmp_path)
    result = landmarks(*args)
    assert result.exit_code == code and said in result.stderr and not result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("there", ["two.png", "two.json"])
def test_nothing_in_out_is_replaced_unasked(there: str, two: Path, tmp_path: Path) -> None:
    mine: Any = tmp_path / "out" / there
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    result = landmarks(two, "--out", mine.parent)
    assert result.exit_code == 2 and f"{mine} is already there" in result.stderr and mine.read_text() == "mine"
    assert landmarks(two, "--out", mine.parent, "--overwrite").exit_code == 0
    assert len(list(mine.parent.iterdir())) == 2 and mine.read_bytes() != b"mine"


def test_its_help_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom i2i.cli import main\ntry:\n    main(['landmarks', '--help'])\nexcept SystemExit as end:\n"
        "    sys.exit(end.code or any(name in sys.modules for name in ('torch', 'numpy', 'cv2', 'dlib')))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0 and "--face" in result.stdout, result.stderr
