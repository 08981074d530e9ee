"""What a plugin gives: the classes to subclass, with every shape, unit and range that crosses the door.

Pictures inside the house are float32 tensors ``(N, 3, H, W)``, RGB, in [-1, 1]; pictures at its edge (datasets,
files) are uint8 arrays ``(H, W, 3)``, RGB. This package imports no torch, so that doors stay light.
"""

from .editing import Editor, Latent, Panel, Photo, Plot, Preset, Result, Scene, Table
from .generating import Generator, Model, Weights
from .gradients import gradients_for, rows_of
from .measuring import Extractor, Face, Metric, Role
from .training import Archive, Dataset, Direction, Split, Trainer

__all__ = [
    "Archive",
    "Dataset",
    "Direction",
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
    "Role",
    "Scene",
    "Split",
    "Table",
    "Trainer",
    "Weights",
    "gradients_for",
    "rows_of",
]
