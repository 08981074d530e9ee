"""The network of a trained encoder: what it maps to which latents, and for which generator."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from i2i.toolkit.latents.encoder_network import PyramidEncoder
from i2i.toolkit.weights.state_dicts import load_frozen_network

THUMBNAIL = 16
"""Height and width of the generator's mean image, by which it is recognised, pixels."""


class TrainedNetwork(PyramidEncoder):
    """A ``PyramidEncoder`` that knows its own sizes and its generator; its layers are freed one by one in training.

    Attributes:
        shape: ``num_ws``, ``w_dim``, ``size`` and ``width``, int64 ``(4,)``, by which a file is read.
        mean_image: The generator's image of ``w_mean``, ``(3, 16, 16)``.
    """

    shape: Tensor
    mean_image: Tensor

    def __init__(self, num_ws: int, w_dim: int, size: int, width: int) -> None:
        super().__init__(num_ws, w_dim, size, width)
        self.register_buffer("shape", torch.tensor([num_ws, w_dim, size, width]))
        self.register_buffer("free", torch.tensor(num_ws))  # kept in checkpoints
        self.register_buffer("mean_image", torch.zeros(3, THUMBNAIL, THUMBNAIL))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TrainedNetwork:
        """Build the network whose state dict is ``tensors``; frozen, in evaluation mode, float32.

        Raises:
            i2i.I2IError: the tensors are those of another network.
        """
        shape = tensors.get("shape", torch.tensor([1, 1, 32, 4])).flatten().tolist()
        if len(shape) != 4 or not _plausible(*map(int, shape)):
            shape = [1, 1, 32, 4]  # the tensors then do not fit, and the loader says so
        network = cls(*map(int, shape))
        wanted = "take a run of 'i2i train encoder', or the file that 'i2i export' made of one"
        load_frozen_network(network, tensors, "trained encoder", wanted)
        return network.requires_grad_(False).eval()


def _plausible(num_ws: int, w_dim: int, size: int, width: int) -> bool:
    """Return whether a file may claim these sizes: a wrong one must not fill the memory."""
    return 1 <= num_ws <= 64 and 1 <= w_dim <= 4096 and size in (32, 64, 128, 256) and 4 <= width <= 512
