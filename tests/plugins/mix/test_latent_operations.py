"""What is done to latents, number by number."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from i2i_plugins.mix.latent_operations import (
    add_difference,
    add_direction,
    average,
    coordinate,
    interpolate,
    interpolate_path,
    mix_layers,
)

OWN = torch.arange(8.0).view(4, 2)
OTHER = -10 * torch.arange(1.0, 9.0).view(4, 2)


@pytest.fixture(autouse=True)
def untouched() -> None:
    """No function may change what it is given."""
    yield  # type: ignore[misc]
    assert torch.equal(OWN, torch.arange(8.0).view(4, 2))
    assert torch.equal(OTHER, -10 * torch.arange(1.0, 9.0).view(4, 2))


def test_mix_layers_takes_chosen_layers() -> None:
    mixed = mix_layers(OWN, OTHER, [1, 3])
    assert torch.equal(mixed, torch.stack([OWN[0], OTHER[1], OWN[2], OTHER[3]]))


def test_mix_layers_own_weight() -> None:
    assert torch.equal(mix_layers(OWN, OTHER, [0], own_weight=0.25)[0], 0.25 * OWN[0] + 0.75 * OTHER[0])
    assert torch.equal(mix_layers(OWN, OTHER, range(4), own_weight=1.0), OWN)


def test_mix_layers_batch() -> None:
    both = torch.stack([OWN, 2 * OWN])
    assert torch.equal(mix_layers(both, OTHER, [2])[1], mix_layers(2 * OWN, OTHER, [2]))


def test_add_difference_respects_layers_and_minimum() -> None:
    neutral = torch.ones(4, 2)
    expressive = neutral + torch.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0], [3.0, 4.0]])  # lengths 5, 0.5, 10, 5
    moved = add_difference(OWN, neutral, expressive, [0, 1, 2], minimum=1.0, strength=2.0)
    assert torch.equal(moved - OWN, torch.tensor([[6.0, 8.0], [0, 0], [12.0, 16.0], [0, 0]]))
    assert torch.equal(add_difference(OWN, neutral, expressive, [3], minimum=5.0)[3], OWN[3] + expressive[3] - 1)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0, 1.5, -1.0])
def test_interpolate_is_linear(share: float) -> None:
    torch.testing.assert_close(interpolate(OWN, OTHER, share), (1 - share) * OWN + share * OTHER)


def test_interpolate_path_is_even_and_passes_each_key_once() -> None:
    path = interpolate_path([OWN, OTHER, OWN], 5)
    assert len(path) == 9
    for number, place in ((0, OWN), (4, OTHER), (8, OWN), (2, (OWN + OTHER) / 2)):
        torch.testing.assert_close(path[number], place)
    steps = [float((after - before).norm()) for before, after in pairwise(path)]
    assert steps == pytest.approx([steps[0]] * 8, rel=1e-5)  # float32
    for keys, frames in (([OWN], 5), ([OWN, OTHER], 1)):
        with pytest.raises(ValueError, match="two keys and two frames"):
            interpolate_path(keys, frames)


def test_average_applies_weights() -> None:
    both = torch.stack([OWN, OTHER])
    torch.testing.assert_close(average(both), (OWN + OTHER) / 2)
    torch.testing.assert_close(average(both, [3.0, 1.0]), (3 * OWN + OTHER) / 4)


def test_add_direction_changes_coordinate() -> None:
    direction, mean = torch.tensor([0.6, 0.8]), torch.tensor([1.0, 1.0])
    moved = add_direction(OWN, direction, 5.0, [0, 2])
    torch.testing.assert_close(moved - OWN, torch.tensor([[3.0, 4.0], [0, 0], [3.0, 4.0], [0, 0]]))
    before, after = (float(coordinate(w, mean, direction)) for w in (OWN, moved))
    assert before == pytest.approx(-0.6) and after - before == pytest.approx(5.0)  # (-1, 0) @ (0.6, 0.8)
