"""Deterministic weights and inputs of the recorded reference networks.

Every tensor of a reference network's state dict was replaced by a pure function of its key and shape, so a file of
answers holds inputs and outputs only. A network that can read the reference's keys is filled by the same function and
must give the recorded outputs.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch

KEPT = ("filter", "freqs", "phases", "transform", "num_batches_tracked", "blur.kernel", "kernel")
"""Endings of buffers that belong to the architecture: they keep the value that the constructor gives."""


def weight(key: str, shape: tuple[int, ...], equalized: bool) -> torch.Tensor | None:
    """Compute one tensor of a state dict, float32; None where the constructed value is kept.

    Args:
        key: Its name in the reference's state dict.
        shape: Its shape.
        equalized: True for networks whose weights are scaled at run time (StyleGAN2 and 3): raw weights are N(0, 1).
    """
    if key.endswith(KEPT):
        return None
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    x = rng.standard_normal(shape).astype(np.float32) if shape else np.float32(rng.standard_normal())
    x = np.asarray(x, dtype=np.float32)
    if key.startswith(("mapping.fc", "style.")):  # the mapping network learns at a hundredth of the learning rate
        return torch.from_numpy(x * np.float32(100 if key.endswith("weight") else 10))
    if key.endswith(("running_var", "magnitude_ema")):
        x = np.abs(x) + np.float32(0.5)
    elif key.endswith(("noise_strength", "noise.weight", "w_avg", "latent_avg", "bias", "running_mean")):
        x = x * np.float32(0.1)
    elif x.ndim <= 1 and not equalized:  # gains of normalisations and PReLUs
        x = 1 + x * np.float32(0.1)
    elif not equalized and x.ndim >= 2:
        x = x / np.float32(np.sqrt(np.prod(shape[1:])))
    return torch.from_numpy(np.ascontiguousarray(x))


def fill(state_dict: dict[str, torch.Tensor], equalized: bool) -> dict[str, torch.Tensor]:
    """Replace the tensors of a whole state dict by those of ``weight``; shapes and dtypes stay."""
    out = {}
    for key, old in state_dict.items():
        new = weight(key, tuple(old.shape), equalized) if old.is_floating_point() else None
        out[key] = old if new is None else new.to(old.dtype).reshape(old.shape)
    return out


def noise(seed: int, *shape: int) -> torch.Tensor:
    """Draw the N(0, 1) input tensor, float32, that the files of answers name by its seed."""
    return torch.from_numpy(np.random.Generator(np.random.PCG64(seed)).standard_normal(shape).astype(np.float32))
