"""``i2i train`` and ``i2i runs`` as typed: (arguments, effect, message)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file

from i2i.cli import build
from i2i.registry import load_registry

TINY = "--size 32 --levels 3 --width 2 --discriminator-width 2 --patch 16 --precision fp32 --device cpu --steps 2"


@pytest.fixture(scope="module")
def cli():
    return build(load_registry())


@pytest.fixture
def run(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        (tmp_path / "set" / split).mkdir(parents=True)
        for number in range(2):
            Image.fromarray(np.full((32, 64, 3), 40 * number, np.uint8)).save(
                tmp_path / "set" / split / f"{number}.png"
            )
    return lambda *args: CliRunner().invoke(cli, [str(arg) for arg in args])


def test_a_first_session(run, tmp_path):
    done = run("train", "pix2pix", "--dataset", "folder", "--data-root", "set", *TINY.split())
    assert done.exit_code == 0, done.output
    assert "next: i2i predict runs/pix2pix-folder-001" in done.stdout
    again = run("train", "pix2pix", "--dataset", "folder", "--data-root", "set", *TINY.split())
    assert "runs/pix2pix-folder-002" in again.stdout
    onward = run("train", "pix2pix", "--resume", "runs/pix2pix-folder-001", "--steps", 3)
    assert onward.exit_code == 0 and "3 steps" in onward.stdout

    listed = json.loads(run("runs", "list", "--json").stdout)["runs"]
    assert [row["steps"] for row in listed] == ["3/3", "2/2"] and {row["status"] for row in listed} == {"done"}
    shown = json.loads(run("runs", "show", "runs/pix2pix-folder-001", "--json").stdout)
    assert shown["last"] == 3 and shown["options"]["run"]["dataset"] == "folder"
    assert "peak_memory_mb" in run("runs", "show", "runs/pix2pix-folder-001").stdout


def test_runs_list_names_synthetic_data_and_json_keeps_the_old_word(run, tiny_run):
    assert "(synthetic)" in run("runs", "list", tiny_run.parent).stdout
    assert "(drawn)" in run("runs", "list", tiny_run.parent, "--json").stdout


def test_the_command_line_wins_over_the_file_and_the_file_over_the_defaults(run, tmp_path):
    (tmp_path / "mine.yaml").write_text("dataset: facades\nload-size: 70\nsize: 64\nrate: 0.001\nepochs: 3\n")
    given = run("train", "pix2pix", "--config", "mine.yaml", "--rate", "0.01", "--steps", 5, "--dry-run")
    resolved = json.loads(given.stdout)
    assert resolved["options"]["rate"] == 0.01 and resolved["run"]["load_size"] == 70
    assert resolved["run"]["steps"] == 5 and resolved["run"]["epochs"] is None
    assert resolved["options"]["l1"] == 100 and resolved["run"]["direction"] == "BtoA"
    assert resolved["options"]["size"] == 64
    assert not (tmp_path / "runs").exists()


def test_a_runs_own_options_repeat_it(run, tmp_path):
    run("train", "pix2pix", "--dataset", "folder", "--data-root", "set", *TINY.split(), "--out", "first")
    again = run("train", "pix2pix", "--config", "first/options.json", "--out", "second")
    assert again.exit_code == 0, again.output
    one, two = (json.loads((tmp_path / name / "options.json").read_text()) for name in ("first", "second"))
    assert one == two
    weights = [load_file(tmp_path / name / "checkpoints" / "step_000002.safetensors") for name in ("first", "second")]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ("train pix2pix", 2, "Say what to train on: --dataset NAME"),
        ("train pix2pixx --dataset facades", 2, "Did you mean 'pix2pix'?"),
        ("train pix2pix --dataset facade", 2, "Did you mean 'facades'?"),
        ("train pix2pix --dataset facades --norm batchh", 2, "is not one of"),
        ("train pix2pix --dataset facades --steps 0", 2, "0 is not in the range"),
        ("train pix2pix --dataset facades --steps 1 --epochs 1", 2, "not both"),
        ("train pix2pix --dataset folder", 2, "--data-root DIR"),
        ("train pix2pix --dataset folder --data-root nowhere", 2, "nowhere is not a folder; check the path"),
        ("train pix2pix --dataset facades --config nowhere.yaml", 2, "cannot be read"),
        ("train pix2pix --dataset facades --device cuda:99", 2, "--device cuda:99"),
        ("train pix2pix --resume nowhere", 2, "is not the folder of a run"),
        ("train pix2pix --resume x --out y", 2, "leave out --out"),
        ("train pix2pix --resume x --dry-run", 2, "i2i runs show x"),
        ("train --dataset facades", 2, "Say what to train: 'i2i train NAME ...'. There are: encoder, pix2pix"),
        ("train pix2pix --dataset facades --source real --steps 1", 1, "i2i datasets fetch facades"),
        ("train pix2pix --dataset facades --out set --steps 1", 2, "not an empty folder"),
        ("runs show nowhere", 2, "is not the folder of a run"),
    ],
)
def test_mistakes_end_in_one_line_with_the_right_code(run, args, code, message):
    ended = run(*args.split())
    assert ended.exit_code == code, ended.output
    assert message in ended.stderr and "Traceback" not in ended.output


def test_the_trainer_may_stand_after_its_options(run):
    given = run("train", "--rate", "0.01", "--dataset", "facades", "pix2pix", "--dry-run")
    assert json.loads(given.stdout)["options"]["rate"] == 0.01


def test_json_of_runs_is_json_where_nothing_was_measured(run, tmp_path):
    for path in (tmp_path / "set" / "val").iterdir():
        path.unlink()
    (tmp_path / "set" / "val").rmdir()
    assert run("train", "pix2pix", "--dataset", "folder", "--data-root", "set", *TINY.split()).exit_code == 0
    listed = json.loads(run("runs", "list", "--json").stdout, parse_constant=pytest.fail)["runs"]
    assert listed[0]["val l1"] is None


def test_debug_shows_the_traceback(run):
    ended = run("train", "pix2pix", "--dataset", "facade", "--debug")
    assert type(ended.exception).__name__ == "UsageError"


def test_help_shows_the_trainers_own_options(run):
    shown = run("train", "pix2pix", "--help").stdout
    assert "Options of the trainer" in shown and "--patch [16|70|286]" in shown and "--checkpoint-every" in shown
