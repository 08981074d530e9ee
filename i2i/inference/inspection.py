"""What a trainer's generator is and how it runs when pictures are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..api.errors import I2IError, UsageError

if TYPE_CHECKING:
    from torch import nn

    from ..api.device import Device
    from ..api.trainer import Trainer


def generator_of(trainer: Trainer) -> tuple[str, nn.Module]:
    """The network that makes the pictures, the first of ``trainer.networks``, and its name.

    Raises:
        UsageError: the trainer turns no picture into another.
        I2IError: the trainer has no networks.
    """
    if trainer.wants == "pictures":
        raise UsageError(
            f"{trainer.name} makes pictures of its own, and no network of it takes one; for what it makes type "
            "'i2i sample --generator RUN'."
        )
    for name, network in trainer.networks.items():
        return name, network
    raise I2IError(
        f"The trainer {trainer.name!r} has no networks; its author must put the generator first in 'networks'."
    )


def batch_statistics(trainer: Trainer, size: int, device: Device) -> list[str]:
    """Names of the generator's batch normalisations that use the statistics of the batch at hand in ``sample``.

    Found by watching one ``sample`` of a grey picture of ``size`` x ``size`` pixels, so that it holds for any trainer.
    Where there are some (the paper's test mode of pix2pix), a picture depends on its batch mates.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    names: dict[str, None] = {}

    def watch(name: str, layer: _BatchNorm) -> None:
        if layer.training or not layer.track_running_stats:
            names[name] = None

    layers = [
        (name, layer) for name, layer in generator_of(trainer)[1].named_modules() if isinstance(layer, _BatchNorm)
    ]
    handles = [
        layer.register_forward_pre_hook(lambda layer, _, name=name: watch(name, layer))  # type: ignore[misc]
        for name, layer in layers
    ]
    try:
        if handles:
            trainer.sample({"input": torch.zeros(1, 3, size, size, device=device)})
    finally:
        for handle in handles:
            handle.remove()
    return list(names)
