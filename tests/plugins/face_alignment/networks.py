"""Networks to test with: made up of formulas, so that what they must answer is known."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from i2i_plugins.face_alignment.fan import FAN, FANSizes
from i2i_plugins.face_alignment.s3fd import S3FD, SOURCES, WIDTHS

State = dict[str, torch.Tensor]
TINY = FANSizes(stacks=2, levels=2, widths=(4, 8, 8, 12), points=68)
NARROW = dict.fromkeys(WIDTHS, 4)


def stand_in(shapes: Mapping[str, tuple[int, ...]]) -> State:
    """Weights that are a function of name and shape alone, by NumPy's frozen generator; batch counters are left out."""
    state = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            continue
        random = np.random.RandomState(zlib.crc32(key.encode())).random_sample(shape).astype(np.float32)
        if key.endswith("running_var"):
            value = random + 0.5
        elif key.endswith(("bias", "running_mean")):
            value = (random - 0.5) * 0.4
        elif len(shape) == 1:
            value = (random - 0.5) * 0.4 + (5 if "norm." in key else 1)
        else:
            value = (random - 0.5) * np.sqrt(12 / np.prod(shape[1:]))
        state[key] = torch.from_numpy(value.astype(np.float32))
    return state


def shapes(network: FAN | S3FD) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def waves(height: int, width: int) -> torch.Tensor:
    """An image by formula."""
    y, x = np.mgrid[:height, :width]
    channels = [np.sin(x / 5 + y / 9), np.cos(x / 7 - y / 4), np.sin(x * y / 200)]
    return torch.from_numpy(np.stack(channels).astype(np.float32))[None]


def red_fan() -> State:
    """A FAN whose heat maps all show how red each cell of 4 x 4 pixels is."""
    state = {key: torch.zeros_like(value) for key, value in FAN(FANSizes(1, 1, (4, 4, 4, 4))).state_dict().items()}
    for key, value in state.items():
        if key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
            value.fill_(1)
    state["conv1.weight"][0, 0, 3:5, 3:5] = 0.25  # the mean of the two by two pixels that a stride covers
    state["m0.b3_1.conv1.weight"][0, 0, 1, 1] = -1  # takes away what went the long way
    state["conv_last0.weight"][0, 0] = 1
    state["l0.weight"][:, 0] = 1
    return state


def blue_s3fd() -> State:
    """An S3FD that sees a face of 64 pixels about each cell of 16 x 16 pixels that has a blue pixel, and no other."""
    state = {key: torch.zeros_like(value) for key, value in S3FD(dict.fromkeys(WIDTHS, 1)).state_dict().items()}
    for name in WIDTHS:
        weight = state[f"{name}.weight"]
        weight[0, 0, weight.shape[2] // 2, weight.shape[3] // 2] = 1  # of blue, which comes first
    state["conv1_1.bias"].fill_(104 - 0.9 * 255)
    for name, length in SOURCES.items():
        head = f"{name}_mbox" if length is None else f"{name}_norm_mbox"
        if length is not None:
            state[f"{name}_norm.weight"].fill_(1)
        if name == "conv5_3":
            state[f"{head}_conf.weight"][1, 0, 1, 1], state[f"{head}_conf.bias"][1] = 20, -10
        else:
            state[f"{head}_conf.bias"][0] = 20
    return state


def save(state: State, path: Path) -> Path:
    torch.save(state, path)
    return path


def dot(height: int, width: int, place: torch.Tensor, spread: float) -> torch.Tensor:
    """A black image with a soft red dot at ``place`` (x, y), differentiable in it."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    red = torch.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * spread**2))
    return torch.stack([2 * red - 1, -torch.ones_like(red), -torch.ones_like(red)])[None]
