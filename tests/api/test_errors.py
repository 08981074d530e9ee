"""What a sentence says of a name that is not known."""

from __future__ import annotations

import pytest

import i2i
from i2i.api.errors import did_you_mean
from i2i.registry import load_registry

MANY = [f"thing-{number}" for number in range(31)] + ["clay-vessels-256", "clay-vessels-512"]


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("pit", ["pot", "vase"], " Did you mean 'pot'?"),
        ("chair", ["pot", "vase"], " There are: pot, vase."),
        ("chair", [], ""),
        ("chair", MANY, ""),
        ("", MANY, ""),
        ("clay", MANY, " There are: clay-vessels-256, clay-vessels-512."),
        ("512", MANY, " There are: clay-vessels-512."),
    ],
)
def test_a_near_name_or_a_list_that_can_be_read(name: str, known: list[str], said: str) -> None:
    assert did_you_mean(name, known) == said


def test_a_model_among_many_leads_to_the_list() -> None:
    with pytest.raises(i2i.UsageError, match=r"There is no model called 'qqqq'. See: i2i models list.$"):
        load_registry().get("model", "qqqq")
    with pytest.raises(i2i.UsageError, match=r"There are: e4e-cars, e4e-churches, e4e-ffhq, e4e-horses.$"):
        load_registry().get("model", "e4e")
