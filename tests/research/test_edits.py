"""How tests judge edits by their own targets: aims and shares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import i2i
from research.demo.measures import drags, edits
from research.demo.measures.drags import TASKS, Case, DragTarget, Task
from research.demo.measures.face_measurements import Look


def look(**points: tuple[float, float]) -> Look:
    """A face whose eyes are 20 px apart; of the landmarks ``p30=(x, y)``, counted from 0, the places are given."""
    places = torch.zeros(1, 68, 2)
    places[:, 36:42] = torch.tensor([20.0, 20.0])
    places[:, 42:48] = torch.tensor([40.0, 20.0])
    for name, place in points.items():
        places[0, int(name[1:])] = torch.tensor(place)
    return Look(torch.zeros(1, 3, 64, 64), places, torch.zeros(1, 4))


def case(**told: float) -> Case:
    """An image of 64 px, of which nothing was said."""
    usual = {"identity": 0.9, "lpips_outside": 0.0, "farthest": 0.9, "steps": 30.0}
    return Case(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64), usual | told, named=False)


@pytest.mark.parametrize(
    ("aim", "value", "met"),
    [(-0.6, -0.61, True), (-0.6, -0.59, False), (-0.6, 0.7, False), (0.5, 0.5, True), (0.5, 0.4, False)],
)
def test_target_is_a_change_in_its_direction(aim: float, value: float, met: bool) -> None:
    assert DragTarget("eye_opening", aim).met(value) is met


@pytest.mark.parametrize(
    ("told", "met"),
    [
        ({}, True),
        ({"lpips_outside": 0.04}, False),
        ({"identity": 0.6}, False),
        ({"eye_opening": -0.5}, False),
    ],
)
def test_preset_figures_judge_target_and_side_effects(told: dict[str, float], met: bool) -> None:
    assert case(**{"eye_opening": -0.8} | told).meets(Task("close_eyes", [DragTarget("eye_opening", -0.6)])) is met


def test_fractions_medians_and_unexplained_changes() -> None:
    task = Task("open_mouth", [DragTarget("mouth_opening", 0.5)])
    found = [case(mouth_opening=each, farthest=far) for each, far in ((0.2, 1.1), (0.6, 1.0), (3.0, 0.2))]
    figures = {figure.name.removeprefix("drag/open_mouth"): figure for figure in drags.judged(task, found)}
    assert figures[""].value == pytest.approx(2 / 3) and figures[""].holds is False
    assert figures["/mouth_opening"].value == 0.6
    assert figures["/arrived"].value == pytest.approx(2 / 3)
    assert figures["/explained"].value == pytest.approx(2 / 3) and figures["/explained"].holds is False
    found[0] = replace(found[0], named=True)
    assert drags.judged(task, found)[4].value == 1


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.preset)
def test_every_preset_measures_its_task(task: Task) -> None:
    told = [aim["name"] for aim in i2i.load_registry().get("preset", f"drag/{task.preset}").values["aims"]]
    assert [aim.name for aim in task.aims] == told


def test_every_preset_of_drag_has_a_task() -> None:
    own = {
        each.name for each in i2i.load_registry().all("preset").values() if each.editor == "drag" and not each.provider
    }
    assert own == {task.preset for task in TASKS}


def test_landmark_distances_are_in_eye_distances() -> None:
    seen = look(p48=(22, 40), p54=(38, 40), p30=(30, 30), p2=(10, 30), p14=(50, 30))
    assert float(seen.opening([(48, 54)])) == pytest.approx(0.8)
    assert float(seen.nose) == pytest.approx(0.5)


def test_samples_are_editable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting:
        def look(self, images: torch.Tensor) -> Any:
            return images[:, 0, 0, 0]

    def edited(name: str, images: list[str]) -> list[i2i.Result]:
        return [i2i.Result(torch.full((1, 3, 2, 2), float(image.split(":")[1]) - edits.UNSEEN)) for image in images]

    monkeypatch.setattr(edits, "edited", edited)
    found = edits.samples(Counting(), lambda numbers: numbers % 3 == 0, count=4)  # type: ignore[arg-type, operator]
    assert found == [f"seed:{edits.UNSEEN + number}" for number in (0, 3, 6, 9)]
