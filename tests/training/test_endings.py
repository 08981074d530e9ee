"""How a training that cannot start, or may not end, leaves things."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import safetensors.torch
from PIL import Image

import i2i
from i2i.inference.evaluation import evaluate
from i2i.training.runs import create, open_run
from i2i_plugins.pix2pix.trainer import Pix2Pix
from tests.training.conftest import SMALL


def test_a_run_that_cannot_start_leaves_no_folder(small, pairs, tmp_path):
    with pytest.raises(i2i.UsageError, match="give a multiple of 32"):
        small("never", size=40, levels=5)
    (pairs / "val" / "0.png").write_bytes(b"")
    with pytest.raises(i2i.I2IError, match=r"1 of 3 pairs cannot be used, such as .*val/0\.png: the file is empty"):
        small("never")
    assert not (tmp_path / "never").exists()


def test_faulty_validation_pairs_are_left_out_with_skip_bad_here_and_in_evaluate(small, pairs):
    (pairs / "val" / "0.png").write_bytes(b"")
    run = small("run", skip_bad=True)
    assert run.summary()["validation"]["l1"] > 0
    assert evaluate(run.folder, metrics=["l1"], device="cpu")["pictures"] == 2
    for number in (1, 2):
        (pairs / "val" / f"{number}.png").write_bytes(b"")
    with pytest.raises(i2i.I2IError, match=r"3 of 3 pairs cannot be used.*i2i datasets check"):
        small("other", skip_bad=True)


def test_a_validation_folder_that_is_not_understood_is_not_passed_over(small, pairs):
    (pairs / "val" / "A").mkdir()
    with pytest.raises(i2i.I2IError, match=r"val has no folder B"):
        small("run")


def test_drawn_pairs_never_validate_a_real_set(tmp_path, capsys):
    (tmp_path / "sets" / "facades" / "train").mkdir(parents=True)
    Image.fromarray(np.zeros((32, 64, 3), np.uint8)).save(tmp_path / "sets" / "facades" / "train" / "0.png")
    options = {**SMALL, "dataset": "facades", "data_root": str(tmp_path / "sets"), "steps": 1}
    run = i2i.train("pix2pix", out=tmp_path / "run", **options)
    assert run.options["run"]["source"] == "real" and run.summary()["validation"] == {}
    assert "no split 'val'" in capsys.readouterr().err


def test_runs_that_start_at_the_same_moment_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "pix2pix-x-1000").mkdir(parents=True)
    options = {"trainer": "pix2pix", "run": {"dataset": "x"}}
    with ThreadPoolExecutor(8) as pool:
        names = [run.folder.name for run in pool.map(lambda _: create(None, options), range(24))]
    assert sorted(names) == [f"pix2pix-x-{number}" for number in range(1001, 1025)]


def test_the_second_interrupt_ends_at_once_and_says_how_to_go_on(small, monkeypatch, tmp_path):
    step, count = Pix2Pix.step, []

    def interrupted(self, batch):
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(Pix2Pix, "step", interrupted)
    with pytest.raises(i2i.Interrupted, match=r"resume from step 3 with: i2i train pix2pix --resume .*run$"):
        small("run", checkpoint_every=3)
    assert open_run(tmp_path / "run").summary()["status"] == "interrupted"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes")])
def test_too_little_memory_ends_in_a_sentence(small, monkeypatch, error):
    def step(self, batch):
        raise error

    monkeypatch.setattr(Pix2Pix, "step", step)
    with pytest.raises(i2i.I2IError, match="give a smaller --batch"):
        small("run")


def test_an_error_in_a_trainer_names_it_and_keeps_its_cause(small, monkeypatch):
    def step(self, batch):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(Pix2Pix, "step", step)
    named = r"The trainer 'pix2pix' of i2i .* failed in step\(\): RuntimeError: shapes differ; tell its author"
    with pytest.raises(i2i.I2IError, match=named) as caught:
        small("run")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_full_disk_says_how_to_go_on(small, monkeypatch, tmp_path):
    def full(tensors, path, metadata=None):
        raise OSError(errno.ENOSPC, "no", str(path))

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(i2i.I2IError, match=r"free .*, then resume with: i2i train pix2pix --resume '.*my run'$"):
        small("my run", checkpoint_every=2)
    assert open_run(tmp_path / "my run").summary()["status"] == "failed"


def test_a_set_that_moved_is_found_again_from_any_folder(small, pairs, tmp_path, monkeypatch):
    run = small("run", steps=1)
    pairs.rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    i2i.train("pix2pix", resume=run.folder, steps=2, data_root="moved", quiet=True)
    monkeypatch.chdir("/")
    assert json.loads((run.folder / "options.json").read_text())["run"]["data_root"] == str(tmp_path / "moved")
    assert evaluate(run.folder, metrics=["l1"], device="cpu")["pictures"] == 3


def test_going_on_clears_what_a_crash_left(small):
    run = small("run", steps=2, checkpoint_every=1)
    folder = run.folder / "checkpoints"
    for name in ("step_000009.state", f".step_000009.safetensors.{os.getpid()}.part"):
        (folder / name).write_bytes(b"cut off")
    run.begin()
    assert {path.name for path in folder.iterdir()} == {
        "last",
        "best",
        *(f"step_{step:06d}.{kind}" for step in (1, 2) for kind in ("safetensors", "state")),
    }
    assert open_run(run.folder).summary()["status"] == "unfinished"


def test_options_that_a_later_version_added_have_their_defaults_in_older_runs(small):
    run = small("run", steps=1)
    options = json.loads((run.folder / "options.json").read_text())
    del options["run"]["workers"], options["run"]["skip_bad"]
    (run.folder / "options.json").write_text(json.dumps(options))
    assert open_run(run.folder).options["run"]["skip_bad"] is False
    assert evaluate(run.folder, metrics=["l1"], device="cpu")["pictures"] == 3
