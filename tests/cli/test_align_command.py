"""i2i align: the crops and numbers it leaves, what it prints, and how photos that cannot be used are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

import i2i
from i2i.api.placement import Placement
from i2i.cli import build
from i2i.editing.paste import Mask, paste
from i2i.testing import registry_of
from i2i.toolkit.faces.alignment import extract_crop, ffhq_placement, points_placement
from i2i.toolkit.faces.points import FacePoints
from i2i.toolkit.files import hash_file
from i2i.toolkit.images import read_image
from tests.helpers.needing_dlib import require_dlib
from tests.helpers.toy_faces import CropsOnly, Shifted, Squares, photo


class Upright(Squares):
    """Faces whose eyes lie a third down their square and their mouth two thirds."""

    name = "upright"

    def find(self, picture: torch.Tensor) -> list[i2i.Face]:
        return [i2i.Face(each.box, _upright(*each.box), each.score) for each in super().find(picture)]


class ShiftedUpright(Shifted):
    """``Upright`` with the option of ``Shifted``."""

    name = "shifted-upright"

    def find(self, picture: torch.Tensor) -> list[i2i.Face]:
        return [i2i.Face(each.box, _upright(*each.box), each.score) for each in super().find(picture)]


class Points(Squares):
    """Faces whose landmarks all lie in one place."""

    name = "points"

    def find(self, picture: torch.Tensor) -> list[i2i.Face]:
        return [i2i.Face(each.box, torch.full((68, 2), 9.0), each.score) for each in super().find(picture)]


def _upright(x0: float, y0: float, x1: float, y1: float) -> torch.Tensor:
    middle, third = (x0 + x1) / 2, (x1 - x0) / 3
    points = torch.tensor([[middle, y0 + third]]).repeat(68, 1)
    points[36:42, 0] -= third / 2
    points[42:48, 0] += third / 2
    points[48], points[54] = torch.tensor([middle - 3, y1 - third]), torch.tensor([middle + 3, y1 - third])
    return points


def align(*args: object, finder: str = "upright") -> Result:
    commands = build(registry_of(Upright, ShiftedUpright, CropsOnly, Points, plugins=("face_tools",)))
    return CliRunner().invoke(commands, ["align", "--device", "cpu", "--landmarks", finder, *map(str, args)])


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A photo with a larger face on the right and one of half its width, lower down, on the left."""
    return photo(tmp_path / "in" / "two.png", (70, 10, 40), (10, 50, 20))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_largest_face_is_cut_out_with_its_place(two: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = align(two, "--out", out, "--size", 48)
    assert result.exit_code == 0 and not result.stderr and files(out) == ["two.json", "two.png"]
    told = json.loads((out / "two.json").read_text(encoding="utf-8"))
    assert told["photo"] == {"file": str(two), "sha256": hash_file(two), "width": 120, "height": 80}
    assert (told["finder"], told["number"], told["size"], told["box"]) == ("upright", 2, 48, [70, 10, 109, 49])
    placement = Placement.of_plain(told["placement"])
    assert placement == ffhq_placement(_upright(70, 10, 109, 49)) and placement.side == pytest.approx(4 * 13)
    crop, whole = read_image(out / "two.png"), read_image(two)
    assert np.array_equal(crop, extract_crop(whole, placement, 48))
    inside = placement.to_crop(told["landmarks"], 48)
    assert np.abs(inside - np.array(told["landmarks_in_crop"])).max() < 0.02, "both are kept to two places"
    row = result.stdout.splitlines()[1].split()
    assert row == [str(two), "2", "52", str(out / "two.png")]


def test_extractor_options_are_used(two: Path, tmp_path: Path) -> None:
    options = ("--extractor-options", "shifted-upright.pixels=-5")
    done = align(two, "--out", tmp_path / "out", "--size", 16, "--json", *options, finder="shifted-upright")
    assert json.loads(done.stdout)["photos"][0]["faces"][0]["box"] == [65, 10, 104, 49], done.output
    wrong = align(two, "--out", tmp_path / "wrong", *options)
    assert wrong.exit_code == 2
    assert "--extractor-options is for 'shifted-upright', and the extractor here is 'upright'" in wrong.stderr


def test_of_all_faces_each_has_its_number_in_its_name(two: Path, tmp_path: Path) -> None:
    photo(two.parent / "deep" / "one.png", (30, 20, 30))
    out = tmp_path / "out"
    result = align(two.parent, "--out", out, "--face", "all", "--size", 16, "--json")
    assert result.exit_code == 0, result.stderr
    crops = ["deep/one.json", "deep/one.png", "two.json", "two.png", "two_2.json", "two_2.png"]
    assert files(out) == crops
    told = json.loads(result.stdout)
    assert (told["landmarks"], told["faults"]) == ("upright", [])
    assert [[face["number"] for face in each["faces"]] for each in told["photos"]] == [[1], [1, 2]]
    second = told["photos"][1]["faces"][1]
    assert second["crop"] == str(out / "two_2.png") and second["box"][0] == 70
    assert all(Image.open(out / name).size == (16, 16) for name in crops if name.endswith("png"))


def test_names_of_further_faces_keep_clear_of_other_photos(two: Path, tmp_path: Path) -> None:
    other = photo(two.with_name("two_2.png"), (30, 20, 30))
    result = align(two, other, "--out", tmp_path / "out", "--face", "all", "--size", 16)
    assert result.exit_code == 0, result.stderr
    names = [name for name in files(tmp_path / "out") if name.endswith("png")]
    assert names == ["two.png", "two_2-2.png", "two_2.png"]
    told = json.loads((tmp_path / "out" / "two_2.json").read_text(encoding="utf-8"))
    assert told["photo"]["file"] == str(other)


def test_a_crop_that_enlarges_a_lot_is_noted(two: Path, tmp_path: Path) -> None:
    result = align(two, "--out", tmp_path / "out", "--size", 520)
    assert result.exit_code == 0
    said = f"{two}: the face is 39 px wide; a crop of 520 px enlarges it 10.0 times, and --size 52 would not.\n"
    assert result.stderr == said
    assert not align(two, "--out", tmp_path / "other", "--size", 64).stderr, "1.2 times is no matter"


def test_faulty_photos_are_named_after_all_others_are_done(two: Path, tmp_path: Path) -> None:
    empty, broken = photo(tmp_path / "in" / "empty.png"), tmp_path / "in" / "broken.jpg"
    broken.write_bytes(b"no picture")
    result = align(two.parent, "--out", tmp_path / "out", "--size", 16, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1 and [each["file"] for each in told["photos"]] == [str(two)]
    assert len(told["faults"]) == 2 and files(tmp_path / "out") == ["two.json", "two.png"]
    assert result.stderr.startswith("i2i: 2 of 3 photos could not be used; the crops of the others are in ")
    assert str(empty) in result.stderr and str(broken) in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "finder", "code", "said"),
    [
        (["in/empty.png"], "upright", 1, "i2i: in/empty.png: upright finds no face in it; "),
        (["in/two.png", "--face", "3"], "upright", 1, "i2i: in/two.png: --face 3 is asked for, but only 2 faces"),
        (["in/two.png"], "points", 1, "i2i: in/two.png: A face cannot be aligned: its landmarks have no direction"),
        (["in/two.png", "--face", "big"], "upright", 2, "i2i: --face big: use largest"),
        (["in/none.png"], "upright", 2, "There is no image or folder in/none.png"),
        (["in/two.png"], "uprigt", 2, "Did you mean 'upright'?"),
        (["in/two.png"], "crops-only", 2, "crops-only reads the landmarks of a face's crop"),
        (["in/two.png", "--size", "8"], "upright", 2, "--size"),
        (["in/two.png", "--out", "in"], "upright", 2, "would replace the input"),
        ([], "upright", 2, "PHOTO"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    args: list[str], finder: str, code: int, said: str, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(two.with_name("empty.png"))
    monkeypatch.chdir(tmp_path)
    result = align("--out", "out", *args, finder=finder)
    assert result.exit_code == code and said in result.stderr and not result.stdout
    assert "Traceback" not in result.stderr and not list(tmp_path.glob("out/*"))


def align_by_hand(*args: object) -> Result:
    commands = build(registry_of(Upright, plugins=("face_tools",)))
    return CliRunner().invoke(commands, ["align", "--device", "cpu", *map(str, args)])


BY_HAND = ("--eyes", "30,30:50,32", "--mouth", "39,52")


def test_a_face_is_placed_by_hand_without_a_finder(tmp_path: Path) -> None:
    empty, out = photo(tmp_path / "in" / "empty.png"), tmp_path / "out"
    result = align_by_hand(empty, "--out", out, "--size", 48, "--json", *BY_HAND)
    assert result.exit_code == 0, result.stderr
    points = FacePoints.of(((30, 30), (50, 32)), (39, 52))
    assert points is not None
    told = json.loads((out / "empty.json").read_text(encoding="utf-8"))
    assert (told["eyes"], told["mouth"], told["number"]) == ([[30, 30], [50, 32]], [39, 52], 1)
    assert Placement.of_plain(told["placement"]) == points_placement(points) and "finder" not in told
    (face,) = json.loads(result.stdout)["photos"][0]["faces"]
    assert face["placement"] == told["placement"] and "landmarks" not in json.loads(result.stdout)
    assert np.array_equal(read_image(out / "empty.png"), extract_crop(read_image(empty), points_placement(points), 48))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["in/two.png", "in/empty.png", *BY_HAND], "place the face of one photo, and 2 photos are given"),
        (["in/two.png", *BY_HAND[:2]], "add --mouth X,Y"),
        (["in/two.png", "--eyes", "30,30:50,32", "--mouth", "39,80"], "--mouth: 39,80 is outside of in/two.png"),
        (["in/two.png", "--eyes", "30,30", "--mouth", "39,52"], "--eyes 30,30: write"),
        (["in/two.png", "--face", "all", *BY_HAND], "--face all has no effect with --eyes and --mouth"),
        (["in/two.png", "--landmarks", "dlib", *BY_HAND], "--landmarks dlib has no effect"),
        (["in/two.png", "--extractor-options", "upright.x=1", *BY_HAND], "--extractor-options has no effect"),
    ],
)
def test_points_that_do_not_fit_are_said_in_a_line(
    args: list[str], said: str, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(two.with_name("empty.png"))
    monkeypatch.chdir(tmp_path)
    result = align_by_hand("--out", "out", *args)
    assert result.exit_code == 2 and said in result.stderr and not result.stdout
    assert "Traceback" not in result.stderr and not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("there", ["two.png", "two.json", "two_2.png", "two_7.json"])
def test_nothing_in_out_is_replaced_unasked(there: str, two: Path, tmp_path: Path) -> None:
    mine: Any = tmp_path / "out" / there
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    result = align(two, "--out", mine.parent, "--face", "all", "--size", 16)
    assert result.exit_code == 2 and f"{mine} is already there" in result.stderr and mine.read_text() == "mine"
    assert align(two, "--out", mine.parent, "--face", "all", "--size", 16, "--overwrite").exit_code == 0
    assert (mine.read_bytes() == b"mine") == (there == "two_7.json"), "there is no seventh face"


def test_a_photo_with_three_faces_takes_its_unedited_crops_back_unchanged(shared: Path, tmp_path: Path) -> None:
    require_dlib()
    path, out = tmp_path / "three.png", tmp_path / "out"
    with Image.open(shared / "data" / "faces" / "sample3.jpg") as large:
        large.resize((960, 675)).save(path)  # half the size: the finder needs most of the time
    arguments = ["align", str(path), "--out", str(out), "--face", "all", "--size", "256", "--landmarks", "dlib"]
    result = CliRunner().invoke(build(i2i.load_registry()), [*arguments, "--device", "cpu", "--json"])
    assert result.exit_code == 0, result.stderr
    faces = json.loads(result.stdout)["photos"][0]["faces"]
    assert len(faces) == 3 and faces[2]["box"][0] > 650, "from left to right"
    whole = read_image(path)
    patches = [(read_image(face["crop"]),) * 2 + (Placement.of_plain(face["placement"]),) for face in faces]
    assert np.array_equal(paste(whole, patches), whole)
    for face, (crop, _, placement) in zip(faces, patches, strict=True):
        points = np.array(face["landmarks_in_crop"])
        eyes, mouth = points[36:48].mean(axis=0), points[[48, 54]].mean(axis=0)
        assert abs(eyes[0] - mouth[0]) < 40 and 110 < eyes[1] < 130 < 160 < mouth[1] < 200, "upright, where FFHQ has it"
        darker = paste(whole, [(crop // 2, crop, placement)], colours=False)
        apart = np.abs(darker.astype(int) - whole).max(axis=2)
        weights = Mask(placement, *whole.shape[:2]).weights(0, whole.shape[1], 0, whole.shape[0])
        assert apart[weights == 0].max() == 0 and apart.max() > 60


def test_the_editor_gives_back_crops_and_the_photo(tmp_path: Path) -> None:
    """A generator of no photographs takes the largest square."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 90, 3), dtype=np.uint8)
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, array in zip(paths, (pixels, pixels[:, ::-1]), strict=True):
        Image.fromarray(np.ascontiguousarray(array)).save(path)
    result = i2i.edit("align", paths, generator="demo-faces", device="cpu", out=tmp_path / "out")
    assert len(result.others) == 1 and result.image.shape == (1, 3, 64, 64)
    assert np.array_equal(read_image(tmp_path / "out" / "result.png"), pixels[:, 13:77])
    assert np.array_equal(read_image(tmp_path / "out" / "result_2.png"), pixels[:, ::-1][:, 13:77])
    assert np.array_equal(read_image(tmp_path / "out" / "photo.png"), pixels)


def test_its_help_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom i2i.cli import main\ntry:\n    main(['align', '--help'])\nexcept SystemExit as end:\n"
        "    sys.exit(end.code or any(name in sys.modules for name in ('torch', 'numpy', 'cv2', 'dlib')))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0 and "--size" in result.stdout, result.stderr
