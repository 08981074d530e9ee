"""The logic of the evaluation of real-looking faces: aims, resumed runs, groups, tables and blind guesses."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isclose
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from click.testing import CliRunner

import i2i
from i2i_plugins.drag.presets import PRESETS as DRAG_PRESETS
from research.real_faces import aims, tables
from research.real_faces.aims import NAMED, PRESETS, Aim, Goal
from research.real_faces.blind import main as blind
from research.real_faces.evaluate import main, remaining, run_tasks
from research.real_faces.measures import MEASURES, measure_landmarks
from research.real_faces.parts import COUNT, PACKAGES, PAIRS, PRIOR, SEEDS, EvaluationTask, Plan, Tasks
from research.real_faces.photos import (
    EVALUATION,
    TUNING,
    RealPhoto,
    choose_people,
    is_tuning,
    load_group,
    person_of,
)
from research.real_faces.protocol import Bench, inside_mask, recompress
from research.real_faces.records import Records, fingerprint, format_seconds
from research.real_faces.spread import load_spread

SPREAD = {"size": {"mean": 1.0, "sd": 0.5}, "turn": {"mean": 0.0, "sd": 10.0}}

# Aims.


@pytest.mark.parametrize(
    ("effect", "after", "met"),
    [(0.8, 1.41, True), (0.8, 1.39, False), (-0.8, 0.59, True), (-0.8, 0.61, False), (-0.8, 1.5, False)],
)
def test_aim_is_an_effect_size_in_its_direction(effect: float, after: float, met: bool) -> None:
    assert Aim("size", effect).met(SPREAD, {"size": 1.0}, {"size": after}) is met


def test_missing_measure_is_a_failure() -> None:
    goal = Goal((Aim("size", 0.8),))
    assert not goal.met(SPREAD, {"size": 1.0}, None)
    assert not goal.met(SPREAD, {"size": 1.0}, {"turn": 3.0})
    assert Aim("size", 0.8).change(SPREAD, {"size": 1.0}, None) is None


def test_goal_needs_all_of_its_aims() -> None:
    goal, before = Goal((Aim("size", 0.8), Aim("turn", -0.5))), {"size": 1.0, "turn": 0.0}
    assert goal.met(SPREAD, before, {"size": 1.5, "turn": -6.0})
    assert not goal.met(SPREAD, before, {"size": 1.5, "turn": -4.0})
    assert goal.describe() == "size +0.8 sd and turn -0.5 sd"


@pytest.mark.parametrize(("effect", "size", "leaves"), [(0.8, 1.49, True), (0.8, 1.51, False), (-0.8, 0.49, False)])
def test_image_that_is_as_wanted_leaves_nothing_to_do(effect: float, size: float, leaves: bool) -> None:
    assert Goal((Aim("size", effect),)).leaves_room(SPREAD, {"size": size}) is leaves


def test_every_preset_of_drag_has_a_goal_with_known_measures() -> None:
    assert set(PRESETS) == {preset.name for preset in DRAG_PRESETS} and set(NAMED) <= set(PRESETS)
    spread = load_spread()
    directions = [direction.goal for direction in aims.DIRECTIONS.values() if direction.goal]
    measures = {aim.measure for goal in [*PRESETS.values(), *directions] for aim in goal.aims}
    assert measures <= set(spread) and set(MEASURES) <= set(spread)
    assert all(each["sd"] > 0 for each in spread.values())


# Measures.


def landmarks() -> torch.Tensor:
    """A face with eyes 40 px apart at (80, 100) and (120, 100); all other points lie between them."""
    points = torch.full((68, 2), 100.0)
    points[36:42], points[42:48] = torch.tensor([80.0, 100.0]), torch.tensor([120.0, 100.0])
    points[[48, 54]] = torch.tensor([[84.0, 140.0], [116.0, 140.0]])
    points[[51, 62]] = torch.tensor([100.0, 142.0])
    points[30] = torch.tensor([104.0, 120.0])
    return points


def test_measures_are_in_eye_distances() -> None:
    found = measure_landmarks(landmarks())
    assert isclose(found["mouth_width"], 0.8, abs_tol=1e-5)
    assert isclose(found["corner_raise"], 0.05, abs_tol=1e-5)
    assert isclose(found["nose_offset"], 0.1, abs_tol=1e-5)


def test_measures_do_not_depend_on_place_scale_and_tilt() -> None:
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    moved = 2.5 * landmarks() @ turn.T + torch.tensor([30.0, -10.0])
    before, after = measure_landmarks(landmarks()), measure_landmarks(moved)
    assert after == pytest.approx(before, abs=1e-4)


def test_mask_is_where_an_edit_changed_the_image() -> None:
    before = torch.zeros(1, 3, 100, 100)
    after = before.clone()
    after[:, :, 20:60, 30:70] = 0.5
    after[:, :, 40, 50] = 0.0  # a pixel within that happens to be the same
    mask = inside_mask(before, after)
    assert mask[0, 0, 40, 50] == 1 and mask[0, 0, 25, 35] == 1
    assert mask.sum() == 40 * 40 and mask[0, 0, 10, 10] == 0


def test_recompressed_image_is_another_and_looks_the_same() -> None:
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)).repeat_interleave(4, 2)
    image = image.repeat_interleave(4, 3) * 2 - 1
    copy = recompress(image)
    assert 0 < float((copy - image).abs().mean()) < 0.03


class BlindJudges:
    """Judges that find no face, and for which images differ by their mean absolute difference."""

    def look(self, image: torch.Tensor) -> None:
        return None

    def distance(self, one: torch.Tensor, other: torch.Tensor) -> float:
        return float((one - other).abs().mean())


def test_outside_is_measured_before_anything_is_pasted_back(tmp_path: Path) -> None:
    bench = Bench(BlindJudges(), "toy", tmp_path)  # type: ignore[arg-type]
    image = torch.zeros(1, 3, 100, 100)
    start: Any = SimpleNamespace(image=image, rendered=image)
    rendered = image + 0.5
    pasted = image.clone()
    pasted[:, :, :50] = 0.5
    found = bench.judge(start, pasted, rendered)
    assert found["face"] is False and found["outside"] == 0.5 and found["lpips_outside"] == pytest.approx(0.25)
    assert "lpips_outside" not in bench.judge(start, rendered, rendered)  # all of it may change


# Groups of photos.


def test_groups_share_no_person_and_follow_the_rule() -> None:
    tuning, evaluation = load_group(TUNING), load_group(EVALUATION)
    people = [
        {person_of(each.file) for each in group if each.file.startswith("faces68/")} for group in (tuning, evaluation)
    ]
    assert not people[0] & people[1] and all(map(is_tuning, people[0])) and not any(map(is_tuning, people[1]))
    assert len(evaluation) == 24 == len({person_of(each.file) for each in evaluation})
    assert sum(each.tuned for each in evaluation) == 8 and not any(each.tuned for each in tuning)


def test_people_are_chosen_by_detail_once_each() -> None:
    def frame(name: str, yaw: float, sharpness: float) -> RealPhoto:
        return RealPhoto(f"faces68/{name}.jpg", False, yaw, sharpness, 100)

    frames = [frame(f"P{number:02d}_1", 0.0, number) for number in range(14)]
    frames += [frame("P13_2", 1.0, 20.0), frame("P13_3", 15.0, 30.0), frame("Q_1", -15.0, 1.0)]
    names = [each.name for each in choose_people(frames)]
    assert names == sorted(["P13_2", *(f"P{number:02d}_1" for number in range(2, 13)), "Q_1"])


def test_line_of_a_photo_is_read_back(tmp_path: Path) -> None:
    photo = RealPhoto("faces/a.jpg", True, -12.0, 1.25, 240.0)
    (tmp_path / "group.txt").write_text(f"# a comment\n{photo}\n", encoding="utf-8")
    assert load_group(tmp_path / "group.txt") == [photo]


# Records.


def task(key: str, run: Callable[[], dict[str, Any]], settings: str = "s") -> EvaluationTask:
    return EvaluationTask(key, "samples", settings, run)


def test_interrupted_run_goes_on(tmp_path: Path) -> None:
    done: list[str] = []

    def work(name: str) -> Callable[[], dict[str, Any]]:
        def run() -> dict[str, Any]:
            if name == "b" and "b" not in done:
                done.append("b")
                raise KeyboardInterrupt
            done.append(name)
            return {"value": name}

        return run

    tasks, said = [task(name, work(name)) for name in "abc"], list[str]()
    with pytest.raises(KeyboardInterrupt):
        run_tasks(tasks, Records(tmp_path / "r.jsonl"), said.append)
    run_tasks(tasks, Records(tmp_path / "r.jsonl"), said.append)
    assert done == ["a", "b", "b", "c"]
    assert "1 are done already" in said[2] and said[-1].startswith("[3/3] c, ")
    assert [Records(tmp_path / "r.jsonl").get(name, "s") is not None for name in "abc"] == [True] * 3


def test_failed_edit_is_recorded_and_tried_again(tmp_path: Path) -> None:
    def fail() -> dict[str, Any]:
        raise i2i.I2IError("No face.")

    said: list[str] = []
    records = Records(tmp_path / "r.jsonl")
    run_tasks([task("a", fail)], records, said.append)
    assert said[-1].endswith("left: No face.") and records.get("a", "s") is None
    latest = records.latest("a", "s")
    assert latest is not None and latest["error"] == "No face."
    run_tasks([task("a", lambda: {"value": 1})], Records(tmp_path / "r.jsonl"), said.append)
    assert Records(tmp_path / "r.jsonl").get("a", "s") is not None


def test_results_of_other_settings_are_not_used(tmp_path: Path) -> None:
    records = Records(tmp_path / "r.jsonl")
    records.add("a", "one", {"seconds": 1})
    assert records.get("a", "other") is None
    assert fingerprint([], {"steps": 1}) != fingerprint([], {"steps": 2})
    assert fingerprint(["research.real_faces"], {}) != fingerprint([], {})


def test_line_that_was_cut_off_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    Records(file).add("a", "s", {"seconds": 1})
    with file.open("a") as stream:
        stream.write('{"key": "b", "sett')
    records = Records(file)
    records.add("c", "s", {"seconds": 1})
    assert records.get("a", "s") and not records.get("b", "s")
    assert Records(file).get("c", "s") is not None


def test_remaining_time_is_by_the_recorded_pace(tmp_path: Path) -> None:
    records, tasks = Records(tmp_path / "r.jsonl"), [task("a", dict), task("b", dict)]
    assert remaining(tasks, records) == 2 * PRIOR["samples"]
    for key, seconds in (("x", 3.0), ("y", 5.0), ("z", 100.0)):
        records.add(key, "s", {"kind": "samples", "seconds": seconds})
    assert remaining(tasks, records) == 10.0


@pytest.mark.parametrize(("seconds", "words"), [(40, "40 s"), (700, "12 min"), (12_000, "3 h 20 min")])
def test_durations_are_readable(seconds: float, words: str) -> None:
    assert format_seconds(seconds) == words


def test_parts_have_a_pace_and_packages() -> None:
    assert {"samples", "photos", "swap", "directions", "start", "inversion"} == set(PACKAGES)
    assert len(SEEDS) >= 2 * PAIRS and len(SEEDS) >= COUNT


class DirectionBench:
    """A bench whose edits do nothing; it stores the seeds of the random directions that they are compared with."""

    name, invert = "toy", ""
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def sample(self, seed: int) -> Any:
        seen = SimpleNamespace(
            measures={}, descriptor=torch.ones(128) * seed, as_json=lambda: {"measures": {}, "descriptor": []}
        )
        return SimpleNamespace(source=f"seed:{seed}", image=torch.zeros(1, 3, 4, 4), seen=seen)

    def edit(self, *_: Any, **__: Any) -> tuple[i2i.Result, float]:
        return i2i.Result(image=torch.zeros(1, 3, 4, 4)), 1.0

    def judge_edit(self, start: Any, result: i2i.Result, seed: int, source: Any = None) -> dict[str, Any]:
        self.seeds.append(seed)
        return {"none": {}, "random": {}}

    def store(self, name: str, image: torch.Tensor) -> str:
        return name


def test_every_edit_has_a_random_direction_of_its_own(tmp_path: Path) -> None:
    def seeds() -> list[int]:
        bench, records = DirectionBench(), Records(tmp_path / "r.jsonl")
        tasks = Tasks(bench, Plan(("samples", "swap", "directions"), NAMED, [], None, 4), records, {})  # type: ignore[arg-type]
        for start in tasks.starts():
            records.add(start.key, start.settings, {"measures": {"size": 1.0}})
        for each in tasks.edits():
            each.run()
        return bench.seeds

    found = seeds()
    assert len(found) == len(set(found)) == 4 * (len(NAMED) + 1 + len(aims.DIRECTIONS))
    assert all(0 <= seed < 2**31 for seed in found) and seeds() == found


# The report.


def record(key: str, after: float | None, **more: Any) -> dict[str, Any]:
    """A record of an edit whose first measure is ``corner_raise`` and changes from 0 to ``after``."""
    before = dict.fromkeys(load_spread(), 0.0)
    judged = {} if after is None else {"measures": {**before, "corner_raise": after, "mouth_width": after}}
    baselines = {"none": {"measures": before}, "random": {"measures": before}}
    return {"key": key, "settings": "s", "before": before, "face": after is not None, **judged, **baselines, **more}


def test_report_counts_missing_faces_and_errors_as_failures() -> None:
    found = [
        record("samples/seed:1/smile", 0.3, identity=0.3, lpips_outside=0.01),
        record("samples/seed:2/smile", 0.3, identity=0.5, lpips_outside=0.02),
        record("samples/seed:3/smile", None),
        {"key": "samples/seed:4/smile", "settings": "s", "error": "No face."},
    ]
    report, text = tables.write_report(found, load_spread())
    row, every = report["Presets of drag on samples"]
    assert (row["edit"], row["images"], row["meet it"], row["none meet it"], row["errors"]) == ("smile", 4, 0.5, 0.0, 1)
    assert row["no face"] == 1 and row["reached"] == "no" and row["same person"] == 0.5
    assert row["identity"] is None  # the median of four is between a number and a missing one
    assert row["LPIPS outside"] == pytest.approx(0.015) and every["edit"] == "all"
    assert "| smile | 4 | corner_raise +0.8 sd and mouth_width +0.5 sd | 0.5 | 0.8 | no | 0 | 0 |" in text
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_photos_are_split_by_yaw_sharpness_and_size() -> None:
    photos = [("photos/a/smile", 3.0, 2.0, 300.0, 0.3), ("photos/b/smile", -30.0, 1.0, 100.0, 0.0)]
    found = [record(key, after, yaw=yaw, sharpness=sharp, side=side) for key, yaw, sharp, side, after in photos]
    found.append(record("photos/c/smile", None, skipped="nothing to do"))
    report, _ = tables.write_report(found, load_spread())
    rows = {row["edit"].partition(":")[0]: row for row in report["Presets of drag on photos, by photo"]}
    assert [rows[name]["meet it"] for name in ("frontal", "turned", "sharp", "soft", "large", "small")] == [1, 0] * 3
    assert report["Presets of drag on photos"][0]["images"] == 2


def test_inversions_are_judged_by_the_trunk_that_was_not_optimised() -> None:
    about = {"yaw": 0.0, "sharpness": 2.0, "side": 200.0, "settings": "s", "face": True, "identity": 0.3, "psnr": 20.0}
    found = [
        {"key": f"inversion/{name}/{method}", "lpips": 0.5, "lpips-vgg": 0.1, "inversion_seconds": 9.0, **about}
        | {"optimised": aims.optimised_trunks(method, has_vgg16=method == "projector")}
        for name in "ab"
        for method in ("hybrid", "projector")
    ]
    report, _ = tables.write_report(found, load_spread())
    rows = {row["inverter"]: row for row in report["Inversion of photos"]}
    assert (rows["hybrid"]["LPIPS of the judge"], rows["projector"]["LPIPS of the judge"]) == (0.1, 0.5)
    assert rows["hybrid"]["reached"] == "yes" and rows["hybrid, frontal"]["photos"] == 2
    figures = {row["figure"]: row["reached"] for row in report["Figures to reach"]}
    assert figures == {"LPIPS of hybrid": "yes", "identity distance of hybrid": "yes", "seconds of hybrid": "yes"}


def test_trunks_that_inverters_optimise_are_known() -> None:
    both = {method: aims.optimised_trunks(method, has_vgg16=True) for method in ("hybrid", "pti", "lpips")}
    assert both == {"hybrid": ("lpips-vgg",), "pti": ("lpips", "lpips-vgg"), "lpips": ("lpips",)}
    assert aims.judging_trunk(both["hybrid"]) == "lpips" and aims.judging_trunk(both["pti"]) is None
    for method, has_vgg16 in (("pti,vgg=false", True), ("hybrid", False), ("hybrid-pti,steps=9,vgg=False", True)):
        assert aims.judging_trunk(aims.optimised_trunks(method, has_vgg16)) == "lpips-vgg"


def test_swaps_report_the_gap_of_samples_and_photos() -> None:
    rows = [("swap/seed:1/seed:2", 0.5, 2.0), ("swap/seed:3/seed:4", None, 9.0), ("swap/a/b", 0.3, 4.0)]
    found = [
        {"key": key, "settings": "s", "closed": closed, "pose": pose, "closed_none": 0.0, "closed_random": 0.1}
        for key, closed, pose in rows
    ]
    samples, photos = tables.write_report(found, load_spread())[0]["Swap"]
    assert samples["gap closed"] is None and samples["share that closes it"] == 0.5 and samples["share within"] == 0.5
    assert photos["gap closed"] == 0.3 and photos["reached"] == "no" and photos["random"] == 0.1


# The command.


def test_photos_need_the_data_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--parts", "photos", "--out", str(tmp_path)])
    assert isinstance(result.exception, i2i.UsageError) and "--data" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parts", "sample"], "'sample': choose samples, "),
        (["--presets", "smirk"], "'smirk': choose smile, "),
        (["--option", "steps=3"], "write EDITOR.OPTION=VALUE"),
    ],
)
def test_wrong_words_are_refused(words: list[str], message: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2 and message in " ".join(result.output.split())


# The blind grid.


@pytest.fixture
def evaluated(tmp_path: Path) -> Path:
    """An evaluation of two presets on three samples each."""
    from PIL import Image

    records = Records(tmp_path / "results.jsonl")
    (tmp_path / "images").mkdir()
    for number, name in enumerate(["smile", "close_eyes"] * 3):
        for when in ("before", "after"):
            Image.new("RGB", (64, 64), (40 * number, 10, 10)).save(tmp_path / f"images/{number}_{when}.jpg")
        images = {f"image_{when}": f"images/{number}_{when}.jpg" for when in ("before", "after")}
        records.add(f"samples/seed:{number}/{name}", "s", {"subject": f"seed:{number}", "preset": name, **images})
    return tmp_path


def test_blind_grid_hides_the_presets_and_scores_guesses(evaluated: Path) -> None:
    made = CliRunner().invoke(blind, ["grid", str(evaluated), "--per-preset", "2"], catch_exceptions=False)
    assert made.exit_code == 0 and (evaluated / "blind.png").is_file()
    key = json.loads((evaluated / "blind_key.json").read_text())
    assert sorted(key) == ["1", "2", "3", "4"] and sorted(each["preset"] for each in key.values()).count("smile") == 2
    guesses = [f"{number} {entry['preset'] if number != '1' else 'open_mouth'}" for number, entry in key.items()]
    (evaluated / "guesses.txt").write_text("# guesses\n" + "\n".join(guesses) + "\n")
    scored = CliRunner().invoke(
        blind, ["score", str(evaluated / "blind_key.json"), str(evaluated / "guesses.txt")], catch_exceptions=False
    )
    assert "3 of 4 guesses are right (75 %)" in scored.output and "| preset | close_eyes |" in scored.output


def test_guess_that_is_missing_counts_as_wrong(evaluated: Path) -> None:
    CliRunner().invoke(blind, ["grid", str(evaluated), "--per-preset", "1"], catch_exceptions=False)
    (evaluated / "guesses.txt").write_text("1 smile\n")
    scored = CliRunner().invoke(blind, ["score", str(evaluated / "blind_key.json"), str(evaluated / "guesses.txt")])
    assert " of 2 guesses are right" in scored.output and "none" in scored.output
