"""The door of StyleGAN: generators of StyleGAN2 and StyleGAN3, published weights by name, and a trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from i2i import Register


@i2i.hookimpl
def register_generators(register: Register) -> None:
    """Bring the families stylegan2 and stylegan3."""
    from .generators import StyleGAN2, StyleGAN3

    register(StyleGAN2)
    register(StyleGAN3)


@i2i.hookimpl
def register_models(register: Register) -> None:
    """Bring the records of the weights that NVIDIA and others published."""
    from .records import MODELS

    for model in MODELS:
        register(model)


@i2i.hookimpl
def register_trainers(register: Register) -> None:
    """Bring the trainer stylegan2."""
    from .training.trainer import StyleGAN2Trainer

    register(StyleGAN2Trainer)
