"""Pickles as NVlabs' code writes them, by modules of the same names that stand in for theirs while a test writes."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

_SOURCE = "raise SystemExit('program text of a file was run')\n"


class EasyDict(dict):
    """A dictionary with attributes, as ``dnnlib.util`` has."""


class Network:
    """A network of TensorFlow's days: its pickled state is what it was given."""

    def __init__(self, **state: Any) -> None:
        self.__dict__.update(state)


def _reconstruct_persistent_obj(meta: Any) -> Any:
    raise AssertionError("what a file names was called")


class Persistent(torch.nn.Module):
    """A layer that pickles itself with the program text of its class."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        self._init_args = ()
        self._init_kwargs = EasyDict(attributes)
        for name, value in attributes.items():
            setattr(self, name, value)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        meta = {"type": "class", "version": 6, "module_src": _SOURCE, "class_name": type(self).__name__}
        return _reconstruct_persistent_obj, ({**meta, "state": self.__dict__},)


class Generator(Persistent):
    """A persistent class."""


class FullyConnectedLayer(Persistent):
    """Another."""


_PLACES = {
    "torch_utils.persistence": (_reconstruct_persistent_obj,),
    "dnnlib.util": (EasyDict,),
    "dnnlib.tflib.network": (Network,),
}


@contextmanager
def _standing_in() -> Iterator[None]:
    """Make the stand-ins importable under the names that they are to be pickled under."""
    homes: dict[str, ModuleType] = {}
    kept = {thing: thing.__module__ for things in _PLACES.values() for thing in things}
    for place, things in _PLACES.items():
        parts = place.split(".")
        for end in range(1, len(parts) + 1):
            homes.setdefault(".".join(parts[:end]), ModuleType(parts[end - 1]))
        for thing in things:
            thing.__module__ = place
            setattr(homes[place], thing.__name__, thing)
    sys.modules.update(homes)
    try:
        yield
    finally:
        for thing, module in kept.items():
            thing.__module__ = module
        for home in homes:
            del sys.modules[home]


def dumps(thing: Any, protocol: int) -> bytes:
    """A plain pickle of ``thing`` under NVlabs' names."""
    with _standing_in():
        return pickle.dumps(thing, protocol=protocol)


def save(thing: Any, path: Any) -> None:
    """A torch file of ``thing`` under NVlabs' names, as PTI saves whole networks."""
    with _standing_in():
        torch.save(thing, path)
