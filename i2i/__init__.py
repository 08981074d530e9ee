"""i2i: train networks that turn one image into another, and edit images through pretrained generators.

What a plugin imports and what a notebook calls are both found here. Names are loaded when first used, so that
``import i2i`` costs nothing: torch is imported only by what needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .api.errors import I2IError, Interrupted, UsageError
from .api.hookspecs import hookimpl

if TYPE_CHECKING:
    from .api.dataset import Archive, Dataset
    from .api.editor import Editor, Plot, Result, Table
    from .api.extractor import Extractor, Face
    from .api.generator import Generator, Weights
    from .api.gradients import gradients_for, rows_of
    from .api.metric import Metric
    from .api.model import Model
    from .api.options import Options
    from .api.panel import Panel
    from .api.preset import Preset
    from .api.scene import Latent, Photo, Scene
    from .api.trainer import Trainer
    from .assets.extractors import extractor
    from .assets.networks import load_network
    from .editing.pipeline import edit
    from .inference.generators import generator
    from .registry import Registry, load_registry
    from .runtime.device import Device
    from .training.session import train

__version__ = "0.1.0"

_HOMES = {
    "contracts": (
        "Archive",
        "Dataset",
        "Editor",
        "Extractor",
        "Face",
        "Generator",
        "Latent",
        "Metric",
        "Model",
        "Panel",
        "Photo",
        "Plot",
        "Preset",
        "Result",
        "Scene",
        "Table",
        "Trainer",
        "Weights",
        "gradients_for",
        "rows_of",
    ),
    "devices": ("Device",),
    "editing": ("edit",),
    "extracting": ("extractor",),
    "generators": ("generator",),
    "options": ("Options",),
    "registry": ("Registry", "load_registry"),
    "trainer": ("train",),
    "weights": ("load_network",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Archive",
    "Dataset",
    "Device",
    "Editor",
    "Extractor",
    "Face",
    "Generator",
    "I2IError",
    "Interrupted",
    "Latent",
    "Metric",
    "Model",
    "Options",
    "Panel",
    "Photo",
    "Plot",
    "Preset",
    "Registry",
    "Result",
    "Scene",
    "Table",
    "Trainer",
    "UsageError",
    "Weights",
    "__version__",
    "edit",
    "extractor",
    "generator",
    "gradients_for",
    "hookimpl",
    "load_network",
    "load_registry",
    "rows_of",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'i2i' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
