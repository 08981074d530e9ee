"""What a run does and leaves behind, and how it ends when something is wrong."""

from __future__ import annotations

import errno
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import i2i
import i2i.training.runs
from i2i.runtime.device import TorchDevice
from i2i.toolkit.images import read_image
from i2i.training.ema import WeightAverage
from i2i.training.loop import rate_factor


def test_a_run_leaves_what_the_contract_says(small):
    run = small("run", steps=10, checkpoint_every=5, sample_every=5, validate_every=5)
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    wanted = {"options.json", "log.jsonl", "curves.png", "summary.json", "checkpoints/last", "checkpoints/best"}
    wanted |= {f"samples/step_{step:06d}_{split}.png" for step in (5, 10) for split in ("train", "val")}
    wanted |= {f"checkpoints/step_{step:06d}.{kind}" for step in (5, 10) for kind in ("safetensors", "state")}
    assert wanted <= names
    assert any(name.startswith("tb/events") for name in names)
    assert not [name for name in names if name.endswith(".part")]

    options = json.loads((run.folder / "options.json").read_text())
    assert options["run"]["source"] == "real" and options["run"]["seed"] == 0 and "torch" in options["versions"]
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    losses = [line for line in lines if "loss/g_l1" in line]
    assert [line["step"] for line in losses] == list(range(1, 11))
    assert all({"epoch", "images_per_second", "loss/d_real"} <= line.keys() for line in losses)
    summary = run.summary()
    assert summary["status"] == "done" and summary["steps"] == 10 and summary["images_per_second"] > 0
    assert summary["validation"]["l1"] == pytest.approx([line["val/l1"] for line in lines if "val/l1" in line][-1])


def test_training_learns(small):
    run = small("run", steps=150, batch=2, validate_every=50, rate=2e-3, norm="instance", dropout="none")
    measured = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    values = [line["val/l1"] for line in measured if "val/l1" in line]
    assert values[-1] < 0.6 * measured[0]["loss/g_l1"] / 2  # losses are of pictures in [-1, 1], measures in [0, 1]


def test_overfit_sees_only_the_first_pairs(small):
    run = small("run", steps=4, overfit=2)
    pictures = read_image(run.folder / "samples" / "step_000004_train.png")
    assert run.options["run"]["overfit"] == 2
    assert pictures.shape[0] < 3 * 40  # two rows
    assert not list((run.folder / "samples").glob("*_val.png"))


def test_the_last_checkpoints_and_the_best_are_kept(small, monkeypatch):
    values = [0.5, 0.1, 0.4, 0.3, 0.2]
    from i2i_plugins.pix2pix.trainer import Pix2Pix

    # Three samples are validated each time.
    measured = iter([value for value in values for _ in range(3)])
    monkeypatch.setattr(Pix2Pix, "validate", lambda self, batch: {"l1": next(measured)})
    run = small("run", steps=5, checkpoint_every=1, validate_every=1, keep=2)
    assert run.steps() == [2, 4, 5]
    assert run.pointer("best") == 2 and run.pointer("last") == 5


def test_a_loss_that_is_not_finite_stops_the_run(small, monkeypatch, tmp_path):
    from i2i_plugins.pix2pix.trainer import Pix2Pix

    step = Pix2Pix.step
    count = []

    def breaks_at_four(self, batch):
        count.append(1)
        losses = step(self, batch)
        return {**losses, "g_gan": losses["g_gan"] * math.nan} if len(count) == 4 else losses

    monkeypatch.setattr(Pix2Pix, "step", breaks_at_four)
    with pytest.raises(i2i.I2IError, match=r"'g_gan' became nan at step 4.*last good checkpoint is .*step_000003"):
        small("run", checkpoint_every=3, validate_every=6)
    run = i2i.training.runs.open_run(tmp_path / "run")
    assert run.summary()["status"] == "failed" and "g_gan" in run.summary()["reason"]
    assert run.steps() == [3]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_leaves_the_last_checkpoint_whole(small, monkeypatch, tmp_path, code):
    import safetensors.torch

    save = safetensors.torch.save_file

    def full_at_second(tensors, path, metadata=None):
        save(tensors, path, metadata=metadata)
        if "000004" in str(path):
            path.write_bytes(path.read_bytes()[:1000])
            raise OSError(code, "no", str(path))

    monkeypatch.setattr(safetensors.torch, "save_file", full_at_second)
    with pytest.raises(i2i.I2IError, match=r"the disk is full|permission denied"):
        small("run", checkpoint_every=2, validate_every=6)
    run = i2i.training.runs.open_run(tmp_path / "run")
    assert run.last_step() == 2 and load_file(run.checkpoint(2))
    assert not list(run.folder.glob("checkpoints/*.part")) and not list(run.folder.glob("checkpoints/.*"))
    monkeypatch.undo()
    i2i.train("pix2pix", resume=run.folder, quiet=True)
    assert run.summary()["status"] == "done"


def test_nothing_is_overwritten(small, tmp_path):
    small("run", steps=1)
    with pytest.raises(i2i.UsageError, match="--resume"):
        small("run", steps=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    with pytest.raises(i2i.UsageError, match="not an empty folder"):
        small("mine", steps=1)


def test_a_faulty_picture_is_found_before_the_first_step(small, pairs, tmp_path):
    (pairs / "train" / "bad.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(i2i.I2IError, match=r"1 of 7 pairs cannot be used.*bad\.png.*i2i datasets check"):
        small("run")
    assert not list((tmp_path / "run").glob("checkpoints/*"))
    assert small("skipped", skip_bad=True).summary()["status"] == "done"


def test_dataset_that_is_synthetic_only_is_not_called_not_downloaded(tmp_path, capsys):
    from tests.training.conftest import SMALL

    i2i.train("pix2pix", out=tmp_path / "run", **{**SMALL, "dataset": "faces", "steps": 1, "quiet": False})
    told = capsys.readouterr().err
    assert "2000 synthetic pairs on cpu" in told and "downloaded" not in told


def test_synthetic_samples_stand_in_and_says_so(tmp_path, capsys):
    from tests.training.conftest import SMALL

    options = {**SMALL, "dataset": "facades", "steps": 1, "quiet": False}
    run = i2i.train("pix2pix", out=tmp_path / "run", **options)
    assert run.options["run"]["source"] == "drawn" and run.options["run"]["direction"] == "BtoA"
    assert "i2i datasets fetch facades" in capsys.readouterr().err
    with pytest.raises(i2i.I2IError, match="i2i datasets fetch facades"):
        i2i.train("pix2pix", out=tmp_path / "real", source="real", **options)


def test_the_average_is_what_predicts(small):
    run = small("run", steps=15, ema=0.9)
    tensors = load_file(run.checkpoint(15))
    key = "down.0.0.weight"
    assert not torch.equal(tensors[f"generator.{key}"], tensors[f"average.{key}"])
    trainer, _ = run.load_trainer(i2i.load_registry(), TorchDevice("cpu"))
    assert torch.equal(trainer.networks["generator"].state_dict()[key], tensors[f"average.{key}"])
    plain = small("plain", steps=15, ema=0)
    assert not [name for name in load_file(plain.checkpoint(15)) if name.startswith("average")]
    assert torch.equal(load_file(plain.checkpoint(15))[f"generator.{key}"], tensors[f"generator.{key}"])


def test_the_average_by_hand():
    network = torch.nn.Linear(2, 1, bias=False)
    start = network.weight.detach().clone()
    average = WeightAverage(network, 0.99)
    with torch.no_grad():
        network.weight += 4
    for step in range(1, 11):
        average.update(step)
    kept = (11 / 20) ** 10  # ten steps at once, with the short memory of step 10
    assert torch.allclose(average.tensors["weight"], start + 4 * (1 - kept))
    average.update(10_000)
    assert torch.allclose(average.tensors["weight"], start + 4 * (1 - kept * 0.99**10))
    with average.applied():
        assert torch.equal(network.weight, average.tensors["weight"])
    assert torch.allclose(network.weight, start + 4)


@pytest.mark.parametrize(("total", "decay"), [(200, 0.5), (7, 0.5), (10, 0.0), (5, 1.0), (1, 0.5)])
def test_the_rate_is_constant_then_falls_and_never_reaches_nought(total, decay):
    factors = [rate_factor(step, total, decay) for step in range(1, total + 1)]
    constant = total - round(total * decay)
    assert factors[:constant] == [1.0] * constant
    assert factors[-1] > 0
    assert np.all(np.diff(factors[constant:]) < 0)


def test_runs_by_steps_keep_their_rate_and_runs_by_epochs_let_it_fall(small):
    def rates(run):
        state = torch.load(run.checkpoint(run.last_step()).with_suffix(".state"), weights_only=True)
        return [state["trainer"][name]["param_groups"][0]["lr"] for name in ("generator", "discriminator")]

    assert rates(small("steps", steps=6)) == [2e-4, 2e-4]
    assert rates(small("epochs", steps=None, epochs=1)) == pytest.approx([2e-4 / 4] * 2)
    assert rates(small("asked", steps=6, decay=1)) == pytest.approx([2e-4 / 7] * 2)


def test_parts_of_a_batch_add_up_to_the_batch(small):
    """Instance normalisation and no dropout: then a batch in parts is the same sum."""
    options = {"batch": 4, "steps": 2, "norm": "instance", "dropout": "none"}
    at_once, in_parts = small("whole", **options), small("parts", accumulate=2, **options)
    one, other = (load_file(run.checkpoint(2)) for run in (at_once, in_parts))
    # Adam's first steps have the size of the rate whatever the gradient's, so rounding may turn a tiny one round.
    assert all(torch.allclose(one[key], other[key], atol=1e-4) for key in one)
    moved = load_file(small("other", seed=1, **options).checkpoint(2))
    assert not torch.allclose(one["generator.down.1.1.weight"], moved["generator.down.1.1.weight"], atol=1e-2)


def test_wrong_options_end_in_one_sentence(small):
    cases = {
        "--batch 3 must be a multiple of --accumulate 2": {"batch": 3, "accumulate": 2},
        "give --steps or --epochs, not both": {"epochs": 1},
        "there is no option 'ratee'. Did you mean 'rate'": {"ratee": 1},
        "downsamples 5 times: give a multiple of 32": {"size": 48, "levels": 5},
        "There is no dataset called 'facade'. Did you mean 'facades'": {"dataset": "facade"},
        "is not a folder": {"data_root": "/nowhere/at/all"},
    }
    for message, options in cases.items():
        with pytest.raises(i2i.UsageError) as caught:
            small("never", **options)
        assert message in str(caught.value) and "\n" not in str(caught.value)
