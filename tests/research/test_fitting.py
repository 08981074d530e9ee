"""The loop that the demo's networks are trained by: order, rate, averages and seeds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from research.demo.training.loop import DECAY, batches, fit, rate_at
from research.demo.training.settings import TrainingSettings


def learn(steps: int, seed: int = 0, told: list[str] | None = None) -> tuple[nn.Module, list[Tensor]]:
    """Teach a linear layer with a normalisation that numbers are even or odd; the average, and the weights by step."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(6, 1), nn.BatchNorm1d(1))
    known = torch.arange(40)[:, None].bitwise_and(2 ** torch.arange(6)).ne(0).float()
    history = []

    def losses(numbers: Tensor, step: int, random: torch.Generator) -> dict[str, Tensor]:
        assert step == len(history)
        history.append(network[0].weight.detach().clone())
        x = known[numbers] + 0.1 * torch.randn(len(numbers), 6, generator=random)
        error = (network(x)[:, 0] - (numbers % 2) * 2 + 1).square().mean()
        return {"error": error, "size": 1e-3 * network[0].weight.square().sum()}

    settings = TrainingSettings(steps=steps, batch=8, rate=0.05, images=40, seed=seed)
    average = fit(network, 40, losses, settings, (told if told is not None else []).append)
    history.append(network[0].weight.detach().clone())
    return average, history


def test_fit_decreases_loss() -> None:
    average, _ = learn(150)
    known = torch.arange(40)[:, None].bitwise_and(2 ** torch.arange(6)).ne(0).float()
    assert ((average(known)[:, 0] > 0) == (torch.arange(40) % 2 > 0)).all()
    assert not average.training and not any(each.requires_grad for each in average.parameters())


def test_average_follows_weights() -> None:
    average, history = learn(30)
    kept = history[0]
    for step, weight in enumerate(history[1:]):
        kept = kept.lerp(weight, 1 - min(DECAY, (1 + step) / (10 + step)))
    assert torch.allclose(average.get_parameter("0.weight"), kept, atol=1e-6)
    assert int(average.state_dict()["1.num_batches_tracked"]) == 30


def test_fit_is_seeded() -> None:
    (one, _), (same, _), (other, _) = learn(5), learn(5), learn(5, seed=1)
    assert all(map(torch.equal, one.state_dict().values(), same.state_dict().values()))
    assert not torch.equal(one.get_parameter("0.weight"), other.get_parameter("0.weight"))


def test_last_step_is_logged() -> None:
    told: list[str] = []
    learn(3, told=told)
    assert len(told) == 1
    assert told[0].startswith("step 3 of 3: error ") and ", size " in told[0] and told[0].endswith(" images/s")


def test_every_image_occurs_once_per_epoch() -> None:
    seen = torch.cat(list(batches(10, TrainingSettings(steps=4, batch=5, rate=1.0, images=10, seed=3))))
    assert sorted(seen[:10].tolist()) == sorted(seen[10:].tolist()) == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()


def test_learning_rate_schedule() -> None:
    settings = TrainingSettings(steps=100, batch=1, rate=2.0, images=1)
    rates = [rate_at(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.4) and max(rates) == 2.0 and rates.index(2.0) in (4, 5)
    assert rates[5:] == sorted(rates[5:], reverse=True) and rates[-1] < 1e-3
