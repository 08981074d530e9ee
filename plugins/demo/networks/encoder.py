"""The encoder of the demo networks, at 64 pixels."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from i2i.toolkit.latents.encoder_network import PyramidEncoder
from i2i.toolkit.weights.state_dicts import load_frozen_network

SIZE, WIDTH = 64, 32
"""Size of the images, pixels, and channels of the trunk at 32 pixels."""


class EncoderNetwork(PyramidEncoder):
    """Aligned images ``(N, 3, 64, 64)`` in [-1, 1] -> latents ``(N, num_ws, w_dim)``."""

    def __init__(self, num_ws: int, w_dim: int) -> None:
        super().__init__(num_ws, w_dim, SIZE, WIDTH)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> EncoderNetwork:
        """Build the network whose state dict, in any precision, is ``tensors``; frozen, in evaluation mode, float32.

        Raises:
            i2i.I2IError: the tensors are those of another network.
        """
        w_dim = len(tensors["w_mean"]) if "w_mean" in tensors else 1
        rows = sum(len(bias) for key, bias in tensors.items() if key.endswith(".linear.bias")) // w_dim
        network = cls(max(rows, 4), w_dim)
        load_frozen_network(network, tensors, "encoder of the demo networks", "install the package again")
        return network.requires_grad_(False).eval()
