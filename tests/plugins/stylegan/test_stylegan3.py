"""StyleGAN3 against the recorded answers of the reference and against a plain twin."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

import i2i
from i2i_plugins.stylegan.networks.filtered_relu import filtered_relu
from i2i_plugins.stylegan.networks.stylegan3 import StyleGAN3Generator
from tests.plugins.stylegan import plain_stylegan3 as plain
from tests.plugins.stylegan.golden import recorded, relative, stand_ins

RELATIVE = 1e-4
"""Two float32 implementations differ by the order of their sums, here up to 2e-5; ten times more is a fault."""
SIZES = {"layers": 5, "channel_base": 256, "channel_max": 12, "margin_size": 5}


def small(radial: bool, seed: int = 0) -> StyleGAN3Generator:
    """A generator of 32 px, 5 layers and random weights, all of which matter."""
    torch.manual_seed(seed)
    made = StyleGAN3Generator.create(32, z_dim=8, w_dim=8, radial=radial, **SIZES)
    for name, value in made.state_dict().items():
        if name.endswith("bias"):
            value.add_(0.2 * torch.randn_like(value))
        if name.endswith("magnitude_ema"):
            value.fill_(0.5 + torch.rand(()).item())
    made.synthesis.input.affine.weight.data.normal_(std=0.1)
    return made.eval().requires_grad_(False)


@pytest.mark.parametrize("stored", [True, False], ids=["stored filters", "designed filters"])
@pytest.mark.parametrize("name", ["stylegan3_t_tiny", "stylegan3_r_tiny"])
def test_network_equals_reference(name: str, stored: bool, reference: Path) -> None:
    about, answers = recorded(reference, name)
    arguments = {key: int(about[key]) for key in ("channel_base", "channel_max", "margin_size", "num_critical")}
    made = StyleGAN3Generator.create(
        int(about["img_resolution"]),
        z_dim=int(about["z_dim"]),
        w_dim=int(about["w_dim"]),
        mapping_layers=ast.literal_eval(about["mapping_kwargs"])["num_layers"],
        radial="r_tiny" in name,
        layers=int(about["num_layers"]),
        **arguments,
    )
    assert [stage.name for stage in made.synthesis.stages] == about["layers"].split()[1:]
    state = stand_ins(reference).fill(made.state_dict(), equalized=True)
    state |= {f"synthesis.input.{key}": answers[key] for key in ("freqs", "phases")}
    if not stored:
        state = {key: value for key, value in state.items() if not key.endswith("_filter")}
    generator = StyleGAN3Generator.from_tensors(state, {"num_critical": arguments["num_critical"]}).requires_grad_(
        False
    )
    assert generator.state_dict().keys() == made.state_dict().keys()
    w = generator.mapping(answers["z"])
    together = generator.synthesis(w)
    assert relative(w[:, 0], answers["w"]) < RELATIVE
    assert relative(together, answers["image"]) < RELATIVE
    assert relative(together.mean(dim=(2, 3)), answers["mean"]) < RELATIVE
    assert relative(together.std(dim=(2, 3)), answers["std"]) < RELATIVE
    alone = torch.cat([generator.synthesis(row[None]) for row in w])  # a batch of one scales weights, not maps
    assert relative(alone, answers["image"]) < RELATIVE


@pytest.mark.parametrize("radial", [False, True], ids=["T", "R"])
@pytest.mark.parametrize("learning", [False, True], ids=["frozen", "learning"])
def test_images_and_gradients_equal_plain_implementation(radial: bool, learning: bool) -> None:
    generator = small(radial).requires_grad_(learning)
    synthesis = generator.synthesis
    ws = torch.randn(2, generator.synthesis.num_ws, 8, requires_grad=True)
    leaves = {"ws": ws, **(dict(synthesis.named_parameters()) if learning else {})}
    towards = torch.randn(2, 3, 32, 32)

    def gradients(images: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad((images * towards).sum(), list(leaves.values()))

    ours, (_, theirs) = synthesis(ws), plain.synthesise(synthesis, ws)
    assert relative(ours, theirs.detach()) < RELATIVE
    for name, a, b in zip(leaves, gradients(ours), gradients(theirs), strict=True):
        # The plain twin scales each weight to unit size first, whose gradient nearly cancels: ten times less exact.
        assert relative(a, b) < 10 * RELATIVE, name


@pytest.mark.parametrize("radial", [False, True], ids=["T", "R"])
def test_features_are_cropped_feature_maps(radial: bool) -> None:
    synthesis = small(radial).synthesis
    ws = torch.randn(2, synthesis.num_ws, 8)
    maps, _ = plain.synthesise(synthesis, ws)
    assert synthesis.resolutions == (16, 32)
    for resolution in synthesis.resolutions:
        whole = [m for m, s in zip(maps, synthesis.stages[:-1], strict=True) if s.rate == resolution][-1]
        edge = (whole.shape[-1] - resolution) // 2
        expected = whole[:, :, edge : edge + resolution, edge : edge + resolution]
        assert relative(synthesis.features(ws, resolution), expected) < RELATIVE


def test_features_stop_at_resolution() -> None:
    synthesis = small(False).synthesis
    last = next(stage for stage in reversed(synthesis.stages) if stage.rate == 16)
    for stage in synthesis.stages[last.index + 1 :]:
        synthesis.get_submodule(stage.name).forward = None  # calling it would fail
    assert synthesis.features(torch.randn(1, synthesis.num_ws, 8), 16).shape == (1, last.channels, 16, 16)
    with pytest.raises(i2i.UsageError, match="no features at 64 px; choose one of 16, 32"):
        synthesis.features(torch.randn(1, synthesis.num_ws, 8), 64)


def test_r_is_equivariant_to_rotation() -> None:
    generator = small(True)
    z = torch.randn(2, 8)
    upright = generator(z)
    generator.synthesis.input.move(rotation=90)
    turned = generator(z)
    assert relative(turned, upright.rot90(1, (2, 3))) < RELATIVE  # counter-clockwise
    assert relative(turned, upright) > 0.1
    generator.synthesis.input.move()
    assert torch.equal(generator(z), upright)


def test_translation_moves_image_right_and_down() -> None:
    generator = small(True)
    z = torch.randn(1, 8)
    still = generator(z)
    generator.synthesis.input.move(translate=(4 / 32, 2 / 32))
    moved = generator(z)
    there, back = moved[:, :, 12:-8, 14:-6], still[:, :, 10:-10, 10:-10]
    elsewhere = still[:, :, 12:-8, 14:-6]
    # Not exact: the filters are short and the zeros around every map do not move.
    assert (there - back).square().mean() < 0.1 * (elsewhere - back).square().mean()


def test_cached_values_follow_weights_and_filters() -> None:
    generator, other = small(False, seed=1), small(False, seed=2)
    z = torch.randn(2, 8)
    generator(z)
    generator.load_state_dict(other.state_dict())
    assert torch.equal(generator(z), other(z))
    layer = generator.synthesis.get_submodule(generator.synthesis.stages[1].name)
    layer.up_filter.mul_(0.5)
    assert relative(generator(z), other(z)) > 0.01
    layer.up_filter.mul_(2)
    assert torch.equal(generator(z), other(z))


def test_matrices_of_inference_mode_have_gradients() -> None:
    layer = small(False).synthesis.get_submodule("L0_26_12")
    x = torch.randn(1, 12, 28, 28)
    with torch.inference_mode():
        layer.matrices(x)
    x.requires_grad_()
    filtered_relu(x, layer.matrices(x)).sum().backward()
    assert x.grad is not None and math.isfinite(x.grad.sum())


def broken(change: str) -> dict[str, Tensor]:
    state = small(False).state_dict()
    if change == "no phases":
        del state["synthesis.input.phases"]
    elif change == "no mapping":
        state = {key: value for key, value in state.items() if not key.startswith("mapping")}
    elif change == "shape":
        state["synthesis.L1_26_12.bias"] = torch.zeros(3)
    elif change == "gap":
        state = {key: value for key, value in state.items() if ".L1_" not in key}
    elif change == "sizes":
        state = {key.replace("L1_26_", "L1_30_"): value for key, value in state.items()}
    return state


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("no phases", "synthesis.input.phases is missing"),
        ("no mapping", "mapping.fc0.weight is missing"),
        ("shape", "synthesis.L1_26_12.bias has another shape"),
        ("gap", "not all from L0 on"),
        ("sizes", "do not follow from its arguments"),
    ],
)
def test_damaged_file_is_refused(change: str, said: str) -> None:
    with pytest.raises(i2i.I2IError, match=said):
        StyleGAN3Generator.from_tensors(broken(change))
