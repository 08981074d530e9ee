"""The numbers of a face: how they are drawn, what they say, and that each of them can be seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from i2i_datasets.faces.parameters import GROUPS, NAMES, PARAMETERS, Parameter, face

Make = Callable[..., np.ndarray]
Render = Callable[..., Any]

NEEDS: dict[str, dict[str, float]] = {
    "glasses_shape": {"glasses": 2},
    "glasses_shade": {"glasses": 2},
}
"""What works only together with another."""
FARTHER = {"hair_grey": 2.0, "freckles": 2.0}
"""One in six is grey, and one in five freckled: they only begin at 1."""


def test_groups_cover_every_name(faces: Any) -> None:
    assert list(faces.groups) == ["identity", "pose", "expression", "light", "background"]
    covered = [name for part in faces.groups.values() for name in faces.names[part]]
    assert tuple(covered) == faces.names == NAMES and len(set(NAMES)) == len(NAMES) >= 50
    assert all(faces.names[part] == tuple(each.name for each in GROUPS[name]) for name, part in faces.groups.items())


def test_identity_depends_on_its_seed_only(faces: Any) -> None:
    who = faces.groups["identity"]
    first, second, other = faces.values(5, identity=9), faces.values(6, identity=9), faces.values(5, identity=10)
    np.testing.assert_array_equal(first[who], second[who])
    np.testing.assert_array_equal(np.delete(first, np.r_[who]), np.delete(other, np.r_[who]))
    assert (first[who] != other[who]).all() and (np.delete(first, np.r_[who]) != np.delete(second, np.r_[who])).all()
    np.testing.assert_array_equal(faces.values(7), faces.values(7, identity=7))
    assert first.dtype == np.float32 and first.shape == (len(faces.names),)


def test_values_are_standard_normal_and_independent(faces: Any) -> None:
    rows = np.stack([faces.values(seed) for seed in range(1000)])
    assert np.abs(rows.mean(axis=0)).max() < 0.15  # 4.7 standard errors of 1 / sqrt(1000)
    assert np.abs(rows.std(axis=0) - 1).max() < 0.11  # 4.9 of 1 / sqrt(2000)
    correlation = np.corrcoef(rows.T) - np.eye(rows.shape[1])
    assert np.abs(correlation).max() < 0.16  # 5 standard errors, over 1,700 pairs


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda each: each.name)
def test_levels_are_monotonic_and_smooth(parameter: Parameter) -> None:
    line = np.linspace(-4, 4, 1601)
    levels = np.array([parameter.level(value) for value in line])
    steps = np.diff(levels)
    reach = levels[-1] - levels[0]
    assert reach > 0 and steps.min() >= 0
    assert steps.max() < 0.04 * reach  # the steepest goes from 0 to 1 within 5 % of all faces


def test_face_takes_units_by_name(faces: Any, made: Make) -> None:
    told = faces.describe(made(yaw=1, light_height=-1, hair_length=-3))
    assert tuple(told) == faces.names and all(type(level) is float for level in told.values())
    assert told["yaw"] == pytest.approx(15) and told["light_height"] == pytest.approx(20)
    assert told["hair_length"] == 0 and told["back_red"] == 0
    assert faces.describe(made(yaw=9))["yaw"] == faces.describe(made(yaw=2.4))["yaw"] == pytest.approx(36)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_changes_the_image(name: str, shown: Render) -> None:
    given = NEEDS.get(name, {})
    low, high = (shown(64, **given, **{name: value}).image for value in (-1.0, FARTHER.get(name, 1.0)))
    change = np.abs(low.astype(np.float64) - high)
    # Measured: least for nose_bridge, seen from before: a mean of 0.03 grey levels, and 4 on the bridge itself.
    assert change.max() >= 3 and change.mean() > 0.02


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_dependent_parameters_have_no_effect_alone(name: str, shown: Render) -> None:
    low, high = (shown(64, **{name: value}) for value in (-1.0, 1.0))
    np.testing.assert_array_equal(low.image, high.image)


@pytest.mark.parametrize("group", ["light", "background"])
def test_light_and_background_keep_landmarks(group: str, faces: Any) -> None:
    values, other = faces.values(1), faces.values(1)
    other[faces.groups[group]] = faces.values(2)[faces.groups[group]]
    first, second = faces.render(values, 64), faces.render(other, 64)
    np.testing.assert_array_equal(first.landmarks, second.landmarks)
    assert np.abs(first.image.astype(int) - second.image).mean() > 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values[:-1], "a face is given by .* numbers, not by an array of shape"),
        (lambda values: values[None], "a face is given by .* numbers, not by an array of shape"),
        (lambda values: np.where(np.arange(len(values)) == 3, np.nan, values), "these are not: jaw"),
        (lambda values: np.where(np.arange(len(values)) == 1, np.inf, values), "these are not: crown"),
    ],
)
def test_invalid_values_are_refused(change: Any, message: str, faces: Any) -> None:
    for wants in (faces.describe, faces.caption, lambda values: faces.render(values, 64)):
        with pytest.raises(ValueError, match=message):
            wants(change(faces.values(0)))


def test_lists_are_accepted(faces: Any) -> None:
    assert vars(face([0.0] * len(NAMES))) == faces.describe(np.zeros(len(NAMES)))
