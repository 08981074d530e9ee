"""`i2i predict` and its function: which picture goes where, at which size, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.cli import predict as predict_command
from i2i.inference import prediction
from tests.helpers.made_run import MadeRun, call, ramp, read, save


def turn(run: MadeRun, registry: i2i.Registry, *inputs: Path, **given: Any) -> list[Path]:
    out = given.pop("out", run.folder.parent / "out")
    return prediction.predict(run.folder, inputs, out, device="cpu", registry=registry, **given)


def test_result_has_the_picture_s_own_size_and_is_its_negative(
    run: MadeRun, registry: i2i.Registry, tmp_path: Path
) -> None:
    for height, width in ((32, 32), (33, 40), (90, 250), (7, 5)):
        picture = ramp(height, width)
        (written,) = turn(run, registry, save(tmp_path / "in.png", picture), overwrite=True)
        assert written == tmp_path / "out" / "in.png"
        assert read(written).shape == picture.shape
        assert np.abs(read(written).astype(int) - (255 - picture)).mean() < 12
    (written,) = turn(run, registry, save(tmp_path / "in.png", ramp(32, 32)), overwrite=True)
    assert np.array_equal(read(written), 255 - ramp(32, 32))


def test_folders_keep_their_structure_and_hidden_files_stay_out(
    run: MadeRun, registry: i2i.Registry, tmp_path: Path
) -> None:
    for name in ("a.png", "deep/er/b.JPG", ".hidden.png", ".git/c.png"):
        save(tmp_path / "in" / name, ramp(32, 32))
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    written = turn(run, registry, tmp_path / "in")
    assert [path.relative_to(tmp_path / "out") for path in written] == [Path("a.png"), Path("deep/er/b.png")]


def test_nothing_is_overwritten_unasked(run: MadeRun, registry: i2i.Registry, tmp_path: Path) -> None:
    first, second = save(tmp_path / "x" / "a.png", ramp(32, 32)), save(tmp_path / "y" / "a.jpg", 255 - ramp(32, 32))
    written = turn(run, registry, first, second)
    assert [path.name for path in written] == ["a.png", "a-2.png"]
    before = written[0].read_bytes()
    with pytest.raises(i2i.UsageError, match=r"already there.*--overwrite"):
        turn(run, registry, second)
    assert written[0].read_bytes() == before
    with pytest.raises(i2i.UsageError, match="would replace the input"):
        turn(run, registry, first, out=tmp_path / "x", overwrite=True)
    assert np.array_equal(read(first), ramp(32, 32))


def test_results_in_the_input_folder_are_no_inputs_of_the_next_time(
    run: MadeRun, registry: i2i.Registry, tmp_path: Path
) -> None:
    save(tmp_path / "in" / "a.jpg", ramp(32, 32))
    for _ in range(2):
        written = turn(run, registry, tmp_path / "in", out=tmp_path / "in" / "made", overwrite=True)
        assert [path.name for path in written] == ["a.png"]


@pytest.mark.parametrize(("side", "columns"), [("A", slice(0, 32)), ("B", slice(32, 64)), (None, slice(0, 64))])
def test_side_takes_half_of_a_pair(
    run: MadeRun, registry: i2i.Registry, tmp_path: Path, side: Literal["A", "B"] | None, columns: slice
) -> None:
    picture = np.concatenate([ramp(32, 32), np.full((32, 32, 3), 200, np.uint8)], axis=1)
    (written,) = turn(run, registry, save(tmp_path / "ab.png", picture), side=side)
    result = read(written).astype(int)
    assert result.shape == picture[:, columns].shape
    assert np.abs(result - (255 - picture[:, columns])).mean() < (1 if side else 12)


def test_a_result_depends_on_its_picture_alone(run: MadeRun, registry: i2i.Registry, tmp_path: Path) -> None:
    """Also with dropout and batch statistics: the draw is seeded anew for each picture."""
    first, second = save(tmp_path / "a.png", ramp(32, 32)), save(tmp_path / "b.png", 255 - ramp(32, 32))
    settings = {"test": "paper"}
    alone = read(turn(run, registry, second, settings=settings, out=tmp_path / "1")[0])
    together = read(turn(run, registry, first, second, settings=settings, out=tmp_path / "2")[1])
    assert np.array_equal(alone, together) and alone.std() > 0


def test_bad_pictures_do_not_cost_the_others(run: MadeRun, registry: i2i.Registry, tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", ramp(32, 32))
    (tmp_path / "in" / "b.png").write_bytes(b"not a picture")
    save(tmp_path / "in" / "c.png", ramp(32, 32))
    done = call(predict_command, registry, run.folder, tmp_path / "in", "--out", tmp_path / "out", "--device", "cpu")
    assert done.exit_code == 1 and "1 of 3 images" in done.stderr and "b.png" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]
    for number in range(4):
        (tmp_path / "in" / f"{number}.png").write_bytes(b"")
    none = call(predict_command, registry, run.folder, *(tmp_path / "in").glob("[0-9].png"), "--out", tmp_path / "none")
    assert none.exit_code == 1 and "4 of 4 images could not be used. " in none.stderr and "others" not in none.stderr
    assert none.stderr.count("the file is empty") == 3 and none.stderr.endswith("...\n")


def test_command(run: MadeRun, registry: i2i.Registry, tmp_path: Path) -> None:
    picture = save(tmp_path / "a.jpg", ramp(32, 32))
    args = [run.folder, picture, "--out", tmp_path / "out", "--device", "cpu"]
    assert call(predict_command, registry, *args).stdout.split() == [str(tmp_path / "out" / "a.png")]
    found = json.loads(call(predict_command, registry, *args, "--overwrite", "--json").stdout)
    assert found["pictures"] == [str(tmp_path / "out" / "a.png")]
    assert Image.open(tmp_path / "out" / "a.png").info["i2i"] == "made by mirror run run, step 7"
    for wrong in (tmp_path / "nowhere", run.folder):
        done = call(predict_command, registry, run.folder, wrong, "--out", tmp_path / "out")
        assert done.exit_code == 2 and len(done.stderr.splitlines()) == 1 and str(wrong) in done.stderr


def test_values_that_are_not_finite_are_refused(run: MadeRun, registry: i2i.Registry, tmp_path: Path) -> None:
    with pytest.raises(i2i.I2IError, match="not finite"):
        turn(run, registry, save(tmp_path / "a.png", ramp(32, 32)), settings={"test": "broken"})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("picture", "size", "multiple", "shown"),
    [
        ((256, 256), 256, 256, (256, 256)),
        ((200, 300), 256, 32, (192, 288)),
        ((300, 200), 256, 1, (300, 200)),
        ((300, 200), 256, 256, (256, 256)),  # rounding would move a side by more than an eighth
        ((1080, 1920), 256, 32, (256, 256)),  # far from what the network has seen
        ((100, 100), 256, 4, (256, 256)),
    ],
)
def test_working_size(picture: tuple[int, int], size: int, multiple: int, shown: tuple[int, int]) -> None:
    assert prediction.working_size(*picture, size, multiple) == shown


def test_notes_on_images_are_passed_on_and_profiles_applied(
    run: MadeRun, registry: i2i.Registry, tmp_path: Path
) -> None:
    from tests.helpers.colour_profiles import convert, matrix_profile

    notes: list[str] = []
    for name, profile in (("wide.png", matrix_profile()), ("broken.png", b"no profile")):
        Image.fromarray(ramp(32, 32)).save(tmp_path / name, icc_profile=profile)
    wide, broken = turn(run, registry, tmp_path / "wide.png", tmp_path / "broken.png", note=notes.append)
    (warning,) = notes
    assert warning.startswith(f"warning: {tmp_path / 'broken.png'}: its colour profile is ignored")
    assert np.array_equal(read(broken), 255 - ramp(32, 32))
    assert np.abs(read(wide).astype(int) - (255 - convert(ramp(32, 32), matrix_profile()))).max() <= 1
