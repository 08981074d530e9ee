"""Latents on disk: what an edit leaves and another one starts from, and what other tools' projectors left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...api.errors import I2IError
from ...api.scene import Latent
from ..files import atomic_write

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SUFFIXES = (".safetensors", ".pt", ".pth", ".npz", ".npy")
"""Names of files that hold latents, in lower case."""
_LEVELS = 127


def as_stored(changes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Changes of weights as a file will give them back: a byte a number, and one scale for each slice of dimension 0.

    Inverters that tune a generator render with these, so that the image and its file are bit-identical.
    """
    return {name: _dequantise(*_quantise(change)) for name, change in changes.items()}


def _quantise(change: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers in [-127, 127] of the same shape, and their scales ``(slices,)``."""
    import torch

    flat = change.detach().float().reshape(len(change) if change.ndim else 1, -1)
    scales = flat.abs().amax(dim=1) / _LEVELS
    whole = (flat / scales.clamp_min(1e-30)[:, None]).round().to(torch.int8)
    return whole.reshape(change.shape), scales


def _dequantise(whole: Tensor, scales: Tensor) -> Tensor:
    flat = whole.float().reshape(len(scales), -1) * scales[:, None]
    return flat.reshape(whole.shape)


def save_latent(path: Path, latent: Latent, about: Mapping[str, Any], published: Tensor | None = None) -> None:
    """Write a latent, whole or not at all.

    Args:
        about: Plain values that travel with it: the generator, the photo and the place of the crop in it.
        published: Its w in the published form of the generator's family, stored as ``w_published``.
    """
    from safetensors.torch import save_file

    from ...api.contents import HEADER

    tensors = {"w": latent.w} | ({} if published is None else {"w_published": published})
    tensors |= {f"noise.{name}": plane for name, plane in latent.noise.items()}
    for name, change in latent.changes.items():
        tensors[f"changes.{name}"], tensors[f"scales.{name}"] = _quantise(change)
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        save_file(kept, beside, metadata={HEADER: json.dumps(dict(about), ensure_ascii=False)})


def read_latent(path: Path) -> tuple[Latent, dict[str, Any]]:
    """Load a latent and its metadata (empty for files of other tools).

    Besides our own files: tensors or arrays ``(num_ws, w_dim)`` or ``(1, num_ws, w_dim)``, alone or under the name
    ``w``, in ``.pt``, ``.npz`` and ``.npy`` files, as the projectors of StyleGAN2-ADA, PTI and encoder4editing leave.

    Raises:
        I2IError: the file cannot be read, or holds no latent.
    """
    from ...api.contents import StoredTensor
    from ..weights import read_weights

    if path.suffix.lower() in (".npz", ".npy"):
        return Latent(_rows(path, _from_numpy(path))), {}
    contents = read_weights(path)
    tree = contents.tree
    if isinstance(tree, StoredTensor):
        return Latent(_rows(path, tree.tensor())), {}
    stored = {name: each for name, each in tree.items() if isinstance(each, StoredTensor)} if _is_dict(tree) else {}
    if "w" not in stored:
        raise _no_latent(path)
    parts = {name: each.tensor() for name, each in stored.items()}
    changes = {
        name.removeprefix("changes."): _dequantise(whole, parts[f"scales.{name.removeprefix('changes.')}"])
        for name, whole in parts.items()
        if name.startswith("changes.") and f"scales.{name.removeprefix('changes.')}" in parts
    }
    noise = {name.removeprefix("noise."): plane.float() for name, plane in parts.items() if name.startswith("noise.")}
    return Latent(_rows(path, parts["w"]), noise, changes), contents.header


def _is_dict(tree: Any) -> bool:
    return isinstance(tree, dict) and all(isinstance(name, str) for name in tree)


def _from_numpy(path: Path) -> torch.Tensor:
    import numpy as np
    import torch

    try:
        found = np.load(path, allow_pickle=False)
        array = found["w"] if path.suffix.lower() == ".npz" else found
        return torch.from_numpy(np.asarray(array, np.float32))
    except KeyError:
        raise _no_latent(path) from None
    except Exception as error:  # a hostile file can make the reader raise anything
        raise I2IError(f"{path} cannot be read as a latent ({' '.join(str(error).split())}); check the file.") from None


def _rows(path: Path, w: Tensor) -> Tensor:
    """``(1, num_ws, w_dim)`` float32, finite."""
    w = w.detach().float()
    w = w[None] if w.ndim == 2 else w
    if w.ndim != 3 or len(w) != 1 or 0 in w.shape:
        raise I2IError(f"{path} holds a tensor of shape {tuple(w.shape)}, and a latent has (1, num_ws, w_dim).")
    if not w.isfinite().all():
        raise I2IError(f"{path} holds numbers that are not finite (nan or inf); make the latent again.")
    return w.clone()


def _no_latent(path: Path) -> I2IError:
    return I2IError(f"{path} holds no latent, which is a tensor called 'w'; name the latent.safetensors of an edit.")
