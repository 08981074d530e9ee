"""StyleGAN2, read from files with the reference's names, gives the answers recorded from the reference."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import i2i
from i2i_plugins.stylegan.networks.discriminator import Discriminator
from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Generator
from tests.plugins.stylegan.golden import recorded, relative, stand_ins

RELATIVE = 1e-4
"""Two float32 implementations differ by the order of their sums (here some 1e-6); ten times more is a fault."""


def sizes(about: dict[str, str]) -> dict[str, int]:
    shared = {"img_channels": "img_channels", "channel_base": "channel_base", "channel_max": "channel_max"}
    return {ours: int(about[theirs]) for ours, theirs in shared.items()}


@pytest.mark.parametrize("name", ["stylegan2_tiny", "stylegan2_256"])
def test_stylegan2_equals_reference(name: str, reference: Path, tmp_path: Path) -> None:
    about, answers = recorded(reference, name)
    layers = ast.literal_eval(about["mapping_kwargs"])["num_layers"]
    resolution, z_dim, w_dim = (int(about[key]) for key in ("img_resolution", "z_dim", "w_dim"))
    made = StyleGAN2Generator.create(resolution, z_dim=z_dim, w_dim=w_dim, mapping_layers=layers, **sizes(about))
    torch.save(stand_ins(reference).fill(made.state_dict(), equalized=True), tmp_path / "bare.pt")
    generator = i2i.generator(tmp_path / "bare.pt", device="cpu")
    assert (generator.num_ws, generator.resolution) == (int(about["num_ws"]), resolution)

    w = generator.map(answers["z"])
    truncated = generator.map(
        answers["z"], truncation=float(about["truncation_psi"]), cutoff=int(about["truncation_cutoff"])
    )
    images, quiet = generator.render(w), generator.render(truncated, noise="none")
    shown = (slice(None),) if about["crop"] == "whole" else (slice(0, 1), slice(None), slice(64, 128), slice(64, 128))
    assert relative(w[:, 0], answers["w"]) < RELATIVE
    assert relative(truncated[:, [0, -1]], answers["w_truncated"]) < RELATIVE
    assert relative(images[shown], answers["image_const"]) < RELATIVE
    assert relative(quiet[shown], answers["image_none"]) < RELATIVE
    assert relative(images.mean(dim=(2, 3)), answers["mean_const"]) < RELATIVE
    assert relative(images.std(dim=(2, 3)), answers["std_const"]) < RELATIVE

    judge = Discriminator.create(resolution, **sizes(about))
    judge = Discriminator.from_tensors(stand_ins(reference).fill(judge.state_dict(), equalized=True), {})
    assert relative(judge(images.clamp(-2, 2)), answers["logits"]) < RELATIVE


@pytest.mark.parametrize("container", ["pt", "safetensors"])
def test_rosinality_equals_reference(container: str, reference: Path, tmp_path: Path) -> None:
    about, answers = recorded(reference, "rosinality_32")
    state = rosinality_state(
        int(about["size"]), int(about["style_dim"]), int(about["n_mlp"]), 512 * int(about["channel_multiplier"])
    )
    state = stand_ins(reference).fill(state, equalized=True)
    if container == "pt":
        file = tmp_path / "training.pt"
        torch.save({"g_ema": state, "latent_avg": answers["truncation_latent"][0]}, file)
    else:
        file = tmp_path / "bare.safetensors"
        save_file(state, file)
    generator = i2i.generator(file, device="cpu")
    w = generator.map(answers["z"])
    assert relative(w[:, 0], answers["w"]) < RELATIVE
    assert relative(generator.render(w), answers["image"]) < RELATIVE
    if container == "pt":
        assert torch.equal(generator.w_mean, answers["truncation_latent"][0])
        truncated = generator.map(answers["z"], truncation=float(about["truncation"]))
        assert relative(generator.render(truncated), answers["image_truncated"]) < RELATIVE


def rosinality_state(size: int, style: int, layers: int, base: int) -> dict[str, torch.Tensor]:
    """An empty state dict with that project's names and shapes; 512 channels up to 32 px, then ``base * 32 / r``."""
    levels = range(2, size.bit_length())
    width = {2**level: min(512, base * 32 // 2**level) for level in levels}
    state = {f"style.{i + 1}.{part}": torch.zeros(*[style] * rank) for i in range(layers) for part, rank in PARTS}
    state["input.input"] = torch.zeros(1, width[4], 4, 4)
    names = [("conv1", "to_rgb1", 4, width[4])]
    for j, level in enumerate(levels[1:]):
        side = 2**level
        names.append((f"convs.{2 * j}", "", side, width[side // 2]))
        names.append((f"convs.{2 * j + 1}", f"to_rgbs.{j}", side, width[side]))
    for number, (conv, rgb, side, below) in enumerate(names):
        state |= modulated(f"{conv}.conv", width[side], below, 3, style)
        state |= {f"{conv}.noise.weight": torch.zeros(1), f"{conv}.activate.bias": torch.zeros(width[side])}
        state[f"noises.noise_{number}"] = torch.zeros(1, 1, side, side)
        if rgb:
            state |= modulated(f"{rgb}.conv", 3, width[side], 1, style)
            state[f"{rgb}.bias"] = torch.zeros(1, 3, 1, 1)
    return state


PARTS = (("weight", 2), ("bias", 1))


def modulated(name: str, outs: int, ins: int, kernel: int, style: int) -> dict[str, torch.Tensor]:
    return {
        f"{name}.weight": torch.zeros(1, outs, ins, kernel, kernel),
        f"{name}.modulation.weight": torch.zeros(ins, style),
        f"{name}.modulation.bias": torch.zeros(ins),
    }
