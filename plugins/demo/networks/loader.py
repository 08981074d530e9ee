"""Loads a weight file as a frozen network."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

import i2i
from i2i import model_path
from i2i.toolkit.weights.state_dicts import load_frozen_network, read_state_dict

from ..model_records import record
from .layers import fold

NetworkT = TypeVar("NetworkT", bound=nn.Module)


def load(kind: type[NetworkT], name: str, device: i2i.Device, path: Path | None = None) -> NetworkT:
    """Load a network with the weights of the record ``name``, or of ``path``: float32, frozen, folded, on the device.

    Raises:
        i2i.I2IError: the file is missing, cannot be read, or holds another network.
    """
    path = model_path(record(name)) if path is None else path
    with torch.device("meta"):  # saves the memory and time of random weights
        network = kind()
    try:
        load_frozen_network(
            network, read_state_dict(path), name, "take a file that 'python -m research.demo.train' wrote"
        )
    except i2i.I2IError as error:
        raise i2i.I2IError(f"{path}: {error}") from None
    network.requires_grad_(False).eval()
    fold(network)
    network.requires_grad_(False)  # folding makes new parameters
    return network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
