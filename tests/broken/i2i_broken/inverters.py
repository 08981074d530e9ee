"""Inverters."""

from __future__ import annotations

from typing import Any

import torch

import i2i

from .faults import Faulty, misbehave


class Broken(i2i.Inverter):
    """The zero latent for every photo."""

    name = "broken-inverter"
    summary = "Misbehaves as its options say."

    class Options(Faulty):
        """As of all broken things."""

    def check(self, generator: Any, options: Any) -> None:
        misbehave(options, "check", None)

    def invert(self, scene: Any, images: Any, options: Any) -> Any:
        shape = (1, scene.generator.num_ws, scene.generator.w_dim)
        w = misbehave(options, "w", torch.zeros(shape))
        good = [i2i.Inversion(i2i.Latent(w), {"loss": 0.5}) for _ in images]
        return misbehave(options, "invert", good)


@i2i.hookimpl
def register_inverters(register: i2i.Register) -> None:
    """Register the inverter."""
    register(Broken)
