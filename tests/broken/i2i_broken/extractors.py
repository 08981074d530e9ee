"""An extractor of each standard role, and one of a role of its own."""

from __future__ import annotations

from typing import Any

import torch

import i2i

from .faults import Faulty, misbehave


class Broken(i2i.Extractor):
    """Calls of every method of every role."""

    name = ""
    summary = "Misbehaves as its options say."
    role = ""
    output: tuple[int, ...] = (4,)

    class Options(Faulty):
        """As of all broken things."""

    def __init__(self, device: i2i.Device, options: Any) -> None:
        self.options = options
        misbehave(options, "__init__", None)

    def __call__(self, images: Any) -> Any:
        return misbehave(self.options, "__call__", torch.zeros(len(images), *self.output))

    def align(self, images: Any, landmarks: Any) -> Any:
        return misbehave(self.options, "align", images)

    def distance(self, images: Any, others: Any) -> Any:
        return misbehave(self.options, "distance", torch.zeros(len(images)))

    def features(self, images: Any) -> Any:
        return misbehave(self.options, "features", {"pixels": images})

    def compare(self, features: Any, others: Any) -> Any:
        return misbehave(self.options, "compare", torch.zeros(len(features["pixels"])))

    def images(self, images: Any) -> Any:
        return misbehave(self.options, "images", torch.zeros(len(images), 4))

    def texts(self, sentences: Any) -> Any:
        return misbehave(self.options, "texts", torch.zeros(len(sentences), 4))

    def find(self, image: Any) -> Any:
        return misbehave(self.options, "find", [i2i.Face((0, 0, 8, 8), torch.zeros(68, 2), 1.0)])


OUTPUTS: dict[str, tuple[int, ...]] = {
    "landmarks": (68, 2),
    "identity": (4,),
    "perceptual": (),
    "text": (4,),
    "encoder": (1, 4),
    "segmentation": (2, 16, 16),
    "broken-role": (1,),
}


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register one of each role, and wrong ones."""
    for role, output in OUTPUTS.items():
        register(type("Broken", (Broken,), {"name": f"broken-{role}", "role": role, "output": output}))
    register(type("Wordless", (Broken,), {"name": "broken-wordless", "role": None}))
    register(type("Lacking", (i2i.Extractor,), {"name": "broken-lacking", "summary": "No call.", "role": "identity"}))
