"""``i2i edit``: an editor's own options, Ctrl-C, and where results go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

import i2i
from i2i.cli.edit import command as edit_command
from i2i.cli.edit import shorten
from i2i.registry import Registry
from i2i.testing import registry_of
from tests.helpers.toy_editors import Blend, Latent, Points, Seeded, Shift, run


@pytest.fixture
def registry() -> Registry:
    return registry_of(Shift, Blend, Points, Seeded, Latent)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((6, 10, 3), 64, np.uint8)).save(path)
    return path


def test_ctrl_c_keeps_the_best_so_far(photo: Path, tmp_path: Path) -> None:
    class Long(i2i.Editor):
        name = "long"
        summary = "Works until it is stopped."

        def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
            for step in range(100):
                if scene.cancelled:
                    break
                if step == 3:
                    signal.raise_signal(signal.SIGINT)
            return i2i.Result(image=scene.photos["image"].pixels, scalars={"steps": step})

    before = signal.getsignal(signal.SIGINT)
    args = ["--plugin", "long", "--image", photo, "--out", tmp_path / "out", "--device", "cpu", "--json"]
    done = run(edit_command, registry_of(Long), *args)
    assert done.exit_code == 0 and json.loads(done.stdout)["scalars"] == {"steps": 4}
    assert json.loads((tmp_path / "out" / "recipe.json").read_text(encoding="utf-8"))["stopped"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_an_edit_at_once(photo: Path, tmp_path: Path) -> None:
    class Stubborn(i2i.Editor):
        name = "stubborn"
        summary = "Does not look at scene.cancelled."

        def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
            scene.progress(1, 2)
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("goes on after the second signal")

    out = tmp_path / "out"
    done = run(edit_command, registry_of(Stubborn), "--plugin", "stubborn", "--image", photo, "--out", out)
    assert isinstance(done.exception, i2i.Interrupted) and "Stopped at once, so nothing is written" in str(
        done.exception
    )
    assert not out.exists()


def test_the_command_takes_the_editors_own_options(registry: Registry, photo: Path, tmp_path: Path) -> None:
    helped = run(edit_command, registry, "--plugin=shift", "--help")
    assert helped.exit_code == 0 and "--amount" in helped.output and "-1<=x<=1" in helped.output
    assert helped.output.index("--recipe") < helped.output.index("--amount") < helped.output.rindex("--help")
    assert "--amount" not in run(edit_command, registry, "--plugin", "seeded", "--help").output
    out = ["--out", tmp_path / "out", "--device", "cpu"]
    done = run(edit_command, registry, "--plugin", "shift", "--image", photo, "--amount", "-0.5", *out, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["files"] == ["result.png", "before_after.png", "frames.gif", "recipe.json"]
    assert json.loads((tmp_path / "out" / "recipe.json").read_text(encoding="utf-8"))["options"]["amount"] == -0.5
    wrong = run(edit_command, registry, "--plugin", "shift", "--image", photo, "--amount", "2", *out)
    assert wrong.exit_code == 2 and "-1<=x<=1" in wrong.output
    again = ["--recipe", tmp_path / "out" / "recipe.json"]
    for extra in (["--amount", "0.1"], ["--seed", "3"]):
        refused = run(edit_command, registry, *again, *extra)
        assert isinstance(refused.exception, i2i.UsageError) and "as it was" in str(refused.exception)


def test_the_command_names_the_first_and_the_last_of_numbered_frames(
    registry: Registry, photo: Path, tmp_path: Path
) -> None:
    given = ["--plugin", "shift", "--image", photo, "--out", tmp_path / "out", "--device", "cpu"]
    done = run(edit_command, registry, *given, "--animation", "png")
    assert done.exit_code == 0 and "before_after.png, frames_0001.png to frames_0002.png, recipe.json" in done.output
    again = run(edit_command, registry, "--recipe", tmp_path / "out" / "recipe.json", *given[4:], "--animation", "gif")
    assert again.exit_code == 0 and "before_after.png, frames.gif, recipe.json" in again.output
    assert shorten(["frames_2_0001.png", "frames_3_0001.png", "frames_3_0002.png", "result.png"]) == [
        "frames_2_0001.png",
        "frames_3_0001.png to frames_3_0002.png",
        "result.png",
    ]


def test_without_the_default_editor_the_command_says_which_there_are(registry: Registry) -> None:
    refused = run(edit_command, registry)
    assert isinstance(refused.exception, i2i.UsageError)
    assert "choose with --plugin: blend, latent, seeded, shift" in str(refused.exception)
    assert run(edit_command, registry, "--help").exit_code == 0


def test_an_empty_folder_name_is_refused(registry: Registry, photo: Path) -> None:
    refused = run(edit_command, registry, "--plugin", "shift", "--image", photo, "--out", "")
    assert isinstance(refused.exception, i2i.UsageError) and '--out "": name a folder' in str(refused.exception)


CONCURRENT = """
import sys, time
from pathlib import Path
import i2i
from i2i.cli.edit import command
from i2i.testing import registry_of


class Slow(i2i.Editor):
    name, summary = "slow", "Waits until both edits run."

    def edit(self, scene, options):
        Path(sys.argv[2]).touch()
        end = time.monotonic() + 120
        while len(list(Path.cwd().glob("started*"))) < 2:
            assert time.monotonic() < end
            time.sleep(0.01)
        return i2i.Result(image=scene.photos["image"].pixels, scalars={"number": float(sys.argv[2][-1])})

command(["--plugin", "slow", "--image", sys.argv[1], "--device", "cpu"], obj=registry_of(Slow))
"""


def test_edit_directories_of_concurrent_edits_differ(photo: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"}
    edits = [
        subprocess.Popen([sys.executable, "-c", CONCURRENT, photo, name], cwd=tmp_path, env=environment)
        for name in ("started1", "started2")
    ]
    assert [edit.wait(timeout=240) for edit in edits] == [0, 0]
    recipes = [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("edits/slow-00[12]/recipe.json")]
    assert sorted(recipe["scalars"]["number"] for recipe in recipes) == [1, 2]


class Failing(i2i.Editor):
    name = "failing"
    summary = "Raises what it is told to."
    error: ClassVar[BaseException]

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        assert Path("edits/failing-001").is_dir()
        raise self.error


@pytest.mark.parametrize("error", [i2i.I2IError("no"), KeyboardInterrupt(), ValueError("a mistake of the editor")])
def test_edit_directory_is_removed_when_nothing_is_written(
    error: BaseException, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Failing, "error", error, raising=False)
    done = run(edit_command, registry_of(Failing), "--plugin", "failing", "--image", photo, "--device", "cpu")
    assert done.exit_code == 1 and not (tmp_path / "edits").exists()
