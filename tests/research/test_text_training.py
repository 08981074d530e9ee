"""How the text network of the embedded world learns and is measured: on faces of three bars, wholly known."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from i2i_plugins.demo.networks import text as network_module
from i2i_plugins.demo.networks.text import words_of
from research.demo.training import text as training
from research.demo.training.settings import TrainingSettings


def test_text_matches_where_all_statements_are_true() -> None:
    stated = torch.tensor([[1.0, 0, 0], [0, -1, 0], [1, -1, 1], [0, 0, 0]])
    truth = torch.tensor([[True, False, True], [True, True, True], [False, False, False]])
    expected = [[1, 1, 0], [1, 0, 1], [1, 0, 0], [1, 1, 1]]
    assert training.holds(stated, truth).int().tolist() == expected


def test_loss_with_one_match_equals_clip() -> None:
    random = torch.Generator().manual_seed(0)
    images, texts = (F.normalize(torch.randn(6, 8, generator=random)) for _ in range(2))
    logits, own = 5.0 * images @ texts.T, torch.arange(6)
    expected = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    ours = training.contrast(images, texts, torch.eye(6, dtype=torch.bool), torch.tensor(5.0))
    assert torch.allclose(ours, expected, atol=1e-6)


def test_loss_treats_all_matches_equally() -> None:
    """Two images of one kind and one of another, each with its text."""
    kinds = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    match = kinds @ kinds.T > 0
    assert training.contrast(kinds, kinds, match, torch.tensor(50.0)).item() == pytest.approx(0, abs=1e-6)
    # For two texts one right image is all and the other nothing; one image is like no text more than another.
    images = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    texts = torch.tensor([[1.0, 0, 0], [1.0, 0, 0], [0, 0, 1]])
    apart = training.contrast(images, texts, match, torch.tensor(50.0))
    by_text, by_image = (25 - math.log(2)) * 2 / 3, math.log(1.5) / 3
    assert apart.item() == pytest.approx((by_text + by_image) / 2, abs=1e-4)


def test_equal_captions_all_match() -> None:
    captions = ["one", "one", "two", "three"]
    images = torch.eye(4)
    texts = images[[1, 0, 2, 3]]  # the equal ones are taken for each other
    right = training.retrieval(images, texts, captions)
    assert right == {"caption@1": 1.0, "caption@5": 1.0, "picture@1": 1.0, "picture@5": 1.0}
    wrong = training.retrieval(images, images[[2, 3, 0, 1]], captions)
    assert wrong["caption@1"] == wrong["picture@1"] == 0.0 and wrong["caption@5"] == 1.0


def test_retrieval_among_100_images() -> None:
    images = torch.eye(250)
    shifted = images.roll(100, dims=1)  # each group's images look like those of another group
    captions = [str(number) for number in range(250)]
    assert training.retrieval(images, images, captions)["picture@1"] == 1.0
    # Nothing is like anything within a group: what comes first among equals is right 5 times of 100.
    assert training.retrieval(images, shifted, captions)["caption@5"] == pytest.approx(0.05)


def test_accuracy_is_balanced() -> None:
    truth = torch.tensor([[True, True], [False, True], [False, True], [False, False]])
    weights = training.balance(truth, truth.float().mean(dim=0))
    assert torch.allclose((weights * truth).sum(dim=0), torch.tensor([2.0, 2.0]))
    assert torch.allclose((weights * ~truth).sum(dim=0), torch.tensor([2.0, 2.0]))


class Blots:
    """Faces of three attributes, each a bright bar of its own colour; values ``(3,)`` above 0 mean that it is there."""

    names = ("glasses", "smiling", "beard")

    def attributes(self, values: Any) -> dict[str, bool]:
        return {name: bool(value > 0) for name, value in zip(self.names, values, strict=True)}

    def caption(self, values: Any) -> str:
        found = self.attributes(values)
        with_ = " and ".join(name for name in ("glasses", "a beard") if found[name.removeprefix("a ")])
        return ("a smiling face" if found["smiling"] else "a face") + (f" with {with_}" if with_ else "")

    def pool(self, seed: int, count: int) -> Any:
        values = np.random.default_rng(seed).standard_normal((count, 3)).astype(np.float32)
        images = torch.full((count, 3, 64, 64), 90, dtype=torch.uint8)
        for place in range(3):
            images[values[:, place] > 0, place, 8 + 16 * place : 24 + 16 * place, 8:56] = 230
        return Pool(images=images, values=torch.from_numpy(values), landmarks=torch.zeros(len(values), 68, 2))


class Pool(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.images)


class Knowing:
    """Sees the bars and knows the words; ``says`` turns its answers round where it is -1."""

    def __init__(self, says: float) -> None:
        self.says = says

    def images(self, images: Tensor) -> Tensor:
        seen = torch.stack([images[:, place, 16 + 16 * place, 30] for place in range(3)], dim=1)
        return F.normalize(seen.sign())

    def texts(self, sentences: Any) -> Tensor:
        rows = []
        for sentence in sentences:
            words = words_of(sentence)
            absent = {"no", "not", "without"} & set(words)
            rows.append([(-1.0 if absent else 1.0) * (name in words) * self.says for name in Blots.names])
        return F.normalize(torch.tensor(rows) + 1e-6)


@pytest.mark.parametrize(("says", "accuracy"), [(1.0, 1.0), (-1.0, 0.0)])
def test_accuracy_uses_pairs_of_prompts(says: float, accuracy: float) -> None:
    found = training.evaluate(Knowing(says), Blots(), Blots().pool(1, 30))
    assert found["accuracy"] == found["accuracy/glasses"] == accuracy
    assert {name for name in found if "/" in name} == {f"accuracy/{name}" for name in Blots.names}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    monkeypatch.setattr(network_module, "WIDTHS", (6, 8, 12, 16))


def test_training_is_seeded(narrow: None) -> None:
    blots = Blots()
    first, again, other = (
        training.learn(
            blots, blots.pool(0, 32), TrainingSettings(steps=3, batch=8, rate=1e-3, images=32, seed=seed), str
        )
        for seed in (1, 1, 2)
    )
    same = [torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True)]
    assert all(same) and first.vocabulary == other.vocabulary
    assert not torch.equal(first.image.linear.weight, other.image.linear.weight)


def test_training_learns_words(narrow: None) -> None:
    said: list[str] = []
    blots = Blots()
    settings = TrainingSettings(steps=40, batch=16, rate=8e-3, images=96)
    network = training.learn(blots, blots.pool(0, 96), settings, said.append)
    found = training.evaluate(network, blots, blots.pool(1, 100))
    assert found["accuracy"] > 0.85  # a guess is right half the time
    assert "contrast" in said[-1] and "images/s" in said[-1]
