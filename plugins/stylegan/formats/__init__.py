"""Files of StyleGAN generators, whoever wrote them, as canonical weights; known by keys and stored arguments alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import i2i

from . import nvlabs, own, plain, rosinality, tensorflow

if TYPE_CHECKING:
    from i2i import Contents


class _Format(Protocol):
    """What the module of a format offers."""

    @property
    def LICENCE(self) -> str:
        """What can be known about the terms of the weights."""

    def holds(self, contents: Contents) -> bool:
        """Whether the file is of this format."""

    def generator(self, contents: Contents) -> i2i.Weights | None:
        """The generator, where there is one."""

    def discriminator(self, contents: Contents) -> i2i.Weights | None:
        """The discriminator, where there is one."""


FORMATS: tuple[_Format, ...] = (own, tensorflow, nvlabs, plain, rosinality)
"""In the order in which they are tried."""


def read(contents: Contents) -> i2i.Weights | None:
    """The generator in a file: family ``stylegan2`` or ``stylegan3``; None where the file holds no StyleGAN.

    Tensors are float32 on the CPU, under the names of NVlabs' ``G_ema``. Arguments are complete.

    Raises:
        I2IError: the file holds a StyleGAN that cannot be used. The sentence leaves the file's name to the caller.
    """
    found = _format(contents)
    if found is None:
        return None
    weights = found.generator(contents)
    if weights is None:
        raise i2i.I2IError("it holds a discriminator and no generator; name a file that has the generator.")
    return weights


def read_discriminator(contents: Contents) -> i2i.Weights | None:
    """The discriminator in a file, family ``stylegan2-discriminator``; None where there is none.

    Raises:
        I2IError: there is one, but it cannot be used.
    """
    found = _format(contents)
    return found.discriminator(contents) if found else None


def licence(contents: Contents) -> str:
    """What a file itself lets one know about the terms of its weights; no format says more than who wrote the code."""
    found = _format(contents)
    return str((own.header_of(contents) or {}).get("licence") or (found.LICENCE if found else own.LICENCE))


def _format(contents: Contents) -> _Format | None:
    return next((found for found in FORMATS if found.holds(contents)), None)
