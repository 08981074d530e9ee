"""Editors: one that misbehaves as it is told, two that call what extractors and generators have, and wrong ones."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field

import i2i

from .faults import Faulty, misbehave

CALLS: dict[str, Any] = {
    "landmarks": lambda it, x: it(x),
    "identity": lambda it, x: it(it.align(x, torch.zeros(1, 68, 2))),
    "perceptual": lambda it, x: (it.distance(x, x), it.compare(it.features(x), it.features(x))),
    "text": lambda it, x: (it.images(x), it.texts(["a"])),
    "encoder": lambda it, x: it(x),
    "segmentation": lambda it, x: it(x),
    "broken-role": lambda it, x: it(x),
}
"""By role, calls of every method of its protocol."""


class Broken(i2i.Editor):
    """Shows the photo."""

    name = "broken-editor"
    summary = "Misbehaves as its options say."
    may_use = tuple(CALLS)

    class Options(Faulty):
        call: str = Field("", description="The role whose extractor is called")
        named: str = Field("", description="The preset that is requested; empty for none")

    def check(self, generator: Any, options: Any) -> None:
        misbehave(options, "check", None)

    def presets(self, options: Any) -> Any:
        return misbehave(options, "presets", (options.named,) if options.named else ())

    def check_preset(self, preset: Any) -> None:
        if preset.values == {"fail": True}:
            raise TypeError("no preset")

    def edit(self, scene: Any, options: Any) -> Any:
        x = scene.photos["image"].pixels
        if options.call:
            CALLS[options.call](scene.extractors[options.call], x)
        changed: dict[str, Any] = {
            "image": x,
            "frames": (x,),
            "scalars": {},
            "latent": None,
            "table": None,
            "plots": {},
            "others": (),
        }
        if options.at == "cells":
            changed["table"] = i2i.Table([[x, misbehave(options, "cells", x)]])
        elif options.at == "ragged":
            changed["table"] = i2i.Table([[x, x], [x]], notes=[[]], columns=("one",))
        elif options.at == "path":
            changed["plots"] = {"../escaped": i2i.Plot("x", "y", {"line": [(0.0, 1.0)]})}
        elif options.at == "lines":
            changed["plots"] = {"loss": i2i.Plot("x", "y", {"line": [None]})}  # type: ignore[list-item]
        elif options.at == "nan-scalar":
            changed["scalars"] = {"value": float("nan")}
        elif options.at in changed:
            changed[options.at] = misbehave(options, options.at, changed[options.at])
        return misbehave(options, "edit", i2i.Result(**changed))


class Latents(i2i.Editor):
    """Calls a method of the generator, and of the scene an inverter."""

    name = "broken-latents"
    summary = "Calls the generator."
    wants = "latent"
    photos = ("image?",)

    class Options(Faulty):
        call: str = Field("render", description="The method to call")

    def check_photos(self, scene: Any, options: Any) -> None:
        misbehave(options, "check_photos", None)

    def edit(self, scene: Any, options: Any) -> Any:
        generator, w = scene.generator, scene.latent.w
        calls: dict[str, Any] = {
            "render": lambda: generator.render(w),
            "map": lambda: generator.map(torch.zeros(1, generator.z_dim)),
            "features": lambda: generator.features(w, 16),
            "features_and_pictures": lambda: generator.features_and_pictures(w, 16),
            "style_space": lambda: generator.style_space(w),
            "styles": lambda: generator.styles(),
            "weights": lambda: generator.weights(),
            "tuned": lambda: generator.tuned({}, {}),
            "noise_maps": lambda: generator.noise_maps,
            "w_mean": lambda: generator.w_mean,
            "w_std": lambda: generator.w_std,
        }
        calls[options.call]()
        return i2i.Result(generator.render(w).clamp(-1, 1))


class Crops(i2i.Editor):
    """Returns crops that are not square."""

    name = "broken-crops"
    summary = "Returns half a crop."
    wants = "crops"

    def edit(self, scene: Any, options: Any) -> Any:
        return i2i.Result(scene.photos["image"].pixels[..., :8])


class Attributes(i2i.Editor):
    """Class attributes that no contract allows."""

    name = "broken-wants"
    summary = "Wants what is not."
    wants = "thoughts"  # type: ignore[assignment]
    photos = "image"  # type: ignore[assignment]

    def edit(self, scene: Any, options: Any) -> Any:
        raise AssertionError


class Signature(i2i.Editor):
    """Takes too little."""

    name = "broken-signature"
    summary = "Takes too little."

    def edit(self, scene: Any) -> Any:  # type: ignore[override]
        raise AssertionError


class Incomplete(i2i.Editor):
    """Has no edit."""

    name = "broken-incomplete"
    summary = "Lacks what is abstract."


@i2i.hookimpl
def register_editors(register: i2i.Register) -> None:
    """Register the editors."""
    for thing in (Broken, Latents, Crops, Attributes, Signature, Incomplete):
        register(thing)
