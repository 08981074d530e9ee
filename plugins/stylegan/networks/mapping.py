"""The mapping network of StyleGAN2 and StyleGAN3: z and a class -> w (Karras et al. 2019, section 2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from i2i.toolkit.latents.style_network import StyleMapping

from .equalised_layers import EqualisedLinear, normalise


class MappingNetwork(StyleMapping):
    """``z (N, z_dim)`` and, for a conditional generator, ``c (N, c_dim)`` -> ``w (N, num_ws, w_dim)``.

    Attributes:
        w_avg: The mean of all w, ``(w_dim,)``; NaN while it is not known.
    """

    w_avg: Tensor

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_ws: int | None,
        num_layers: int = 8,
        lr_multiplier: float = 0.01,
        layer_features: int | None = None,
        embed_features: int | None = None,
    ) -> None:
        """Create the network.

        Args:
            num_ws: Layers of w; None for the output ``(N, w_dim)`` of a discriminator's mapping of classes.
            layer_features, embed_features: Widths; None for ``w_dim``.
        """
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.num_ws, self.num_layers = z_dim, c_dim, w_dim, num_ws, num_layers
        embed = (embed_features or w_dim) if c_dim else 0
        widths = [z_dim + embed, *[layer_features or w_dim] * (num_layers - 1), w_dim]  # a discriminator may have none
        if c_dim:
            self.embed = EqualisedLinear(c_dim, embed)
        for index in range(num_layers):
            layer = EqualisedLinear(widths[index], widths[index + 1], "lrelu", lr_multiplier)
            self.add_module(f"fc{index}", layer)
        if num_ws is not None:
            self.register_buffer("w_avg", torch.full((w_dim,), torch.nan))

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], num_ws: int | None, lr_multiplier: float = 0.01
    ) -> MappingNetwork:
        """Build the network whose state dict is ``tensors``; sizes are read from their shapes."""
        layers = sum(name.startswith("fc") and name.endswith(".weight") for name in tensors)
        embed = tensors.get("embed.weight")
        width = 0 if embed is None else embed.shape[0]
        first = tensors["fc0.weight"] if layers else None
        network = cls(
            z_dim=0 if first is None else first.shape[1] - width,
            c_dim=0 if embed is None else embed.shape[1],
            w_dim=tensors[f"fc{layers - 1}.weight"].shape[0] if layers else width,
            num_ws=num_ws,
            num_layers=layers,
            lr_multiplier=lr_multiplier,
            layer_features=None if first is None else first.shape[0],
            embed_features=width or None,
        )
        network.load_state_dict({"w_avg": network.w_avg, **tensors} if num_ws is not None else tensors)
        return network

    def forward(self, z: Tensor | None, c: Tensor | None = None) -> Tensor:
        """Map z, and the class, to w.

        Raises:
            ValueError: the network is conditional and ``c`` is None.
        """
        inputs = [normalise(z.float())] if z is not None and self.z_dim else []
        if self.c_dim:
            if c is None:
                raise ValueError(f"this network is conditional: give c (N, {self.c_dim})")
            inputs.append(normalise(self.embed(c)))
        w = torch.cat(inputs, dim=1)
        for index in range(self.num_layers):
            w = self.get_submodule(f"fc{index}")(w)
        return w if self.num_ws is None else w.unsqueeze(1).repeat(1, self.num_ws, 1)


def tensors_of(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """Return the state dict of a submodule: tensors whose names begin with ``part`` and a dot, without that prefix."""
    return {name.removeprefix(f"{part}."): tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}
