"""Latents on disk: ours, to the bit, and those of other tools; what is none is refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import i2i
from i2i.toolkit.latents.files import as_stored, read_latent, save_latent

W = torch.linspace(-2, 2, 30).view(1, 5, 6)


def test_a_latent_comes_back_whole(tmp_path: Path) -> None:
    noise = {"b4.conv1": torch.randn(1, 1, 4, 4)}
    changes = as_stored({"a.weight": torch.randn(3, 2, 3, 3), "a.strength": torch.tensor(0.25), "none": torch.zeros(4)})
    save_latent(tmp_path / "new" / "l.safetensors", i2i.Latent(W, noise, changes), {"generator": {"name": "g"}})
    latent, about = read_latent(tmp_path / "new" / "l.safetensors")
    assert torch.equal(latent.w, W) and about == {"generator": {"name": "g"}}
    assert torch.equal(latent.noise["b4.conv1"], noise["b4.conv1"])
    assert latent.changes.keys() == changes.keys()
    for name, change in changes.items():
        assert torch.equal(latent.changes[name], change), name


def test_changes_are_kept_small_and_near() -> None:
    change = torch.randn(16, 8, 3, 3) * torch.logspace(-4, 0, 16)[:, None, None, None]
    kept = as_stored({"a": change})["a"]
    per_slice = change.flatten(1).abs().amax(dim=1)
    assert ((kept - change).flatten(1).abs().amax(dim=1) <= 0.51 * per_slice / 127).all()


@pytest.mark.parametrize("shape", [(5, 6), (1, 5, 6)])
def test_latents_of_other_tools_are_read(shape: tuple[int, ...], tmp_path: Path) -> None:
    w = W.view(shape)
    torch.save(w, tmp_path / "0.pt")
    np.savez(tmp_path / "projected_w.npz", w=w.numpy())
    np.save(tmp_path / "w.npy", w.numpy())
    save_file({"w": w}, tmp_path / "w.safetensors")
    for name in ("0.pt", "projected_w.npz", "w.npy", "w.safetensors"):
        latent, about = read_latent(tmp_path / name)
        assert torch.equal(latent.w, W) and not about and not latent.noise and not latent.changes, name


@pytest.mark.parametrize(
    ("tensors", "text"),
    [
        ({"v": W}, "holds no latent, which is a tensor called 'w'"),
        ({"w": torch.zeros(2, 5, 6)}, r"shape (2, 5, 6), and a latent has (1, num_ws, w_dim)"),
        ({"w": torch.full((1, 2, 2), torch.nan)}, "not finite"),
    ],
)
def test_what_is_no_latent_is_refused(tensors: dict[str, Any], text: str, tmp_path: Path) -> None:
    save_file(tensors, tmp_path / "l.safetensors")
    with pytest.raises(i2i.I2IError) as caught:
        read_latent(tmp_path / "l.safetensors")
    assert text in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", ["l.npz", "l.npy", "l.pt", "l.safetensors"])
def test_damaged_files_are_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(i2i.I2IError, match=name):
        read_latent(tmp_path / name)
    np.save(tmp_path / "object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(i2i.I2IError, match=r"object\.npy cannot be read"):
        read_latent(tmp_path / "object.npy")
