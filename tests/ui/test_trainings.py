"""Trainings as processes, the states of runs, and what runs write."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import i2i
from i2i.training.run_process import recorded_process
from i2i.ui.charts import chart_options
from i2i.ui.trainings import (
    Curve,
    FactsReader,
    LogReader,
    Trainings,
    as_command,
    list_translating_runs,
    next_name,
    run_folder,
    sample_at,
    sample_files,
)

from .runs import write_pairs


def wait(until: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


@pytest.fixture
def runs(small_run: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the small run."""
    shutil.copytree(small_run, tmp_path / "runs" / "one")
    return tmp_path / "runs"


def words(pairs: Path, out: Path, steps: int) -> list[str]:
    options = "--size 32 --levels 3 --width 4 --discriminator-width 4 --patch 16 --device cpu --workers 0"
    options += " --precision fp32 --callbacks none --sample-every 1000000 --validate-every 1000000"
    data = ["--dataset", "folder", "--data-root", str(pairs)]
    return ["train", "pix2pix", *data, *options.split(), "--steps", str(steps), "--out", str(out)]


def test_training_is_stopped_with_a_checkpoint_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pairs, out = write_pairs(tmp_path / "pairs"), tmp_path / "runs" / "one"
    trainings, reader = Trainings(tmp_path), FactsReader(tmp_path / "runs")
    training = trainings.start(out, words(pairs, out, 100_000))
    with pytest.raises(i2i.I2IError, match="is being trained already"):
        trainings.start(out, words(pairs, out, 100_000))
    wait(lambda: any(facts.state == "running" and facts.steps for facts in reader.read()))
    assert trainings.state_of(reader.read()[0]) == "running"
    Trainings().stop(out)  # as a server does that was started later
    wait(lambda: training.ended)
    (facts,) = reader.read()
    assert (facts.state, trainings.state_of(facts)) == ("stopped", "stopped") and 0 < facts.steps < 100_000
    resumed = trainings.start(out, ["train", "pix2pix", "--resume", str(out), "--steps", str(facts.steps + 2)])
    wait(lambda: resumed.ended)
    (after,) = reader.read()
    assert (after.state, after.steps, resumed.error()) == ("done", facts.steps + 2, "")
    with pytest.raises(i2i.I2IError, match="No process of this machine trains"):
        trainings.stop(out)


def test_folder_that_is_no_dataset_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    training = Trainings(tmp_path).start(tmp_path / "run", words(tmp_path / "empty", tmp_path / "run", 2))
    wait(lambda: training.ended)
    sentence = training.error()
    assert sentence.startswith("There are no pairs in ") and "\n" not in sentence
    assert not (tmp_path / "run").exists()


def test_states_of_runs(runs: Path) -> None:
    reader = FactsReader(runs)
    (facts,) = reader.read()
    assert (facts.name, facts.state, facts.steps, facts.total, facts.dataset) == ("one", "done", 2, 2, "folder")
    summary = json.loads((runs / "one" / "summary.json").read_text(encoding="utf-8"))
    summary |= {"status": "failed", "reason": "The disk is full."}
    (runs / "one" / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    os.utime(runs / "one" / "summary.json", (1, 1))
    assert [(each.state, each.reason) for each in reader.read()] == [("failed", "The disk is full.")]
    (runs / "one" / "summary.json").unlink()
    assert [each.state for each in reader.read()] == ["died"]
    with recorded_process(runs / "one"):
        assert [each.state for each in reader.read()] == ["running"]
    assert [each.state for each in reader.read()] == ["died"]
    shutil.rmtree(runs / "one")
    assert reader.read() == []


def test_runs_that_translate_have_a_checkpoint(runs: Path) -> None:
    registry = i2i.load_registry()
    assert [each.name for each in list_translating_runs(runs, registry)] == ["one"]
    options = json.loads((runs / "one" / "options.json").read_text(encoding="utf-8"))
    (runs / "one" / "options.json").write_text(json.dumps(options | {"trainer": "stylegan2"}), encoding="utf-8")
    assert list_translating_runs(runs, registry) == []
    (runs / "one" / "options.json").write_text(json.dumps(options), encoding="utf-8")
    shutil.rmtree(runs / "one" / "checkpoints")
    assert list_translating_runs(runs, registry) == []


def test_names_of_runs(tmp_path: Path) -> None:
    assert next_name(tmp_path, "pix2pix", "facades") == "pix2pix-facades-001"
    (tmp_path / "pix2pix-facades-007").mkdir()
    assert next_name(tmp_path, "pix2pix", "facades") == "pix2pix-facades-008"
    assert run_folder(tmp_path, " mine ") == tmp_path / "mine"
    for name in ("", "..", "../mine", "a/b", ".hidden", "-x"):
        with pytest.raises(i2i.UsageError, match="cannot be the name of a run"):
            run_folder(tmp_path, name)
    with pytest.raises(i2i.UsageError, match="already"):
        run_folder(tmp_path, "pix2pix-facades-007")
    assert as_command(["train", "x", "--out", "my runs/1"]) == "i2i train x --out 'my runs/1'"


def test_log_is_read_while_it_grows_and_anew_after_it_was_cut(tmp_path: Path) -> None:
    path, reader = tmp_path / "log.jsonl", LogReader(tmp_path)
    assert not reader.update()
    path.write_text('{"step": 1, "loss/a": 2.0, "images_per_second": 3}\n{"step": 2, "lo', encoding="utf-8")
    assert reader.update() and reader.curves == {"loss/a": Curve([1], [2.0])} and reader.speed == 3
    with path.open("a", encoding="utf-8") as file:
        file.write('ss/a": NaN}\nnonsense\n{"step": 3, "val/l1": 0.5}\n')
    assert reader.update() and reader.curves["val/l1"] == Curve([3], [0.5]) and reader.step == 3
    assert reader.curves["loss/a"] == Curve([1], [2.0]) and not reader.update()
    path.write_text('{"step": 1, "loss/a": 4.0}\n', encoding="utf-8")
    assert reader.update() and reader.curves == {"loss/a": Curve([1], [4.0])} and reader.step == 1


def test_long_curves_are_averaged() -> None:
    curve = Curve(list(range(1, 1001)), [1.0, 3.0] * 500)
    points = curve.points(100)
    assert len(points) == 100 and points[0] == (5.5, 2.0) and Curve().points() == []


def test_charts_of_two_runs_share_colours() -> None:
    one, two = {"loss/a": Curve([1], [1.0]), "loss/b": Curve([1], [2.0])}, {"loss/b": Curve([1], [3.0])}
    series = chart_options({"x": one, "y": two}, "loss")["series"]
    assert [each["name"] for each in series] == ["x: a", "x: b", "y: b"]
    assert series[1]["color"] == series[2]["color"] != series[0]["color"]
    assert [each["name"] for each in chart_options({"x": one}, "loss")["series"]] == ["a", "b"]
    assert chart_options({"x": one}, "val")["series"] == []


def test_samples_are_found_by_split_and_step(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    for name in ("step_000010_train.png", "step_000020_train.png", "step_000020_val.png", "other.png"):
        (tmp_path / "samples" / name).touch()
    found = sample_files(tmp_path)
    assert {split: list(files) for split, files in found.items()} == {"train": [10, 20], "val": [20]}
    chosen = [sample_at(found["train"], step) for step in (5, 10, 15, 99)]
    assert [each and each[0] for each in chosen] == [10, 10, 10, 20] and sample_at({}, 5) is None
