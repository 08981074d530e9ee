"""How face networks are compared, against counting every pair."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from research.demo.training.verification import best_threshold, ten_fold, verify


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def people(count: int, each: int, spread: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Unit vectors about a middle for each person, and who they are."""
    random = seeded(seed)
    middles = F.normalize(torch.randn(count, 16, generator=random)).repeat_interleave(each, 0)
    vectors = F.normalize(middles + spread * torch.randn(count * each, 16, generator=random))
    return vectors, torch.arange(count).repeat_interleave(each) + 77


def test_figures_equal_counts_of_all_pairs() -> None:
    vectors, identities = people(12, 4, 0.45)
    likeness = vectors @ vectors.T
    one, other = torch.combinations(torch.arange(48)).unbind(dim=1)
    cosines, same = likeness[one, other], identities[one] == identities[other]
    alike, others = cosines[same], cosines[~same]
    figures = verify(vectors, identities)
    wins = (alike[:, None] > others).double() + 0.5 * (alike[:, None] == others).double()
    assert figures["auc"] == pytest.approx(float(wins.mean()), abs=1e-6)
    for share in (0.01, 0.001):
        threshold = others.sort(descending=True).values[max(1, round(share * len(others))) - 1]
        assert figures[f"tar_at_far_{share:g}"] == pytest.approx(float((alike > threshold).float().mean()))


@pytest.mark.parametrize(
    ("spread", "low", "high"), [(0.01, 1.0, 1.0), (100.0, 0.4, 0.6)], ids=["told apart", "guessed"]
)
def test_accuracy_of_perfect_and_random_scores(spread: float, low: float, high: float) -> None:
    vectors, identities = people(60, 4, spread)
    assert low <= verify(vectors, identities)["accuracy"] <= high


def test_threshold_is_chosen_on_other_folds() -> None:
    """Every fold has a threshold of its own that parts all its pairs; the others' thresholds must fail some of them."""
    count = 40
    identities = torch.arange(count).repeat_interleave(2)
    same = identities[:, None] == identities
    offsets = torch.rand(count, generator=seeded(3)).repeat_interleave(2)
    likeness = (offsets[:, None] + offsets) / 2 + 0.2 * same
    assert 0.5 < ten_fold(likeness, identities) < 0.95


def test_best_threshold_is_optimal() -> None:
    cosines, same = torch.rand(200, generator=seeded(8)) * 2 - 1, torch.rand(200, generator=seeded(9)) < 0.5
    found = ((cosines > best_threshold(cosines, same)) == same).float().mean()
    tried = max(((cosines > threshold) == same).float().mean() for threshold in cosines)
    assert found == tried
