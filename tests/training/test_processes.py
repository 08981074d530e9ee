"""Two processes train like one with the same batch."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from i2i.training.runs import open_run
from tests.training.conftest import SMALL

OPTIONS = {"batch": 2, "steps": 4, "norm": "instance", "dropout": "none", "checkpoint_every": 4, "validate_every": 4}


@pytest.fixture
def two(pairs, tmp_path):
    def train(out: str, *more: str) -> subprocess.CompletedProcess[str]:
        config = {key: value for key, value in {**SMALL, **OPTIONS}.items() if key != "quiet"}
        (tmp_path / "config.yaml").write_text(json.dumps({**config, "dataset": "folder", "data_root": str(pairs)}))
        launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "i2i"]
        command = [*launch, "train", "pix2pix", "--config", str(tmp_path / "config.yaml"), "--out", str(tmp_path / out)]
        return subprocess.run([*command, *more], capture_output=True, text=True, timeout=240, check=False)

    return train


def test_two_processes_equal_one(two, small, tmp_path):
    done = two("two")
    assert done.returncode == 0, done.stderr
    run = open_run(tmp_path / "two")
    assert run.summary()["status"] == "done" and run.options["device"]["processes"] == 2
    alone = small("one", **OPTIONS)
    one, other = load_file(alone.checkpoint(4)), load_file(run.checkpoint(4))
    # Adam's first steps have the size of the rate whatever the gradient's, so rounding may turn a tiny one round.
    assert all(torch.allclose(one[key], other[key], atol=4e-4) for key in one)
    assert sum(((one[key] - other[key]) ** 2).sum() for key in one).sqrt() < 0.02
    steps = [json.loads(line)["step"] for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 4]  # one process writes
    losses = [json.loads((r.folder / "log.jsonl").read_text().splitlines()[0])["loss/g_l1"] for r in (alone, run)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_batch_that_cannot_be_shared_is_refused(two):
    refused = two("odd", "--batch", "3")
    assert refused.returncode != 0
    assert "cannot be divided among 2 processes" in refused.stderr


def test_processes_that_drift_apart_are_refused(tmp_path):
    (tmp_path / "apart.py").write_text(
        "import torch, i2i; from i2i.runtime.distributed import join, leave, require_agreement\n"
        "rank, world = join()\n"
        "for seed in (0, rank):\n"
        "    torch.manual_seed(seed)\n"
        "    try: require_agreement(torch.nn.Linear(9, 9), 'mine', world); print('together')\n"
        "    except i2i.I2IError as error: print(error)\n"
        "leave()\n"
    )
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    done = subprocess.run(
        [*launch, tmp_path / "apart.py"], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    assert done.count("together") == 2
    assert done.count("'mine' does not average its gradients over the 2 processes") == 2
