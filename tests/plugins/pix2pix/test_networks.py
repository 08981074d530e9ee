"""Sizes, patches, dropout and normalisation of pix2pix's networks: what the paper says and what the variants mean."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import i2i
from i2i_plugins.pix2pix.networks import (
    PatchGAN,
    ResNet,
    UNet,
    build_generator,
    dropout_levels,
    encoder_widths,
    initialise,
)
from i2i_plugins.pix2pix.options import Pix2PixOptions


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: UNet(8), 54_413_955),
        (lambda: UNet(7), 41_828_995),
        (lambda: UNet(6), 29_244_035),
        (lambda: UNet(5), 16_659_075),
        (lambda: UNet(5, stem=True), 29_240_067),
        (lambda: UNet(8, norm="plain"), 54_409_603),
        (lambda: ResNet(9, norm="plain"), 11_378_179),
        (PatchGAN, 2_768_705),
    ],
)
def test_networks_have_published_sizes(make, count):
    assert parameters(make()) == count


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)])
def test_receptive_field_of_patchgan(layers, patch):
    network = PatchGAN(layers, 2, "plain").double()
    for module in network.modules():  # positive weights and no normalisation, so that no gradient cancels
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.01)
    network.layers = nn.Sequential(*(m for m in network.layers if not isinstance(m, nn.InstanceNorm2d)))
    x = torch.rand(1, 6, 3 * patch, 3 * patch, dtype=torch.float64, requires_grad=True)
    logits = network(x)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows = x.grad.abs().sum(dim=(0, 1, 3)).nonzero()
    assert int(rows.max() - rows.min()) + 1 == patch


def test_patchgan_logits_of_256_px():
    assert PatchGAN(width=2)(torch.rand(1, 3, 256, 256), torch.rand(1, 3, 256, 256)).shape == (1, 1, 30, 30)


@pytest.mark.parametrize(
    ("levels", "paper", "common"),
    [(8, {5, 6, 7}, {4, 5, 6}), (7, {4, 5, 6}, {4, 5}), (6, {4, 5}, {4}), (5, {4}, set())],
)
def test_dropout_positions(levels, paper, common):
    widths = encoder_widths(levels, 64)
    assert dropout_levels("paper", widths) == paper
    assert dropout_levels("common", widths) == common
    for variant, expected in (("paper", paper), ("common", common), ("none", set())):
        network = UNet(levels, 4, dropout=variant)
        found = {n for n, up in enumerate(network.up) if any(isinstance(layer, nn.Dropout) for layer in up)}
        assert found == expected


@pytest.mark.parametrize("size", [64, 128, 256, 512, 1024])
def test_unet_of_every_published_size(size):
    network = build_generator(Pix2PixOptions(size=size, width=1))
    assert len(network.up) == min(8, size.bit_length() - 1)
    if size <= 256:
        with torch.no_grad():
            assert network.eval()(torch.rand(1, 3, size, size)).shape == (1, 3, size, size)


@pytest.mark.parametrize("generator", ["unet", "unet-full", "resnet9"])
def test_unet_keeps_size_and_range(generator):
    network = build_generator(Pix2PixOptions(size=64, width=4, generator=generator, levels=5)).eval()
    with torch.no_grad():
        y = network(torch.rand(2, 3, 64, 96))
    assert y.shape == (2, 3, 64, 96) and y.abs().max() <= 1


def test_unet_refuses_other_multiples():
    with pytest.raises(i2i.UsageError, match="give a multiple of 16, such as 112"):
        build_generator(Pix2PixOptions(size=108, levels=4))
    with pytest.raises(i2i.UsageError, match="give a multiple of 32, such as 96"):
        build_generator(Pix2PixOptions(size=100))


def test_instance_norm_equals_batch_norm_at_batch_1():
    torch.manual_seed(0)
    batch = initialise(UNet(4, 8, "batch", "none")).train()
    instance = UNet(4, 8, "instance", "none").train()
    instance.load_state_dict(batch.state_dict(), strict=False)
    x = torch.rand(1, 3, 32, 32)
    # Another order of the same sums.
    assert torch.allclose(batch(x), instance(x), atol=1e-6)


def test_instance_norm_is_per_sample():
    network = initialise(UNet(4, 8, "instance", "none")).train()
    pair = torch.rand(2, 3, 32, 32)
    assert torch.allclose(network(pair)[:1], network(pair[:1]), atol=1e-6)
    torches = nn.InstanceNorm2d(3, affine=True)(pair)
    from i2i_plugins.pix2pix.networks import InstanceNorm

    assert torch.allclose(InstanceNorm(3, affine=True)(pair), torches, atol=1e-6)


def test_innermost_feature_map_of_one_pixel():
    assert UNet(5, 4).train()(torch.rand(1, 3, 32, 32)).shape == (1, 3, 32, 32)


def test_initial_weights_are_the_published_ones():
    torch.manual_seed(0)
    network = initialise(UNet(4, 64))
    layers = list(network.modules())
    weights = torch.cat([m.weight.flatten() for m in layers if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)])
    gains = torch.cat([m.weight for m in layers if isinstance(m, nn.BatchNorm2d)])
    assert weights.std().item() == pytest.approx(0.02, rel=0.01) and abs(weights.mean().item()) < 1e-4
    assert gains.mean().item() == pytest.approx(1, abs=0.01) and gains.std().item() == pytest.approx(0.02, rel=0.2)
    assert all(not m.bias.any() for m in layers if getattr(m, "bias", None) is not None)
