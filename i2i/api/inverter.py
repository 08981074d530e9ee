"""Inverters: methods that find the latent code of a photo."""

from __future__ import annotations

from typing import ClassVar

from .options import Options


class Inverter:
    """A method that finds the latent codes from which a generator renders given images."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
