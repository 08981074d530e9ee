"""File formats of StyleGAN weights, read as canonical weights; recognised by names and stored arguments alone."""

from __future__ import annotations

from typing import Protocol

import i2i
from i2i import Contents

from .nvlabs_pytorch import NvlabsPyTorchFormat
from .nvlabs_tensorflow import NvlabsTensorFlowFormat
from .rosinality import RosinalityFormat
from .state_dicts import I2IFormat, StateDictFormat, header_of


class Format(Protocol):
    """A file format of StyleGAN networks."""

    licence: str
    """The terms of the weights, as far as the format tells."""

    def holds(self, contents: Contents) -> bool:
        """Return whether the file is of this format."""

    def generator(self, contents: Contents) -> i2i.Weights | None:
        """Read the generator; None where there is none."""

    def discriminator(self, contents: Contents) -> i2i.Weights | None:
        """Read the discriminator; None where there is none."""


FORMATS: tuple[Format, ...] = (
    I2IFormat(),
    NvlabsTensorFlowFormat(),
    NvlabsPyTorchFormat(),
    StateDictFormat(),
    RosinalityFormat(),
)
"""All formats, in the order in which they are tried."""


def read(contents: Contents) -> i2i.Weights | None:
    """Read the generator in a file, family ``stylegan2`` or ``stylegan3``; None where the file holds no StyleGAN.

    Tensors are float32 on the CPU, under the names of NVlabs' ``G_ema``. Arguments are complete.

    Raises:
        I2IError: the file holds a StyleGAN that cannot be used; the caller adds the file's name.
    """
    file_format = _format_of(contents)
    if file_format is None:
        return None
    weights = file_format.generator(contents)
    if weights is None:
        raise i2i.I2IError("it holds a discriminator and no generator; name a file that has the generator.")
    return weights


def read_discriminator(contents: Contents) -> i2i.Weights | None:
    """Read the discriminator in a file, family ``stylegan2-discriminator``; None where there is none.

    Raises:
        I2IError: there is one, but it cannot be used.
    """
    file_format = _format_of(contents)
    return file_format.discriminator(contents) if file_format else None


def licence(contents: Contents) -> str:
    """Return the licence of the weights in a file, from its header or from the origin of its format."""
    file_format = _format_of(contents)
    stated = (header_of(contents) or {}).get("licence")
    return str(stated or (file_format.licence if file_format else I2IFormat.licence))


def _format_of(contents: Contents) -> Format | None:
    return next((file_format for file_format in FORMATS if file_format.holds(contents)), None)
