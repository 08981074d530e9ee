"""Weight files from anywhere: read safely, or refused in one sentence."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import i2i
from i2i.testing import registry_of
from i2i.toolkit.weights.state_dicts import read_state_dict


class Hostile:
    """Unpickled, it makes a folder; here it must never be."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def torch_saved(path: Path) -> None:
    torch.save({"a": Hostile(path.with_name("harm"))}, path)


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Hostile(path.with_name("harm"))))


@pytest.mark.parametrize("write", [torch_saved, pickled])
def test_nothing_that_is_loaded_runs(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "net.pth")
    with pytest.raises(i2i.I2IError, match=r"^\S+net\.pth asks for \w+\.mkdir, which no weight file needs"):
        i2i.load_network(tmp_path / "net.pth", kind="unet256")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("content", [b"", b"junk" * 50, (2**62).to_bytes(8, "little"), b"\x80\x02}q\x00("])
def test_a_damaged_file_is_named_with_a_reason(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(i2i.I2IError) as caught:
        read_state_dict(tmp_path / name)
    text = str(caught.value)
    assert text.startswith(str(tmp_path / name)) and "()" not in text and "\n" not in text


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"step": 3}, {5: torch.zeros(1)}])
def test_a_file_without_named_tensors_is_no_state_dict(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(i2i.I2IError, match="holds no state dict"):
        read_state_dict(tmp_path / "net.pth")


@pytest.mark.parametrize("wrapper", ["state_dict", "params"])
def test_a_state_dict_within_a_training_file_is_found(wrapper: str, tmp_path: Path) -> None:
    torch.save({"epoch": 7, wrapper: {"module.a": torch.ones(2)}}, tmp_path / "net.pth")
    assert torch.equal(read_state_dict(tmp_path / "net.pth")["a"], torch.ones(2))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".pkl", ""])
def test_the_kind_of_a_file_is_told_by_its_content(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    for write in (torch.save, save_file):
        write({"a": torch.ones(2)}, path)
        assert torch.equal(read_state_dict(path)["a"], torch.ones(2))


def test_the_kinds_of_extractors_are_read_too(tmp_path: Path) -> None:
    class Eye(i2i.Extractor):
        name = "eye"
        summary = "Sees."
        role = "identity"
        kinds = {"eye": lambda state: torch.nn.ParameterDict(state)}

    torch.save({"a": torch.ones(2)}, tmp_path / "net.pth")
    assert torch.equal(i2i.load_network(tmp_path / "net.pth", "eye", registry=registry_of(Eye))["a"], torch.ones(2))


def test_what_is_no_tensor_is_left_out_and_the_prefix_of_parallel_training_taken_off(tmp_path: Path) -> None:
    torch.save({"module.a": torch.ones(2), "epoch": 7, 5: torch.zeros(1)}, tmp_path / "net.pth")
    state = read_state_dict(tmp_path / "net.pth")
    assert list(state) == ["a"] and torch.equal(state["a"], torch.ones(2))
