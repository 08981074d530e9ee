"""The published files are read by the position of their constants, and other networks are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import i2i
from i2i.testing import run_command
from i2i.toolkit.weights import read_weights
from i2i_plugins.mobilestylegan import graph as published
from i2i_plugins.mobilestylegan.generator import MobileStyleGAN, convert_published
from i2i_plugins.mobilestylegan.model_records import MOBILE_FFHQ
from i2i_plugins.mobilestylegan.tensors import MAX_RESOLUTION
from tests.plugins.mobilestylegan import small

FILES = [f"{network}.{ending}" for network in ("MappingNetwork", "SynthesisNetwork") for ending in ("xml", "bin")]


def test_read_published_graph_gives_every_tensor(tmp_path: Path) -> None:
    weights = MobileStyleGAN.read(read_weights(small.write(tmp_path)))
    assert weights is not None and weights.family == "mobilestylegan"
    expected = small.tensors()
    assert weights.tensors.keys() == expected.keys()
    for name, tensor in expected.items():
        if not name.startswith("mapping.w_"):
            assert torch.equal(weights.tensors[name], tensor), name


def test_statistics_of_w_are_those_of_its_samples(tmp_path: Path) -> None:
    small.write(tmp_path)
    generator = i2i.generator(tmp_path / "SynthesisNetwork.xml", device="cpu")
    w = generator.map(torch.randn(20_000, 10, generator=torch.Generator().manual_seed(0)))[:, 0]
    assert (w.mean(dim=0) - generator.w_mean).abs().max() < 0.05 * generator.w_std
    assert float((w - w.mean(dim=0)).square().sum(dim=1).mean().sqrt()) == pytest.approx(generator.w_std, rel=0.02)


def test_identity_of_a_graph_includes_its_constants(tmp_path: Path) -> None:
    graph, registry = small.write(tmp_path), i2i.load_registry()
    before = i2i.generator_identity(graph, registry)
    constants = graph.with_suffix(".bin")
    data = bytearray(constants.read_bytes())
    data[-1] ^= 1
    constants.write_bytes(data)
    after = i2i.generator_identity(graph, registry)
    assert before["generator"] == after["generator"] and before["sha256"] != after["sha256"]
    data[-1] ^= 1
    constants.write_bytes(data)
    assert i2i.generator_identity(graph, registry) == before


def test_convert_writes_a_file_that_renders_the_same(tmp_path: Path) -> None:
    graph, out = small.write(tmp_path), tmp_path / "converted.safetensors"
    run_command("convert", graph, "--out", out)
    with safe_open(out, "pt") as stored:
        header = json.loads(stored.metadata()["i2i"])
    assert header["family"] == "mobilestylegan"
    assert "non-commercial" in header["licence"] and "Apache-2.0" in header["licence"]
    both = [i2i.generator(path, device="cpu") for path in (graph, out)]
    assert [(each.resolution, each.num_ws) for each in both] == [(64, 8)] * 2
    z = torch.randn(2, 10)
    images = [generator.render(generator.map(z, truncation=0.7)) for generator in both]
    assert torch.equal(*images)


def test_record_converts_files_of_any_place(tmp_path: Path) -> None:
    small.write(tmp_path)
    files = {}
    for number, name in enumerate(FILES):
        files[name] = tmp_path / f"member{number}"
        (tmp_path / name).rename(files[name])
    assert MOBILE_FFHQ.convert is not None
    tensors = MOBILE_FFHQ.convert(files)
    assert all(torch.equal(tensors[name], tensor) for name, tensor in small.tensors().items() if ".w_" not in name)
    again = MOBILE_FFHQ.convert(files)
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)
    del files["MappingNetwork.bin"]
    with pytest.raises(i2i.I2IError, match=r"MappingNetwork\.bin is missing"):
        convert_published(files)


def test_missing_companions_are_named(tmp_path: Path) -> None:
    graph = small.write(tmp_path)
    (tmp_path / "MappingNetwork.xml").rename(tmp_path / "other.xml")
    with pytest.raises(i2i.I2IError, match=r"half a generator; put MappingNetwork\.xml"):
        i2i.generator(graph, device="cpu")
    (tmp_path / "other.xml").rename(tmp_path / "MappingNetwork.xml")
    with pytest.raises(i2i.I2IError, match=r"name SynthesisNetwork\.xml"):
        i2i.generator(tmp_path / "MappingNetwork.xml", device="cpu")
    graph.with_suffix(".bin").unlink()
    with pytest.raises(i2i.I2IError, match=r"needs SynthesisNetwork\.bin beside it"):
        i2i.generator(graph, device="cpu")


def replace(folder: Path, name: str, old: str, new: str, count: int = 1) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, count), encoding="utf-8")


def edit(name: str, old: str, new: str, count: int = 1) -> Callable[[Path], None]:
    return lambda folder: replace(folder, name, old, new, count)


def slope(folder: Path) -> None:
    graph = small.synthesis_graph(small.tensors())
    graph.constants = bytearray(bytes(graph.constants).replace(torch.tensor(0.2).numpy().tobytes(), b"\0\0\0\x3f"))
    graph.write(folder)


def haar(folder: Path) -> None:
    graph = small.synthesis_graph(small.tensors())
    half = torch.tensor([0.5**0.5]).numpy().tobytes()
    graph.constants = bytearray(bytes(graph.constants).replace(half, b"\0\0\0\x3f"))
    graph.write(folder)


def extra(folder: Path) -> None:
    graph = small.synthesis_graph(small.tensors())
    graph.constant([1.0, 2.0], 2)
    graph.write(folder)


def other_mapping(folder: Path) -> None:
    tensors = small.tensors()
    narrow = {name: value[:5] for name, value in tensors.items() if name.startswith("mapping.fc2")}
    small.mapping_graph(tensors | narrow).write(folder)


SYNTHESIS = "SynthesisNetwork.xml"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit(SYNTHESIS, 'type="PReLU"', 'type="Relu"', -1), "PReLU of 2 inputs"),
        (edit(SYNTHESIS, 'type="Multiply"', 'type="Add"', -1), "is expected"),
        (edit(SYNTHESIS, 'strides="1, 2"', 'strides="2, 2"'), "strides=1,2"),
        (edit("MappingNetwork.xml", 'transpose_b="true"', 'transpose_b="false"'), "transpose_b=true"),
        (edit("MappingNetwork.xml", 'type="Parameter"', 'type="Const"'), "where a number is needed"),
        (edit(SYNTHESIS, 'type="Result"', 'type="Sink"'), "no result"),
        (slope, "the constant 0.2 is expected"),
        (haar, "Haar's kernel is expected"),
        (extra, "nothing is expected"),
        (other_mapping, "has shape"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_other_networks_are_refused(change: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    graph = small.write(tmp_path)
    change(tmp_path)
    with pytest.raises(i2i.I2IError, match=message) as raised:
        i2i.generator(graph, device="cpu")
    assert str(graph) in str(raised.value) or str(tmp_path / "MappingNetwork.xml") in str(raised.value)
    assert "\n" not in str(raised.value)


def test_graphs_with_too_many_blocks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 4 * 2**published.MAX_BLOCKS == MAX_RESOLUTION
    graph = small.write(tmp_path)
    monkeypatch.setattr(published, "MAX_BLOCKS", 3)
    assert i2i.generator(graph, device="cpu").resolution == 64
    monkeypatch.setattr(published, "MAX_BLOCKS", 2)
    with pytest.raises(i2i.I2IError, match="where at most 2 blocks is expected"):
        i2i.generator(graph, device="cpu")


def test_networks_of_other_names_are_no_generators(tmp_path: Path) -> None:
    graph = small.synthesis_graph(small.tensors())
    graph.net.set("name", "torch_jit")
    with pytest.raises(i2i.I2IError, match="holds no generator of a family"):
        i2i.generator(graph.write(tmp_path), device="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("synthesis.block16.conv1.bias"), r"block16\.conv1\.bias is missing"),
        (lambda tensors: tensors.pop("mapping.w_avg"), r"mapping\.w_avg is missing"),
        (lambda tensors: tensors.update({"extra": torch.ones(1)}), "'extra' has shape"),
        (
            lambda tensors: tensors.update({"synthesis.block8.conv2.noise": torch.ones(4, 4)}),
            r"block8\.conv2\.noise' has shape",
        ),
        (lambda tensors: tensors.update({"synthesis.block4.conv.const": torch.ones(8, 5, 4)}), "const' has shape"),
    ],
)
def test_misfits_of_converted_files_are_named(change: Callable[..., None], message: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    tensors = small.tensors()
    change(tensors)
    save_file(tensors, tmp_path / "file.safetensors")
    with pytest.raises(i2i.I2IError, match=message):
        i2i.generator(tmp_path / "file.safetensors", device="cpu")
