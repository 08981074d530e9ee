"""What can be said of a face: prompts that hold, in words that are known, and captions understood."""

from __future__ import annotations

import random

import pytest

import i2i
from research.demo.training.prompts import Prompts, wordings_of

FACES = i2i.load_registry().get("dataset", "faces")()
NAMES = tuple(FACES.attributes(FACES.values(0)))
UNSAID = {"mouth closed", "warm light", "light from the left", "light from the right"}
"""What captions leave out."""


def face(seed: int) -> dict[str, bool]:
    return FACES.attributes(FACES.values(seed))


def negated(text: str) -> bool:
    return bool({"no", "not", "without"} & set(text.split())) or "eyes open" in text or "with hair" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_attribute_has_opposite_prompts(name: str) -> None:
    true, false = Prompts(NAMES).pair(name)
    assert not negated(true.replace(",", "")) or name == "eyes wide open"
    assert negated(false.replace(",", "")) and true.startswith("a") and false.startswith("a face, ")


@pytest.mark.parametrize("name", NAMES)
def test_positive_prompts_are_not_negative(name: str) -> None:
    there, absent = wordings_of(name)
    assert there.all and absent.all and not set(there.all) & set(absent.all)


def test_word_order_of_names_and_unknown_names() -> None:
    assert wordings_of("closed_eyes") == wordings_of("eyes closed")
    there, absent = wordings_of("pointed_hat")
    assert there.with_ == ("pointed hat",) and absent.with_ == ("no pointed hat",)


def test_prompts_state_true_attributes_only() -> None:
    prompts, rng = Prompts(NAMES), random.Random(0)
    texts, words = set(), prompts.words()
    for seed in range(300):
        attributes = face(seed)
        text, said = prompts.draw(attributes, rng)
        assert said and all(attributes[name] == true for name, true in said.items())
        for name, true in said.items():
            assert any(way in text for way in prompts.wordings[name][0 if true else 1].all)
        assert set(text.replace(",", "").split()) <= words
        texts.add(text)
    assert len(texts) > 200


def test_pairs_cover_every_attribute() -> None:
    prompts, rng = Prompts(NAMES), random.Random(2)
    plain = [prompts.pair(name) for name in prompts.names]
    met = set()
    for _ in range(40):
        pairs = prompts.pairs(rng)
        assert len(pairs) == len(prompts.names)
        for name, pair in zip(prompts.names, pairs, strict=True):
            for text, wording in zip(pair, prompts.wordings[name], strict=True):
                assert any(way in text for way in wording.all) and set(text.replace(",", "").split()) <= prompts.words()
        met.add(sum(pair == usual for pair, usual in zip(pairs, plain, strict=True)) / len(plain))
    assert 0.4 < sum(met) / len(met) < 0.75  # half as ``pair`` says, and some of the others by chance


def test_short_prompts_are_common_and_positive() -> None:
    prompts, rng = Prompts(NAMES), random.Random(1)
    drawn = [(face(seed), *prompts.draw(face(seed), rng)) for seed in range(400)]
    single = [said for _, _, said in drawn if len(said) == 1]
    assert 0.35 < len(single) / len(drawn) < 0.55
    # A quarter of the attributes hold; nearly half of those that are spoken of.
    stated = [true for _, _, said in drawn for true in said.values()]
    held = [true for attributes, _, _ in drawn for true in attributes.values()]
    assert sum(stated) / len(stated) > 1.5 * sum(held) / len(held)


def test_captions_are_parsed() -> None:
    prompts = Prompts(NAMES)
    for seed in range(200):
        attributes, caption = face(seed), FACES.caption(FACES.values(seed))
        stated = prompts.stated(caption, attributes)
        there = {name for name, true in attributes.items() if true}
        assert {name for name, true in stated.items() if true} == there - UNSAID
        assert all(attributes[name] == true for name, true in stated.items())


@pytest.mark.parametrize(
    ("caption", "stated"),
    [
        ("a face with long blond hair and brown eyes", {"long hair", "blond hair", "brown eyes"}),
        ("a face with brown hair, blue eyes and fair skin", {"brown hair", "blue eyes", "fair skin"}),
        ("a face", set()),
    ],
)
def test_words_belong_to_their_clause(caption: str, stated: set[str]) -> None:
    everything = dict.fromkeys(NAMES, True)
    assert set(Prompts(NAMES).stated(caption, everything)) == stated
