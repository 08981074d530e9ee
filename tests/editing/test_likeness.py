"""How like two pictures are, in the embedded world; what is not there is left out, and told once."""

from __future__ import annotations

import pytest
import torch

import i2i
from i2i.editing.likeness import Likeness
from i2i.editing.opened import Extractors, open_for
from i2i.registry import Registry
from tests.toy_editors import Blend, Points, registry_of

DEVICE = i2i.Device("cpu")


@pytest.fixture(scope="module")
def people() -> torch.Tensor:
    generator = i2i.generator("demo-faces", device="cpu")
    z = torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(1))
    return generator.render(generator.map(z, truncation=0.7)).clamp(-1, 1)


def likeness(domain: str | None, notes: list[str]) -> Likeness:
    registry = i2i.load_registry()
    return Likeness(registry, DEVICE, Extractors(registry, DEVICE, {}, domain), notes.append)


def test_the_same_picture_could_not_be_more_like(people: torch.Tensor) -> None:
    notes: list[str] = []
    same = likeness("drawn faces", notes)(people, people)
    assert len(same) == 2 and not notes
    for each in same:
        assert each == pytest.approx({"psnr": 100, "ssim": 1, "lpips": 0, "identity": 1}, abs=1e-4)
    one, other = likeness("drawn faces", notes)(people, people.flip(0))
    assert one == pytest.approx(other, abs=1e-4), "it does not matter which is which"
    assert one["identity"] < 0.8 and one["lpips"] > 0.05 and one["psnr"] < 30


@pytest.mark.parametrize(("domain", "told"), [("faces", 1), ("cats", 0), (None, 0)])
def test_what_cannot_be_measured_is_left_out(
    domain: str | None, told: int, people: torch.Tensor, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2I_HOME", str(tmp_path))
    notes: list[str] = []
    measure = likeness(domain, notes)
    for _ in range(2):
        assert {"psnr", "ssim", "lpips"} == measure(people, people)[0].keys()
    assert len(notes) == told and all("i2i models fetch arcface-r50" in note for note in notes)


def toy(**names: str) -> tuple[Registry, Extractors]:
    registry = registry_of(Blend, Points)
    return registry, Extractors(registry, DEVICE, names, "faces")


def test_extractors_are_found_by_role_and_by_name_and_opened_once() -> None:
    _, found = toy()
    assert len(found) == 0 and found.chosen == {}
    assert found["landmarks"] is found["landmarks"] and found.chosen == {"landmarks": "points"}
    assert found["points"].points == 68 and found.get("nothing") is None
    with pytest.raises(i2i.I2IError, match="No plugin here brings an extractor of text"):
        found["text"]


def test_an_editor_s_extractors_are_open_before_it_starts() -> None:
    _, found = toy()
    open_for(Blend, found)
    assert list(found) == ["landmarks"]
    _, wrong = toy(identity="arcface")
    with pytest.raises(i2i.UsageError, match="'blend' uses no extractor of identity"):
        open_for(Blend, wrong)
