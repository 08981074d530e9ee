"""Networks of a trainer: find them by name, and find out how they run when images are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..api.errors import I2IError, UsageError, did_you_mean
from ..guards import build_plugin, plugin_options, plugin_owner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from ..api.device import Device
    from ..api.trainer import Trainer
    from ..registry import Registry


def create_trainer(registry: Registry, name: str, device: Device, options: Mapping[str, Any] | None = None) -> Trainer:
    """Create a registered trainer that has not been trained.

    Args:
        options: Values of its ``Options``; None for the defaults.

    Raises:
        UsageError: There is no such trainer, or an option is unknown or has a wrong value.
        I2IError: The trainer fails, or breaks its contract; names the plugin.
    """
    model = registry.get("trainer", name).Options
    chosen = plugin_options(
        model, options or {}, f"options of trainer {name!r}", plugin_owner(registry, "trainer", name)
    )
    trainer: Trainer = build_plugin(registry, "trainer", name, chosen, device)
    return trainer


def generator_of(trainer: Trainer, name: str | None = None) -> tuple[str, nn.Module]:
    """Return the name of a network and the network: by default the one that makes the images, the first.

    Args:
        name: A key of ``trainer.networks``; None for the first.

    Raises:
        UsageError: There is no network of this name, or none is named and the trainer turns no image into another.
        I2IError: The trainer has no networks.
    """
    if name is None and trainer.learns_from() == "images":
        raise UsageError(
            f"{trainer.name} makes images of its own, and no network of it takes one; for what it makes type "
            "'i2i sample --generator RUN'."
        )
    if not trainer.networks:
        raise I2IError(
            f"The trainer {trainer.name!r} has no networks; its author must put the generator first in 'networks'."
        )
    if name is None:
        return next(iter(trainer.networks.items()))
    if name not in trainer.networks:
        near = did_you_mean(name, trainer.networks)
        known = ", ".join(trainer.networks)
        raise UsageError(f"The trainer {trainer.name!r} has no network {name!r}.{near} There are: {known}.")
    return name, trainer.networks[name]


def batch_statistics(trainer: Trainer, size: int, device: Device, name: str | None = None) -> list[str]:
    """Return the names of a network's batch normalisations that use the statistics of the current batch in ``sample``.

    Found by watching one ``sample`` of a grey image of ``size`` x ``size`` pixels, so that it holds for any trainer.
    If there are some (the paper's test mode of pix2pix), an image depends on the others of its batch.

    Args:
        name: A key of ``trainer.networks``; None for the first.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    names: dict[str, None] = {}

    def watch(name: str, layer: _BatchNorm) -> None:
        if layer.training or not layer.track_running_stats:
            names[name] = None

    layers = [
        (place, layer)
        for place, layer in generator_of(trainer, name)[1].named_modules()
        if isinstance(layer, _BatchNorm)
    ]
    handles = [
        layer.register_forward_pre_hook(lambda layer, _, name=place: watch(name, layer))  # type: ignore[misc]
        for place, layer in layers
    ]
    field = trainer.data.fields[0]
    try:
        if handles:
            labels = torch.zeros(1, size, size, dtype=torch.long, device=device)
            image = torch.zeros(1, field.channels if field.kind == "image" else 1, size, size, device=device)
            trainer.sample({field.name: labels if field.kind == "labels" else image})
    finally:
        for handle in handles:
            handle.remove()
    return list(names)
