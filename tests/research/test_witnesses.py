"""How edits of the demo world are judged by networks that no edit follows."""

from __future__ import annotations

from math import isnan
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.demo import synthetic_faces
from research.demo.measures import witnesses
from research.demo.measures.attributes import LAYERS, PARTS, RECOVERED, AttributeJudge, features_of, fit
from research.demo.measures.witnesses import DRAGS, PROMPTS, edit_figures, swap_figures
from research.real_faces.aims import Aim, Goal
from research.real_faces.measures import MEASURES
from research.real_faces.spread import spread_of

SPREAD = {"size": {"mean": 1.0, "sd": 0.5}, "attribute/yaw": {"mean": 0.0, "sd": 1.0}}
GOAL = Goal((Aim("size", 0.8),))


def record(after: float | None, **more: Any) -> dict[str, Any]:
    """An edit that changed the size from 1 to ``after``; None where no face was found."""
    judged = {} if after is None else {"measures": {"size": after, "attribute/yaw": 0.2}}
    before = {"size": 1.0, "attribute/yaw": 0.0}
    return {"before": before, **judged, "none": {"measures": before}, "random": {}, **more}


def test_edit_figures_compare_with_no_edit_and_random_directions() -> None:
    records = [record(1.5, identity=0.2, lpips_outside=0.01), record(1.3, identity=0.5, lpips_outside=0.03)]
    figures = {each.name: each for each in edit_figures("drag/x", [*records, record(1.6, identity=0.3)], GOAL, SPREAD)}
    assert figures["drag/x"].value == pytest.approx(2 / 3) and figures["drag/x"].holds is False
    assert figures["drag/x/none"].value == 0 == figures["drag/x/random"].value
    assert figures["drag/x/change"].value == pytest.approx(1.0) and figures["drag/x/change/none"].value == 0
    assert isnan(figures["drag/x/change/random"].value)
    assert figures["drag/x/identity"].value == 0.3 and figures["drag/x/identity"].holds


def test_missing_measures_are_the_worst() -> None:
    figures = {each.name: each for each in edit_figures("x", [record(None), record(None), record(1.5)], GOAL, SPREAD)}
    assert isnan(figures["x/identity"].value) and figures["x/identity"].holds is False
    assert figures["x"].value == pytest.approx(1 / 3) and isnan(figures["x/change"].value)


def test_swap_figures_are_shares_of_the_gap() -> None:
    records = [record(1.0, to_source=each, lpips_outside=0.0, none={"to_source": 0.8}) for each in (0.2, 0.4, 0.8)]
    figures = {each.name: each for each in swap_figures(records, [0.8] * 3, SPREAD)}
    assert figures["swap"].value == pytest.approx(0.5) and figures["swap"].holds
    assert figures["swap/none"].value == pytest.approx(0.0) and isnan(figures["swap/random"].value)
    assert figures["swap/yaw"].value == pytest.approx(0.2)


def test_spread_is_mean_and_deviation() -> None:
    assert spread_of([{"a": 1.0}, {"a": 3.0}]) == {"a": {"mean": 2.0, "sd": pytest.approx(2**0.5)}}


def test_every_preset_of_drag_is_judged() -> None:
    own = {
        each.name for each in i2i.load_registry().all("preset").values() if each.editor == "drag" and not each.provider
    }
    assert own == set(DRAGS)


def test_goals_name_parameters_of_faces() -> None:
    names = synthetic_faces.faces().names
    for goal in [*DRAGS.values(), *PROMPTS.values()]:
        for aim in goal.aims:
            part, _, name = aim.measure.rpartition("/")
            assert name in (names if part == "attribute" else MEASURES)


def test_suitable_samples_leave_something_to_do() -> None:
    world = witnesses.DemoWorld.__new__(witnesses.DemoWorld)
    sizes = [1.0, 1.9, 0.9, 1.2]
    starts: list[Any] = [SimpleNamespace(seen=SimpleNamespace(measures={"size": size})) for size in sizes]
    world.spread = SPREAD
    world._starts = {synthetic_faces.UNSEEN + number: start for number, start in enumerate([None, *starts])}
    assert world.suitable(GOAL, 3) == [starts[0], starts[2], starts[3]]


# The judge of attributes.


def test_judge_recovers_what_features_tell() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(300, 40, generator=generator)
    noise = torch.randn(300, 1, generator=generator)
    values = torch.cat([features[:, :1] - features[:, 1:2] + 3, noise], dim=1)
    judge = fit(features, values, held_out=100, names=["told", "untold"])
    assert judge.explained["told"] > 0.9 and judge.explained["untold"] < 0.1 < RECOVERED
    assert judge.names == ["told"]


def test_features_are_of_all_parts() -> None:
    class Network:
        def features(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            sizes.append(tuple(images.shape[2:]))
            return {layer: images.mean(dim=(2, 3), keepdim=True) for layer in LAYERS}

    sizes: list[tuple[int, ...]] = []
    features = features_of(Network(), torch.rand(3, 3, 64, 64))
    assert features.shape == (3, 3 * len(LAYERS) * len(PARTS)) and sizes == [(64, 64), (56, 72), (48, 96)]


def test_judge_names_recovered_parameters_only() -> None:
    class Network:
        def features(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            return dict.fromkeys(LAYERS, images[:, :, :1, :1])

    count = 3 * len(LAYERS) * len(PARTS)
    judge = AttributeJudge(Network(), torch.zeros(count), torch.ones(count, 2), torch.zeros(2), {"a": 0.9, "b": 0.1})
    assert judge(torch.ones(1, 3, 64, 64)) == {"a": pytest.approx(count)}
