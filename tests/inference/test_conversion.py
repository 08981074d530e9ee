"""Foreign weights to ours: what the file says of itself, that it draws the same, and how each mistake is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

import i2i
from i2i import Contents
from i2i.api.generator import UNKNOWN
from i2i.cli.convert import command
from i2i.inference.conversion import convert
from i2i.testing import registry_of
from i2i.toolkit.files import hash_file
from tests.helpers.toy_editors import run
from tests.helpers.toy_generators import Bands, Classes


def network(state: dict[str, torch.Tensor]) -> nn.Module:
    layer = nn.Linear(2, 3)
    try:
        layer.load_state_dict(state)
    except RuntimeError:
        raise i2i.I2IError("it is no such layer; check the kind.") from None
    return layer


class Layers(i2i.Trainer):
    name = "layers"
    summary = "Reads a layer."
    kinds = {"layer": network}


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    path = tmp_path / "foreign.pt"
    big = torch.linspace(-3, 3, 4096).reshape(64, 64)
    torch.save({"bands.shift": torch.tensor([0.1, 0.2, 0.3]), "bands.big": big.t(), "bands.same": big}, path)
    return path


def header_of(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        header: dict[str, Any] = json.loads(file.metadata()["i2i"])
    return header


def test_a_file_of_ours_says_what_it_is_and_draws_the_same(foreign: Path, tmp_path: Path) -> None:
    registry, out = registry_of(Bands, Classes), tmp_path / "new" / "ours.safetensors"
    made = convert(foreign, out, registry=registry)
    header = {
        "family": "bands",
        "arguments": {"width": 2},
        "source": "foreign.pt",
        "source_sha256": hash_file(foreign),
        "licence": UNKNOWN,
        "versions": {"i2i": i2i.__version__},
    }
    assert header_of(out) == header
    facts = {"resolution": 12, "rows": 6, "classes": 0, "parameters": 3 + 2 * 4096}
    assert made == {**header, **facts, "file": str(out), "bytes": out.stat().st_size}
    stored, given = load_file(out), torch.load(foreign)
    assert stored.keys() == given.keys() and all(torch.equal(stored[name], given[name]) for name in given)
    w = torch.randn(2, 6, 3)
    before, after = (i2i.generator(path, "cpu", registry=registry).render(w) for path in (foreign, out))
    assert torch.equal(before, after)


def test_converted_again_it_keeps_its_origin(foreign: Path, tmp_path: Path) -> None:
    registry, first, second = registry_of(Bands), tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    convert(foreign, first, registry=registry)
    convert(first, second, half=True, registry=registry)
    assert header_of(second) == header_of(first)


def told(text: str) -> Callable[[Contents], str]:
    return lambda contents: f"{text}, {contents.container}"


@pytest.mark.parametrize(
    ("of_family", "of_record", "expected"),
    [
        (None, None, UNKNOWN),
        (told("as found"), None, "as found, torch"),
        (None, "CC0", "CC0"),
        (told("as found"), "CC0", "CC0"),
    ],
)
def test_the_licence_is_the_records_else_the_familys(
    of_family: Any, of_record: str | None, expected: str, foreign: Path, tmp_path: Path
) -> None:
    family = type("Licensed", (Bands,), {"read": classmethod(lambda cls, contents: Bands.read(contents))})
    if of_family is not None:
        family.licence = staticmethod(of_family)
    digest = hash_file(foreign) if of_record else "0" * 64
    record = i2i.Model("m", "M.", "generator", "https://example.org/m.pt", of_record or "wrong", sha256=digest)
    out = tmp_path / "ours.safetensors"
    convert(foreign, out, registry=registry_of(family, record))
    assert header_of(out)["licence"] == expected


def test_half_precision_is_for_large_tensors(foreign: Path, tmp_path: Path) -> None:
    out = tmp_path / "half.safetensors"
    convert(foreign, out, half=True, registry=registry_of(Bands))
    stored, given = load_file(out), torch.load(foreign)
    assert stored["bands.big"].dtype == torch.float16 and torch.equal(stored["bands.shift"], given["bands.shift"])
    torch.testing.assert_close(stored["bands.big"].float(), given["bands.big"], rtol=2**-11, atol=0)  # 11 bits
    assert out.stat().st_size < 2 * 4096 * 2 + 2048, "two large tensors of two bytes a number, and the header"


def test_what_half_precision_cannot_hold_is_refused(tmp_path: Path) -> None:
    path, out = tmp_path / "large.safetensors", tmp_path / "half.safetensors"
    save_file({"bands.shift": torch.zeros(3), "bands.big": torch.full((64, 64), 1e6)}, path)
    with pytest.raises(i2i.I2IError, match=r"bands\.big holds numbers that half precision cannot; leave out --half"):
        convert(path, out, half=True, registry=registry_of(Bands))
    assert not out.exists()


def test_another_network_is_written_by_its_kind(tmp_path: Path) -> None:
    path, out, registry = tmp_path / "layer.pth", tmp_path / "layer.safetensors", registry_of(Bands, Layers)
    torch.save(nn.Linear(2, 3).state_dict(), path)
    made = convert(path, out, kind="layer", registry=registry)
    assert made["parameters"] == 9 and "resolution" not in made
    header = header_of(out)
    assert (header["kind"], header["source_sha256"], "family" in header) == ("layer", hash_file(path), False)
    again = i2i.load_network(out, "layer", registry=registry).state_dict()
    assert all(torch.equal(again[name], value) for name, value in torch.load(path).items())


def refusals(foreign: Path, tmp_path: Path) -> dict[str, tuple[type[i2i.I2IError], list[Any], str]]:
    """By what is wrong: the error, the arguments and words of the sentence."""
    taken, ours, stranger = tmp_path / "taken.safetensors", tmp_path / "ours.safetensors", tmp_path / "stranger.pt"
    save_file({"bands.shift": torch.zeros(2)}, taken)
    torch.save({"weight": torch.zeros(2)}, stranger)
    return {
        "ending": (i2i.UsageError, [foreign, "--out", tmp_path / "a.pt"], "must end in .safetensors"),
        "taken": (i2i.UsageError, [foreign, "--out", taken], "replace it with --overwrite"),
        "itself": (i2i.UsageError, [taken, "--out", taken, "--overwrite"], "is the file to read"),
        "missing": (i2i.I2IError, [tmp_path / "no.pt", "--out", ours], "no.pt is not a file"),
        "stranger": (i2i.I2IError, [stranger, "--out", ours], "no generator of a family that is known here (bands)"),
        "unusable": (i2i.I2IError, [taken, "--out", ours], f"{taken}: bands.shift has the wrong shape"),
        "a folder": (i2i.UsageError, [tmp_path, "--out", ours], "is a folder; name the file in it"),
        "no kind": (i2i.UsageError, [stranger, "--out", ours, "--kind", "lyaer"], "Did you mean 'layer'?"),
        "wrong kind": (i2i.I2IError, [stranger, "--out", ours, "--kind", "layer"], "no such layer"),
    }


@pytest.mark.parametrize(
    "case", ["ending", "taken", "itself", "missing", "stranger", "unusable", "a folder", "no kind", "wrong kind"]
)
def test_a_mistake_is_named_and_no_file_is_written(case: str, foreign: Path, tmp_path: Path) -> None:
    kind, args, words = refusals(foreign, tmp_path)[case]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    refused = run(command, registry_of(Bands, Layers), *args)
    assert isinstance(refused.exception, kind), refused.output
    assert words in str(refused.exception) and "\n" not in str(refused.exception)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_command_says_what_it_found_and_what_to_type_next(foreign: Path, tmp_path: Path) -> None:
    registry, out = registry_of(Bands, Layers), tmp_path / "ours.safetensors"
    done = run(command, registry, foreign, "--out", out)
    assert done.exit_code == 0, done.output
    told = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert told["resolution"] == "12 px" and told["rows"] == "6" and told["licence"] == UNKNOWN
    assert told["next:"] == f"i2i sample --generator {out} --out grid.png"
    again = run(command, registry, foreign, "--out", out, "--overwrite", "--json")
    assert again.exit_code == 0 and json.loads(again.stdout)["family"] == "bands"


def test_stylegan2_of_another_naming_draws_the_same(tmp_path: Path) -> None:
    from i2i.registry import find_plugins

    registry = i2i.Registry(find_plugins(["stylegan"]))
    from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Generator

    torch.manual_seed(0)
    network = StyleGAN2Generator.create(16, z_dim=8, w_dim=8, channel_base=128, channel_max=16, mapping_layers=2)
    foreign, ours, half = (tmp_path / name for name in ("G.pt", "ours.safetensors", "half.safetensors"))
    torch.save(network.state_dict(), foreign)
    made = convert(foreign, ours, registry=registry)
    assert (made["family"], made["resolution"], made["rows"], made["classes"]) == ("stylegan2", 16, 6, 0)
    convert(foreign, half, half=True, registry=registry)
    w = torch.randn(2, 6, 8)
    pictures = [i2i.generator(path, "cpu", registry=registry).render(w) for path in (foreign, ours, half)]
    assert torch.equal(pictures[0], pictures[1])
    # Numbers of 11 bits: 5e-4 a weight, which add up over six layers.
    torch.testing.assert_close(pictures[2], pictures[0], rtol=0, atol=5e-3 * float(pictures[0].abs().max()))


def test_a_model_is_converted_by_its_name(foreign: Path, tmp_path: Path) -> None:
    record = i2i.Model("mine", "M.", "generator", "", "CC0", path=foreign)
    made = convert("mine", tmp_path / "ours.safetensors", registry=registry_of(Bands, record))
    assert made["source"] == foreign.name and made["family"] == "bands"
