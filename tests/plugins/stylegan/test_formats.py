"""One generator, written as every code base writes it, reads back to the same tensors and arguments, bit by bit."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open

from i2i import Record
from i2i_plugins.stylegan import formats
from tests.plugins.stylegan import external_files as foreign
from tests.plugins.stylegan import small_networks as small
from tests.plugins.stylegan.external_files import nvlabs
from tests.plugins.stylegan.stored import check, contents

KINDS = {
    "skip": {},
    "one level more, deeper mapping": {"size": 32, "layers": 4},
    "resnet, classes": {"architecture": "resnet", "c_dim": 3},
    "orig, grey, no noise": {"architecture": "orig", "colours": 1, "noise": False},
}
CLAMPED = {"conv_clamp": 256, "lr_multiplier": 0.02}


@pytest.mark.parametrize("kind", KINDS)
def test_nvlabs_pickle(kind):
    tensors = small.stylegan2(**KINDS[kind])
    tree = nvlabs(tensors)
    foreign.attribute(tree["G_ema"], ("conv0", "conv1", "torgb"), conv_clamp=256)
    foreign.attribute(tree["G_ema"], ("fc0", "fc1", "fc2", "fc3"), bias_gain=0.02, activation="lrelu")
    check(formats.read(contents(tree)), "stylegan2", tensors, **CLAMPED)


@pytest.mark.parametrize("kind", KINDS)
def test_tensorflow_pickle(kind):
    tensors = small.stylegan2(**KINDS[kind])
    tree = foreign.tensorflow(tensors, small.discriminator(), conv_clamp=256, mapping_lrmul=0.02)
    check(formats.read(contents(tree)), "stylegan2", tensors, **CLAMPED)
    check(formats.read(contents(tree[2])), "stylegan2", tensors, **CLAMPED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrapped", ["", "G_ema.", "module.", "g_ema.module."])
def test_state_dict(kind, wrapped):
    tensors = small.stylegan2(**KINDS[kind])
    flat = {f"{wrapped}{name}": value for name, value in tensors.items()} | {"step": torch.tensor(3)}
    check(formats.read(contents(flat, "safetensors")), "stylegan2", tensors)
    check(formats.read(contents({"state": flat, "epoch": 3}, "torch")), "stylegan2", tensors)


def test_averaged_state_dict_is_preferred():
    tensors = small.stylegan2()
    other = {name: value * 2 for name, value in tensors.items()}
    check(formats.read(contents({"G": other, "G_ema": tensors}, "torch")), "stylegan2", tensors)
    check(formats.read(contents({"G": tensors, "D": small.discriminator()}, "torch")), "stylegan2", tensors)


@pytest.mark.parametrize("kind", list(KINDS)[:2])
def test_rosinality_and_e4e_checkpoints(kind):
    tensors = small.stylegan2(**KINDS[kind])
    mean, flat = tensors["mapping.w_avg"], foreign.rosinality(tensors)
    bare = {name: value for name, value in tensors.items() if name != "mapping.w_avg"}
    doubled = {name: value * 2 for name, value in flat.items()}
    args = Record("argparse.Namespace", {"size": 16, "channel_multiplier": 2})
    training = {"g": doubled, "d": foreign.rosinality_discriminator(small.discriminator()), "g_ema": flat, "args": args}
    decoder = {f"decoder.{name}": value for name, value in flat.items()} | {"encoder.input_layer.0.weight": mean}
    rows = mean.repeat(6, 1)

    check(formats.read(contents(training, "torch")), "stylegan2", bare)
    check(formats.read(contents(flat, "torch")), "stylegan2", bare)
    check(formats.read(contents({"g_ema": flat, "latent_avg": mean}, "torch")), "stylegan2", tensors)
    check(formats.read(contents({"g_ema": flat, "latent_avg": mean[None]}, "torch")), "stylegan2", tensors)
    e4e = {"state_dict": decoder, "latent_avg": rows, "opts": {"stylegan_size": 16}}
    check(formats.read(contents(e4e, "torch")), "stylegan2", tensors)
    spread = e4e | {"latent_avg": torch.stack([mean - 1, mean + 1])}
    read = formats.read(contents(spread, "torch")).tensors["mapping.w_avg"]
    torch.testing.assert_close(read, mean, rtol=0, atol=1e-6)  # the mean of two rounds once


def test_missing_noise_maps_and_filters_are_created():
    """Rosinality's first files have no noise maps: they are drawn, alike each time; filters are constants."""
    tensors = small.stylegan2()
    old = {name: value for name, value in foreign.rosinality(tensors).items() if not name.startswith("noises.")}
    old = {name: value for name, value in old.items() if not name.endswith("kernel")}
    first, second = (formats.read(contents(old, "torch")).tensors for _ in range(2))
    drawn = first["synthesis.b16.conv0.noise_const"]
    assert torch.equal(drawn, second["synthesis.b16.conv0.noise_const"])
    assert not torch.equal(drawn, first["synthesis.b16.conv1.noise_const"])
    assert 0.8 < drawn.std() < 1.2  # 256 numbers: within four standard errors of one
    assert torch.equal(first["synthesis.b8.conv0.resample_filter"], small.FILTER)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(kind):
    tensors = {name: value.to(kind) for name, value in small.stylegan2().items()}
    expected = {name: value.float() for name, value in tensors.items()}
    check(formats.read(contents(tensors, "torch")), "stylegan2", expected)


@pytest.mark.parametrize("radial", [False, True], ids=["T", "R"])
@pytest.mark.parametrize("c_dim", [0, 3])
def test_stylegan3_pickle(radial, c_dim):
    tensors = small.stylegan3(radial, c_dim)
    told = {"margin_size": 6, "use_radial_filters": radial, "conv_kernel": 1 if radial else 3}
    flat = {f"G_ema.{name}": value for name, value in tensors.items()}
    check(formats.read(contents(flat, "safetensors")), "stylegan3", tensors, **told)

    keywords = {"z_dim": 7, "channel_base": 512, "channel_max": 8, "first_stopband": 4.3, "mapping_kwargs": {}}
    keywords |= {name: value for name, value in told.items() if name != "margin_size"}
    tree = {"G_ema": foreign.record(tensors, _init_args=(), _init_kwargs=keywords)}
    layers = tuple(name.split(".")[1] for name in tensors if name.startswith("synthesis.L"))
    foreign.attribute(tree["G_ema"], layers, conv_clamp=None)
    foreign.attribute(tree["G_ema"], ("synthesis",), margin_size=6, num_critical=2, output_scale=0.5)
    foreign.attribute(tree["G_ema"], ("input",), bandwidth=2.5)
    told |= {"conv_clamp": None, "output_scale": 0.5, "first_cutoff": 2.5, "first_stopband": 4.3}
    told |= {"channel_base": 512, "channel_max": 8}
    check(formats.read(contents(tree)), "stylegan3", tensors, **told)


@pytest.mark.parametrize("name", ["stylegan3_t_tiny", "stylegan3_r_tiny"])
def test_stylegan3_arguments_from_names_and_shapes(name, reference):
    with safe_open(reference / f"{name}.safetensors", "pt") as stream:
        about = stream.metadata()
    wanted = {"margin_size": 6, "num_critical": 2, "conv_kernel": int(about.get("conv_kernel", 3))}
    wanted["use_radial_filters"] = about.get("use_radial_filters") == "True"
    layers = ["_".join((*layer.split("_")[:2], "8")) for layer in about["layers"].split()[1:]]
    assert [f"L{index}_{size}_8" for index, (size, _) in enumerate(small.LAYERS3)] == layers
    weights = formats.read(contents(small.stylegan3(radial=wanted["use_radial_filters"])))
    assert {key: weights.arguments[key] for key in wanted} == wanted


@pytest.mark.parametrize(("radial", "critical"), [(False, 3), (False, 4), (True, 0), (True, 1), (True, 3)])
def test_critically_sampled_layers_from_widths_and_filters(radial, critical):
    weights = formats.read(contents(small.stylegan3(radial, critical=critical)))
    assert weights.arguments["num_critical"] == critical


@pytest.mark.parametrize(
    ("keywords", "clamp"),
    [
        ({"synthesis_kwargs": {"channel_base": 16384}}, None),
        ({"synthesis_kwargs": {"conv_clamp": 256, "num_fp16_res": 4}}, 256),
        ({"channel_base": 16384}, 256),
        ({"channel_base": 16384, "conv_clamp": None}, None),
    ],
    ids=["ADA's default", "ADA told", "StyleGAN3's code's default", "StyleGAN3's code told"],
)
def test_arguments_of_each_generation(keywords, clamp):
    tensors = small.stylegan2()
    keywords |= {"mapping_kwargs": {"lr_multiplier": 0.02}}
    bare = foreign.record(tensors, _init_args=(7, 0), _init_kwargs=keywords)
    check(formats.read(contents({"G_ema": bare})), "stylegan2", tensors, conv_clamp=clamp, lr_multiplier=0.02)


def test_positional_arguments_and_stored_attributes():
    tensors = small.stylegan2()
    positional = (7, 0, 5, 16, 3, {"lr_multiplier": 0.02}, {"conv_clamp": 64})
    network = foreign.record(tensors, _init_args=positional, _init_kwargs={})
    check(formats.read(contents(network, "torch")), "stylegan2", tensors, conv_clamp=64, lr_multiplier=0.02)
    foreign.attribute(network, ("conv0", "conv1", "torgb"), conv_clamp=None)  # what was built beats what was asked for
    check(formats.read(contents(network, "torch")), "stylegan2", tensors, lr_multiplier=0.02)


def test_pickle_without_average():
    tensors = small.stylegan2()
    tree = {"G": foreign.record(tensors), "D": foreign.record(small.discriminator(), "Discriminator"), "G_ema": None}
    check(formats.read(contents(tree)), "stylegan2", tensors, conv_clamp=256)
