"""Trees as the safe reader gives them, and as real files."""

from __future__ import annotations

import argparse
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import i2i
from i2i import Contents, Record, StoredTensor
from i2i_plugins.stylegan.formats.network_arguments import DEFAULTS
from tests.plugins.stylegan.external_files import NETWORK
from tests.plugins.stylegan.small_networks import Tensors


def check(weights: i2i.Weights | None, family: str, tensors: Tensors, **arguments: Any) -> None:
    """What was read is what was written, to the bit: no format needs arithmetic that rounds these values."""
    assert weights is not None and weights.family == family
    assert weights.tensors.keys() == tensors.keys()
    for name, value in tensors.items():
        assert weights.tensors[name].dtype == torch.float32 and weights.tensors[name].is_contiguous(), name
        assert torch.equal(weights.tensors[name], value), name
    assert weights.arguments == DEFAULTS[family] | arguments


def contents(tree: Any, container: str = "pickle", **metadata: str) -> Contents:
    """What the reader would give for a tree."""
    return Contents(Path("some.pkl"), container, _stored(tree), metadata)


def _stored(node: Any) -> Any:
    if isinstance(node, Record):
        return Record(node.class_name, _stored(node.state))
    if isinstance(node, dict):
        return {key: _stored(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(_stored(value) for value in node)
    if isinstance(node, np.generic):
        return node.item()
    if isinstance(node, np.ndarray):
        node = torch.from_numpy(np.ascontiguousarray(node))
    if isinstance(node, Tensor):
        kind, plain = str(node.dtype).removeprefix("torch."), node.detach().contiguous()
        raw = plain.reshape(-1).view(torch.uint8).numpy().tobytes()
        return StoredTensor(kind, tuple(plain.shape), plain.stride(), 0, raw)
    return node


def pickled(tree: Any, path: Path, torch_file: bool = False) -> Path:
    """Write a tree as the code bases would: by ``pickle``, or by ``torch.save``, under the names of their classes."""
    persistence = types.ModuleType("torch_utils.persistence")
    network = types.ModuleType("dnnlib.tflib.network")
    persistence._reconstruct_persistent_obj = _reconstruct  # type: ignore[attr-defined]
    network.Network = _Network  # type: ignore[attr-defined]
    outer = {name: types.ModuleType(name) for name in ("torch_utils", "dnnlib", "dnnlib.tflib")}
    there = {name: sys.modules.get(name) for name in (*outer, persistence.__name__, network.__name__)}
    sys.modules.update({**outer, persistence.__name__: persistence, network.__name__: network})
    try:
        with path.open("wb") as stream:
            (torch.save if torch_file else pickle.dump)(_as_objects(tree), stream)
    finally:
        for name, module in there.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module
    return path


def _reconstruct(meta: dict[str, Any]) -> None:
    raise AssertionError("a test's pickle was run")


_reconstruct.__module__, _reconstruct.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
_reconstruct.__name__ = "_reconstruct_persistent_obj"


class _Persistent:
    def __init__(self, name: str, state: dict[str, Any]) -> None:
        self.meta = {
            "type": "class",
            "version": 6,
            "module_src": "raise SystemExit",
            "class_name": name,
            "state": state,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _reconstruct, (self.meta,)


class _Network:
    pass


_Network.__module__, _Network.__qualname__ = "dnnlib.tflib.network", "Network"


def _as_objects(node: Any) -> Any:
    if isinstance(node, Record):
        state = _as_objects(node.state)
        if node.class_name == "argparse.Namespace":
            return argparse.Namespace(**state)
        if node.class_name != NETWORK:
            return _Persistent(node.class_name, state)
        made = _Network()
        made.__dict__.update(state)
        return made
    if isinstance(node, dict):
        found = {key: _as_objects(value) for key, value in node.items()}
        if "_parameters" in found:
            found["_parameters"] = {name: nn.Parameter(value, False) for name, value in found["_parameters"].items()}
        return found
    return type(node)(_as_objects(value) for value in node) if isinstance(node, (list, tuple)) else node
