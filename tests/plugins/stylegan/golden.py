"""Reading the recorded answers of reference networks."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from safetensors import safe_open
from torch import Tensor


def recorded(reference: Path, name: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The arguments and the tensors of a file of answers."""
    with safe_open(reference / f"{name}.safetensors", "pt") as file:
        return file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def stand_ins(reference: Path) -> ModuleType:
    """The functions that fill a network by the names and shapes of its tensors."""
    spec = importlib.util.spec_from_file_location("golden_weights", reference / "weights.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def relative(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).detach().abs().max() / theirs.abs().max())
