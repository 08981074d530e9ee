"""How like two pictures are, in the embedded world; what is not there is left out, and told once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import i2i
from i2i.editing.comparison import ImageComparison
from i2i.editing.extractors import Extractors, open_required
from i2i.registry import Registry
from i2i.runtime.device import TorchDevice
from i2i.testing import registry_of
from tests.helpers.toy_editors import Blend, Points

DEVICE = TorchDevice("cpu")


@pytest.fixture(scope="module")
def people() -> torch.Tensor:
    generator = i2i.generator("demo-faces", device="cpu")
    z = torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(1))
    return generator.render(generator.map(z, truncation=0.7)).clamp(-1, 1)


def likeness(domain: str | None, notes: list[str]) -> ImageComparison:
    registry = i2i.load_registry()
    return ImageComparison(registry, DEVICE, Extractors(registry, DEVICE, {}, domain), notes.append)


def test_the_same_picture_could_not_be_more_like(people: torch.Tensor) -> None:
    notes: list[str] = []
    same = likeness("synthetic faces", notes)(people, people)
    assert len(same) == 2 and not notes
    for each in same:
        assert each == pytest.approx({"psnr": 100, "ssim": 1, "lpips": 0, "identity": 1}, abs=1e-4)
    one, other = likeness("synthetic faces", notes)(people, people.flip(0))
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
    assert len(notes) == told and all("the model 'faceplugin-identity'" in note for note in notes)


class Unsure(Blend):
    name = "unsure"
    may_use = ("identity", "landmarks")


class Faceless(i2i.Extractor):
    name = "faceless"
    summary = "Cannot be opened."
    role = "identity"

    def __init__(self, device: i2i.Device) -> None:
        raise i2i.I2IError("The weights of faceless are not downloaded.")


def toy(*things: Any, **names: str) -> tuple[Registry, Extractors]:
    registry = registry_of(Blend, Points, *things)
    return registry, Extractors(registry, DEVICE, names, "faces").for_roles((*Unsure.extractors, *Unsure.may_use))


def test_extractors_are_found_by_role_and_by_name_and_opened_once() -> None:
    _, found = toy()
    assert found.chosen == {}
    assert found["landmarks"] is found["landmarks"] and found.chosen == {"landmarks": "points"}
    assert found["points"].points == 68 and found.get("nothing") is None
    with pytest.raises(i2i.I2IError, match="No plugin provides an extractor of text"):
        found["text"]
    with pytest.raises(KeyError):
        found["nothing"]


def test_extractors_is_a_mapping_of_declared_roles_that_are_provided() -> None:
    _, found = toy()
    assert list(found) == list(found.keys()) == ["landmarks"] and len(found) == 1 and bool(found)
    assert "landmarks" in found and "points" in found
    assert "identity" not in found and "nothing" not in found and None not in found and ["landmarks"] not in found
    assert found.chosen == {}, "nothing is opened by asking"
    opened = found.get("landmarks")
    assert found["landmarks"] is opened and dict(found) == {"landmarks": opened}
    _, none = toy()
    assert not list(none.for_roles(())) and not len(none.for_roles(()))


def test_extractors_that_cannot_be_opened_raise_on_lookup_only() -> None:
    _, found = toy(Faceless)
    assert set(found) == {"landmarks", "identity"} and len(found) == 2
    assert "identity" in found and "faceless" in found and found.get("text", 1) == 1
    for look_up in (found.__getitem__, found.get):
        with pytest.raises(i2i.I2IError, match="not downloaded"):
            look_up("identity")
    assert found.chosen == {}


def test_encoders_of_other_generators_are_not_advised() -> None:
    class Published(i2i.Extractor):
        name = "published"
        summary = "Cannot be opened before it is downloaded."
        role = "encoder"
        domain = "faces"
        generator_layers = 18

        def __init__(self, device: i2i.Device) -> None:
            raise i2i.I2IError("Download it.")

    registry = registry_of(Published)
    generator = i2i.generator("demo-faces", device="cpu")
    for given, names, said in (
        (generator, {}, "'published' is for generators with 18 layers of w, and this one has 10; 'i2i train encoder'"),
        (None, {}, "Download it"),
        (generator, {"encoder": "published"}, "Download it"),
    ):
        with pytest.raises(i2i.I2IError, match=said):
            Extractors(registry, DEVICE, names, "faces", generator=given)["encoder"]


def test_extractors_are_shared_between_editors() -> None:
    _, found = toy()
    other = found.for_roles(())
    assert found["landmarks"] is other["landmarks"] and other.chosen == found.chosen


def test_scene_extractors_list_what_the_editor_declares(tmp_path: Path) -> None:
    class Asks(i2i.Editor):
        name = "asks"
        summary = "Asks what there is."
        photos = ()
        may_use = ("landmarks", "text")

        def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
            assert list(scene.extractors) == ["landmarks"] and "text" not in scene.extractors
            return i2i.Result(image=torch.zeros(1, 3, 4, 4), scalars={"roles": len(scene.extractors)})

    registry = registry_of(Asks, Points)
    result = i2i.edit("asks", device="cpu", out=tmp_path / "out", registry=registry)
    assert result.scalars == {"roles": 1}
    assert json.loads((tmp_path / "out" / "recipe.json").read_text(encoding="utf-8"))["extractors"] == {}


def test_an_editor_s_extractors_are_open_before_it_starts() -> None:
    _, found = toy()
    open_required(Blend, found)
    assert found.chosen == {"landmarks": "points"}
    _, wrong = toy(identity="arcface")
    with pytest.raises(i2i.UsageError, match="'blend' uses no extractor of identity"):
        open_required(Blend, wrong)


def test_a_named_extractor_that_cannot_be_opened_ends_the_edit() -> None:
    open_required(Unsure, toy(Faceless)[1])
    with pytest.raises(i2i.I2IError, match="not downloaded"):
        open_required(Unsure, toy(Faceless, identity="faceless")[1])


def test_lpips_on_vgg16_is_named_only_where_it_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2I_HOME", str(tmp_path))
    with pytest.raises(i2i.I2IError, match="'vgg16' is not downloaded: type 'i2i models fetch vgg16'"):
        i2i.edit("text", prompt="smile", steps=1, device="cpu", extractors={"perceptual": "lpips-vgg"})


def test_a_chosen_extractor_that_is_not_there_is_refused_before_the_edit() -> None:
    _, found = toy(Faceless, identity="facelss")
    with pytest.raises(i2i.UsageError, match=r"no extractor of identity called 'facelss'.*Did you mean 'faceless'"):
        open_required(Unsure, found)
