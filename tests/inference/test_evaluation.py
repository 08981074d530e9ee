"""`i2i evaluate` and its function: the numbers, what they are of, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import i2i
from i2i.cli import evaluate as evaluate_command
from i2i.data.batches import fixed_batches
from i2i.data.training_data import open_pairs
from i2i.inference import evaluation
from i2i.runtime.device import TorchDevice
from tests.helpers.made_run import SIZE, MadeRun, Ramps, call


def test_numbers_of_a_perfect_and_of_a_faint_network(run: MadeRun, registry: i2i.Registry) -> None:
    perfect = evaluation.evaluate(run.folder, device="cpu", registry=registry)
    assert perfect["metrics"] == pytest.approx({"l1": 0, "psnr": 100, "ssim": 1, "lpips": 0}, abs=1e-5)
    faint = evaluation.evaluate(run.folder, metrics=["l1"], device="cpu", registry=registry, settings={"gain": "0.5"})
    (group,) = open_pairs(Ramps(), None, "val", "drawn", 0, "AtoB").groups
    off = [np.abs(group.read(index, SIZE)["target"] / 255 - 0.5).mean() / 2 for index in range(5)]
    assert list(faint["per_picture"].values()) == [{"l1": pytest.approx(value, rel=1e-5)} for value in off]
    assert faint["metrics"]["l1"] == pytest.approx(np.mean(off), rel=1e-5)


def test_report_says_what_was_measured_and_is_kept(run: MadeRun, registry: i2i.Registry) -> None:
    result = evaluation.evaluate(run.folder, split="train", metrics=("psnr", "l1"), device="cpu", registry=registry)
    told = {key: result[key] for key in ("step", "split", "source", "direction", "size", "pictures", "settings")}
    assert list(told.values()) == [7, "train", "drawn", "AtoB", SIZE, 4, {}]
    assert list(result["metrics"]) == ["psnr", "l1"] and len(result["per_picture"]) == 4
    kept = json.loads((run.folder / "evaluation_train.json").read_text())
    assert result["file"] == str(run.folder / "evaluation_train.json")
    assert kept == {key: value for key, value in result.items() if key != "file"}


def test_direction_swaps_input_and_target() -> None:
    shown = {}
    for direction in ("AtoB", "BtoA"):
        data = open_pairs(Ramps(), None, "val", "drawn", 0, direction)
        (shown[direction],) = fixed_batches(data.groups, SIZE, 2, TorchDevice("cpu"), 2)
    for one, other in (("input", "target"), ("target", "input")):
        assert torch.equal(shown["AtoB"][one], shown["BtoA"][other])
    assert not torch.equal(shown["AtoB"]["input"], shown["BtoA"]["input"])


def test_batch_statistics_are_taken_of_one_picture(run: MadeRun, registry: i2i.Registry) -> None:
    """In the paper's test mode batch mates would change a picture: pictures go one at a time, seeded."""
    results = [
        evaluation.evaluate(
            run.folder, metrics=["l1"], device="cpu", batch=batch, registry=registry, settings={"test": "paper"}
        )
        for batch in (1, 4)
    ]
    assert run.trainer is not None and {size[0] for size in run.trainer.sizes} == {1}
    assert results[0]["per_picture"] == results[1]["per_picture"]
    assert results[0]["settings"] == {"test": "paper"}


def test_plain_pictures_go_in_batches(run: MadeRun, registry: i2i.Registry) -> None:
    done: list[tuple[int, int]] = []
    evaluation.evaluate(
        run.folder, metrics=["l1"], device="cpu", batch=2, registry=registry, progress=lambda *at: done.append(at)
    )
    assert done == [(2, 5), (4, 5), (5, 5)]


def test_not_a_number_is_refused(run: MadeRun, registry: i2i.Registry) -> None:
    with pytest.raises(i2i.I2IError, match="not finite on drawn_val_0000"):
        evaluation.evaluate(run.folder, device="cpu", registry=registry, settings={"test": "broken"})
    assert not (run.folder / "evaluation_val.json").exists()


def test_a_folder_one_may_not_write_to_costs_only_the_file(
    run: MadeRun, registry: i2i.Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("i2i.inference.evaluation.write_json", refuse)
    result = evaluation.evaluate(run.folder, metrics=["l1"], device="cpu", registry=registry)
    assert result["file"] is None and result["metrics"]["l1"] < 1e-6
    assert "evaluation_val.json could not be written (Permission denied)" in capsys.readouterr().err


def test_command_prints_a_table_or_json(run: MadeRun, registry: i2i.Registry) -> None:
    args = [run.folder, "--metrics", "l1, psnr", "--device", "cpu"]
    table = call(evaluate_command, registry, *args)
    assert [line.split() for line in table.stdout.splitlines()[1:3]] == [
        ["l1", "0.0000", "lower"],
        ["psnr", "100.0000", "higher"],
    ]
    found = json.loads(call(evaluate_command, registry, *args, "--json", "--set", "gain=0.5").stdout)
    assert found["settings"] == {"gain": "0.5"} and found["metrics"]["l1"] > 0.01 and "per_picture" not in found


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--metrics", "pnsr"], "Did you mean 'psnr'"),
        (["--metrics", ","], "there are: frechet, l1, lpips, lpips-vgg, psnr, ssim"),
        (["--split", "tset"], "split 'tset'"),
        (["--set", "tets=paper"], "Did you mean 'test'"),
        (["--set", "gain=much"], "gain"),
        (["--checkpoint", "first"], "last, best or the number"),
        (["--data-root", "nowhere"], "nowhere"),
    ],
)
def test_wrong_usage_is_one_line(run: MadeRun, registry: i2i.Registry, args: list[str], words: str) -> None:
    done = call(evaluate_command, registry, run.folder, "--device", "cpu", *args)
    assert done.exit_code == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1
