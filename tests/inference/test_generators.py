"""Opening generators by file, model, name and run."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import i2i
from i2i.api.generator import Generator, Weights
from i2i.api.hookspecs import hookimpl
from i2i.api.model import Model
from i2i.assets.models import model_path
from i2i.inference.conversion import convert
from i2i.inference.generators import generator_domain
from i2i.registry import Plugin, Registry
from i2i.toolkit.files import hash_file


class Flat(Generator):
    """Pictures of one colour: w itself."""

    name = "flat"
    summary = "One colour."
    z_dim = w_dim = 3
    num_ws = 1
    resolution = 4

    @classmethod
    def read(cls, contents: Any) -> Weights | None:
        if "flat.colour" not in contents.tree:
            return None
        if len(contents.tree) > 1:
            raise i2i.I2IError("it holds more than a colour; take the rest away.")
        return Weights("flat", {"colour": contents.tree["flat.colour"].tensor()})

    def __init__(self, weights: Weights | None, device: Any) -> None:
        self.colour = weights.tensors["colour"] if weights else torch.zeros(3)
        self.device = device

    def map(self, z: Any, c: Any = None, truncation: float = 1.0, cutoff: int | None = None) -> Any:
        return z[:, None]

    def render(self, w: Any, noise: Any = "const") -> Any:
        return w[:, 0, :, None, None].expand(-1, -1, 4, 4)


def registry(*models: Model) -> Registry:
    @hookimpl
    def register_generators(register: Any) -> None:
        register(Flat)

    @hookimpl
    def register_models(register: Any) -> None:
        for model in models:
            register(model)

    module: Any = ModuleType("flat")
    module.register_generators, module.register_models = register_generators, register_models
    return Registry([Plugin("flat", "flat-dist", "1", module)])


def model(**changes: Any) -> Model:
    facts: dict[str, Any] = {"role": "generator", "url": "https://example.org/red.safetensors", "licence": "CC0"}
    return Model("red", "A red one.", **{**facts, **changes})


@pytest.fixture
def red(tmp_path: Path) -> Path:
    save_file({"flat.colour": torch.tensor([1.0, -1.0, -1.0])}, tmp_path / "red.safetensors")
    return tmp_path / "red.safetensors"


def test_a_file_is_opened_by_the_family_that_knows_it(red: Path) -> None:
    opened: Any = i2i.generator(red, device="cpu", registry=registry())
    assert opened.colour.tolist() == [1, -1, -1]
    renamed = red.rename(red.with_name("red.pkl"))  # the name tells nothing
    assert isinstance(i2i.generator(str(renamed), device="cpu", registry=registry()), Flat)


def test_a_name_is_a_model_or_a_generator_without_a_file(red: Path) -> None:
    shipped = registry(model(path=red, url=""))
    opened: Any = i2i.generator("red", device="cpu", registry=shipped)
    assert opened.colour[0] == 1
    plain: Any = i2i.generator("flat", device="cpu", registry=shipped)
    assert plain.colour[0] == 0


def test_device_and_precision_reach_the_generator(red: Path) -> None:
    opened: Any = i2i.generator(red, device="cpu", precision="bf16", registry=registry())
    assert (opened.device, opened.device.precision, opened.device.dtype) == ("cpu", "bf16", torch.bfloat16)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("rde", "no file, run or model 'rde'.*Did you mean 'red'"),
        ("red", "i2i models fetch red.*https://example.org/red.safetensors"),
    ],
)
def test_a_wrong_source_ends_in_a_sentence(source: str, said: str) -> None:
    with pytest.raises(i2i.I2IError, match=said):
        i2i.generator(source, device="cpu", registry=registry(model()))


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    save_file({"fc.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(i2i.I2IError, match=r"other.safetensors holds no generator of a family .* \(flat\)"):
        i2i.generator(tmp_path / "other.safetensors", device="cpu", registry=registry())
    save_file({"flat.colour": torch.zeros(3), "more": torch.zeros(1)}, tmp_path / "more.safetensors")
    with pytest.raises(i2i.I2IError, match=r"more.safetensors: it holds more than a colour"):
        i2i.generator(tmp_path / "more.safetensors", device="cpu", registry=registry())


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(i2i.UsageError, match="is not the folder of a run"):
        i2i.generator(tmp_path, device="cpu", registry=registry())


@pytest.mark.parametrize(
    ("source", "domain"),
    [
        ("demo-faces", "synthetic faces"),
        ("ffhq-256", "faces"),
        ("somewhere/stylegan2-FFHQ-config-f.pkl", None),
        ("somewhere/cats.pkl", None),
    ],
)
def test_what_a_generator_draws_is_known_by_its_record(source: str, domain: str | None) -> None:
    assert generator_domain(source, i2i.load_registry()) == domain


def test_a_model_is_known_by_its_file_as_well(tmp_path: Path) -> None:
    registry = i2i.load_registry()
    assert generator_domain(model_path("demo-faces", registry), registry) == "synthetic faces"
    (tmp_path / "demo-faces.safetensors").touch()
    assert generator_domain(tmp_path / "demo-faces.safetensors", registry) is None, "another file of the same name"


def test_the_domain_of_a_file_is_known_by_its_checksum_or_its_header(red: Path, tmp_path: Path) -> None:
    recorded = registry(model(sha256=hash_file(red), domain="reds"))
    assert generator_domain(red, recorded) == "reds", "wherever the file lies"
    assert generator_domain(red, registry(model(sha256="0" * 64, domain="reds"))) is None
    convert(red, tmp_path / "ours.safetensors", registry=recorded)
    assert generator_domain(tmp_path / "ours.safetensors", registry()) == "reds", "by its header"
    save_file({"w": torch.zeros(1)}, tmp_path / "old.safetensors", {"i2i": json.dumps({"domain": "drawn faces"})})
    assert generator_domain(tmp_path / "old.safetensors", registry()) == "synthetic faces", "as version 0.1 named it"
