"""A run that was stopped, killed or cut short ends exactly like one that never was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

import i2i
import i2i.registry
import i2i.training.runs
from tests.training.conftest import SMALL


def weights(run, step: int) -> dict[str, torch.Tensor]:
    return load_file(run.checkpoint(step))


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


OPTIONS = {"steps": 14, "batch": 2, "checkpoint_every": 3, "validate_every": 2, "sample_every": 5}


def test_interrupted_and_resumed_equals_never_stopped(small, monkeypatch):
    whole = small("whole", **OPTIONS)

    step = i2i.registry.load_registry().get("trainer", "pix2pix").step
    seen = []

    def interrupt_at_five(self, batch):
        seen.append(1)
        if len(seen) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, batch)

    monkeypatch.setattr("i2i_plugins.pix2pix.trainer.Pix2Pix.step", interrupt_at_five)
    with pytest.raises(i2i.Interrupted, match=r"after step 5 of 14.*resume with: i2i train pix2pix --resume"):
        small("cut", **OPTIONS)
    cut = i2i.training.runs.open_run(whole.folder.parent / "cut")
    assert cut.summary()["status"] == "interrupted" and cut.last_step() == 5

    i2i.train("pix2pix", resume=cut.folder, quiet=True)
    assert cut.summary()["status"] == "done"
    assert same(weights(whole, 14), weights(cut, 14))
    lines = [json.loads(line) for line in (cut.folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss/g_l1" in line] == list(range(1, 15))


def test_killed_at_any_moment_and_resumed_equals_never_stopped(small, pairs, tmp_path):
    options = {
        **OPTIONS,
        "steps": 2000,
        "decay": 0.0,
        "checkpoint_every": 4,
        "validate_every": 2000,
        "sample_every": 2000,
    }
    code = (
        "import sys, json, torch, i2i; torch.set_num_threads(1);"
        "i2i.train('pix2pix', out=sys.argv[1], **json.loads(sys.argv[2]))"
    )
    given = json.dumps({**SMALL, "dataset": "folder", "data_root": str(pairs), **options})
    folder = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", code, str(folder), given])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None and not list(folder.glob("checkpoints/step_00002*")):
        time.sleep(0.005)
    time.sleep(random.random() / 10)
    process.kill()
    process.wait()

    killed = i2i.training.runs.open_run(folder)
    reached = killed.last_step()
    assert killed.summary()["status"] == "unfinished" and reached is not None and reached < 2000
    i2i.train("pix2pix", resume=folder, steps=reached + 7, quiet=True)
    whole = small("whole", **{**options, "steps": reached + 7})
    assert same(weights(whole, reached + 7), weights(killed, reached + 7))


def test_more_steps_than_first_asked(small):
    long = small("long", **{**OPTIONS, "steps": 19})
    short = small("short", **{**OPTIONS, "steps": 13})
    i2i.train("pix2pix", resume=short.folder, steps=19, quiet=True)
    assert same(weights(long, 19), weights(short, 19))
    assert short.summary()["of"] == 19


def test_a_damaged_checkpoint_is_named_and_an_older_one_taken(small, capsys):
    run, whole = small("run", **OPTIONS), small("whole", **OPTIONS)
    path = run.checkpoint(14)
    path.write_bytes(path.read_bytes()[:100])
    i2i.train("pix2pix", resume=run.folder, quiet=True)
    assert "step_000014.safetensors is damaged" in capsys.readouterr().err
    assert same(weights(run, 14), weights(whole, 14))


def test_resume_refuses_other_options_and_other_trainers(small):
    run = small("run", steps=1)
    with pytest.raises(i2i.UsageError, match="--rate cannot be given"):
        i2i.train("pix2pix", resume=run.folder, rate=1e-3)
    with pytest.raises(i2i.I2IError, match="give more with --steps N"):
        i2i.train("pix2pix", resume=run.folder, quiet=True)


def test_a_set_that_changed_is_noticed(small, pairs):
    run = small("run", steps=1)
    (pairs / "train" / "0.png").unlink()
    with pytest.raises(i2i.I2IError, match="has 5 usable pairs now"):
        i2i.train("pix2pix", resume=run.folder, steps=2, quiet=True)
