"""Reads the encoder and the mean latent code from checkpoints of encoder4editing; the generator is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import i2i
from i2i import StoredTensor
from i2i.toolkit.weights import read_weights
from i2i.toolkit.weights.state_dicts import load_frozen_network

from .network import E4ENetwork

PREFIX = "encoder."
MEAN = "latent_avg"
NEEDED = "take a checkpoint of encoder4editing"


def read_e4e(state: dict[str, Tensor]) -> E4ENetwork:
    """Build the encoder of a state dict, frozen, in evaluation mode, float32; it may share the state's memory.

    Args:
        state: Tensors of the encoder with the prefix ``encoder.``, other tensors being ignored, or without it; and
            optionally ``latent_avg``, ``(num_ws, 512)`` or ``(512,)``.

    Raises:
        i2i.I2IError: keys are missing or unknown, or tensors have other shapes; names them.
    """
    mean = state.get(MEAN)
    state = {own: state[key] for key, own in own_names(state).items()}
    rows = len({found[1] for key in state if (found := re.match(r"styles\.(\d+)\.", key))})
    stem = state.get("input_layer.0.weight")
    if not rows or stem is None or stem.dim() != 4:
        raise i2i.I2IError(f"the file is no e4e encoder, which has 'input_layer.0.weight' and 'styles.0'; {NEEDED}.")
    with torch.device("meta"):  # saves the memory and time of random weights
        network = E4ENetwork(rows, stem.shape[0])
    load_frozen_network(network, state, "e4e encoder", NEEDED)
    if mean is not None:
        network.latent_avg = _rows(mean, rows, len(state["styles.0.linear.bias"]))
    return network.requires_grad_(False).eval()


def open_checkpoint(path: Path) -> tuple[E4ENetwork, Mapping[str, Any]]:
    """Return the encoder in a file and the options it was trained with, which a bare state dict has not.

    ``latent_avg`` is the network's where its codes start from it.

    Raises:
        i2i.I2IError: the file cannot be read, or holds something else.
    """
    tree = read_weights(path).tree
    tree = tree if isinstance(tree, dict) else {}
    named = tree["state_dict"] if isinstance(tree.get("state_dict"), dict) else tree
    stored = {key: value for key, value in named.items() if isinstance(key, str) and isinstance(value, StoredTensor)}
    options = tree["opts"] if isinstance(tree.get("opts"), dict) else {}
    kind = options.get("encoder_type", "Encoder4Editing")
    if kind != "Encoder4Editing":  # pSp has the same keys, but combines the layers differently
        raise i2i.I2IError(f"{path} holds an encoder of the type {kind!r}, not 'Encoder4Editing'; {NEEDED}.")
    state = {key: stored[key].tensor() for key in own_names(stored)}
    mean = tree.get(MEAN)
    if isinstance(mean, StoredTensor) and options.get("start_from_latent_avg", True):
        state[MEAN] = mean.tensor()
    try:
        return read_e4e(state), options
    except i2i.I2IError as error:
        raise i2i.I2IError(f"{path}: {error}") from None


def own_names(keys: Iterable[str]) -> dict[str, str]:
    """Return the encoder's keys in a file with their names without the prefix ``encoder.``."""
    inner = {key: key.removeprefix(PREFIX) for key in keys if key.startswith(PREFIX)}
    return inner or {key: key for key in keys if key != MEAN}


def _rows(mean: Tensor, rows: int, numbers: int) -> Tensor:
    """Return the mean latent code as ``(num_ws, 512)``; one layer is repeated."""
    if tuple(mean.shape) not in ((numbers,), (1, numbers), (rows, numbers)):
        raise i2i.I2IError(
            f"the file's {MEAN!r} has the shape {tuple(mean.shape)} where ({rows}, {numbers}) is expected; {NEEDED}."
        )
    return mean.float().expand(rows, numbers).clone()
