"""What lies beside the generator, and files as they lie on disk."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import save_file

from i2i import Record
from i2i.toolkit.weights import read_weights as read_file
from i2i_plugins.stylegan import formats
from tests.plugins.stylegan import external_files as foreign
from tests.plugins.stylegan import small_networks as small
from tests.plugins.stylegan.external_files import nvlabs
from tests.plugins.stylegan.stored import check, contents, pickled

CRITICS = {
    "resnet": {},
    "skip, grey": {"architecture": "skip", "colours": 1},
    "orig": {"architecture": "orig", "size": 32},
    "classes": {"c_dim": 3},
    "classes, embedded only": {"c_dim": 3, "layers": 0},
}


@pytest.mark.parametrize("kind", CRITICS)
def test_read_discriminators(kind):
    critic, tensors = small.discriminator(**CRITICS[kind]), small.stylegan2()
    family = "stylegan2-discriminator"
    tree = nvlabs(tensors, critic)
    check(formats.read_discriminator(contents(tree)), family, critic)
    foreign.attribute(tree["D"], ("conv", "conv0", "conv1"), conv_clamp=256)
    tree["D"].state["_modules"]["b4"].state["_modules"]["mbstd"] = Record("MinibatchStdLayer", {"group_size": 8})
    check(formats.read_discriminator(contents(tree)), family, critic, conv_clamp=256, mbstd_group_size=8)

    flat = {f"D.{name}": value for name, value in critic.items()} | {f"G.{n}": value for n, value in tensors.items()}
    check(formats.read_discriminator(contents(flat, "torch")), family, critic)
    old = foreign.tensorflow(tensors, critic)
    check(formats.read_discriminator(contents(old)), family, critic, mbstd_group_size=None, lr_multiplier=0.1)
    old[1].state["build_func_name"] = "D_stylegan2"  # StyleGAN2's own code groups by four, StyleGAN2-ADA's does not
    check(formats.read_discriminator(contents(old)), family, critic, lr_multiplier=0.1)
    if kind == "resnet":
        training = {"g": foreign.rosinality(tensors), "d": foreign.rosinality_discriminator(critic)}
        check(formats.read_discriminator(contents(training, "torch")), family, critic)
        assert formats.read_discriminator(contents({"g_ema": training["g"]}, "torch")) is None


def test_published_files(tmp_path):
    """Through the safe reader: pickles with the original classes' names, torch's own files, safetensors."""
    tensors, critic = small.stylegan2(c_dim=3), small.discriminator(c_dim=3)
    plain, style3 = small.stylegan2(), small.stylegan3()
    flat = {f"module.{name}": value.half() for name, value in plain.items()}
    files = {
        "run.pkl": (pickled(nvlabs(tensors, critic), tmp_path / "run.pkl"), tensors),
        "model.pt": (pickled(foreign.record(tensors), tmp_path / "model.pt", torch_file=True), tensors),
        "old.pkl": (pickled(foreign.tensorflow(tensors, critic), tmp_path / "old.pkl"), tensors),
        "three.pkl": (pickled({"G_ema": foreign.record(style3)}, tmp_path / "three.pkl"), style3),
    }
    training = {"g_ema": foreign.rosinality(plain), "latent_avg": plain["mapping.w_avg"]}
    training |= {"args": Record("argparse.Namespace", {"size": 16})}
    files["550000.pt"] = pickled(training, tmp_path / "550000.pt", torch_file=True), plain
    save_file(flat, tmp_path / "half.safetensors")
    files["half"] = tmp_path / "half.safetensors", {name: value.half().float() for name, value in plain.items()}
    for path, expected in files.values():
        read = formats.read(read_file(path))
        assert {n: v.tolist() for n, v in read.tensors.items()} == {n: v.tolist() for n, v in expected.items()}, path
    check(
        formats.read_discriminator(read_file(tmp_path / "run.pkl")), "stylegan2-discriminator", critic, conv_clamp=None
    )


@pytest.mark.parametrize("family", ["stylegan2", "stylegan3", "stylegan2-discriminator"])
def test_saved_files_are_read_back(family, tmp_path):
    made = {"stylegan2": small.stylegan2, "stylegan3": small.stylegan3}.get(family, small.discriminator)()
    source = contents(foreign.record(made, _init_kwargs={"conv_clamp": 99}))
    judges = family.endswith("discriminator")
    first = formats.read_discriminator(source) if judges else formats.read(source)
    assert first.arguments["conv_clamp"] == 99
    assert "NVIDIA Source Code License" in formats.licence(source)

    header = {"family": family, "arguments": dict(first.arguments), "licence": "as stated"}
    save_file(dict(first.tensors), tmp_path / "own.safetensors", metadata={"i2i": json.dumps(header)})
    again = read_file(tmp_path / "own.safetensors")
    second = formats.read_discriminator(again) if judges else formats.read(again)
    check(second, family, made, **first.arguments)
    assert formats.licence(again) == "as stated"


def test_licence_of_unknown_origin():
    for tree in (small.stylegan2(), {"g_ema": foreign.rosinality(small.stylegan2())}):
        assert formats.licence(contents(tree, "torch")).startswith("unknown")
