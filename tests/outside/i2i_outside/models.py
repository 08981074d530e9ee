"""Plugin module of the generator ``dcgan``, its model record, the extractors and the inverter."""

from __future__ import annotations

import i2i


@i2i.hookimpl
def register_generators(register: i2i.Register) -> None:
    """Register the family ``dcgan``."""
    register(
        "dcgan", "i2i_outside.dcgan:DCGAN", summary="DCGAN (Radford et al. 2016), of the layout of PyTorch's tutorial."
    )


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register weights for the family that come in a wheel."""
    from .records import TUTORIAL

    register(TUTORIAL)


@i2i.hookimpl
def register_extractors(register: i2i.Register) -> None:
    """Register the extractors; ``role`` and ``domain`` are declared, so that choosing one imports none."""
    register(
        "patch-identity",
        "i2i_outside.extractors:PatchIdentity",
        summary="Grey patches of a face as its identity: a baseline without a network.",
        role="identity",
        domain="any",
    )
    register(
        "palette-segmentation",
        "i2i_outside.extractors:PaletteSegmentation",
        summary="The class whose colour is nearest.",
        role="segmentation",
        domain="any",
    )
    register(
        "floor-depth",
        "i2i_outside.extractors:FloorDepth",
        summary="Depth of a photo that stands on a floor: the higher in the image, the farther.",
        role="depth",
        domain="any",
    )


@i2i.hookimpl
def register_inverters(register: i2i.Register) -> None:
    """Register the inverter ``nearest-seed``."""
    register(
        "nearest-seed",
        "i2i_outside.inverters:NearestSeed",
        summary="The nearest of many random images, refined by optimisation.",
    )
