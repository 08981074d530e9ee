"""Generators."""

from __future__ import annotations

from typing import Any

import torch

import i2i

from .faults import Faulty, misbehave

MARK = "broken.weight"


class Broken(i2i.StyleGenerator):
    """Grey images of 16 x 16 pixels."""

    name = "broken-generator"
    summary = "Misbehaves as its options say."
    z_dim, num_ws, resolution = 4, 1, 16
    w_dim = 4

    class Options(Faulty):
        """As of all broken things."""

    def __init__(self, weights: Any, device: i2i.Device, options: Any) -> None:
        self.options, self.device = options, device
        if options.at in ("z_dim", "resolution"):
            setattr(self, options.at, misbehave(options, options.at, 4))
        misbehave(options, "__init__", None)

    def map(self, z: Any, c: Any = None, truncation: float = 1.0, cutoff: int | None = None) -> Any:
        return misbehave(self.options, "map", z[:, None].float())

    def render(self, w: Any, noise: Any = "const") -> Any:
        return misbehave(self.options, "render", torch.zeros(len(w), 3, 16, 16))

    def features(self, w: Any, resolution: int) -> Any:
        return misbehave(self.options, "features", torch.zeros(len(w), 2, resolution, resolution))

    def features_and_pictures(self, w: Any, resolution: int) -> Any:
        good = self.features(w, resolution), torch.zeros(len(w), 3, 16, 16)
        return misbehave(self.options, "features_and_pictures", good)

    def style_space(self, w: Any) -> Any:
        return misbehave(self.options, "style_space", {"style": w[:, 0]})

    def styles(self) -> Any:
        return misbehave(self.options, "styles", (torch.zeros(2, 4),))

    def weights(self) -> Any:
        return misbehave(self.options, "weights", {})

    def tuned(self, changes: Any = None, noise: Any = None) -> Any:
        return misbehave(self.options, "tuned", lambda: self)

    @property
    def noise_maps(self) -> Any:
        return misbehave(self.options, "noise_maps", {})

    @property
    def w_mean(self) -> Any:
        return misbehave(self.options, "w_mean", torch.zeros(4))

    @property
    def w_std(self) -> Any:
        return misbehave(self.options, "w_std", 1.0)


class Reader(i2i.Generator):
    """Fails in ``read``, whatever the file."""

    name = "a-broken-reader"
    summary = "Fails to read any file."

    @classmethod
    def read(cls, contents: Any) -> Any:
        raise AttributeError("the file has no attribute of mine")

    def __init__(self, weights: Any, device: i2i.Device) -> None:
        raise AssertionError

    def render(self, w: Any, noise: Any = "const") -> Any:
        raise AssertionError


@i2i.hookimpl
def register_generators(register: i2i.Register) -> None:
    """Register the families."""
    register(Broken)
    register(Reader)


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register records that lead nowhere."""
    register(i2i.Model("broken-model", "Leads nowhere.", "generator", "file:///no/such/file", "none"))
    register(i2i.Model("broken-path", "Lies nowhere.", "generator", "", "none", path="/no/such/file"))  # type: ignore[arg-type]
